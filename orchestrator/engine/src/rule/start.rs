//! A job's own times: its start, and its deadline.

use warrener_shared::id::JobNo;
use warrener_shared::state::JobState;

use super::cancel;
use crate::event::Event;
use crate::row::Stop;
use crate::slice::counted;
use crate::turn::Turn;

pub(super) fn apply(turn: &mut Turn<'_>, job: JobNo) {
    let now = turn.now;
    let Some(row) = turn.slice.job(job).map(|entry| &entry.row).filter(|row| row.wake_at.is_some_and(|at| at <= now))
    else {
        return;
    };
    match row.state {
        JobState::Scheduled => begin(turn, job),
        JobState::Running if row.stop == Stop::None => cancel::stop(turn, job, Stop::Deadline),
        _ => turn.job_mut(job).wake_at = None,
    }
}

/// Makes the job running: tasks without needs are judged, its deadline counts.
pub(super) fn begin(turn: &mut Turn<'_>, job: JobNo) {
    let (spec, now) = (turn.job(job).spec.clone(), turn.now);
    let row = turn.job_mut(job);
    row.started_at = Some(now);
    // From when it was to start, even if nobody was there to start it.
    let due = row.scheduled_at.unwrap_or(now);
    row.deadline_at = spec.deadline.map(|span| due + span);
    row.wake_at = row.deadline_at;
    turn.enter_job(job, JobState::Running);
    for (position, task) in spec.tasks.iter().enumerate() {
        if task.needs.is_empty() {
            turn.follow(Event::NeedsEnded(job, counted(position)));
        }
    }
}
