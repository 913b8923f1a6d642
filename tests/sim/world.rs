//! The world of one seed: everything in one thread, in virtual time.

mod client;
mod net;
mod orchestrator;
mod strokes;
mod trace;
mod worker;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use warrener_engine::row::TaskRow;
use warrener_orchestrator::store::Rows;
use warrener_runtime::clock::Hand;
use warrener_shared::id::TaskNo;
use warrener_shared::wire::topology::Names;

use self::client::Client;
pub(crate) use self::client::Replies;
use self::net::Net;
use self::orchestrator::Orchestrator;
pub(crate) use self::trace::Trace;
use self::worker::Worker;
use crate::broker::{Broker, Conn};
use crate::dice::{Dice, hash};
use crate::disk::Disk;
use crate::judge::{Judge, Violation};
use crate::plan::{Plan, Via, Wish};

/// Something that happens at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Happening {
    /// The next frame reaches the broker.
    AtBroker(Conn),
    /// The next frame reaches the client of a connection.
    AtClient(Conn),
    /// A confirm of a connection is waited for no longer.
    GaveUp(Conn),
    /// The client of a connection notices that it is gone.
    Noticed(Conn),
    /// The orchestrator starts.
    OrchestratorStarts,
    OrchestratorConnects,
    /// One turn of its loop; of the process with this number.
    Turn(u32),
    /// The same because of the time.
    TimedTurn(u32),
    Poll(Conn),
    WorkerStarts(usize),
    WorkerConnects(usize, u32),
    WorkerTicks(usize, u32),
    /// The next attempt of a worker may be over.
    Ended(usize, u32),
    Thaws(usize, u32),
    /// A stopped process of the orchestrator goes on.
    OrchestratorThaws(u32),
    /// A stopped broker goes on.
    BrokerThaws,
    Stroke,
    Wish(Wish),
    Resubmit(usize),
    ClientConnects,
    BrokerReturns,
    /// A wall clock that was far off is right again: it is set by so many milliseconds.
    WallReturns(i64),
    /// A process found dead by the broker.
    BrokerNotices(Conn),
}

/// See the module.
pub(crate) struct World {
    pub(crate) plan: Plan,
    now: u64,
    last: u64,
    queue: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    dice: Dice,
    hand: Arc<Hand>,
    /// How far the wall clock is off.
    wall_off: i64,
    /// True while it is off by days.
    is_far: bool,
    names: Names,
    broker: Broker,
    net: Net,
    disk: Disk,
    orchestrator: Orchestrator,
    workers: Vec<Worker>,
    client: Client,
    /// Faults are over.
    calm: bool,
    pub(crate) trace: Trace,
}

/// What a world came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) violation: Option<Violation>,
    pub(crate) trace: Vec<String>,
    pub(crate) reach: crate::reach::Reach,
    /// Virtual milliseconds, and events.
    pub(crate) virtual_ms: u64,
    pub(crate) events: u64,
}

/// In calm, everything must be final within this time: longer than all limits of a job together, and than the wall
/// clock jumps.
const PATIENCE_MS: u64 = 4 * 3_600_000;
/// Events of one world; more would mean that something goes in circles.
const EVENTS_MAX: u64 = 400_000;
/// 2026, so that ranks and times look as they do in life.
const EPOCH_MS: i64 = 1_770_000_000_000;

impl World {
    pub(crate) fn new(plan: Plan, traced: bool) -> Self {
        let hand = Arc::new(Hand::default());
        hand.jump(EPOCH_MS);
        let dice = Dice::new(hash(&[plan.seed, 1]));
        let disk = Disk::new(Judge::new(&plan), plan.faults.of_commits(), Dice::new(hash(&[plan.seed, 2])));
        let workers = plan.workers.iter().enumerate().map(|(at, plan)| Worker::new(at, plan)).collect();
        let mut world = Self {
            now: 0,
            last: 0,
            queue: BinaryHeap::new(),
            dice,
            hand,
            wall_off: 0,
            is_far: false,
            names: Names::default(),
            broker: Broker::default(),
            net: Net::default(),
            disk,
            orchestrator: Orchestrator::default(),
            workers,
            client: Client::default(),
            calm: false,
            trace: Trace::new(traced),
            plan,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.at(0, Happening::OrchestratorStarts);
        for at in 0..self.workers.len() {
            let delay = self.dice.below(3_000);
            self.at(delay, Happening::WorkerStarts(at));
        }
        for (when, wish) in self.plan.wishes.clone() {
            self.at(when, Happening::Wish(wish));
        }
        if !self.plan.faults.strokes().is_empty() {
            self.at(self.plan.faults.every_ms, Happening::Stroke);
        }
    }

    /// Something happens so many milliseconds from now.
    fn at(&mut self, delay: u64, what: Happening) {
        self.last += 1;
        self.queue.push(Reverse((self.now + delay, self.last, what)));
    }

    /// Plays the world to its end.
    pub(crate) fn run(mut self) -> Outcome {
        let mut events = 0;
        let mut look_at = self.plan.safety_ms;
        let violation = loop {
            let Some(Reverse((when, _, what))) = self.queue.pop() else { break None };
            if when >= look_at {
                look_at = when + LOOK_EVERY_MS;
                if !self.calm {
                    self.calm_down();
                } else if self.is_over() && (self.all_told() || when > self.plan.safety_ms + TOLD_MS) {
                    break self.last_judgement();
                } else if when > self.plan.safety_ms + PATIENCE_MS {
                    break Some(self.unfinished());
                }
            }
            self.pass_until(when);
            self.happen(what);
            events += 1;
            if events > EVENTS_MAX {
                break Some(Violation::new("endless", format!("{events} events, and no end: last {what:?}")));
            }
            if let Some(violation) = self.disk.open().judge.take_violation() {
                break Some(violation);
            }
        };
        let reach = self.disk.open().judge.reach.clone();
        let trace = self.trace.take();
        Outcome { violation, trace, reach, virtual_ms: self.now, events }
    }

    fn pass_until(&mut self, when: u64) {
        if when > self.now {
            self.hand.pass(when - self.now);
            self.now = when;
            self.trace.now = when;
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::AtBroker(conn) => self.at_broker(conn),
            Happening::AtClient(conn) => self.at_client(conn),
            Happening::GaveUp(conn) => self.gave_up(conn),
            Happening::Noticed(conn) => self.noticed(conn),
            Happening::OrchestratorStarts => self.orchestrator_starts(),
            Happening::OrchestratorConnects => self.orchestrator_connects(),
            Happening::Turn(process) => self.turn(process),
            Happening::TimedTurn(process) => self.timed_turn(process),
            Happening::Poll(conn) => self.poll(conn),
            Happening::WorkerStarts(at) => self.worker_starts(at),
            Happening::WorkerConnects(at, process) => self.worker_connects(at, process),
            Happening::WorkerTicks(at, process) => self.worker_ticks(at, process),
            Happening::Ended(at, process) => self.attempts_ended(at, process),
            Happening::Thaws(at, process) => self.thaws(at, process),
            Happening::OrchestratorThaws(process) => self.orchestrator_thaws(process),
            Happening::BrokerThaws => self.broker_thaws(),
            Happening::Stroke => self.stroke(),
            Happening::Wish(wish) => self.wish(wish),
            Happening::Resubmit(job) => self.resubmit(job),
            Happening::ClientConnects => self.client_connects(),
            Happening::BrokerReturns => self.broker_returns(),
            Happening::WallReturns(by) => {
                self.is_far = false;
                self.set_wall(by);
            }
            Happening::BrokerNotices(conn) => self.broker_drops(conn),
        }
    }

    /// Faults end: whoever was held is let go, and who does not know whether a job arrived asks again.
    fn calm_down(&mut self) {
        self.calm = true;
        self.trace.say(|| "--- faults are over ---".to_owned());
        {
            let mut platter = self.disk.open();
            platter.faults = crate::disk::CommitFaults::default();
            platter.judge.calm(self.now);
        }
        self.plan.faults = crate::plan::Faults::default();
        self.hand.jump(-std::mem::take(&mut self.wall_off));
        for queue in 0..crate::plan::QUEUES {
            self.wish(Wish::PauseQueue(queue, false));
        }
        for job in 0..self.plan.jobs.len() {
            self.wish(Wish::Pause(job, false));
            self.at(1_000, Happening::Resubmit(job));
        }
    }

    /// Whether everything is final, and nothing is on its way.
    fn is_over(&self) -> bool {
        let platter = self.disk.open();
        let all_final = platter.memory.jobs().all(|job| job.state.is_final());
        let all_there = self
            .plan
            .jobs
            .iter()
            .enumerate()
            .all(|(at, job)| job.is_left_out || self.client.is_refused(at) || platter.judge.knows(&job.id));
        drop(platter);
        all_final && all_there && self.is_quiet()
    }

    /// Whether whoever asked over AMQP has heard of an end. An answer that failed is left alone for a while.
    fn all_told(&self) -> bool {
        let asked = self.plan.jobs.iter().enumerate().filter(|(_, job)| job.via == Via::Amqp && !job.is_left_out);
        let mut asked = asked.map(|(at, _)| at).filter(|at| !self.client.is_refused(*at));
        asked.all(|at| self.client.replies.finished.contains_key(&at))
    }

    fn is_quiet(&self) -> bool {
        self.broker.held() == 0
            && self.net.is_quiet()
            && self.workers.iter().all(Worker::is_idle)
            && self.orchestrator.is_idle()
    }

    fn unfinished(&mut self) -> Violation {
        let open: Vec<String> = self
            .disk
            .open()
            .memory
            .jobs()
            .filter(|job| !job.state.is_final())
            .map(|job| format!("{} is {} paused={} {:?}", job.id, job.state, job.paused, job.counts))
            .collect();
        let rows = self.disk.open().memory.open_tasks(TaskNo(0), u32::MAX).unwrap_or_default();
        let show = |row: &TaskRow| {
            let (no, state, rank, parked, line) = (row.no, row.state, row.rank, row.parked, row.line.as_deref());
            format!("{} is {state}, rank {rank:?}, parked {parked:?} for {line:?}", no.0)
        };
        let tasks: Vec<String> = rows.iter().map(show).collect();
        let what = format!(
            "hours after the last fault: open jobs {open:?}, open tasks {tasks:?}, broker {:?}, quiet net {}, idle \
             workers {:?}, idle orchestrator {}",
            self.broker.glance(),
            self.net.is_quiet(),
            self.workers.iter().map(Worker::is_idle).collect::<Vec<_>>(),
            self.orchestrator.is_idle(),
        );
        Violation::new("unfinished", what)
    }

    fn last_judgement(&mut self) -> Option<Violation> {
        let books = self.broker.books;
        let mut platter = self.disk.open();
        let platter = &mut *platter;
        platter.judge.at_the_end(&mut platter.memory, &self.client.replies, self.broker.held(), books);
        platter.judge.take_violation().or_else(|| self.orchestrator.leftovers())
    }
}

/// How long after the last fault an answer may be left alone: twice the longest pause of the product.
const TOLD_MS: u64 = 1_200_000;
/// How often it is asked whether all is over.
const LOOK_EVERY_MS: u64 = 2_000;
