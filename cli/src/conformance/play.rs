//! One play: the order of the scenes, and what they share.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;
use warrener_shared::limits::Limits;
use warrener_shared::wire::Message;
use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::{FailedBody, Report, parse_report};

use super::stage::{Ear, Heard, Stage};
use super::worker::Worker;
use super::{answers, crashes, delivery, long};
use crate::args::ConformanceArgs;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings::Findings;

/// The worker under test and what was found out about it.
pub(super) struct Play<'a> {
    context: &'a Context,
    pub(super) args: ConformanceArgs,
    pub(super) stage: Stage,
    pub(super) worker: Option<Worker>,
    pub(super) findings: Findings,
    /// The last heartbeat.
    pub(super) beat: Option<Heartbeat>,
    next: u32,
}

/// What came of a task.
pub(super) enum Answer {
    /// A final report that reads as it should.
    Report(Report),
    /// Something that breaks the rules, in a sentence.
    Broken(String),
    /// Nothing in time.
    Nothing,
}

impl<'a> Play<'a> {
    pub(super) fn new(context: &'a Context, args: ConformanceArgs, stage: Stage, worker: Option<Worker>) -> Self {
        Self { context, args, stage, worker, findings: Findings::default(), beat: None, next: 0 }
    }

    /// Plays every scene.
    pub(super) async fn all(&mut self) -> Result<(), Failure> {
        // Before the worker is there, because only we may take this message.
        let suspect = crashes::prepare_suspect(self).await?;
        self.enter().await?;
        crashes::judge_suspect(self, suspect).await?;
        answers::heartbeat(self).await;
        if !answers::echo(self).await? {
            self.findings.skipped("the rest", "nothing else can be tested before that works");
            return Ok(());
        }
        answers::hostile(self).await?;
        delivery::duplicate(self).await?;
        if self.args.rpc {
            let what = "a plain RPC server is asked for no more: no kinds, confirms, time limits, claims or heartbeats";
            self.findings.skipped("the rest", what);
            return Ok(());
        }
        answers::unknown_kind(self).await?;
        answers::no_ticket(self).await?;
        delivery::confirm(self).await?;
        crashes::alone(self).await?;
        long::scenes(self).await
    }

    /// Ends everything.
    pub(super) async fn end(mut self) -> Result<Findings, Failure> {
        if let Some(mut worker) = self.worker.take() {
            worker.kill().await;
        }
        self.stage.strike().await?;
        Ok(self.findings)
    }

    /// Starts the worker, if it is ours to start, and waits until it reads its queue.
    pub(super) async fn enter(&mut self) -> Result<(), Failure> {
        if let Some(worker) = &mut self.worker {
            worker.start()?;
        }
        let deadline = Instant::now() + ENTRANCE;
        let mut said = Instant::now() + Duration::from_secs(3);
        while self.stage.depth().await?.is_none_or(|depth| depth.consumers == 0) {
            if self.worker.as_mut().is_some_and(Worker::has_ended) {
                return Err(Failure::new(Exit::Error, "the worker ended instead of working; see what it printed"));
            }
            if Instant::now() > deadline {
                let what = format!("nobody reads the queue {} after {} s", self.stage.address, ENTRANCE.as_secs());
                return Err(Failure::new(Exit::GaveUp, what)
                    .hint("start the worker against the same broker and prefix, or name it behind --"));
            }
            if self.worker.is_none() && Instant::now() > said {
                self.context.say(&format!("waiting for a worker to read {}", self.stage.address));
                said = deadline;
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// A task as an orchestrator sends it, with a ticket of its own.
    pub(super) fn task(&mut self, kind: &str, input: &str) -> Message {
        self.next += 1;
        let mut message = Message::json(kind, input.as_bytes().to_vec());
        message.message_id = Some(format!("conformance.task{}.1", self.next));
        message.correlation_id = Some(format!("{}.1.{}", self.next, Uuid::new_v4().simple()));
        message.reply_to = Some(self.stage.reply_to());
        message.priority = Some(4);
        message.set_text("job", "conformance");
        message.set_text("task", format!("task{}", self.next));
        message.set_text("kind", kind);
        message.set_int("attempt", 1);
        message.set_int("max_attempts", 5);
        message.set_int("timeout_ms", 60_000);
        message
    }

    /// The task that should succeed.
    pub(super) fn good_task(&mut self) -> Message {
        let known = self.beat.as_ref().and_then(|beat| beat.kinds.first().cloned());
        let kind = self.args.kind.clone().or(known).unwrap_or_else(|| "conformance".to_owned());
        let input = self.args.input.clone();
        self.task(&kind, &input)
    }

    /// Sends a task and waits for the end of it.
    pub(super) async fn ask(&mut self, task: Message) -> Result<Answer, Failure> {
        let limit = self.args.patience;
        self.ask_within(task, limit).await
    }

    pub(super) async fn ask_within(&mut self, task: Message, limit: Duration) -> Result<Answer, Failure> {
        let (mark, ticket) = (self.stage.mark(), ticket(&task));
        self.stage.send(task).await?;
        Ok(self.answer(mark, &ticket, limit).await)
    }

    /// Waits for the end of a task that was sent.
    pub(super) async fn answer(&self, mark: usize, ticket: &str, limit: Duration) -> Answer {
        let end = self.stage.wait(mark, limit, |heard| judge(heard, ticket)).await;
        end.unwrap_or(Answer::Nothing)
    }

    /// Whether a good task still succeeds or fails in order; a sentence about it if not.
    pub(super) async fn still_works(&mut self, check: &'static str, after: &str, rule: &str) -> Result<(), Failure> {
        let task = self.good_task();
        if let Answer::Nothing = self.ask(task).await? {
            self.findings.problem(check, format!("the worker no longer works after {after}"), rule);
            self.revive().await?;
        }
        Ok(())
    }

    /// Another life, where we can give one, with nothing left of the one before.
    pub(super) async fn revive(&mut self) -> Result<(), Failure> {
        if let Some(worker) = &mut self.worker {
            worker.kill().await;
            self.stage.empty().await?;
            self.enter().await?;
        }
        Ok(())
    }

    /// Another life, which gets what the one before left behind.
    pub(super) async fn restart(&mut self) -> Result<(), Failure> {
        if let Some(worker) = &mut self.worker {
            worker.kill().await;
            self.enter().await?;
        }
        Ok(())
    }
}

/// What a message says about the end of an attempt: nothing, if it is of another, or no end.
fn judge(heard: &Heard, ticket: &str) -> Option<Answer> {
    let message = &heard.incoming.message;
    match heard.ear {
        Ear::Results => judge_report(message, ticket),
        Ear::Unrouted if message.correlation_id.as_deref() == Some(ticket) => Some(Answer::Broken(format!(
            "the report was published to {:?} with the key {:?}, where no queue is: it goes to the exchange \
             <prefix>.results with the key results, or to reply_to through the default exchange",
            heard.incoming.exchange, heard.incoming.routing_key
        ))),
        Ear::Dead if message.correlation_id.as_deref() == Some(ticket) => {
            let reason = heard.incoming.death.as_ref().map_or("", |death| death.reason.as_str());
            Some(Answer::Broken(match reason {
                "rejected" => "the delivery was rejected instead of answered".to_owned(),
                "delivery_limit" => "the delivery was given back (nack with requeue) again and again".to_owned(),
                reason => format!("the delivery became a dead letter ({reason})"),
            }))
        }
        _ => None,
    }
}

fn judge_report(message: &Message, ticket: &str) -> Option<Answer> {
    let limits = Limits::default();
    match (message.correlation_id.as_deref(), parse_report(message, &limits)) {
        (None | Some(""), _) => Some(Answer::Broken("a report came without a correlation_id".to_owned())),
        (Some(other), _) if other != ticket => {
            // Late reports of earlier tasks are nothing new.
            (!looks_like_ours(other)).then(|| {
                Answer::Broken(format!("a report came with the correlation_id {other:?} instead of the ticket"))
            })
        }
        (_, Err(unreadable)) => Some(Answer::Broken(format!("the report can't be read: {unreadable}"))),
        (_, Ok((_, Report::Claimed { .. } | Report::Progress(_)))) => None,
        (_, Ok((_, Report::Failed { error, .. }))) if !is_told(message, &error.code) => {
            Some(Answer::Broken(format!("the report is not as it should be: {}", error.message)))
        }
        (_, Ok((_, report))) => Some(Answer::Report(report)),
    }
}

/// Whether the worker itself says that it failed with this code; else our reader says so of the report.
fn is_told(message: &Message, code: &str) -> bool {
    serde_json::from_slice::<FailedBody>(&message.body).is_ok_and(|body| body.code == code)
}

/// A number, a number, a token.
fn looks_like_ours(ticket: &str) -> bool {
    ticket.parse::<warrener_shared::id::Ticket>().is_ok()
}

/// The ticket of a task.
pub(super) fn ticket(task: &Message) -> String {
    task.correlation_id.clone().unwrap_or_default()
}

/// Time for a worker to come up: interpreters and dependencies take their time.
const ENTRANCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);
