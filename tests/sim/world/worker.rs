//! Workers: their real rules, with a shell in virtual time around them.

use std::collections::{BTreeMap, BTreeSet};

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::time::Millis;
use warrener_shared::wire::Message;
use warrener_shared::wire::control::Control;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::{Progress, Report, RetryAdvice};
use warrener_shared::wire::topology::{KEY_CONTROL_ALL, KEY_RESULTS, control_key};
use warrener_worker::session::{Action, Ending as End, Event, Offer, Rules, Session, Ticket};

use super::net::{Confirm, Down, Party, Up};
use super::{Happening, World};
use crate::broker::{Conn, ConsumerNo, Delivery, Shape};
use crate::dice::hash;
use crate::plan::{CLAIM_AFTER_MS, Ending, WorkerPlan, conduct, queue_name};

/// One place for a worker; processes come and go in it.
pub(super) struct Worker {
    plan: WorkerPlan,
    at: usize,
    process: u32,
    running: Option<AtWork>,
}

/// What settles a delivery.
type Settling = (Conn, u64);

struct AtWork {
    id: String,
    session: Session<Settling>,
    born: u64,
    conn: Option<Conn>,
    /// Consumers of the session's feeds.
    feeds: Vec<Feed>,
    control: Option<ConsumerNo>,
    attempts: BTreeMap<Ticket, Attempt>,
    /// What was delivered, and which reports are safe with the broker.
    tags: BTreeMap<u64, Ticket>,
    confirmed: BTreeSet<Ticket>,
    last_beat: Option<u64>,
    drain: Option<u64>,
    forced: bool,
    frozen: bool,
}

#[derive(Clone, Copy, Debug)]
struct Feed {
    lane: usize,
    number: u32,
    prefetch: usize,
    /// `None` while the queue is missing.
    consumer: Option<ConsumerNo>,
}

struct Attempt {
    ends_at: u64,
    how: How,
}

enum How {
    Ends(End),
    Crashes,
}

/// How often a worker looks at the time; the product's does it every 200 ms.
const TICK_MS: u64 = 500;
const HEARTBEAT_MS: u64 = 5_000;
const GRACE_MS: u64 = 5_000;
const FORCED_MS: u64 = 10_000;

impl Worker {
    pub(super) fn new(at: usize, plan: &WorkerPlan) -> Self {
        Self { plan: plan.clone(), at, process: 0, running: None }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.as_ref().is_some_and(|running| {
            running.attempts.is_empty() && running.session.tickets().is_empty() && running.conn.is_some()
        })
    }

    pub(super) fn id(&self) -> &str {
        self.running.as_ref().map_or("nobody", |running| &running.id)
    }

    pub(super) fn conn(&self) -> Option<Conn> {
        self.running.as_ref().and_then(|running| running.conn)
    }

    fn is(&mut self, process: u32) -> Option<&mut AtWork> {
        let is_current = self.process == process;
        self.running.as_mut().filter(|running| is_current && !running.frozen)
    }
}

impl World {
    pub(super) fn worker_starts(&mut self, at: usize) {
        let worker = &mut self.workers[at];
        worker.process += 1;
        let mut kinds = vec!["work".to_owned()];
        if worker.plan.knows_rare {
            kinds.push("rare".to_owned());
        }
        let rules = Rules {
            slots: worker.plan.slots,
            lanes: worker.plan.queues.len(),
            kinds: kinds.into_iter().collect(),
            claim_after: Millis(CLAIM_AFTER_MS),
            lease: Millis(10_000),
            results: self.names.results(),
        };
        let (id, process) = (format!("w{}-{}", worker.at, worker.process), worker.process);
        self.trace.say(|| format!("worker {id} starts"));
        worker.running = Some(AtWork {
            id,
            session: Session::new(rules),
            born: self.now,
            conn: None,
            feeds: Vec::new(),
            control: None,
            attempts: BTreeMap::new(),
            tags: BTreeMap::new(),
            confirmed: BTreeSet::new(),
            last_beat: None,
            drain: None,
            forced: false,
            frozen: false,
        });
        self.at(1, Happening::WorkerConnects(at, process));
        self.at(TICK_MS, Happening::WorkerTicks(at, process));
    }

    /// A worker ends, one way or another; its place gets another.
    pub(super) fn worker_ends(&mut self, at: usize, why: &str) {
        let Some(running) = self.workers[at].running.take() else { return };
        self.trace.say(|| format!("worker {} {why}", running.id));
        self.disk.open().judge.worker_gone(&running.id);
        if let Some(conn) = running.conn {
            self.client_dies(conn);
        }
        let delay = self.dice.between(50, 5_000);
        self.at(delay, Happening::WorkerStarts(at));
    }

    pub(super) fn worker_connects(&mut self, at: usize, process: u32) {
        let Some(running) = self.workers[at].is(process) else { return };
        if running.conn.is_some() {
            return;
        }
        let id = running.id.clone();
        let is_declared = self.broker.has_exchange(&self.names.control());
        let conn = if is_declared { self.connect(Party::Worker(at)) } else { None };
        let Some(conn) = conn else { return self.at(700, Happening::WorkerConnects(at, process)) };
        let queue = self.names.control_queue(&format!("{id}.{conn}"));
        self.broker.declare_queue(&queue, Shape { exclusive: Some(conn), ..Shape::default() });
        for key in [KEY_CONTROL_ALL.to_owned(), control_key(&id)] {
            self.broker.bind(&queue, &self.names.control(), &key);
        }
        let control = self.broker.consume(conn, &queue, 100);
        let running = self.workers[at].running.as_mut().expect("just seen");
        running.conn = Some(conn);
        running.control = control;
        running.feeds.clear();
        running.last_beat = None;
        self.tell(at, Event::Opened);
        self.beat(at);
    }

    pub(super) fn worker_lost(&mut self, at: usize, conn: Conn) {
        let Some(running) = self.workers[at].running.as_mut().filter(|running| running.conn == Some(conn)) else {
            return;
        };
        running.conn = None;
        running.feeds.clear();
        self.trace.say(|| format!("worker {} lost its connection", self.workers[at].running.as_ref().expect("it").id));
        self.tell(at, Event::Lost);
        let delay = self.dice.between(100, 3_000);
        let process = self.workers[at].process;
        self.at(delay, Happening::WorkerConnects(at, process));
    }

    pub(super) fn worker_ticks(&mut self, at: usize, process: u32) {
        let now = self.now;
        let Some(running) = self.workers[at].is(process) else { return };
        let grace_over = running.drain.is_some_and(|since| now >= since + GRACE_MS) && !running.forced;
        let all_over = running.drain.is_some_and(|since| now >= since + GRACE_MS + FORCED_MS);
        if all_over {
            return self.worker_ends(at, "leaves with unsettled deliveries");
        }
        if grace_over {
            running.forced = true;
            self.tell(at, Event::GraceOver);
        }
        self.tell(at, Event::Tick);
        self.retry_missing(at);
        self.beat(at);
        self.at(TICK_MS, Happening::WorkerTicks(at, process));
    }

    /// Tells the session what happened, and does what it says.
    fn tell(&mut self, at: usize, event: Event<Settling>) {
        let now = self.now;
        let Some(running) = self.workers[at].running.as_mut() else { return };
        running.session.handle(event, Millis(now - running.born));
        self.perform(at);
    }

    fn perform(&mut self, at: usize) {
        loop {
            let now = self.now;
            let Some(running) = self.workers[at].running.as_mut() else { return };
            let actions = running.session.take_actions(Millis(now - running.born));
            if actions.is_empty() {
                break;
            }
            let mut leftovers = Vec::new();
            for action in actions {
                self.worker_acts(at, action, &mut leftovers);
            }
            for (lane, number, delivery) in leftovers {
                self.offer(at, lane, number, delivery);
            }
        }
        self.deliver();
    }

    fn worker_acts(&mut self, at: usize, action: Action<Settling>, leftovers: &mut Vec<(usize, u32, Delivery)>) {
        let Some(running) = self.workers[at].running.as_mut() else { return };
        let conn = running.conn;
        match (action, conn) {
            (Action::Start { ticket, assignment, delivery }, _) => self.start(at, ticket, &assignment, delivery),
            (Action::Stop(ticket), _) => self.stop_attempt(at, &ticket),
            (Action::Leave, _) => self.worker_ends(at, "has drained and leaves"),
            (Action::Publish { ticket, serial, report, .. }, Some(conn)) => {
                let mut message = report.to_message(&ticket);
                message.set_text("worker", running.id.clone());
                self.trace.say(|| format!("worker {at} reports {} of {ticket}", message.kind.as_deref().unwrap_or("")));
                let exchange = self.names.results();
                let twice = self.reports_twice().then(|| message.clone());
                for (message, confirm) in [(Some(message), Some(Confirm::Report(ticket, serial))), (twice, None)] {
                    let Some(message) = message else { continue };
                    let (exchange, key) = (exchange.clone(), KEY_RESULTS.to_owned());
                    self.send(conn, Up::Publish { exchange, key, message: Box::new(message), confirm });
                }
            }
            (Action::Ack((of, tag)), Some(conn)) if of == conn => {
                if let Some(ticket) = running.tags.remove(&tag) {
                    let is_safe = running.confirmed.contains(&ticket);
                    self.disk.open().judge.acks(&running.id, &ticket, is_safe);
                }
                self.send(conn, Up::Ack(tag));
            }
            (Action::Consume { lane, feed, prefetch }, Some(conn)) => {
                self.flush(conn);
                let consumer = self.subscribe(at, conn, lane, prefetch as usize);
                let feed = Feed { lane, number: feed, prefetch: prefetch as usize, consumer };
                self.workers[at].running.as_mut().expect("just seen").feeds.push(feed);
            }
            (Action::Cancel { lane, feed }, Some(conn)) => {
                self.flush(conn);
                let Some(running) = self.workers[at].running.as_mut() else { return };
                let Some(place) = running.feeds.iter().position(|one| one.number == feed) else { return };
                if let Some(consumer) = running.feeds.remove(place).consumer
                    && self.net.is_open(conn)
                {
                    self.broker.cancel(consumer);
                    let of_it = self.leftovers(conn, consumer);
                    leftovers.extend(of_it.into_iter().map(|delivery| (lane, feed, delivery)));
                }
            }
            _ => {}
        }
    }

    fn subscribe(&mut self, at: usize, conn: Conn, lane: usize, prefetch: usize) -> Option<ConsumerNo> {
        if !self.net.is_open(conn) {
            return None;
        }
        let queue = queue_name(self.workers[at].plan.queues[lane]).parse().expect("a valid name");
        self.broker.consume(conn, &self.names.task_queue(&queue), prefetch)
    }

    fn retry_missing(&mut self, at: usize) {
        let Some(conn) = self.workers[at].conn() else { return };
        let feeds = self.workers[at].running.as_ref().map_or(0, |running| running.feeds.len());
        for place in 0..feeds {
            let feed = self.workers[at].running.as_ref().expect("just seen").feeds[place];
            if feed.consumer.is_none() {
                let consumer = self.subscribe(at, conn, feed.lane, feed.prefetch);
                self.workers[at].running.as_mut().expect("just seen").feeds[place].consumer = consumer;
            }
        }
        self.deliver();
    }

    pub(super) fn worker_hears(&mut self, at: usize, conn: Conn, what: Down) {
        let Some(running) = self.workers[at].running.as_mut().filter(|running| running.conn == Some(conn)) else {
            return;
        };
        match what {
            Down::Confirmed(Confirm::Report(ticket, serial), confirmed) => {
                if confirmed {
                    running.confirmed.insert(ticket.clone());
                    let mut platter = self.disk.open();
                    let platter = &mut *platter;
                    platter.judge.confirmed(&running.id, &ticket, &mut platter.memory, self.now);
                }
                self.tell(at, Event::Answered { ticket, serial, confirmed });
            }
            Down::Confirmed(..) => {}
            Down::Deliver(delivery) if running.control == Some(delivery.consumer) => {
                self.send(conn, Up::Ack(delivery.tag));
                if let Ok(control) = serde_json::from_slice::<Control>(&delivery.message.body) {
                    self.obey(at, control);
                }
            }
            Down::Deliver(delivery) => {
                let feed = running.feeds.iter().find(|feed| feed.consumer == Some(delivery.consumer)).copied();
                let Some(feed) = feed else { return };
                self.offer(at, feed.lane, feed.number, *delivery);
                self.perform(at);
            }
        }
    }

    fn obey(&mut self, at: usize, control: Control) {
        if !control.cancel.is_empty() {
            let id = self.workers[at].id().to_owned();
            self.disk.open().judge.told_to_stop(&id, &control.cancel);
            self.tell(at, Event::Cancel(control.cancel));
        }
        let now = self.now;
        if control.drain
            && let Some(running) = self.workers[at].running.as_mut().filter(|running| running.drain.is_none())
        {
            running.drain = Some(now);
            running.last_beat = None;
            self.tell(at, Event::Drain);
            self.beat(at);
        }
    }

    fn offer(&mut self, at: usize, lane: usize, feed: u32, delivery: Delivery) {
        let now = self.now;
        let receipt = (delivery.conn, delivery.tag);
        let Ok(assignment) = Assignment::from_message((*delivery.message).clone()) else {
            return self.send(delivery.conn, Up::Reject(delivery.tag));
        };
        let Some(running) = self.workers[at].running.as_mut() else { return };
        running.tags.insert(delivery.tag, assignment.ticket.as_str().into());
        let offer = Offer { lane, feed, assignment, earlier: delivery.returned, delivery: receipt };
        running.session.handle(Event::Delivered(offer), Millis(now - running.born));
    }

    fn start(&mut self, at: usize, ticket: Ticket, assignment: &Assignment, delivery: u32) {
        let id = self.workers[at].id().to_owned();
        self.trace.say(|| {
            format!(
                "worker {id} begins {}/{}.{} (delivery {delivery})",
                assignment.job, assignment.task, assignment.attempt
            )
        });
        {
            let mut platter = self.disk.open();
            let platter = &mut *platter;
            platter.judge.starts(&id, &ticket, assignment, &mut platter.memory, self.now);
        }
        let (duration, how) = self.play(assignment);
        let ends_at = self.now + duration;
        let process = self.workers[at].process;
        let slots = self.workers[at].plan.slots;
        if let Some(running) = self.workers[at].running.as_mut() {
            running.attempts.insert(ticket, Attempt { ends_at, how });
            let many = running.attempts.len();
            self.disk.open().judge.is_busy(&running.id, many, slots);
        }
        self.at(duration, Happening::Ended(at, process));
    }

    /// How the attempt goes: as planned, but no longer than its time limit.
    fn play(&self, assignment: &Assignment) -> (u64, How) {
        let (name, index) = assignment
            .task
            .split_once('.')
            .map_or((assignment.task.as_str(), None), |(name, index)| (name, index.parse::<u32>().ok()));
        let place: u64 = name.trim_start_matches('t').parse().unwrap_or(0);
        let job = self.plan.jobs.iter().find(|job| job.id == assignment.job);
        // A job inside of a task has an id that nobody chose.
        let of_id = || assignment.job.bytes().fold(7, |sum, byte| hash(&[sum, u64::from(byte)]));
        let secret = job.map_or_else(of_id, |job| job.secret);
        let (duration, ending) = conduct(secret, place, index, assignment.attempt);
        let failed = |code: &'static str, retry| Report::Failed { error: ErrorObject::new(code, "as planned"), retry };
        let limit = assignment.timeout.map_or(u64::MAX, |span| span.0);
        if duration > limit {
            return (limit, How::Ends(End::Reported(failed(code::TIMED_OUT, RetryAdvice::Policy))));
        }
        let how = match ending {
            Ending::Crashes => How::Crashes,
            Ending::Fails(code, advice) => {
                let retry = match advice {
                    Some(false) => RetryAdvice::Never,
                    Some(true) => RetryAdvice::After(Millis(300)),
                    None => RetryAdvice::Policy,
                };
                How::Ends(End::Reported(failed(code, retry)))
            }
            Ending::Succeeds => {
                let output = crate::judge::work(&assignment.input).to_string().into_bytes();
                How::Ends(End::Reported(Report::Succeeded { output }))
            }
        };
        (duration, how)
    }

    fn stop_attempt(&mut self, at: usize, ticket: &Ticket) {
        let delay = self.dice.below(3_000);
        let (now, process) = (self.now, self.workers[at].process);
        let Some(running) = self.workers[at].running.as_mut() else { return };
        if let Some(attempt) = running.attempts.get_mut(ticket)
            && attempt.ends_at > now + delay
        {
            *attempt = Attempt { ends_at: now + delay, how: How::Ends(End::Interrupted) };
            self.at(delay, Happening::Ended(at, process));
        }
    }

    pub(super) fn attempts_ended(&mut self, at: usize, process: u32) {
        let now = self.now;
        let Some(running) = self.workers[at].is(process) else { return };
        let over: Vec<Ticket> = running
            .attempts
            .iter()
            .filter(|(_, attempt)| attempt.ends_at <= now)
            .map(|(ticket, _)| ticket.clone())
            .collect();
        for ticket in over {
            let Some(running) = self.workers[at].running.as_mut() else { return };
            let Some(attempt) = running.attempts.remove(&ticket) else { continue };
            let id = running.id.clone();
            match attempt.how {
                How::Crashes => {
                    self.disk.open().judge.crashes(&ticket);
                    return self.worker_ends(at, "dies of what it works on");
                }
                How::Ends(ending) => {
                    self.disk.open().judge.ends(&id, &ticket, &ending);
                    self.tell(at, Event::Ended { ticket, ending });
                }
            }
        }
    }

    /// A heartbeat, if it is time; with it the news of attempts.
    fn beat(&mut self, at: usize) {
        let now = self.now;
        let plan = &self.workers[at].plan;
        let (slots, queues) = (plan.slots, plan.queues.iter().map(|queue| queue_name(*queue)).collect());
        let Some(running) = self.workers[at].running.as_mut() else { return };
        let Some(conn) = running.conn else { return };
        let every = running.session.patience().map_or(HEARTBEAT_MS, |span| (span.0 / 3).clamp(300, HEARTBEAT_MS));
        if running.last_beat.is_some_and(|last| now - last < every) {
            return;
        }
        running.last_beat = Some(now);
        let beat = Heartbeat {
            worker: running.id.clone(),
            queues,
            slots: u32::try_from(slots).expect("a few"),
            tickets: running.session.tickets(),
            draining: running.session.is_draining(),
            ..Heartbeat::default()
        };
        let body = serde_json::to_vec(&beat).expect("plain data");
        let news = running.attempts.keys().next().cloned();
        let exchange = self.names.workers();
        let message = Box::new(Message { body, ..Message::default() });
        self.send(conn, Up::Publish { exchange, key: String::new(), message, confirm: None });
        if let Some(ticket) = news.filter(|_| self.dice.percent(20)) {
            let message = Report::Progress(Progress { done: Some(1.0), ..Progress::default() }).to_message(&ticket);
            let (exchange, key) = (self.names.results(), KEY_RESULTS.to_owned());
            self.send(conn, Up::Publish { exchange, key, message: Box::new(message), confirm: None });
        }
    }

    /// A worker is stopped in its tracks, as by a machine that swaps.
    pub(super) fn freeze(&mut self, at: usize) {
        let delay = self.dice.between(1_000, 40_000);
        let process = self.workers[at].process;
        let Some(running) = self.workers[at].is(process) else { return };
        running.frozen = true;
        if let Some(conn) = running.conn {
            self.net.freeze(conn);
        }
        self.at(delay, Happening::Thaws(at, process));
    }

    pub(super) fn thaws(&mut self, at: usize, process: u32) {
        if self.workers[at].process != process {
            return;
        }
        let Some(running) = self.workers[at].running.as_mut().filter(|running| running.frozen) else { return };
        running.frozen = false;
        let conn = running.conn;
        if let Some(conn) = conn {
            self.thaw(conn);
        } else {
            self.at(1, Happening::WorkerConnects(at, process));
        }
        self.at(1, Happening::WorkerTicks(at, process));
        self.at(2, Happening::Ended(at, process));
    }
}
