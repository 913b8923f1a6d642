//! Filling the windows of the queues with what is ready, best first.
//!
//! "Best" is the lowest rank: priority first, then the order in which tasks became ready. Ready tasks stand in two
//! places: the slice of the batch holds those that the batch itself made ready, the database holds the others. Both are
//! merged by rank wherever a queue has a backlog.

use std::collections::{BTreeMap, BTreeSet};

use warrener_engine::Event;
use warrener_engine::row::OWN_QUEUE;
use warrener_shared::id::TaskNo;

use super::super::Driver;
use super::super::batch::Batch;
use super::DispatchWindows;
use crate::store::{Store, StoreError};

/// Most bytes of task messages on their way to the broker. Beyond it nothing is dispatched until some are confirmed.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most built-in tasks that begin in one batch, which makes a commit of about a tenth of a second.
const OWN_MAX: usize = 1_000;
/// Most items of one mapped task that are dispatched in one go, before the room of the window is looked at again.
const STRETCH: u32 = 128;

impl<S: Store> Driver<S> {
    /// Dispatches as much as the windows allow, at the end of each batch, before its commit.
    ///
    /// Repeats until a round offers no task that an earlier round has not offered: a task whose input fails ends when
    /// it is offered, and may make others ready.
    pub(in crate::driver) fn admit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        self.fill_windows(batch)?;
        while self.give_kept(batch)? {
            self.fill_windows(batch)?;
        }
        Ok(())
    }

    fn fill_windows(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let mut offered: BTreeSet<TaskNo> = BTreeSet::new();
        let mut looked = false;
        loop {
            let mut offers: BTreeMap<i64, Vec<(i64, TaskNo)>> = BTreeMap::new();
            let mut news = false;
            for (queue, rank, task) in batch.slice.offers() {
                news |= offered.insert(task);
                offers.entry(queue).or_default().push((rank, task));
            }
            // A task whose input fails ends when it is offered, and others may become ready by that.
            if looked && !news {
                self.held.admission.go_on(offers.into_keys());
                return Ok(());
            }
            looked = true;
            let lanes: Vec<i64> = self.held.admission.windows.keys().copied().collect();
            for lane in lanes {
                self.admit_to(lane, offers.remove(&lane).unwrap_or_default(), batch)?;
            }
            self.admit_own(offers.remove(&OWN_QUEUE).unwrap_or_default(), batch)?;
        }
    }

    /// Fills the window of one queue from `offers`, the tasks that this batch made ready, and from the database if
    /// tasks may be ready there. Notes whether some are left for a later batch.
    fn admit_to(&mut self, lane: i64, mut offers: Vec<(i64, TaskNo)>, batch: &mut Batch) -> Result<(), StoreError> {
        let backlog = self.held.admission.windows[&lane].backlog;
        let room = self.room(lane, batch);
        if room == 0 || (offers.is_empty() && !backlog) {
            self.held.admission.window(lane).backlog |= !offers.is_empty();
            return Ok(());
        }
        let mut more = backlog && self.join_kept(lane, room, &mut offers, batch)?;
        if self.held.admission.windows[&lane].is_fair {
            more |= self.admit_fairly(lane, offers, batch)?;
            self.held.admission.window(lane).backlog = more;
            return Ok(());
        }
        for (_, task) in offers {
            if !self.offer(lane, task, batch)? {
                more = true;
                break;
            }
        }
        self.held.admission.window(lane).backlog = more;
        Ok(())
    }

    /// Dispatches one attempt after the other: each moves the place of its key, and lets the next of the key join.
    /// Tells whether there may be more.
    fn admit_fairly(&mut self, lane: i64, offers: Vec<(i64, TaskNo)>, batch: &mut Batch) -> Result<bool, StoreError> {
        let mut open: BTreeSet<(i64, TaskNo)> = offers.into_iter().collect();
        batch.slice.take_woken();
        while let Some((rank, task)) = open.pop_first() {
            if self.room(lane, batch) == 0 {
                return Ok(true);
            }
            self.decide(Event::RoomFor(task, 1), batch)?;
            for no in batch.slice.take_woken().into_iter().chain([task]) {
                let row = batch.slice.task(no).filter(|row| row.queue == lane);
                let place = row.and_then(|row| row.rank).filter(|place| (*place, no) != (rank, task));
                open.extend(place.map(|place| (place, no)));
            }
        }
        Ok(false)
    }

    /// Puts what is ready in the database among the offers, best first. Reads at most as many as there is room for.
    /// True if the database may have more.
    fn join_kept(
        &mut self,
        lane: i64,
        room: usize,
        offers: &mut Vec<(i64, TaskNo)>,
        batch: &Batch,
    ) -> Result<bool, StoreError> {
        let wanted = room + offers.len();
        let kept = self.store.ready(lane, wanted)?;
        let more = kept.len() == wanted;
        // What this batch changed it knows better; what it only looked at stands where it stood.
        let stands = |(rank, task): &(i64, TaskNo)| batch.slice.task(*task).is_none_or(|row| row.rank == Some(*rank));
        offers.extend(kept.into_iter().filter(stands));
        offers.sort_unstable();
        offers.dedup();
        Ok(more)
    }

    /// Begins built-in tasks, at most [`OWN_MAX`] in one batch. Their queue has no window and is never paused.
    fn admit_own(&mut self, mut offers: Vec<(i64, TaskNo)>, batch: &mut Batch) -> Result<(), StoreError> {
        let mut room = OWN_MAX.saturating_sub(batch.begun);
        if offers.is_empty() && !self.held.admission.own_backlog {
            return Ok(());
        }
        let mut more =
            if self.held.admission.own_backlog { self.join_kept(OWN_QUEUE, room, &mut offers, batch)? } else { false };
        offers.sort_unstable();
        'offers: for (_, task) in offers {
            while room > 0 {
                let most = STRETCH.min(u32::try_from(room).unwrap_or(STRETCH));
                let before = batch.slice.task(task).and_then(|row| row.map).map(|map| map.next);
                self.decide(Event::RoomFor(task, most), batch)?;
                let row = batch.slice.task(task);
                let begun = row.and_then(|row| row.map).zip(before).map_or(1, |(map, before)| map.next - before);
                room = room.saturating_sub(begun.max(1) as usize);
                if row.is_none_or(|row| row.rank.is_none()) {
                    continue 'offers;
                }
            }
            more = true;
            break;
        }
        batch.begun = OWN_MAX - room;
        self.held.admission.own_backlog = more;
        Ok(())
    }

    /// Dispatches a task, or items of it, as far as there is room. True if there is room for others afterwards.
    fn offer(&mut self, lane: i64, task: TaskNo, batch: &mut Batch) -> Result<bool, StoreError> {
        loop {
            let room = self.room(lane, batch);
            if room == 0 {
                return Ok(false);
            }
            let most = STRETCH.min(u32::try_from(room).unwrap_or(STRETCH));
            self.decide(Event::RoomFor(task, most), batch)?;
            // One that still stands there though nothing of it began is not asked again at once: it would say the same.
            if batch.slice.task(task).is_none_or(|row| row.rank.is_none()) || self.room(lane, batch) == room {
                return Ok(true);
            }
        }
    }

    /// Number of attempts that this queue may open now, those of the uncommitted batch counted. 0 while too many bytes
    /// are on their way to the broker.
    fn room(&self, lane: i64, batch: &Batch) -> usize {
        let on_their_way = self.held.delivery.bytes_underway() + batch.bytes;
        if on_their_way > BYTES_MAX {
            return 0;
        }
        self.held.admission.windows[&lane].room(batch.opened.get(&lane).copied().unwrap_or(0))
    }
}

impl DispatchWindows {
    /// Notes that these queues may have more to offer. A task that was offered before and stands there again, such as a
    /// list whose item ended as soon as it began, has its turn in the next batch.
    fn go_on(&mut self, queues: impl Iterator<Item = i64>) {
        for queue in queues {
            if queue == OWN_QUEUE {
                self.own_backlog = true;
            } else if let Some(window) = self.windows.get_mut(&queue) {
                window.backlog = true;
            }
        }
    }
}
