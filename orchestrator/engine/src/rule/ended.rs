//! A task is final: the counters of those that need it move.

use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::TaskState;

use crate::event::Event;
use crate::row::Ended;
use crate::slice::{Read, Slice};
use crate::turn::Turn;

pub(super) fn missing(slice: &Slice, job: JobNo, position: u32) -> Vec<Read> {
    let Some(entry) = slice.job(job) else { return vec![Read::Job(job)] };
    let no = entry.row.task_no(position);
    let mut reads = Vec::new();
    if slice.task(no).is_none() {
        reads.push(Read::Task(no));
    }
    let dependents = &entry.spec.tasks[position as usize].dependents;
    let absent = dependents.iter().copied().filter(|at| slice.task(entry.row.task_no(*at)).is_none());
    for at in absent {
        extend(&mut reads, entry.row.task_no(at).0);
    }
    reads
}

/// Neighbours are read together.
pub(super) fn extend(reads: &mut Vec<Read>, no: i64) {
    if let Some(Read::Tasks(first, count)) = reads.last_mut()
        && first.0 + i64::from(*count) == no
    {
        *count += 1;
    } else {
        reads.push(Read::Tasks(TaskNo(no), 1));
    }
}

pub(super) fn apply(turn: &mut Turn<'_>, job: JobNo, position: u32) {
    let entry = turn.job(job);
    let (spec, own) = (entry.spec_at(position), entry.row.task_no(position));
    let first = entry.row.task_no(0);
    let ended = turn.task(own).ended(&spec.allow_failure);
    for at in &spec.dependents {
        let no = TaskNo(first.0 + i64::from(*at));
        if turn.task(no).state != TaskState::Waiting {
            continue;
        }
        let row = turn.task_mut(no);
        assert!(row.needs_open > 0, "a task is told of each need once");
        row.needs_open -= 1;
        match ended {
            Ended::Ok => row.needs_ok += 1,
            Ended::Failed if mutant::is(Mutant::AllowIsOk) => row.needs_ok += 1,
            Ended::Failed => row.needs_failed += 1,
            Ended::Neutral => {}
        }
        if mutant::is(Mutant::NeedsEarly) {
            row.needs_open = 0;
        }
        if row.needs_open == 0 {
            turn.follow(Event::NeedsEnded(job, *at));
        }
    }
}
