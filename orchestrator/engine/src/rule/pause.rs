//! A job is held, or goes on: its ready tasks leave or join the ready of their queues.

use warrener_shared::id::JobNo;
use warrener_shared::state::TaskState;

use super::fan_out;
use crate::row::rank;
use crate::slice::Slice;

pub(super) fn apply(slice: &mut Slice, job: JobNo, paused: bool) {
    let entry = slice.job(job).expect("the job was loaded");
    let stopping = entry.row.state.is_final() || entry.row.stop != crate::row::Stop::None;
    if stopping || entry.row.paused == paused {
        return;
    }
    let spec = entry.spec.clone();
    slice.job_mut(job).paused = paused;
    for no in slice.open_tasks_of(job) {
        let position = slice.task(no).expect("open tasks were loaded").position as usize;
        let mut offers = vec![no];
        if slice.task(no).is_some_and(|row| row.map.is_some()) {
            fan_out::refresh_offer(slice, no, &spec.tasks[position]);
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
