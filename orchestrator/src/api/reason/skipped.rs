//! Reasons of skipped tasks, told from their rows and from how their needs ended.

use std::collections::BTreeSet;

use warrener_engine::row::{Ended, Skip, TaskRow};
use warrener_shared::job::{RunOn, TaskSpec};
use warrener_shared::state::TaskState;

use super::super::problem::Problem;
use super::{LOOKS, NAMED, Needs};

/// Reason why a task or item was skipped, in one sentence.
pub(super) fn skipped(task: &TaskRow, spec: &TaskSpec, needs: &mut Needs<'_>) -> Result<String, Problem> {
    Ok(match task.skip {
        Some(Skip::Hand) => "skipped by hand".to_owned(),
        Some(Skip::Upstream) => match needs.culprit(task.position)? {
            Some((name, how)) => format!("a needed task {how}: {name}"),
            None => "a needed task failed".to_owned(),
        },
        _ if task.judge_needs(spec).is_ok() => "its `if` is false".to_owned(),
        _ if spec.run_on == RunOn::Failure => "none of its needs failed".to_owned(),
        _ => none_succeeded(spec, needs),
    })
}

/// Reason of a task whose needs were all skipped, none of them for a failure.
fn none_succeeded(spec: &TaskSpec, needs: &Needs<'_>) -> String {
    let names: Vec<_> =
        spec.needs.iter().take(NAMED).map(|at| needs.job.spec.tasks[*at as usize].name.as_str()).collect();
    let were = if spec.needs.len() == 1 { "was" } else { "were" };
    let more = match spec.needs.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("none of its needs succeeded ({}{more} {were} skipped)", names.join(", "))
}

impl<'a> Needs<'a> {
    /// Task for which one downstream of it was skipped, and how it ended: a need, or one upstream of a need that was
    /// skipped for the same reason. `None` if it is not found in [`LOOKS`] looks.
    fn culprit(&mut self, position: u32) -> Result<Option<(&'a str, &'static str)>, Problem> {
        let (mut open, mut seen) = (vec![position], BTreeSet::new());
        let mut stopped = None;
        while let Some(at) = open.pop() {
            for need in self.job.spec.tasks[at as usize].needs.iter().filter(|need| seen.insert(**need)) {
                if self.looks > LOOKS {
                    return Ok(stopped);
                }
                self.looks += 1;
                let spec = &self.job.spec.tasks[*need as usize];
                let Some(row) = self.snapshot.task(self.job.row.task_no(*need))? else { continue };
                if !row.state.is_final() || row.ended(&spec.allow_failure) != Ended::Failed {
                    continue;
                }
                match row.state {
                    TaskState::Failed => return Ok(Some((spec.name.as_str(), "failed"))),
                    TaskState::TimedOut => return Ok(Some((spec.name.as_str(), "timed out"))),
                    TaskState::Cancelled => stopped = stopped.or(Some((spec.name.as_str(), "was cancelled"))),
                    _ => open.push(*need),
                }
            }
        }
        Ok(stopped)
    }
}
