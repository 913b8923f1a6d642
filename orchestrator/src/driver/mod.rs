//! The loop: take inputs, read what they touch, decide, commit, then act.
//!
//! It runs on a thread of its own, since every step may wait for the disk. It owns the only writer of the store.
//! What the world is asked to do exists only after the commit that makes it true.

mod admission;
mod age;
mod audit;
mod batch;
mod chance;
mod condition;
mod dead;
mod delivery;
mod evidence;
mod handle;
mod hearing;
mod held;
mod input;
pub(crate) mod letter;
mod load;
mod prune;
mod quarantine;
mod reply;
mod settle;
mod steer;
mod stopping;
mod submit;
mod tick;
mod timers;

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
pub use self::chance::Chance;
use self::condition::{Failure, StoreCondition, panic_text};
use self::dead::DeadBook;
pub use self::dead::DeadBound;
use self::hearing::Hearing;
use self::held::Held;
pub use self::input::{
    Answer, Asker, Command, Depth, Heard, Input, Outgoing, Output, Packet, Parcel, Refused, Reply, ReplyTo, Requester,
    Submission,
};
use self::reply::Replies;
use self::timers::PutOff;
use crate::shared::Shared;
use crate::store::{EventChunkNo, Store, StoreError};
pub use warrener_engine::event::{DeathReason, Reported};

/// Inputs of one batch; more would make the first of them wait for the last.
const BATCH: usize = 256;
/// How often windows, silences and unpublished attempts are looked at.
const TICK: Duration = Duration::from_millis(250);
/// How long the driver waits before it tries a store again that could not be written.
const DEGRADED_RETRY: Duration = Duration::from_secs(1);
/// How often the progress of publishing is kept while nothing else is, given answers are forgotten, and failed ones are
/// tried again.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How long nothing may be committed while a timer runs; a clock that is set back by less meanwhile goes unseen.
const SEEN_EVERY: Duration = Duration::from_secs(60);
/// Timers handled in one batch.
const DUE_MAX: usize = 256;
/// How often it is looked for finished jobs that passed their retention.
const PRUNE_EVERY: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub struct Driver<S> {
    store: S,
    shared: Arc<Shared>,
    /// How long finished jobs are kept.
    retention: Millis,
    inputs: mpsc::Receiver<Packet>,
    outputs: mpsc::UnboundedSender<Output>,
    clock: Clock,
    chance: Chance,
    /// All that is remembered of the rows.
    held: Held,
    hearing: Hearing,
    age: AgeJudge,
    dead: DeadBook,
    replies: Replies,
    /// Events up to this chunk are published, which no commit says yet.
    events_published: Option<EventChunkNo>,
    put_off: PutOff,
    last_tick: Duration,
    next_prune: Duration,
    last_save: Duration,
    last_commit: Duration,
    /// Wall clock less monotonic clock when last looked at, in milliseconds.
    clock_offset: i64,
    condition: StoreCondition,
    /// Monotonic time of the latest failure of the store, until it counts as well again.
    failed_at: Option<Duration>,
}

impl<S: Store> Driver<S> {
    /// A driver over this store. Finished jobs are kept for `retention`.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
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
        let held = Held::from_rows(&mut store, &shared, now)?;
        shared.notices.tell_all(store.last_events());
        shared.health.ready("store");
        Ok(Self {
            store,
            shared,
            retention,
            inputs,
            outputs,
            clock_offset: timers::offset(&clock),
            clock,
            chance: Chance::default(),
            held,
            hearing: Hearing::new(now),
            age,
            dead: DeadBook::default(),
            replies: Replies::default(),
            events_published: None,
            put_off: PutOff::default(),
            last_tick: now,
            next_prune: now + PRUNE_EVERY,
            last_save: now,
            last_commit: now,
            condition: StoreCondition::Writable,
            failed_at: None,
        })
    }

    /// The same with another source of random numbers.
    #[must_use]
    pub fn with_chance(self, chance: Chance) -> Self {
        Self { chance, ..self }
    }

    /// Makes all that is remembered of the rows anew. Nothing else is reset.
    fn recollect(&mut self) -> Result<(), StoreError> {
        self.held = Held::from_rows(&mut self.store, &self.shared, self.clock.monotonic())?;
        // Of a commit whose outcome was unknown nobody may have been told.
        self.shared.notices.tell_all(self.store.last_events());
        self.condition = self.condition.after_reading();
        Ok(())
    }

    /// Runs until every sender of inputs is gone.
    pub fn run(mut self) {
        while let Some(packets) = self.take() {
            self.turn(packets);
            if self.condition == StoreCondition::Unsure {
                std::thread::sleep(DEGRADED_RETRY);
            }
        }
        self.leave();
    }

    /// One round of the loop: handles what came, then what the time demands. For whoever leads the loop by hand.
    pub fn turn(&mut self, packets: Vec<Packet>) {
        let now = self.clock.monotonic();
        if self.hearing.turn(now) {
            self.silences_anew(now);
        }
        if self.condition == StoreCondition::Unsure
            && let Err(error) = self.recollect()
        {
            return self.degrade(&error.to_string());
        }
        if self.follow_clock().is_err() {
            return;
        }
        if !packets.is_empty() {
            self.step(packets);
        }
        // What is held in memory decides nothing while it may differ from the rows.
        if self.condition != StoreCondition::Unsure {
            self.pass_time();
        }
        self.trim_dead();
        self.prune();
        if self.condition != StoreCondition::Unsure && self.since(self.last_tick) >= TICK {
            self.tick();
        }
    }

    /// How long the loop may wait for inputs before time demands another round.
    pub fn patience(&self) -> Duration {
        if self.held.admission.has_own_backlog() {
            return Duration::ZERO;
        }
        let until_due = self.held.next_due.map_or(TICK, |due| due.since(self.now()).to_std());
        let until_prune = self.next_prune.saturating_sub(self.clock.monotonic());
        until_due.min(until_prune).min(TICK.saturating_sub(self.since(self.last_tick)))
    }

    /// Waits for inputs, or for the time of the next timer or tick. `None` once nobody can send any more.
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

    /// Nobody could be heard for a while, which says nothing of those who should have been.
    fn silences_anew(&mut self, now: Duration) {
        self.held.delivery.hear_anew(now);
        self.held.stops.reconnected(now);
    }

    fn since(&self, moment: Duration) -> Duration {
        self.clock.monotonic().saturating_sub(moment)
    }

    /// Time of day, as the wall clock was when it was last followed: a clock that is set in the middle of a turn makes
    /// nothing due before the timers have moved with it.
    fn now(&self) -> Timestamp {
        let monotonic = i64::try_from(self.clock.monotonic().as_millis()).unwrap_or(i64::MAX);
        Timestamp(monotonic.saturating_add(self.clock_offset))
    }

    /// Handles packets as one batch; if that fails, one input at a time, so that one bad input stops no other.
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

    /// Runs one batch from reading to acting, and gives the answers by position of the input. A panic of a rule is a
    /// failure of the batch. Inputs are only looked at: those of a batch that failed are handled again, as they came.
    fn attempt(&mut self, inputs: &[Input]) -> Result<Answers, Failure> {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.batch(inputs)));
        match outcome {
            Ok(result) => result.map_err(Failure::Store),
            Err(panic) => Err(Failure::Bug(panic_text(panic.as_ref()))),
        }
    }

    fn batch(&mut self, inputs: &[Input]) -> Result<Answers, StoreError> {
        let mut batch = self.new_batch();
        self.look_for(inputs, &mut batch)?;
        for (at, input) in inputs.iter().enumerate() {
            self.handle(at, input, &mut batch)?;
        }
        audit::note(inputs, &mut batch);
        self.admit(&mut batch)?;
        self.settle(batch)
    }

    fn new_batch(&self) -> Batch {
        Batch::new(Slice::new(self.shared.limits, self.held.numbers.next_dispatch().0), self.now())
    }
}

/// Answers of one batch, by position of the input.
type Answers = Vec<(usize, Answer)>;

/// Tells whoever waits what became of inputs.
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
            Input::Command(_, asker) | Input::Event(_, asker) => asker.answer,
            _ => None,
        };
        if let Some(channel) = channel {
            // Whoever asked may have gone.
            channel.send(answer).ok();
        }
    }
}
