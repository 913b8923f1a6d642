//! The orchestrator: its real loop, and its broker side in virtual time.

mod freeze;
mod inbox;
mod outbox;
#[cfg(test)]
mod topology;

pub(super) use self::inbox::submission;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use warrener_orchestrator::driver::{Answer, Chance, Driver, Input, Output, Packet};
use warrener_orchestrator::limits::LimitDefinition;
use warrener_orchestrator::shared::Shared;
use warrener_orchestrator::store::Store as _;
use warrener_runtime::clock::Clock;
use warrener_shared::id::{LimitName, QueueName};
use warrener_shared::limits::Limits;
use warrener_shared::time::Millis;
use warrener_shared::wire::submit::ReplyAddress;
use warrener_shared::wire::topology::Names;

use super::net::Party;
use super::{Happening, World};
use crate::broker::{Conn, ConsumerNo};
use crate::dice::hash;
use crate::disk::Disk;
use crate::judge::{JOB_LIMIT, LIMIT, Violation};
use crate::plan::queue_name;

/// The process, if it runs.
#[derive(Default)]
pub(super) struct Orchestrator {
    running: Option<Running>,
    /// Number of the process.
    process: u32,
}

struct Running {
    driver: Driver<Disk>,
    outputs: mpsc::UnboundedReceiver<Output>,
    shared: Arc<Shared>,
    packets: VecDeque<Packet>,
    pending: Vec<Pending>,
    link: Option<Link>,
    turn_is_due: bool,
    /// When its next turn is, if nothing comes.
    wake_at: u64,
    /// The process is stopped.
    frozen: bool,
}

/// A session with the broker.
struct Link {
    conn: Conn,
    consumers: BTreeMap<ConsumerNo, Source>,
    /// Task queues that are known to be there.
    prepared: Vec<i64>,
    /// Everything is declared, and the prefix is ours.
    is_up: bool,
    /// Monotonic time at which the queue of results was seen empty; what was on its way then has arrived a second later.
    empty_at: Option<std::time::Duration>,
}

/// What a consumer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Submits,
    Results,
    Dead,
    Unrouted,
    Heartbeats,
}

/// What waits for a commit.
struct Pending {
    committed: oneshot::Receiver<()>,
    what: Waiting,
}

pub(super) enum Waiting {
    /// Deliveries to acknowledge, and submits to answer.
    Deliveries { conn: Conn, tags: Vec<u64>, submits: Vec<(oneshot::Receiver<Answer>, Option<ReplyAddress>)> },
    /// A queue that is gone may be made anew.
    Queue { conn: Conn, queue: QueueName },
    /// The same of all that were lost before the session.
    Session { conn: Conn },
    /// The broker may be marked as ours.
    Prefix { conn: Conn },
}

/// Inputs of one packet.
const BATCH: usize = 16;
/// How often the loop turns if nothing happens; the product's is four times as often.
const IDLE_TURN_MS: u64 = 1_000;

impl Orchestrator {
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.as_ref().is_some_and(|running| {
            let is_idle = running.shared.queues.busy().is_empty();
            running.packets.is_empty() && running.pending.is_empty() && running.link.is_some() && is_idle
        })
    }

    pub(super) fn leftovers(&self) -> Option<Violation> {
        let running = self.running.as_ref()?;
        let open: Vec<_> = running.shared.queues.all();
        let held = open.iter().any(|queue| queue.dispatched > 0);
        held.then(|| Violation::new("memory", format!("all is final, and attempts are still watched: {open:?}")))
    }
}

impl World {
    pub(super) fn orchestrator_starts(&mut self) {
        let clock = Clock::by_hand(self.hand.clone());
        let shared = Shared::with_clock(clock, Names::default(), BTreeMap::new(), Limits::DEFAULT);
        let shared = Arc::new(self.limited(shared));
        let retention = Millis::from_secs(7 * 24 * 3600);
        self.disk.open().crashed = false;
        let (_, inputs) = mpsc::channel(1);
        let (sender, outputs) = mpsc::unbounded_channel();
        let driver = Driver::new(self.disk.clone(), shared.clone(), retention, inputs, sender);
        let driver = driver.expect("the disk can be read");
        self.orchestrator.process += 1;
        let process = self.orchestrator.process;
        let driver = driver.with_chance(Chance::Seed(hash(&[self.plan.seed, 3, u64::from(process)])));
        driver.show();
        self.trace.say(|| format!("orchestrator #{process} starts"));
        self.orchestrator.running = Some(Running {
            driver,
            outputs,
            shared,
            packets: VecDeque::new(),
            pending: Vec::new(),
            link: None,
            turn_is_due: false,
            wake_at: self.now + IDLE_TURN_MS,
            frozen: false,
        });
        self.at(1, Happening::OrchestratorConnects);
        self.at(IDLE_TURN_MS, Happening::TimedTurn(process));
    }

    /// The same with the limits of the world.
    fn limited(&self, shared: Shared) -> Shared {
        let mut limits = BTreeMap::new();
        let mut keep = |name, definition| drop(limits.insert(LimitName::new(name).expect("a name"), definition));
        if let Some(limit) = self.plan.limit {
            let definition = LimitDefinition {
                on: Some("kind:work".to_owned()),
                key: Some("${{ queue }}".to_owned()),
                concurrency: Some(limit.concurrency),
                rate: limit.rate.map(|(count, _)| format!("{count}/s")),
                burst: limit.rate.map(|(_, burst)| burst),
                ..LimitDefinition::default()
            };
            keep(LIMIT, definition);
        }
        if let Some(slots) = self.plan.jobs_at_once {
            let definition = LimitDefinition {
                on: Some("kind:work".to_owned()),
                // Sub-jobs have no name.
                key: Some("${{ job.name }}".to_owned()),
                concurrency: u32::try_from(slots).ok(),
                per: Some("job".to_owned()),
                ..LimitDefinition::default()
            };
            keep(JOB_LIMIT, definition);
        }
        let fair = (QueueName::new(&queue_name(0)).expect("a name"), "${{ job.id }}".to_owned());
        let fair = BTreeMap::from_iter(Some(fair).filter(|_| self.plan.limit.is_some_and(|limit| limit.is_fair)));
        shared.with_limits(limits).with_fair_queues(&fair)
    }

    /// It dies; another is started after a while.
    pub(super) fn orchestrator_dies(&mut self) {
        let Some(running) = self.orchestrator.running.take() else { return };
        self.trace.say(|| "orchestrator is killed".to_owned());
        {
            let mut platter = self.disk.open();
            let platter = &mut *platter;
            platter.judge.orchestrator_dies(&mut platter.memory);
        }
        if let Some(link) = running.link {
            self.client_dies(link.conn);
        }
        let delay = self.dice.between(50, 8_000);
        self.at(delay, Happening::OrchestratorStarts);
    }

    pub(super) fn orchestrator_lost(&mut self, conn: Conn) {
        let Some(running) = &mut self.orchestrator.running else { return };
        if running.link.as_ref().is_none_or(|link| link.conn != conn) {
            return;
        }
        running.link = None;
        self.disk.open().judge.connected(None);
        self.trace.say(|| "orchestrator lost its session".to_owned());
        self.input(vec![Input::Disconnected], None);
        let delay = self.dice.between(100, 3_000);
        self.at(delay, Happening::OrchestratorConnects);
    }

    pub(super) fn orchestrator_conn(&self) -> Option<Conn> {
        self.orchestrator.running.as_ref()?.link.as_ref().map(|link| link.conn)
    }

    /// Gives up its session by itself.
    fn break_session(&mut self, why: &str) {
        if let Some(conn) = self.orchestrator_conn() {
            self.trace.say(|| format!("orchestrator gives up its session: {why}"));
            self.broker_drops(conn);
        }
    }

    pub(super) fn orchestrator_connects(&mut self) {
        let Some(running) = &self.orchestrator.running else { return };
        if running.link.is_some() {
            return;
        }
        if running.frozen {
            return self.at(500, Happening::OrchestratorConnects);
        }
        let Some(conn) = self.connect(Party::Orchestrator) else {
            return self.at(1_000, Happening::OrchestratorConnects);
        };
        let gone = self.gone();
        let wiped = !self.broker.has_exchange(&self.names.owner());
        let link = Link { conn, consumers: BTreeMap::new(), prepared: Vec::new(), is_up: false, empty_at: None };
        self.orchestrator.running.as_mut().expect("just seen").link = Some(link);
        if !gone.is_empty() && !wiped {
            let lost = gone.into_iter().map(Input::LaneLost).collect();
            return self.input(lost, Some(Waiting::Session { conn }));
        }
        self.declare_topology();
        if wiped {
            self.trace.say(|| "orchestrator finds a broker without memory".to_owned());
            if self.client.replies.were_lost {
                self.mark("the broker lost its disk");
            }
            self.input(vec![Input::Connected { wiped }], Some(Waiting::Prefix { conn }));
        } else {
            self.session_is_up(conn, false);
        }
    }

    fn session_is_up(&mut self, conn: Conn, wiped: bool) {
        if !self.net.is_open(conn) {
            return;
        }
        self.broker.declare_exchange(&self.names.owner(), crate::broker::Routing::Fanout, None);
        let names = &self.names;
        let heartbeats = format!("{}.{conn}", names.workers());
        let shape = crate::broker::Shape { exclusive: Some(conn), ..Default::default() };
        self.broker.declare_queue(&heartbeats, shape);
        self.broker.bind(&heartbeats, &names.workers(), "");
        let queues = [
            (names.results(), 1000, Source::Results),
            (names.dead(), 64, Source::Dead),
            (names.unrouted(), 64, Source::Unrouted),
            (heartbeats, 64, Source::Heartbeats),
            (names.submit(), 64, Source::Submits),
        ];
        let Some(link) = self.orchestrator.running.as_mut().and_then(|running| running.link.as_mut()) else { return };
        for (queue, prefetch, source) in queues {
            if let Some(no) = self.broker.consume(conn, &queue, prefetch) {
                link.consumers.insert(no, source);
            }
        }
        link.is_up = true;
        self.disk.open().judge.connected(Some(self.now));
        if !wiped {
            self.input(vec![Input::Connected { wiped: false }], None);
        }
        self.at(1_000, Happening::Poll(conn));
        self.deliver();
    }

    /// Hands inputs to the loop.
    pub(super) fn input(&mut self, inputs: Vec<Input>, what: Option<Waiting>) {
        let Some(running) = &mut self.orchestrator.running else { return };
        let mut packet = Packet { inputs, done: None };
        if let Some(what) = what {
            let (done, committed) = oneshot::channel();
            packet.done = Some(done);
            running.pending.push(Pending { committed, what });
        }
        running.packets.push_back(packet);
        if !running.turn_is_due {
            running.turn_is_due = true;
            let process = self.orchestrator.process;
            let delay = self.dice.below(6);
            self.at(delay, Happening::Turn(process));
        }
    }

    /// A turn because something came.
    pub(super) fn turn(&mut self, process: u32) {
        if let Some(running) = self.running(process) {
            running.turn_is_due = false;
            self.take_turn();
        }
    }

    /// A turn because it is time.
    pub(super) fn timed_turn(&mut self, process: u32) {
        let now = self.now;
        if let Some(running) = self.running(process)
            && running.wake_at == now
        {
            self.take_turn();
        }
    }

    fn running(&mut self, process: u32) -> Option<&mut Running> {
        let is_current = self.orchestrator.process == process;
        self.orchestrator.running.as_mut().filter(|running| is_current && !running.frozen)
    }

    fn take_turn(&mut self) {
        let Some(running) = &mut self.orchestrator.running else { return };
        let mut packets = Vec::new();
        let mut count = 0;
        while count < BATCH
            && let Some(packet) = running.packets.pop_front()
        {
            count += packet.inputs.len();
            packets.push(packet);
        }
        self.disk.open().now = self.now;
        running.driver.turn(packets);
        self.plan_next_turn();
        self.after_turn();
    }

    fn plan_next_turn(&mut self) {
        let wall = Clock::by_hand(self.hand.clone()).now_ms();
        let due = self.disk.open().memory.next_due().ok().flatten();
        let wait = due.map_or(IDLE_TURN_MS, |at| u64::try_from(at.0 - wall).unwrap_or(0).clamp(1, IDLE_TURN_MS));
        let process = self.orchestrator.process;
        let Some(running) = &mut self.orchestrator.running else { return };
        let more = !running.packets.is_empty() && !running.turn_is_due;
        running.turn_is_due |= more;
        let wake_at = self.now + wait;
        let earlier = running.wake_at <= self.now || running.wake_at > wake_at;
        if earlier {
            running.wake_at = wake_at;
            self.at(wait, Happening::TimedTurn(process));
        }
        if more {
            self.at(1, Happening::Turn(process));
        }
    }

    fn after_turn(&mut self) {
        let (fates, crashed) = {
            let mut platter = self.disk.open();
            (std::mem::take(&mut platter.fates), platter.crashed)
        };
        for fate in fates {
            self.struck(fate.fault());
        }
        if crashed {
            return self.orchestrator_dies();
        }
        self.settle_pending();
        self.hear_answers();
        let mut outputs = Vec::new();
        if let Some(running) = &mut self.orchestrator.running {
            while let Ok(output) = running.outputs.try_recv() {
                outputs.push(output);
            }
        }
        outputs.into_iter().for_each(|output| self.act(output));
        self.deliver();
    }

    /// What is committed is acknowledged; if something cannot be, the session ends and all comes again.
    fn settle_pending(&mut self) {
        let Some(running) = &mut self.orchestrator.running else { return };
        let mut kept = Vec::new();
        let mut settled = Vec::new();
        for mut one in std::mem::take(&mut running.pending) {
            match one.committed.try_recv() {
                Ok(()) => settled.push(Some(one.what)),
                Err(oneshot::error::TryRecvError::Closed) => settled.push(None),
                Err(oneshot::error::TryRecvError::Empty) => kept.push(one),
            }
        }
        running.pending = kept;
        for one in settled {
            match one {
                Some(what) => self.committed(what),
                None => {
                    self.mark("a store could not be written");
                    self.break_session("the store could not be written");
                }
            }
        }
    }

    fn committed(&mut self, what: Waiting) {
        let current = self.orchestrator_conn();
        match what {
            Waiting::Session { conn } if current == Some(conn) && self.net.is_open(conn) => {
                self.mark("a queue was lost");
                self.declare_topology();
                self.session_is_up(conn, false);
            }
            Waiting::Queue { conn, queue } if current == Some(conn) && self.net.is_open(conn) => {
                self.mark("a queue was lost");
                self.declare_task_queue(&queue);
            }
            Waiting::Prefix { conn } if current == Some(conn) => self.session_is_up(conn, true),
            Waiting::Deliveries { conn, tags, submits } if current == Some(conn) => {
                for (mut answer, to) in submits {
                    match answer.try_recv() {
                        Ok(Answer::Refused(problems)) => self.refuse(conn, to, problems),
                        Ok(Answer::NotFound) => self.refuse(conn, to, inbox::nobody_waits()),
                        Ok(Answer::Answered(_)) => self.mark("an event by a message"),
                        _ => {}
                    }
                }
                for tag in tags {
                    self.send(conn, super::net::Up::Ack(tag));
                }
            }
            _ => {}
        }
    }
}
