//! A job's own times: its start, and its deadline.

use warrener_shared::id::JobNo;
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;

use super::{Decision, cancel};
use crate::event::Event;
use crate::row::Stop;
use crate::slice::Slice;

pub(super) fn apply(slice: &mut Slice, job: JobNo, now: Timestamp, out: &mut Decision) {
    let Some(entry) = slice.job(job) else { return };
    if entry.row.wake_at.is_none_or(|at| at > now) {
        return;
    }
    match entry.row.state {
        JobState::Scheduled => begin(slice, job, now, out),
        JobState::Running if entry.row.stop == Stop::None => cancel::stop(slice, job, Stop::Deadline, now, out),
        _ => slice.job_mut(job).wake_at = None,
    }
}

/// From now on the job is running: tasks without needs are judged, its deadline counts.
pub(super) fn begin(slice: &mut Slice, job: JobNo, now: Timestamp, out: &mut Decision) {
    let spec = slice.job(job).expect("the job was loaded").spec.clone();
    let row = slice.job_mut(job);
    row.started_at = Some(now);
    // From when it was to start, even if nobody was there to start it.
    let due = row.scheduled_at.unwrap_or(now);
    row.deadline_at = spec.deadline.map(|span| due + span);
    row.wake_at = row.deadline_at;
    slice.enter_job(job, JobState::Running, now);
    for (position, task) in spec.tasks.iter().enumerate() {
        if task.needs.is_empty() {
            out.follow.push(Event::NeedsEnded(job, u32::try_from(position).expect("the parser limits the tasks")));
        }
    }
}
