//! Those who submit jobs, and wait for the answers.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::oneshot;
use warrener_orchestrator::driver::Answer;
use warrener_shared::job::{SubmitContext, parse};
use warrener_shared::limits::Limits;
use warrener_shared::wire::Message;
use warrener_shared::wire::submit::{FINISHED, REJECTED};
use warrener_shared::wire::topology::KEY_SUBMIT;

use super::net::{Confirm, Down, Party, Up};
use super::orchestrator::submission;
use super::{Happening, World};
use crate::broker::{Conn, Shape};
use crate::plan::{EVENT, EventPlan, Via, Wish, key_name};

/// One client for all jobs.
#[derive(Debug, Default)]
pub(super) struct Client {
    conn: Option<Conn>,
    /// Whether the broker lost its disk since the connection was opened.
    is_stale: bool,
    answers: BTreeMap<usize, oneshot::Receiver<Answer>>,
    asks_again: BTreeSet<usize>,
    /// What people asked for, and will hear of.
    pub(super) asked: Vec<(Wish, oneshot::Receiver<Answer>)>,
    pub(super) replies: Replies,
}

/// What came back, by job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replies {
    pub(crate) finished: BTreeMap<usize, Vec<Vec<u8>>>,
    pub(crate) refused: Vec<usize>,
    /// Submits over AMQP that the broker confirmed, and that were sent since it last lost its disk.
    pub(crate) confirmed: Vec<usize>,
    /// The queue of the answers was lost: nobody can expect them all.
    pub(crate) were_lost: bool,
}

impl Client {
    /// Whether it got an answer other than that its job is kept; with a unique key also that of another job.
    pub(super) fn is_refused(&self, job: usize) -> bool {
        self.replies.refused.contains(&job) || self.replies.finished.contains_key(&job)
    }

    /// What the broker held is gone, and so is its promise.
    pub(super) fn wiped(&mut self) {
        self.replies.confirmed.clear();
        self.is_stale = true;
        self.replies.were_lost = true;
    }
}

/// Where answers go.
const REPLIES: &str = "client.replies";

impl World {
    pub(super) fn submit(&mut self, job: usize) {
        let plan = &self.plan.jobs[job];
        if plan.is_left_out || self.disk.open().judge.knows(&plan.id) {
            return;
        }
        let body = serde_json::to_vec(&plan.json()).expect("plain data");
        self.trace.say(|| format!("client submits {} ({:?}): {}", plan.id, plan.via, String::from_utf8_lossy(&body)));
        match plan.via {
            Via::Http => self.submit_http(job, &body),
            Via::Amqp => self.submit_amqp(job, body),
        }
    }

    fn submit_http(&mut self, job: usize, body: &[u8]) {
        let spec = match parse(body, &SubmitContext::default(), &Limits::DEFAULT) {
            Ok(spec) => spec,
            Err(problems) => panic!("the plan made a job that is not sound: {problems:?}"),
        };
        let (tell, answer) = oneshot::channel();
        self.client.answers.insert(job, answer);
        self.input(vec![submission(spec, body, None, Some(tell))], None);
        self.ask_again(job, 5_000);
    }

    fn ask_again(&mut self, job: usize, delay: u64) {
        if self.client.asks_again.insert(job) {
            self.at(delay, Happening::Resubmit(job));
        }
    }

    fn submit_amqp(&mut self, job: usize, body: Vec<u8>) {
        let Some(conn) = self.client.conn else {
            self.client_connects();
            return self.ask_again(job, 1_000);
        };
        let mut message = Message::json("job", body);
        message.reply_to = Some(REPLIES.to_owned());
        message.correlation_id = Some(job.to_string());
        let (exchange, key) = (self.names.submit(), KEY_SUBMIT.to_owned());
        let confirm = Some(Confirm::Submit(job));
        self.send(conn, Up::Publish { exchange, key, message: Box::new(message), confirm });
    }

    /// Somebody answers what tasks wait for by a message; tells whether there was anybody to take it.
    pub(super) fn publish_event(&mut self, event: EventPlan) -> bool {
        let Some(conn) = self.client.conn else { return false };
        self.trace.say(|| format!("client publishes {event:?}"));
        self.disk.open().judge.wished(Wish::Event(event));
        let body = serde_json::json!({"event": EVENT, "key": key_name(event.key), "payload": event.payload});
        let mut message = Message::json("event", body.to_string().into_bytes());
        message.reply_to = Some(REPLIES.to_owned());
        message.correlation_id = Some("event".to_owned());
        let (exchange, key) = (self.names.submit(), KEY_SUBMIT.to_owned());
        self.send(conn, Up::Publish { exchange, key, message: Box::new(message), confirm: None });
        true
    }

    /// What people hear of what they asked for, if the orchestrator lived to tell.
    pub(super) fn hear_answers(&mut self) {
        let mut open = Vec::new();
        for (wish, mut answer) in std::mem::take(&mut self.client.asked) {
            match answer.try_recv() {
                Ok(answer) => {
                    self.trace.say(|| format!("{wish:?} is answered by {answer:?}"));
                    self.disk.open().judge.answered(wish, &answer);
                }
                Err(oneshot::error::TryRecvError::Empty) => open.push((wish, answer)),
                Err(oneshot::error::TryRecvError::Closed) => {}
            }
        }
        self.client.asked = open;
    }

    pub(super) fn client_connects(&mut self) {
        if self.client.conn.is_some() {
            return;
        }
        let is_declared = self.broker.has_exchange(&self.names.submit());
        let conn = if is_declared { self.connect(Party::Client) } else { None };
        let Some(conn) = conn else { return self.at(1_000, Happening::ClientConnects) };
        self.client.is_stale = false;
        self.broker.declare_queue(REPLIES, Shape::default());
        self.broker.consume(conn, REPLIES, 1000);
        self.client.conn = Some(conn);
        self.deliver();
    }

    /// Whoever does not know whether the job arrived asks once more.
    pub(super) fn resubmit(&mut self, job: usize) {
        self.client.asks_again.remove(&job);
        if let Some(mut answer) = self.client.answers.remove(&job) {
            match answer.try_recv() {
                Ok(Answer::Kept { existing, .. }) => {
                    if existing {
                        self.mark("a job is submitted again");
                    }
                    self.disk.open().judge.accepted(job);
                }
                Ok(Answer::Refused(_)) => self.is_refused(job),
                _ => {}
            }
        }
        let plan = &self.plan.jobs[job];
        // What the broker confirmed it keeps, unless it lost its disk; whether the job was refused is not known yet.
        let is_safe = self.client.replies.confirmed.contains(&job) && plan.unique.is_none();
        let is_kept = is_safe || self.disk.open().judge.knows(&plan.id);
        let is_settled = is_kept || plan.is_left_out || self.client.is_refused(job);
        if !is_settled {
            self.submit(job);
            self.ask_again(job, 10_000);
        }
    }

    pub(super) fn client_hears(&mut self, conn: Conn, what: Down) {
        match what {
            // A confirm that was on its way when the broker lost its disk says nothing of what is there now.
            Down::Confirmed(Confirm::Submit(job), true) if !self.client.is_stale => {
                self.client.replies.confirmed.push(job);
            }
            Down::Confirmed(Confirm::Submit(job), false) => self.ask_again(job, 500),
            Down::Confirmed(..) => {}
            Down::Deliver(delivery) => {
                self.send(conn, Up::Ack(delivery.tag));
                let message = &delivery.message;
                let job = message.correlation_id.as_deref().and_then(|text| text.parse::<usize>().ok());
                let Some(job) = job else { return };
                self.trace.say(|| format!("client hears {} of job {job}", message.kind.as_deref().unwrap_or("?")));
                match message.kind.as_deref() {
                    Some(FINISHED) => {
                        let body: serde_json::Value = serde_json::from_slice(&message.body).unwrap_or_default();
                        if body["job_id"] != self.plan.jobs[job].id {
                            self.mark("unique: return_existing");
                        }
                        self.client.replies.finished.entry(job).or_default().push(message.body.clone());
                    }
                    Some(REJECTED) => self.is_refused(job),
                    _ => {}
                }
            }
        }
    }

    fn is_refused(&mut self, job: usize) {
        self.client.replies.refused.push(job);
        self.mark("a job is refused");
        if self.plan.jobs[job].unique == Some("reject") {
            self.mark("unique: reject");
        }
    }

    pub(super) fn client_lost(&mut self) {
        self.client.conn = None;
        self.at(200, Happening::ClientConnects);
        for job in 0..self.plan.jobs.len() {
            if self.plan.jobs[job].via == Via::Amqp {
                self.ask_again(job, 1_500);
            }
        }
    }
}
