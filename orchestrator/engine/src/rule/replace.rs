//! The content of a scheduled job is replaced by that of a later submit with its unique key.

use warrener_shared::state::JobState;

use super::submit;
use crate::event::Submitted;
use crate::row::JobRow;
use crate::slice::{JobEntry, Read, Slice};
use crate::turn::Turn;

pub(super) fn missing(slice: &Slice, submitted: &Submitted) -> Vec<Read> {
    let mut reads = submit::missing(slice, submitted);
    if slice.job(submitted.job).is_none() {
        reads.push(Read::Job(submitted.job));
    }
    reads
}

/// Nothing of a scheduled job has begun, so its tasks go as if they had never been. The job keeps its id, its time of
/// creation, its pause and its events.
pub(super) fn apply(turn: &mut Turn<'_>, submitted: &Submitted) {
    let now = turn.now;
    let Some(old) = turn.slice.job(submitted.job).map(|entry| &entry.row) else { return };
    if old.state != JobState::Scheduled || old.first_task == submitted.first_task {
        return;
    }
    let (spec, first) = (&submitted.spec, old.created_at);
    let start = spec.start.later_than(now).unwrap_or(now);
    let start = spec.unique.as_ref().map_or(start, |unique| unique.start_after(first, start));
    let kept = (old.created_at, old.paused, old.sequence);
    let mut row =
        JobRow { sequence: kept.2, paused: kept.1, created_at: kept.0, ..submit::row(submitted, now, Some(start)) };
    row.wake_at = row.wake_at.filter(|at| *at > now);
    let traceparent = submitted.traceparent.clone();
    turn.slice.replace_job(JobEntry { row, spec: spec.clone(), traceparent });
    submit::insert_tasks(turn, submitted);
}
