//! The loop: take inputs, read what they touch, decide, commit, then act.
//!
//! It runs on a thread of its own, since every step may wait for the disk. It owns the only writer of the store.
//! What the world is asked to do exists only after the commit that makes it true.

mod admit;
mod batch;
mod cache;
mod input;
mod lane;
mod load;
mod reply;
mod republish;
mod resolve;
mod submit;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use warrener_engine::{Effect, Event, Slice};
use warrener_runtime::clock::Clock;
use warrener_runtime::health::Health;
use warrener_shared::id::{QueueName, Ticket};
use warrener_shared::limits::Limits;
use warrener_shared::time::{Millis, Timestamp};

use self::batch::Batch;
use self::cache::Memory;
pub use self::input::{Answer, Command, Depth, Heard, Input, Outgoing, Output, Packet, ReplyTo, Submission};
use self::lane::Lane;
pub(crate) use self::submit::{conflicting_id, conflicting_key, unsupported};
use self::watch::Watch;
use crate::pulse::Workers;
use crate::store::{Store, StoreError};

/// Inputs of one batch; more would make the first of them wait for the last.
const BATCH: usize = 256;
/// How often windows, silences and unpublished attempts are looked at.
const TICK: Duration = Duration::from_millis(250);
/// How long the driver waits before it tries a store again that could not be written.
const DEGRADED_RETRY: Duration = Duration::from_secs(1);
/// How often the progress of publishing is kept while nothing else is, and failed answers are tried again.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Timers handled in one batch.
const DUE_MAX: usize = 256;
/// How many finished jobs are removed in one go, so that nobody waits long.
const PRUNE_MAX: usize = 200;

/// What the API shows of a queue.
#[derive(Clone, Debug)]
pub struct QueueGlance {
    /// Its number in this database.
    pub no: i64,
    /// Its name.
    pub name: QueueName,
    /// Whether a person paused it.
    pub paused: bool,
    /// Open attempts.
    pub dispatched: usize,
    /// How many attempts may be open.
    pub window: usize,
    /// Whether the queue at the broker is there; only one of somebody else can be missing.
    pub found: bool,
}

/// What the driver shows to others: its queues, and which of them have attempts nobody was seen at.
#[derive(Debug, Default)]
pub struct Glance {
    /// All queues.
    pub queues: Vec<QueueGlance>,
    /// For each queue with unstarted attempts, the highest confirmed dispatch.
    pub unstarted: BTreeMap<i64, i64>,
}

/// What the driver needs from outside.
#[derive(Debug)]
pub struct Setup {
    /// The limits that apply.
    pub limits: Limits,
    /// How long finished jobs are kept.
    pub retention: Millis,
    /// Readiness, of which the driver owns the check `store`.
    pub health: Health,
    /// The workers that were heard of.
    pub workers: Workers,
    /// Shown to others.
    pub glance: Arc<Mutex<Glance>>,
    /// Queues that somebody else declares; their tasks stay ready until the queue is found.
    pub external: BTreeSet<QueueName>,
}

/// See the module.
#[derive(Debug)]
pub struct Driver<S> {
    store: S,
    setup: Setup,
    inputs: mpsc::Receiver<Packet>,
    outputs: mpsc::UnboundedSender<Output>,
    clock: Clock,
    lanes: BTreeMap<i64, Lane>,
    watch: Watch,
    memory: Memory,
    replying: BTreeSet<i64>,
    next_job: i64,
    next_task: i64,
    next_dispatch: i64,
    published_below: i64,
    events_published: Option<i64>,
    next_due: Option<Timestamp>,
    last_tick: Instant,
    last_prune: Instant,
    last_save: Instant,
    connected: bool,
    degraded: bool,
    replies_failed: bool,
}

impl<S: Store> Driver<S> {
    /// A driver over this store.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn new(
        store: S,
        setup: Setup,
        inputs: mpsc::Receiver<Packet>,
        outputs: mpsc::UnboundedSender<Output>,
    ) -> Result<Self, StoreError> {
        let mut driver = Self {
            store,
            setup,
            inputs,
            outputs,
            clock: Clock::start(),
            lanes: BTreeMap::new(),
            watch: Watch::default(),
            memory: Memory::default(),
            replying: BTreeSet::new(),
            next_job: 1,
            next_task: 1,
            next_dispatch: 1,
            published_below: 1,
            events_published: None,
            next_due: Some(Timestamp(0)),
            last_tick: Instant::now(),
            last_prune: Instant::now(),
            last_save: Instant::now(),
            connected: false,
            degraded: false,
            replies_failed: false,
        };
        driver.recollect()?;
        driver.setup.health.ready("store");
        Ok(driver)
    }

    /// Makes everything that is held in memory anew from the rows.
    fn recollect(&mut self) -> Result<(), StoreError> {
        let boot = self.store.boot()?;
        self.next_job = boot.next_job;
        self.next_task = boot.next_task;
        self.published_below = boot.published_below;
        self.lanes = boot.queues.into_iter().map(|row| (row.no, self.new_lane(row))).collect();
        let open = self.store.open_attempts()?;
        let highest = open.iter().filter_map(|row| row.dispatch_no).max().unwrap_or(0);
        self.next_dispatch = boot.next_dispatch.max(highest + 1);
        for row in &open {
            if let Some(lane) = self.lanes.get_mut(&row.queue) {
                lane.open += 1;
            }
        }
        self.watch = Watch::from_rows(&open, boot.published_below);
        self.memory = Memory::default();
        self.next_due = Some(Timestamp(0));
        Ok(())
    }

    /// Runs until every sender of inputs is gone.
    pub fn run(mut self) {
        while let Some(packets) = self.take() {
            self.step(packets);
            if self.last_tick.elapsed() >= TICK {
                self.tick();
            }
        }
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
        let now = self.now();
        let until_due = self.next_due.map_or(TICK, |due| due.since(now).to_std());
        let patience = until_due.min(TICK.saturating_sub(self.last_tick.elapsed()));
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

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.now_ms())
    }

    /// Handles packets as one batch; if that fails, one input at a time, so that one bad input stops no other.
    fn step(&mut self, mut packets: Vec<Packet>) {
        let inputs: Vec<&mut Input> = packets.iter_mut().flat_map(|packet| &mut packet.inputs).collect();
        let alone = inputs.len() <= 1;
        match self.attempt(inputs) {
            Ok(()) => {
                for done in packets.into_iter().filter_map(|packet| packet.done) {
                    // Nobody waits any more if the session ended; the inputs will come again.
                    done.send(()).ok();
                }
            }
            Err(failure) => self.rescue(packets, alone, &failure),
        }
    }

    /// One batch from reading to acting. A panic of a rule is a failure of the batch.
    fn attempt(&mut self, inputs: Vec<&mut Input>) -> Result<(), Failure> {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.batch(inputs)));
        match outcome {
            Ok(result) => result.map_err(Failure::Store),
            Err(panic) => Err(Failure::Bug(panic_text(panic.as_ref()))),
        }
    }

    fn batch(&mut self, mut inputs: Vec<&mut Input>) -> Result<(), StoreError> {
        let now = self.now();
        let mut batch = Batch::new(Slice::new(self.setup.limits, self.next_dispatch), now);
        for (at, input) in inputs.iter_mut().enumerate() {
            self.handle(at, input, &mut batch)?;
        }
        self.timers(&mut batch)?;
        self.admit(&mut batch)?;
        self.settle(inputs, batch)
    }

    fn handle(&mut self, at: usize, input: &mut Input, batch: &mut Batch) -> Result<(), StoreError> {
        match input {
            Input::Submit(submission) => self.submit(at, submission, batch)?,
            Input::Report(reported) => {
                if let warrener_shared::wire::result::Report::Claimed { lease } = &reported.report {
                    self.watch.claimed(&reported.ticket, lease.to_std());
                }
                self.watch.seen(&reported.ticket, reported.worker.as_ref());
                self.decide(Event::Reported(reported.clone()), batch)?;
            }
            Input::Heartbeat(heard) => self.heartbeat(heard, batch)?,
            Input::Depth(depth) => self.depth(depth, batch)?,
            Input::Published(numbers) => numbers.iter().for_each(|no| self.watch.confirmed(*no, true)),
            Input::Unpublished(numbers) => numbers.iter().for_each(|no| self.watch.confirmed(*no, false)),
            Input::Replied(no) => {
                self.replying.remove(no);
                batch.commit.replied.push(*no);
            }
            Input::NotReplied(no) => {
                self.replying.remove(no);
                self.replies_failed = true;
            }
            Input::EventsPublished(no) => self.events_published = self.events_published.max(Some(*no)),
            Input::Dead(letter) => batch.commit.dead.push(letter.clone()),
            Input::DeadTask(ticket, why, letter) => self.dead_task(ticket, why, letter, batch)?,
            Input::Unrouted(ticket) => self.watch.unrouted(ticket),
            Input::LaneFound(no, found) => {
                if let Some(lane) = self.lanes.get_mut(no) {
                    lane.found = *found;
                    lane.backlog = true;
                }
            }
            Input::LaneLost(no) => self.watch.lane_lost(*no),
            Input::Queue(name) => {
                self.lane_of(name)?;
            }
            Input::Command(command, _) => self.command(at, &command.clone(), batch)?,
            Input::Connected { wiped } => self.connected(*wiped, batch),
            Input::Disconnected => self.connected = false,
        }
        Ok(())
    }

    fn connected(&mut self, wiped: bool, batch: &mut Batch) {
        self.connected = true;
        self.watch.reconnected();
        self.replying.clear();
        if wiped {
            self.watch.wiped();
            self.published_below = 0;
            batch.commit.published_below = Some(0);
            tracing::warn!(
                open = self.watch.len(),
                "the broker has no memory of this prefix; publishing open attempts again"
            );
        }
        batch.must_commit = true;
        batch.after.reply_all = true;
    }

    fn heartbeat(&mut self, heard: &Heard, batch: &mut Batch) -> Result<(), StoreError> {
        for ticket in &heard.tickets {
            if self.watch.get(ticket).is_none() {
                // Closed while the worker did not hear of it.
                batch.after.stop.push((*ticket, Some(heard.worker.clone())));
            } else if self.watch.seen(ticket, Some(&heard.worker)) {
                self.decide(input::started(*ticket, Some(heard.worker.clone())), batch)?;
            }
        }
        Ok(())
    }

    fn depth(&mut self, depth: &Depth, batch: &mut Batch) -> Result<(), StoreError> {
        if let Some(lane) = self.lanes.get_mut(&depth.queue) {
            lane.seen(depth.ready);
        }
        for ticket in self.watch.must_have_left(depth.queue, depth.ready, depth.upto) {
            self.watch.started(&ticket);
            self.decide(input::started(ticket, None), batch)?;
        }
        Ok(())
    }

    /// Decides an event and all that follows from it.
    fn decide(&mut self, event: Event, batch: &mut Batch) -> Result<(), StoreError> {
        let mut open = std::collections::VecDeque::from([event]);
        while let Some(event) = open.pop_front() {
            self.load_for(&event, batch)?;
            let decision = warrener_engine::decide(&mut batch.slice, &event, batch.now);
            for effect in decision.effects {
                batch.take(effect);
            }
            open.extend(decision.follow);
        }
        Ok(())
    }

    fn timers(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        if self.next_due.is_none_or(|due| due > batch.now) {
            return Ok(());
        }
        for job in self.store.due_jobs(batch.now, DUE_MAX)? {
            self.decide(Event::JobDue(job), batch)?;
        }
        for task in self.store.due_tasks(batch.now, DUE_MAX)? {
            self.decide(Event::TaskDue(task), batch)?;
        }
        batch.must_commit = true;
        Ok(())
    }

    /// Commits the batch, then acts on it.
    fn settle(&mut self, inputs: Vec<&mut Input>, mut batch: Batch) -> Result<(), StoreError> {
        batch.commit.changes = batch.slice.take_changes();
        self.dead_letters(&mut batch)?;
        if !batch.commit.is_idle() || batch.must_commit {
            self.counters(&mut batch);
            self.store.commit(&batch.commit)?;
            self.next_dispatch = batch.slice.next_dispatch();
            self.next_due = self.store.next_due()?;
            if std::mem::take(&mut self.degraded) {
                tracing::info!("the store can be written again");
                self.setup.health.ready("store");
            }
        }
        self.remember(&batch);
        self.act(&mut batch)?;
        answer(inputs, batch.answers);
        Ok(())
    }

    fn counters(&mut self, batch: &mut Batch) {
        batch.commit.taken_below = Some(self.next_task);
        batch.commit.events_published = self.events_published.take();
        let below = self.watch.published_below(self.next_dispatch);
        if batch.commit.published_below.is_none() && below > self.published_below {
            self.published_below = below;
            batch.commit.published_below = Some(below);
        }
    }

    /// Carries out what the commit made true.
    fn act(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let mut outgoing = Vec::new();
        for effect in std::mem::take(&mut batch.effects) {
            match effect {
                Effect::Opened { ticket, queue, dispatch_no, silence } => {
                    self.lane(queue).open += 1;
                    self.watch.insert(dispatch_no, ticket, queue, silence.map(Millis::to_std));
                }
                Effect::Closed { ticket, queue, finished } => {
                    let lane = self.lane(queue);
                    lane.open = lane.open.saturating_sub(1);
                    if finished {
                        lane.finish();
                    }
                    self.watch.remove(&ticket);
                }
                Effect::Publish { dispatch_no, dispatch } => outgoing.push(self.outgoing(dispatch_no, *dispatch)),
                Effect::Stop { ticket, worker } => batch.after.stop.push((ticket, worker)),
                Effect::Reply(job) => {
                    self.reply_finished(job, &mut batch.slice)?;
                    self.send(Output::Finished(job));
                }
                Effect::Ignored(_) => metrics::counter!("warrener_reports_ignored_total").increment(1),
                Effect::DeadLetter(_) => {}
            }
        }
        self.send_batch(outgoing, batch)
    }

    fn send_batch(&mut self, outgoing: Vec<Outgoing>, batch: &mut Batch) -> Result<(), StoreError> {
        if !outgoing.is_empty() {
            self.send(Output::Publish(outgoing));
        }
        let stop = std::mem::take(&mut batch.after.stop);
        if !stop.is_empty() {
            self.send(Output::Stop(stop));
        }
        if !batch.commit.changes.events.is_empty() {
            self.send(Output::Events);
        }
        for job in std::mem::take(&mut batch.after.reply) {
            self.reply_owed(job)?;
        }
        if batch.after.reply_all {
            self.reply_all()?;
            self.republish()?;
        }
        Ok(())
    }

    fn send(&self, output: Output) {
        // The receiver is gone only when the process ends.
        self.outputs.send(output).ok();
    }

    fn tick(&mut self) {
        self.last_tick = Instant::now();
        let slots = self.setup.workers.slots_by_queue();
        for lane in self.lanes.values_mut() {
            lane.tick();
            lane.slots = slots.get(lane.name.as_str()).copied().unwrap_or(0);
        }
        let silent = self.watch.silent();
        if let Err(error) = self.look_at_open_attempts(silent).and_then(|()| self.save()) {
            tracing::error!(%error, "the periodic look at open attempts failed; trying again");
            if self.recollect().is_err() || error.is_transient() {
                self.degrade(&error.to_string());
            }
        }
        self.show();
    }

    fn look_at_open_attempts(&mut self, silent: Vec<Ticket>) -> Result<(), StoreError> {
        if !silent.is_empty() {
            let mut batch = Batch::new(Slice::new(self.setup.limits, self.next_dispatch), self.now());
            for ticket in silent {
                self.decide(Event::Silent(ticket), &mut batch)?;
            }
            self.admit(&mut batch)?;
            self.settle(Vec::new(), batch)?;
        }
        if self.connected {
            self.republish()?;
        }
        if self.last_prune.elapsed() > Duration::from_secs(10) {
            self.last_prune = Instant::now();
            self.prune()?;
        }
        Ok(())
    }

    /// While nothing else is committed: keeps how far publishing has come, so that a restart repeats little, and
    /// tries answers again that did not reach the broker.
    fn save(&mut self) -> Result<(), StoreError> {
        if self.last_save.elapsed() < SAVE_EVERY {
            return Ok(());
        }
        self.last_save = Instant::now();
        if self.connected && std::mem::take(&mut self.replies_failed) {
            self.reply_all()?;
        }
        let behind = self.watch.published_below(self.next_dispatch) > self.published_below;
        if behind || self.events_published.is_some() || self.degraded {
            let mut batch = Batch::new(Slice::new(self.setup.limits, self.next_dispatch), self.now());
            batch.must_commit = true;
            self.settle(Vec::new(), batch)?;
        }
        Ok(())
    }

    fn prune(&mut self) -> Result<(), StoreError> {
        let before = self.now() - self.setup.retention;
        let removed = self.store.prune(before, PRUNE_MAX)?;
        if removed > 0 {
            tracing::debug!(removed, "removed finished jobs that passed their retention");
        }
        Ok(())
    }

    /// Shows the queues to others.
    pub fn show(&self) {
        let queue = |(no, lane): (&i64, &Lane)| QueueGlance {
            no: *no,
            name: lane.name.clone(),
            paused: lane.paused,
            dispatched: lane.open,
            window: lane.window(),
            found: lane.found,
        };
        let queues = self.lanes.iter().map(queue).collect();
        let glance = Glance { queues, unstarted: self.watch.unstarted() };
        *self.setup.glance.lock().expect("nobody panics while holding a glance") = glance;
        metrics::gauge!("warrener_open_attempts").set(self.watch.len() as f64);
    }

    /// A batch failed: its inputs are tried one by one, and the one that fails alone is set aside.
    fn rescue(&mut self, packets: Vec<Packet>, alone: bool, failure: &Failure) {
        if let Err(error) = self.recollect() {
            tracing::error!(%error, "cannot read the store");
            return self.degrade(&error.to_string());
        }
        if failure.is_transient() {
            return self.degrade(&failure.to_string());
        }
        for packet in packets {
            let mut done = packet.done;
            for mut input in packet.inputs {
                let result = if alone { Err(Failure::Again) } else { self.attempt(vec![&mut input]) };
                match result {
                    Ok(()) => {}
                    Err(again) if again.is_transient() => {
                        done = None;
                        self.degrade(&again.to_string());
                    }
                    Err(again) => {
                        let why = if alone { failure.to_string() } else { again.to_string() };
                        if self.recollect().is_err() || self.quarantine(&input, &why).is_err() {
                            done = None;
                        }
                    }
                }
            }
            if let Some(done) = done {
                done.send(()).ok();
            }
        }
    }

    /// Keeps an input that nobody can decide where a person finds it.
    fn quarantine(&mut self, input: &Input, why: &str) -> Result<(), StoreError> {
        tracing::error!(%why, ?input, "an input could not be handled; it is kept as a dead letter");
        metrics::counter!("warrener_quarantined_total").increment(1);
        let mut commit = crate::store::Commit::default();
        commit.dead.push(batch::quarantined(input, why, self.now()));
        self.store.commit(&commit)
    }

    /// Nothing can be written for now: nothing is acknowledged, and the process says so.
    fn degrade(&mut self, why: &str) {
        self.degraded = true;
        tracing::error!(%why, "the store cannot be written; inputs stay with the broker until it can");
        self.setup.health.not_ready("store", why.to_owned());
        std::thread::sleep(DEGRADED_RETRY);
    }
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(StoreError),
    #[error("a rule panicked, please report it: {0}")]
    Bug(String),
    #[error("it failed alone")]
    Again,
}

impl Failure {
    const fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

fn answer(mut inputs: Vec<&mut Input>, answers: Vec<(usize, Answer)>) {
    for (at, answer) in answers {
        let channel = match &mut *inputs[at] {
            Input::Submit(submission) => submission.answer.take(),
            Input::Command(_, channel) => channel.take(),
            _ => None,
        };
        if let Some(channel) = channel {
            // Whoever asked may have gone.
            channel.send(answer).ok();
        }
    }
}
