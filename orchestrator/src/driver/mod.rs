//! The loop: take inputs, read what they touch, decide, commit, then act.
//!
//! The loop runs on a thread of its own, since every step may wait for the disk. It owns the only writer of the store.
//! What the world is asked to do exists only after the commit that makes it true.

mod admission;
mod age;
mod audit;
mod batch;
mod bulk;
mod chance;
mod condition;
mod dead;
mod delivery;
mod evidence;
mod handle;
mod hearing;
mod held;
mod input;
mod kept;
pub(crate) mod letter;
mod limits;
mod load;
mod prune;
mod quarantine;
mod replay;
mod reply;
mod schedule;
mod settle;
mod steer;
mod stopping;
mod submit;
mod tick;
mod timers;
mod withheld;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use warrener_engine::Slice;
use warrener_runtime::clock::Clock;
use warrener_shared::time::{Millis, Timestamp};

use self::age::AgeJudge;
use self::batch::Batch;
use self::bulk::BulkPace;
pub use self::chance::Chance;
use self::condition::{Failure, StoreCondition, panic_text};
use self::dead::DeadBook;
pub use self::dead::DeadBound;
use self::hearing::Hearing;
use self::held::Held;
pub use self::input::{
    Answer, Asker, Command, Depth, Heard, Input, Outgoing, Output, Packet, Precondition, Refused, Reply, ReplyTo,
    Requester, ScheduleCommand, Submission,
};
use self::replay::Replays;
use self::reply::Replies;
use self::tick::Rhythm;
use self::timers::PutOff;
use self::withheld::Withheld;
use crate::shared::{Shared, offset};
use crate::store::{EventChunkNo, Store, StoreError};
pub use warrener_engine::event::{DeathReason, Reported, SendAttempt, SendOutcome};

/// Most inputs of one batch, but for the rest of its last packet. More would make the first of them wait for the last.
const BATCH: usize = 256;
/// Time between two looks at windows, silences and unpublished attempts.
const TICK: Duration = Duration::from_millis(250);
/// Time for which the driver rests before it tries a store again that could not be written.
const DEGRADED_RETRY: Duration = Duration::from_secs(1);
/// Time between two looks at what only a commit of its own would keep: the progress of publishing and the answers
/// given. The store is probed then, too.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Longest time without a commit while a timer runs. A clock that is set back by less than that while no process runs
/// goes unseen.
const SEEN_EVERY: Duration = Duration::from_secs(60);
/// Most timers handled in one batch.
const DUE_MAX: usize = 256;
/// Time between two looks for finished jobs that passed their retention, as long as there are none.
const PRUNE_EVERY: Duration = Duration::from_secs(10);
/// Time between two looks for keys of limits of which nothing needs to be kept.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// The loop with everything it remembers, over one store.
///
/// One thread leads it, by [`run`](Self::run). It ends once every sender of inputs is gone.
#[derive(Debug)]
pub struct Driver<S> {
    /// Store of this database, of which the driver is the only writer.
    store: S,
    /// Everything that other parts of the process may look at.
    shared: Arc<Shared>,
    /// Time for which finished jobs are kept, from their end.
    retention: Millis,
    /// Packets of the broker side and the API, in order.
    inputs: mpsc::Receiver<Packet>,
    /// Requests to the broker side. Bounded by the windows and the batch only.
    outputs: mpsc::UnboundedSender<Output>,
    /// Source of both times; simulated in tests.
    clock: Clock,
    /// Source of secrets and ids.
    chance: Chance,
    /// Memory of the rows, made anew by `recollect`. No other field is.
    held: Held,
    /// Time up to which reports were read.
    hearing: Hearing,
    /// Judge of what is old enough to be removed.
    age: AgeJudge,
    /// Bound of the dead letters.
    dead: DeadBook,
    /// Answers on their way or waiting, by address.
    replies: Replies,
    /// Latest chunk of events that is published and that no commit says so of; `None` if there is none.
    events_published: Option<EventChunkNo>,
    /// Timers that are due and have to wait.
    put_off: PutOff,
    /// Times of what it does now and then.
    rhythm: Rhythm,
    /// Wall clock less monotonic clock when last looked at, in milliseconds.
    clock_offset: i64,
    /// Degree to which the store can be relied on.
    condition: StoreCondition,
    /// Packets that wait until the store can be used.
    withheld: Withheld,
    /// Ticks of schedules up to this moment are missed: the wall clock was set forward over them by more than an hour.
    passed_over: Option<Timestamp>,
    /// Pace of the bulk operations.
    bulk: BulkPace,
    /// Dead letters that they have on their way.
    replays: Replays,
    /// Monotonic time of the latest failure of the store; `None` once it counts as well again.
    failed_at: Option<Duration>,
}

impl<S: Store> Driver<S> {
    /// A driver over this store, with everything remembered that its rows hold. Finished jobs are kept for `retention`.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read, or not be told of a clock that was set back.
    pub fn new(
        store: S,
        shared: Arc<Shared>,
        retention: Millis,
        inputs: mpsc::Receiver<Packet>,
        outputs: mpsc::UnboundedSender<Output>,
    ) -> Result<Self, StoreError> {
        let clock = shared.clock.clone();
        let now = clock.monotonic();
        let mut store = store;
        let age = AgeJudge::resume(store.boot()?.trust, &clock);
        timers::resume_clock(&mut store, &clock)?;
        let offset = offset(&clock);
        shared.follow(offset);
        let held = Held::from_rows(&mut store, &shared, now)?;
        shared.notices.tell_all(store.last_events());
        shared.health.ready("store");
        Ok(Self {
            store,
            shared,
            retention,
            inputs,
            outputs,
            clock_offset: offset,
            clock,
            chance: Chance::default(),
            held,
            hearing: Hearing::new(now),
            age,
            dead: DeadBook::default(),
            replies: Replies::default(),
            events_published: None,
            put_off: PutOff::default(),
            rhythm: Rhythm::from(now),
            condition: StoreCondition::Writable,
            withheld: Withheld::default(),
            passed_over: None,
            bulk: BulkPace::default(),
            replays: Replays::default(),
            failed_at: None,
        })
    }

    /// Gives the driver another source of random numbers.
    #[must_use]
    pub fn with_chance(self, chance: Chance) -> Self {
        Self { chance, ..self }
    }

    /// Makes the memory of the rows anew, at any time that memory and rows may differ. Nothing else is reset.
    ///
    /// # Errors
    /// If the store cannot be read; the memory stays as it was, and must not be used.
    fn recollect(&mut self) -> Result<(), StoreError> {
        self.held = Held::from_rows(&mut self.store, &self.shared, self.clock.monotonic())?;
        // Of a commit whose outcome was unknown nobody may have been told.
        self.shared.notices.tell_all(self.store.last_events());
        self.condition = self.condition.after_reading();
        Ok(())
    }

    /// Leads the loop until every sender of inputs is gone, then keeps what can be kept. Blocks its thread.
    pub fn run(mut self) {
        while let Some(packets) = self.take() {
            self.turn(packets);
            if self.condition == StoreCondition::Unsure {
                std::thread::sleep(DEGRADED_RETRY);
            }
        }
        self.leave();
    }

    /// Runs one turn of the loop: handles the packets as a batch, then what time demands. Public for whoever leads the
    /// loop by hand.
    ///
    /// The order matters: the clock is followed before anything is judged by it, and inputs come before timers, since a
    /// report may have kept the limit that a timer would end.
    pub fn turn(&mut self, packets: Vec<Packet>) {
        let now = self.clock.monotonic();
        if self.hearing.turn(now) {
            self.silences_anew(now);
        }
        if self.condition == StoreCondition::Unsure
            && let Err(error) = self.recollect()
        {
            self.withheld.keep(packets);
            return self.degrade(&error.to_string());
        }
        if self.follow_clock().is_err() {
            return self.withheld.keep(packets);
        }
        if !self.withheld.is_empty() {
            self.make_up(packets);
        } else if !packets.is_empty() {
            self.step(packets);
        }
        // What is held in memory decides nothing while it may differ from the rows.
        if self.condition != StoreCondition::Unsure {
            self.pass_time();
        }
        if self.condition != StoreCondition::Unsure {
            self.wake_keys();
        }
        self.trim_dead();
        self.prune();
        self.work_bulk();
        if self.condition != StoreCondition::Unsure && self.since(self.rhythm.last_tick) >= TICK {
            self.tick();
        }
    }

    /// Longest time that the loop may wait for inputs before time demands another turn; zero if built-in tasks wait.
    pub fn patience(&self) -> Duration {
        if self.held.admission.has_own_backlog() {
            return Duration::ZERO;
        }
        let due = self.held.next_due.into_iter().chain(self.held.wakes.next()).min();
        let until_due = due.map_or(TICK, |due| due.since(self.now()).to_std());
        let until_prune = self.rhythm.next_prune.saturating_sub(self.clock.monotonic());
        let until_bulk = self.bulk_patience().unwrap_or(TICK);
        until_due.min(until_prune).min(until_bulk).min(TICK.saturating_sub(self.since(self.rhythm.last_tick)))
    }

    /// Waits for inputs, or until time demands another turn, and takes at most [`BATCH`] and the rest of a packet.
    /// `None` once nobody can send any more.
    fn take(&mut self) -> Option<Vec<Packet>> {
        let mut packets = Vec::new();
        let mut count = 0;
        if let Some(first) = self.wait()? {
            count += first.inputs.len();
            packets.push(first);
        }
        while count < BATCH
            && let Ok(packet) = self.inputs.try_recv()
        {
            count += packet.inputs.len();
            packets.push(packet);
        }
        Some(packets)
    }

    /// Waits for one packet, as long as the patience lasts: `Some(None)` if none came, `None` if none can come any
    /// more.
    fn wait(&mut self) -> Option<Option<Packet>> {
        let patience = self.patience();
        if patience.is_zero() {
            return match self.inputs.try_recv() {
                Ok(packet) => Some(Some(packet)),
                Err(mpsc::error::TryRecvError::Empty) => Some(None),
                Err(mpsc::error::TryRecvError::Disconnected) => None,
            };
        }
        let handle = tokio::runtime::Handle::current();
        match handle.block_on(async { tokio::time::timeout(patience, self.inputs.recv()).await }) {
            Ok(None) => None,
            Ok(Some(packet)) => Some(Some(packet)),
            Err(_) => Some(None),
        }
    }

    /// Counts the silences of all workers from `now` on: nobody could be heard for a while, which says nothing of those
    /// who should have been.
    fn silences_anew(&mut self, now: Duration) {
        self.held.delivery.hear_anew(now);
        self.held.stops.reconnected(now);
    }

    /// Monotonic time that passed since a moment.
    fn since(&self, moment: Duration) -> Duration {
        self.clock.monotonic().saturating_sub(moment)
    }

    /// Time of day, as the wall clock was when it was last followed: a clock that is set in the middle of a turn makes
    /// nothing due before the timers have moved with it.
    fn now(&self) -> Timestamp {
        let monotonic = i64::try_from(self.clock.monotonic().as_millis()).unwrap_or(i64::MAX);
        Timestamp(monotonic.saturating_add(self.clock_offset))
    }

    /// Handles packets as one batch, and tells their senders once it is committed. If it fails, see `rescue`.
    fn step(&mut self, packets: Vec<Packet>) {
        let (mut inputs, mut parts) = (Vec::new(), Vec::new());
        for packet in packets {
            parts.push((packet.inputs.len(), packet.done));
            inputs.extend(packet.inputs);
        }
        match self.attempt(&inputs) {
            Ok(answers) => {
                answer(inputs, answers);
                for done in parts.into_iter().filter_map(|(_, done)| done) {
                    // Nobody waits any more if the session ended; the inputs will come again.
                    done.send(()).ok();
                }
            }
            Err(failure) => {
                let mut inputs = inputs.into_iter();
                let packet = |(count, done)| Packet { inputs: inputs.by_ref().take(count).collect(), done };
                let packets = parts.into_iter().map(packet).collect();
                self.rescue(packets, failure);
            }
        }
    }

    /// Runs one batch from reading to acting, and gives the answers by position of the input.
    ///
    /// A panic of a rule is a failure of the batch. Inputs are only looked at: those of a batch that failed are handled
    /// again, as they came.
    fn attempt(&mut self, inputs: &[Input]) -> Result<Answers, Failure> {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.batch(inputs)));
        match outcome {
            Ok(result) => result.map_err(Failure::Store),
            Err(panic) => Err(Failure::Bug(panic_text(panic.as_ref()))),
        }
    }

    /// Runs one batch: reads, decides each input, fills the windows, commits and acts.
    fn batch(&mut self, inputs: &[Input]) -> Result<Answers, StoreError> {
        let mut batch = self.new_batch();
        self.look_for(inputs, &mut batch)?;
        for (at, input) in inputs.iter().enumerate() {
            self.handle(at, input, &mut batch)?;
        }
        audit::note(inputs, &mut batch);
        self.follow_ends(&mut batch)?;
        self.admit(&mut batch)?;
        self.settle(batch)
    }

    /// An empty batch at this time, whose dispatches are numbered from the next free number on.
    fn new_batch(&self) -> Batch {
        let slice = Slice::new(self.shared.limits, self.held.numbers.next_dispatch().0);
        let now = self.now();
        Batch::new(slice.with_book(&self.shared.limit_register.book, now), now)
    }
}

/// Answers of one batch, by position of the input.
type Answers = Vec<(usize, Answer)>;

/// Tells whoever waits the answers to inputs, after their commit.
fn answer(inputs: impl IntoIterator<Item = Input>, answers: Answers) {
    let mut answers = answers.into_iter().peekable();
    if answers.peek().is_none() {
        return;
    }
    let mut answers: BTreeMap<usize, Answer> = answers.collect();
    for (at, input) in inputs.into_iter().enumerate() {
        let Some(answer) = answers.remove(&at) else { continue };
        let channel = match input {
            Input::Submit(submission) => submission.asker.answer,
            Input::Command(_, asker)
            | Input::Event(_, asker)
            | Input::Schedule(_, asker)
            | Input::ScheduleMessage(_, asker, _) => asker.answer,
            _ => None,
        };
        if let Some(channel) = channel {
            // Whoever asked may have gone.
            channel.send(answer).ok();
        }
    }
}
