//! What the orchestrator consumes, and what it makes of it.

use std::sync::Arc;

use tokio::sync::oneshot;
use warrener_engine::event::Reported;
use warrener_orchestrator::driver::{Answer, Asker, Depth, Heard, Input, ReplyTo, Submission};
use warrener_orchestrator::store::{DeadLetter, Submitted};
use warrener_runtime::clock::Clock;
use warrener_shared::id::{QueueName, Ticket};
use warrener_shared::job::{Problem, canonical_content};
use warrener_shared::limits::Limits;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::Message;
use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::parse_report;
use warrener_shared::wire::submit::{self, Content, Refusal, ReplyAddress};
use warrener_shared::wire::topology::{DELIVERY_LIMIT, KEY_RESULTS, KEY_SUBMIT};

use super::super::net::{Confirm, Down, Up};
use super::super::{Happening, World};
use super::{Source, Waiting};
use crate::broker::{Conn, Delivery, Routing, Shape};
use crate::dice::hash;

impl World {
    pub(in super::super) fn declare_topology(&mut self) {
        let names = self.names.clone();
        let unrouted = names.unrouted();
        for (name, routing) in [
            (names.unrouted(), Routing::Fanout),
            (names.dlx(), Routing::Direct),
            (names.control(), Routing::Direct),
            (names.workers(), Routing::Fanout),
        ] {
            self.broker.declare_exchange(&name, routing, None);
        }
        for name in [names.submit(), names.tasks(), names.results()] {
            self.broker.declare_exchange(&name, Routing::Direct, Some(&unrouted));
        }
        let limit = u32::try_from(DELIVERY_LIMIT).ok();
        let dead_letter = |key: &str| Some((names.dlx(), key.to_owned()));
        let shape = |key| Shape { limit, dead_letter: dead_letter(key), at_least_once: true, ..Shape::default() };
        self.broker.declare_queue(&names.submit(), shape("submit"));
        self.broker.declare_queue(&names.results(), shape("result"));
        for name in [names.dead(), unrouted] {
            self.broker.declare_queue(&name, Shape { limit: Some(LAST_STOP_LIMIT), ..Shape::default() });
        }
        self.broker.bind(&names.submit(), &names.submit(), KEY_SUBMIT);
        self.broker.bind(&names.results(), &names.results(), KEY_RESULTS);
        self.broker.bind(&names.unrouted(), &names.unrouted(), "");
        for key in ["submit", "task", "result"] {
            self.broker.bind(&names.dead(), &names.dlx(), key);
        }
        for queue in self.own_queues() {
            self.declare_task_queue(&queue);
        }
    }

    /// Queues with open attempts that were lost while nobody looked.
    pub(super) fn gone(&self) -> Vec<i64> {
        let Some(running) = &self.orchestrator.running else { return Vec::new() };
        let busy = running.shared.queues.all().into_iter().filter(|queue| queue.dispatched > 0);
        let gone = busy.filter(|queue| self.broker.depth(&self.names.task_queue(&queue.name)).is_none());
        gone.map(|queue| queue.no).collect()
    }

    fn own_queues(&self) -> Vec<QueueName> {
        let Some(running) = &self.orchestrator.running else { return Vec::new() };
        running.shared.queues.all().into_iter().map(|queue| queue.name).collect()
    }

    pub(super) fn declare_task_queue(&mut self, queue: &QueueName) {
        let name = self.names.task_queue(queue);
        let limit = u32::try_from(DELIVERY_LIMIT).ok();
        let dead_letter = Some((self.names.dlx(), "task".to_owned()));
        self.broker.declare_queue(&name, Shape { limit, dead_letter, ..Shape::default() });
        self.broker.bind(&name, &self.names.tasks(), queue.as_str());
    }

    pub(in super::super) fn orchestrator_hears(&mut self, conn: Conn, what: Down) {
        let Some(link) = self.orchestrator.running.as_ref().and_then(|running| running.link.as_ref()) else { return };
        if link.conn != conn {
            return;
        }
        match what {
            Down::Confirmed(confirm, yes) => self.confirmed(confirm, yes),
            Down::Deliver(delivery) => {
                let Some(source) = link.consumers.get(&delivery.consumer).copied() else { return };
                self.consumed(conn, source, *delivery);
            }
        }
    }

    fn confirmed(&mut self, confirm: Confirm, yes: bool) {
        let input = match (confirm, yes) {
            (Confirm::Task(no), true) => Input::Published(vec![no]),
            (Confirm::Task(no), false) => Input::Unpublished(vec![no]),
            (Confirm::Reply(no), true) => Input::Replied(vec![no]),
            (Confirm::Reply(no), false) => Input::NotReplied(vec![no]),
            _ => return,
        };
        self.input(vec![input], None);
    }

    fn consumed(&mut self, conn: Conn, source: Source, delivery: Delivery) {
        let tags = vec![delivery.tag];
        let waiting = Waiting::Deliveries { conn, tags, submits: Vec::new() };
        match source {
            Source::Submits => self.submitted(conn, &delivery),
            Source::Results => {
                let inputs = self.report(&delivery).into_iter().collect();
                self.input(inputs, Some(waiting));
            }
            Source::Dead => {
                let inputs = vec![self.dead(&delivery)];
                self.input(inputs, Some(waiting));
            }
            Source::Unrouted => {
                let inputs = vec![self.unrouted(&delivery)];
                self.input(inputs, Some(waiting));
            }
            Source::Heartbeats => {
                self.heartbeat(&delivery.message);
                self.send(conn, Up::Ack(delivery.tag));
            }
        }
    }

    fn submitted(&mut self, conn: Conn, delivery: &Delivery) {
        let message = &delivery.message;
        let read = submit::Submission::read(message, &self.names, &Limits::DEFAULT);
        let to = read.envelope.reply.clone();
        let tags = vec![delivery.tag];
        match read.content {
            // No client of these worlds sends any.
            Ok(Content::Schedule(_)) => {
                self.input(Vec::new(), Some(Waiting::Deliveries { conn, tags, submits: Vec::new() }))
            }
            Ok(Content::Job(spec)) => {
                let (tell, answer) = oneshot::channel();
                let mode = read.envelope.mode;
                let reply = read.envelope.reply.map(|to| ReplyTo { to, mode });
                let submission = submission(*spec, &message.body, reply, Some(tell));
                let submits = vec![(answer, to)];
                self.input(vec![submission], Some(Waiting::Deliveries { conn, tags, submits }));
            }
            Ok(Content::Event(event)) => {
                let (tell, answer) = oneshot::channel();
                let submits = vec![(answer, to)];
                self.input(vec![Input::Event(event, tell.into())], Some(Waiting::Deliveries { conn, tags, submits }));
            }
            Err(problems) => {
                let inputs = if to.is_some() {
                    self.refuse(conn, to, problems);
                    Vec::new()
                } else {
                    vec![Input::Dead(letter("submit", "invalid", delivery))]
                };
                self.input(inputs, Some(Waiting::Deliveries { conn, tags, submits: Vec::new() }));
            }
        }
    }

    pub(super) fn refuse(&mut self, conn: Conn, to: Option<ReplyAddress>, problems: Vec<Problem>) {
        let Some(to) = to else { return };
        let message = Box::new(submit::rejected(&to, Refusal::of(&problems), problems));
        let confirm = Some(Confirm::Refusal(0));
        self.send(conn, Up::Publish { exchange: String::new(), key: to.queue, message, confirm });
    }

    fn report(&mut self, delivery: &Delivery) -> Option<Input> {
        let Ok((ticket, report)) = parse_report(&delivery.message, &Limits::DEFAULT) else {
            return Some(Input::Dead(letter("result", "unreadable", delivery)));
        };
        let ticket: Ticket = ticket.parse().ok()?;
        {
            let mut platter = self.disk.open();
            let platter = &mut *platter;
            platter.judge.mark_report(&ticket, &report, &mut platter.memory);
            platter.judge.heard(&ticket.to_string(), self.now);
        }
        let worker = delivery.message.header_text("worker").map(Arc::from);
        Some(Input::Report(Reported { ticket, report, worker, interrupted: false, cost: None }))
    }

    fn dead(&mut self, delivery: &Delivery) -> Input {
        let reason = delivery.death.as_ref().map_or("unknown", |death| death.reason);
        let from = match delivery.key.as_str() {
            "submit" => "submit",
            "result" => "result",
            _ => "task",
        };
        let letter = letter(from, if reason == "rejected" { "rejected" } else { "crashed" }, delivery);
        match delivery.message.correlation_id.as_deref().and_then(|text| text.parse::<Ticket>().ok()) {
            Some(ticket) if from == "task" => Input::DeadTask(ticket, reason.into(), Box::new(letter)),
            _ => Input::Dead(letter),
        }
    }

    fn unrouted(&mut self, delivery: &Delivery) -> Input {
        let ticket = delivery.message.correlation_id.as_deref().and_then(|text| text.parse::<Ticket>().ok());
        if let (Some(ticket), Ok(queue)) = (ticket, delivery.key.parse())
            && delivery.exchange == self.names.tasks()
        {
            self.mark("a message found no queue");
            self.prepare_queue(delivery.conn, &queue);
            return Input::Unrouted(ticket);
        }
        Input::Dead(letter("unrouted", "unrouted", delivery))
    }

    /// Makes a task queue that is gone, once it is committed that what it held is to be published again.
    pub(super) fn prepare_queue(&mut self, conn: Conn, queue: &QueueName) {
        let is_there = self.broker.depth(&self.names.task_queue(queue)).is_some();
        let Some(running) = &self.orchestrator.running else { return };
        let number = running.shared.queues.number(queue);
        match number.filter(|_| !is_there) {
            Some(no) => {
                let waiting = Waiting::Queue { conn, queue: queue.clone() };
                self.input(vec![Input::LaneLost(no)], Some(waiting));
            }
            None => self.declare_task_queue(queue),
        }
    }

    fn heartbeat(&mut self, message: &Message) {
        let Ok(heartbeat) = serde_json::from_slice::<Heartbeat>(&message.body) else { return };
        let tickets: Vec<Ticket> = heartbeat.tickets.iter().filter_map(|text| text.parse().ok()).collect();
        let worker: Arc<str> = Arc::from(heartbeat.worker.as_str());
        let queues = heartbeat.queues.clone();
        let Some(running) = &self.orchestrator.running else { return };
        if running.shared.workers.note(heartbeat, Timestamp(0)) {
            for queue in queues.iter().filter_map(|name| QueueName::new(name).ok()) {
                self.input(vec![Input::Queue(queue)], None);
            }
        }
        let mut platter = self.disk.open();
        tickets.iter().for_each(|ticket| platter.judge.heard(&ticket.to_string(), self.now));
        drop(platter);
        self.input(vec![Input::Heartbeat(Heard { worker, tickets })], None);
    }

    /// The look at the queues, each second.
    pub(in super::super) fn poll(&mut self, conn: Conn) {
        if self.orchestrator_conn() != Some(conn) || !self.net.is_open(conn) {
            return;
        }
        let Some(running) = &self.orchestrator.running else { return };
        if running.frozen || self.net.broker_frozen {
            return self.at(300, Happening::Poll(conn));
        }
        for (no, name, upto) in running.shared.queues.unstarted() {
            let Some(ready) = self.broker.depth(&self.names.task_queue(&name)) else {
                self.prepare_queue(conn, &name);
                continue;
            };
            let ready = u32::try_from(ready).unwrap_or(u32::MAX);
            self.input(vec![Input::Depth(Depth { queue: no, ready, upto })], None);
        }
        self.look_at_results(conn);
        self.at(1_000, Happening::Poll(conn));
    }

    /// Tells the loop up to when reports have been handed to it.
    fn look_at_results(&mut self, conn: Conn) {
        // The broker may believe reports to be in the hands of a process that is gone.
        let is_alone = self.broker.consumers_of(&self.names.results()).iter().all(|reader| *reader == conn);
        let is_empty = is_alone && self.broker.depth(&self.names.results()) == Some(0);
        let now = Clock::by_hand(self.hand.clone()).monotonic();
        let running = self.orchestrator.running.as_mut();
        let Some(link) = running.and_then(|running| running.link.as_mut()) else { return };
        if let Some(upto) = std::mem::replace(&mut link.empty_at, is_empty.then_some(now)) {
            self.input(vec![Input::ResultsRead { upto }], None);
        }
    }
}

/// A job for the loop, as the shells make it.
pub(in super::super) fn submission(
    spec: warrener_shared::job::JobSpec,
    body: &[u8],
    reply: Option<ReplyTo>,
    answer: Option<oneshot::Sender<Answer>>,
) -> Input {
    let content = canonical_content(body);
    let digest = std::array::from_fn(|at| hash(&[at as u64, content.len() as u64, sum(&content)]).to_le_bytes()[0]);
    let submitted = Submitted { body: Arc::from(body), priority: None, traceparent: None, digest: Some(digest) };
    Input::Submit(Box::new(Submission { spec: Arc::new(spec), submitted, reply, asker: Asker { answer, by: None } }))
}

/// What is said to who answers what nobody asked.
pub(super) fn nobody_waits() -> Vec<Problem> {
    vec![Problem::of_message("unknown_name", "nobody waits".to_owned(), None)]
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

fn letter(from: &'static str, code: &str, delivery: &Delivery) -> DeadLetter {
    DeadLetter {
        from,
        code: code.to_owned(),
        message: String::new(),
        job: None,
        task: None,
        received_at: Timestamp(0),
        body: delivery.message.body.clone(),
        size: delivery.message.body.len(),
        headers: "{}".to_owned(),
        evidence: None,
    }
}

/// Of the queues behind which there is nothing.
const LAST_STOP_LIMIT: u32 = 1_000_000;
