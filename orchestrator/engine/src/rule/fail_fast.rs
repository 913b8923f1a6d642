//! A failure that counts stops the rest of the job.
//!
//! Let K be all tasks that run on failure or always, and everything downstream of them: K goes on by the
//! ordinary rules. Outside K, what is downstream of the failure is skipped, all else is cancelled.

use warrener_shared::id::JobNo;
use warrener_shared::job::{JobSpec, RunOn, TaskSpec};
use warrener_shared::mutant::{self, Mutant};

use super::end::{self, End};
use crate::row::Skip;
use crate::turn::Turn;

pub(super) fn apply(turn: &mut Turn<'_>, job: JobNo, failed: u32) {
    let spec = turn.job(job).spec.clone();
    let handles = |task: &TaskSpec| matches!(task.run_on, RunOn::Failure | RunOn::Done);
    let handlers = downstream(&spec, (0..).zip(&spec.tasks).filter(|(_, task)| handles(task)).map(|(at, _)| at));
    let below = downstream(&spec, std::iter::once(failed));
    for no in turn.slice.open_tasks_of(job) {
        let position = turn.task(no).position as usize;
        if handlers[position] && !mutant::is(Mutant::FailsFastAll) {
            continue;
        }
        let how = if below[position] { End::skipped(Skip::Upstream) } else { End::cancelled() };
        end::end_with_items(turn, no, how);
    }
}

/// Tells for each task whether it is one of these or needs one of them, directly or not.
pub(super) fn downstream(spec: &JobSpec, from: impl Iterator<Item = u32>) -> Vec<bool> {
    let mut reached = vec![false; spec.tasks.len()];
    let mut open: Vec<u32> = from.collect();
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut reached[at as usize], true) {
            open.extend(&spec.tasks[at as usize].dependents);
        }
    }
    reached
}
