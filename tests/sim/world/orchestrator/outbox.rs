//! What the orchestrator's loop wants done in the world.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use warrener_orchestrator::driver::{Command, Input, Outgoing, Output, Reply};
use warrener_shared::id::{JobId, TaskAddress, Ticket};
use warrener_shared::json::Doc;
use warrener_shared::wire::Message;
use warrener_shared::wire::control::Control;
use warrener_shared::wire::submit::EventBody;
use warrener_shared::wire::topology::{KEY_CONTROL_ALL, control_key};

use super::super::net::{Confirm, Up};
use super::super::{Happening, World};
use crate::disk::Fate;
use crate::plan::{EVENT, EventPlan, Fault, Place, Wish, key_name, name, queue_name};

impl Fate {
    pub(super) const fn fault(self) -> Fault {
        match self {
            Self::Kept | Self::Refused => Fault::CommitRefused,
            Self::ReplyLost => Fault::CommitReplyLost,
            Self::CrashBefore => Fault::CrashBeforeCommit,
            Self::CrashAfter => Fault::CrashAfterCommit,
        }
    }
}

impl World {
    pub(super) fn act(&mut self, output: Output) {
        match output {
            Output::Publish(outgoing) => self.publish_tasks(outgoing),
            Output::Reply(replies) => replies.into_iter().for_each(|reply| self.publish_reply(reply)),
            Output::Stop(tickets) => self.stop(tickets),
            Output::Drain(worker) => {
                let control = Control { cancel: Vec::new(), drain: true };
                self.control(&control_key(&worker), &control);
            }
            Output::Declare(_, queue) => {
                if self.is_up() {
                    self.declare_task_queue(&queue);
                }
            }
            Output::Replay(..) | Output::Send(_) => {}
        }
    }

    fn is_up(&self) -> bool {
        let link = self.orchestrator.running.as_ref().and_then(|running| running.link.as_ref());
        link.is_some_and(|link| link.is_up)
    }

    fn publish_tasks(&mut self, outgoing: Vec<Outgoing>) {
        for one in &outgoing {
            let ticket = one.message.correlation_id.as_deref().unwrap_or_default().to_owned();
            self.disk.open().judge.publishes(&ticket);
        }
        let Some(conn) = self.orchestrator_conn().filter(|_| self.is_up()) else {
            let numbers = outgoing.iter().map(|one| one.dispatch_no).collect();
            return self.input(vec![Input::Unpublished(numbers)], None);
        };
        for one in outgoing {
            let running = self.orchestrator.running.as_mut().expect("it has a session");
            let link = running.link.as_mut().expect("it has a session");
            if !link.prepared.contains(&one.queue) {
                link.prepared.push(one.queue);
                self.prepare_queue(conn, &one.name);
            }
            let mut message = one.message;
            message.reply_to = Some(self.names.results());
            self.trace.say(|| format!("orchestrator publishes {}", message.message_id.as_deref().unwrap_or("?")));
            let (exchange, key) = (self.names.tasks(), one.name.as_str().to_owned());
            let confirm = Some(Confirm::Task(one.dispatch_no));
            self.send(conn, Up::Publish { exchange, key, message, confirm });
        }
    }

    fn publish_reply(&mut self, reply: Reply) {
        let Reply { no, reply_to, message } = reply;
        let Some(conn) = self.orchestrator_conn().filter(|_| self.is_up()) else {
            return self.input(vec![Input::NotReplied(vec![no])], None);
        };
        self.disk.open().judge.replies(no);
        let confirm = Some(Confirm::Reply(no));
        self.send(conn, Up::Publish { exchange: String::new(), key: reply_to, message: Box::new(message), confirm });
    }

    fn stop(&mut self, tickets: Vec<(Ticket, Option<Arc<str>>)>) {
        let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (ticket, worker) in tickets {
            let key = worker.map_or_else(|| KEY_CONTROL_ALL.to_owned(), |worker| control_key(&worker));
            by_key.entry(key).or_default().push(ticket.to_string());
        }
        for (key, cancel) in by_key {
            self.trace.say(|| format!("orchestrator stops {cancel:?} ({key})"));
            self.control(&key, &Control { cancel, drain: false });
        }
    }

    fn control(&mut self, key: &str, control: &Control) {
        let Some(conn) = self.orchestrator_conn().filter(|_| self.is_up()) else { return };
        if self.loses_control() {
            return;
        }
        let body = serde_json::to_vec(control).expect("plain data");
        let message = Box::new(Message { body, ..Message::default() });
        let exchange = self.names.control();
        self.send(conn, Up::Publish { exchange, key: key.to_owned(), message, confirm: None });
    }

    /// A person asks for something, over HTTP.
    pub(in super::super) fn wish(&mut self, wish: Wish) {
        let id = |world: &Self, job: usize| -> JobId { world.plan.jobs[job].id.parse().expect("a valid id") };
        let command = match wish {
            Wish::Submit(job) => return self.submit(job),
            Wish::Drain(worker) => {
                let Some(worker) = self.workers.get(worker % self.workers.len()) else { return };
                Command::Drain(Arc::from(worker.id()))
            }
            Wish::Cancel(job) => Command::Cancel(id(self, job)),
            Wish::Pause(job, yes) => Command::Pause(id(self, job), yes),
            Wish::Retry(job) => Command::Retry(id(self, job)),
            Wish::RetryTask(place) => Command::RetryTask(id(self, place.job), address(place)),
            Wish::Skip(place) => Command::Skip(id(self, place.job), address(place)),
            Wish::Event(event) => return self.answer_waiting(event),
            Wish::PauseQueue(no, yes) => Command::PauseQueue(queue_name(no).parse().expect("a valid name"), yes),
        };
        if self.calm && matches!(wish, Wish::Pause(_, true) | Wish::PauseQueue(_, true)) {
            return;
        }
        if self.orchestrator.running.is_none() {
            // Nobody answers; whoever asks tries again.
            self.at(500, Happening::Wish(wish));
            return;
        }
        self.trace.say(|| format!("a person asks: {wish:?}"));
        self.disk.open().judge.wished(wish);
        let (tell, answer) = oneshot::channel();
        self.client.asked.push((wish, answer));
        self.input(vec![Input::Command(command, tell.into())], None);
    }

    /// Somebody answers what tasks wait for, over HTTP or by a message.
    fn answer_waiting(&mut self, event: EventPlan) {
        let wish = Wish::Event(event);
        if event.by_message {
            if !self.publish_event(event) {
                self.at(500, Happening::Wish(wish));
            }
            return;
        }
        if self.orchestrator.running.is_none() {
            return self.at(500, Happening::Wish(wish));
        }
        self.trace.say(|| format!("a person asks: {wish:?}"));
        self.disk.open().judge.wished(wish);
        let payload = Doc::trusted(event.payload.to_string().into_bytes());
        let body = EventBody { event: EVENT.to_owned(), key: key_name(event.key), payload, keep: None };
        let (tell, answer) = oneshot::channel();
        self.client.asked.push((wish, answer));
        self.input(vec![Input::Event(body, tell.into())], None);
    }
}

fn address(place: Place) -> TaskAddress {
    TaskAddress { task: name(place.task).parse().expect("a valid name"), index: place.item }
}
