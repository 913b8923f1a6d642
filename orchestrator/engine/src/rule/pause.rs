//! A job is held, or goes on: its ready tasks leave or join the ready of their queues.

use warrener_shared::id::JobNo;

use super::offer;
use crate::row::Stop;
use crate::turn::Turn;

pub(super) fn apply(turn: &mut Turn<'_>, job: JobNo, paused: bool) {
    let row = &turn.job(job).row;
    // A job that is coming to its end cannot be held any more, but one that was held before can go on.
    let refused = row.state.is_final() || (paused && row.stop != Stop::None);
    if refused || row.paused == paused {
        return;
    }
    turn.job_mut(job).paused = paused;
    for no in turn.slice.open_tasks_of(job) {
        offer::review(turn, no);
    }
}
