//! Memory of answers that are being sent. A client that takes its answer slowly may have it for as long as nobody else
//! needs it; once others wait it has to go on at a least rate.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, Instant};

use super::super::problem::Problem;
use super::room::{PATIENCE, Room, no_memory};
use super::seats::ClientLine;

/// Time that every client has for its answer, however small, while others wait for memory.
const LEAST_TIME: Duration = Duration::from_secs(3);
/// Bytes a second that a client has to take beyond that while others wait for memory.
const LEAST_RATE: usize = 1024 * 1024;
/// Time between two looks at the others, of one that waits.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Memory of answers.
#[derive(Debug)]
pub(super) struct AnswerMemory {
    room: Room,
    /// Places of answers that are made and wait for room.
    waiting: Semaphore,
    /// Answers that are being sent.
    holders: Arc<Holders>,
}

/// Answers that are being sent, by the order in which they began.
#[derive(Debug, Default)]
struct Holders(Mutex<HolderBook>);

#[derive(Debug, Default)]
struct HolderBook {
    /// Number of answers so far, which numbers the next.
    count: u64,
    /// Line to the client of each, and the time by which it has to be taken once others wait.
    held: BTreeMap<u64, (Instant, ClientLine)>,
}

/// Room of one answer, given back when this is dropped.
#[derive(Debug)]
pub(super) struct AnswerRoom {
    _permit: OwnedSemaphorePermit,
    no: u64,
    holders: Arc<Holders>,
}

impl AnswerMemory {
    /// Memory with so many places of answers that wait for room.
    pub(super) fn new(room: Room, waiting: usize) -> Self {
        let waiting = Semaphore::new(waiting.clamp(1, Semaphore::MAX_PERMITS));
        Self { room, waiting, holders: Arc::default() }
    }

    /// Takes room for an answer of so many bytes; `None` for a small one. Drops `permit` before it waits for others.
    pub(super) async fn take<P: Send>(
        &self,
        bytes: usize,
        line: Option<ClientLine>,
        permit: P,
    ) -> Result<Option<AnswerRoom>, Problem> {
        let Some(units) = self.room.units_of(bytes) else { return Ok(None) };
        let acquired = match self.room.left.clone().try_acquire_many_owned(units) {
            Ok(acquired) => acquired,
            Err(_) => {
                let _place = self.waiting.try_acquire().map_err(|_| no_memory())?;
                drop(permit);
                self.wait(units).await.ok_or_else(no_memory)?
            }
        };
        let time = LEAST_TIME + Duration::from_millis((bytes / (LEAST_RATE / 1000)) as u64);
        Ok(Some(self.holders.enter(acquired, line, Instant::now() + time)))
    }

    /// Waits for room while others hold it, and cuts off those that do not take their answers. `None` if there is none
    /// in time.
    async fn wait(&self, units: u32) -> Option<OwnedSemaphorePermit> {
        let until = Instant::now() + PATIENCE;
        let mut acquired = std::pin::pin!(self.room.left.clone().acquire_many_owned(units));
        while Instant::now() < until {
            self.holders.hurry();
            if let Ok(permit) = tokio::time::timeout(LOOK_EVERY, acquired.as_mut()).await {
                return Some(permit.expect("nobody closes the semaphore"));
            }
        }
        None
    }
}

impl Holders {
    /// Notes an answer that is being sent, with the time by which it has to be taken once others wait.
    fn enter(self: &Arc<Self>, permit: OwnedSemaphorePermit, line: Option<ClientLine>, until: Instant) -> AnswerRoom {
        let mut book = self.book();
        book.count += 1;
        let no = book.count;
        book.held.extend(line.map(|line| (no, (until, line))));
        AnswerRoom { _permit: permit, no, holders: self.clone() }
    }

    /// Cuts the lines of those whose time is over.
    fn hurry(&self) {
        let now = Instant::now();
        self.book().held.values().filter(|(until, _)| *until <= now).for_each(|(_, line)| line.cut());
    }

    /// Answers, locked. A holder that panicked leaves them usable.
    fn book(&self) -> MutexGuard<'_, HolderBook> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AnswerRoom {
    fn drop(&mut self) {
        self.holders.book().held.remove(&self.no);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::super::seats::{Admission, Seats};
    use super::*;

    const SIZE: usize = 1024 * 1024;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_cut_off_once_others_wait() {
        let answers = AnswerMemory::new(Room::new(SIZE), 1);
        let Admission::Seated(seat) = Seats::new(1, 1).admit() else { panic!("there is a seat") };
        let _turn = seat.begin();
        let held = answers.take(SIZE, Some(ClientLine::of(&seat)), ()).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (permit, given_back) = oneshot::channel::<()>();
        let mut second = std::pin::pin!(answers.take(SIZE, None, permit));
        let a_while = async |second: std::pin::Pin<&mut _>, seconds| {
            tokio::time::timeout(Duration::from_secs(seconds), second).await.is_err()
        };
        assert!(a_while(second.as_mut(), 1).await);
        assert!(!seat.is_cut(), "it still has time");
        assert!(given_back.await.is_err(), "who waits for others holds nothing that is waited for");
        assert!(answers.take(SIZE, None, ()).await.is_err(), "there is no end of those who wait");
        assert!(a_while(second.as_mut(), 3).await);
        assert!(seat.is_cut());
        drop(held);
        assert!(second.await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_stays_while_nobody_waits() {
        let answers = AnswerMemory::new(Room::new(SIZE), 1);
        let Admission::Seated(seat) = Seats::new(1, 1).admit() else { panic!("there is a seat") };
        let _turn = seat.begin();
        let held = answers.take(SIZE / 2, Some(ClientLine::of(&seat)), ()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert!(answers.take(SIZE / 2, None, ()).await.unwrap().is_some());
        assert!(held.is_some() && !seat.is_cut());
    }
}
