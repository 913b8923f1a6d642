//! A job is held, or goes on: its ready tasks leave or join the ready of their queues.

use warrener_shared::id::JobNo;
use warrener_shared::state::TaskState;
use warrener_shared::time::Timestamp;

use super::fan_out;
use crate::row::{Stop, rank};
use crate::slice::Slice;

pub(super) fn apply(slice: &mut Slice, job: JobNo, paused: bool, now: Timestamp) {
    let entry = slice.job(job).expect("the job was loaded");
    // A job that is coming to its end cannot be held any more, but one that was held before can go on.
    let refused = entry.row.state.is_final() || (paused && entry.row.stop != Stop::None);
    if refused || entry.row.paused == paused {
        return;
    }
    let spec = entry.spec.clone();
    slice.job_mut(job).paused = paused;
    for no in slice.open_tasks_of(job) {
        let position = slice.task(no).expect("open tasks were loaded").position as usize;
        let mut offers = vec![no];
        if slice.task(no).is_some_and(|row| row.map.is_some()) {
            fan_out::refresh_offer(slice, no, &spec.tasks[position], now);
            offers = slice.open_items_of(no);
        }
        offers.retain(|no| slice.task(*no).is_some_and(|row| row.state == TaskState::Ready));
        for no in offers {
            let row = slice.task_mut(no);
            let place = rank(spec.tasks[position].policy.priority, row.ready_at.expect("a ready task has a time"));
            row.rank = (!paused).then_some(place);
        }
    }
}
