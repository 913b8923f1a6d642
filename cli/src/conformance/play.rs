//! The play: the worker on the stage, tasks for it and its answers, as all scenes use them.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;
use warrener_shared::wire::Message;
use warrener_shared::wire::heartbeat::Heartbeat;

use super::ConformanceArgs;
use super::judge::{Silence, TaskEnd, beat_of, judge, said};
use super::stage::Stage;
use super::worker::TestedWorker;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings::Findings;

/// The worker under test and what was found out about it.
pub(super) struct Play<'a> {
    context: &'a Context,
    pub(super) args: ConformanceArgs,
    pub(super) stage: Stage,
    pub(super) worker: Option<TestedWorker>,
    pub(super) findings: Findings,
    /// The last heartbeat.
    pub(super) beat: Option<Heartbeat>,
    /// True if the good task is worked on, and not handed back as unknown.
    pub(super) works: bool,
    /// True if the worker keeps the time limit, so that a slow task can be made to end.
    pub(super) keeps_limits: bool,
    /// Time from its start after which the worker claims a slow task, if it was seen to.
    pub(super) claims_after: Option<Duration>,
    /// Fault in the arguments, as it turned out.
    pub(super) misuse: Option<String>,
    /// Tickets that were reported on, and how: their deliveries must be settled.
    answered: Vec<(String, String)>,
    /// Time at which the last report was heard.
    last_answer: Instant,
    next: u32,
}

impl<'a> Play<'a> {
    pub(super) fn new(context: &'a Context, args: ConformanceArgs, stage: Stage, worker: Option<TestedWorker>) -> Self {
        Self {
            context,
            args,
            stage,
            worker,
            findings: Findings::default(),
            beat: None,
            works: false,
            keeps_limits: false,
            claims_after: None,
            misuse: None,
            answered: Vec::new(),
            last_answer: Instant::now(),
            next: 0,
        }
    }

    /// Ends everything.
    pub(super) async fn end(mut self) -> Result<(Findings, Option<String>), Failure> {
        if let Some(mut worker) = self.worker.take() {
            worker.kill().await;
        }
        self.stage.strike().await?;
        Ok((self.findings, self.misuse))
    }

    /// Starts the worker, if it is ours to start, and waits until it reads its queue.
    pub(super) async fn enter(&mut self) -> Result<(), Failure> {
        if let Some(worker) = &mut self.worker {
            worker.start()?;
        }
        let (mark, start) = (self.stage.mark(), Instant::now());
        let (deadline, mut said) = (start + ENTRANCE, start + Duration::from_secs(3));
        while self.consumers().await? == 0 {
            if let Some(status) = self.worker.as_mut().and_then(TestedWorker::ended) {
                let what = format!("the worker ended ({status}) instead of reading {}", self.stage.address);
                return Err(Failure::new(Exit::Error, what).hint("what it printed is above"));
            }
            if Instant::now() > deadline {
                return Err(self.stays_away(mark));
            }
            if self.worker.is_none() && Instant::now() > said {
                self.context.say(&format!("waiting for a worker to read {}", self.stage.address));
                said = deadline;
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn stays_away(&self, mark: usize) -> Failure {
        let what = format!("nobody reads the queue {} after {} s", self.stage.address, ENTRANCE.as_secs());
        let beat = self.stage.since(mark).iter().rev().find_map(beat_of);
        let hint = match (beat, &self.worker) {
            (Some(beat), _) => format!("its heartbeat says that it serves {}", beat.queues.join(", ")),
            (None, Some(_)) => {
                "is the queue's name an argument of the worker too? its broker is in WARRENER_AMQP__URL, \
                                the prefix in WARRENER_AMQP__PREFIX"
                    .to_owned()
            }
            (None, None) => "start the worker against the same broker and prefix, or name it behind --".to_owned(),
        };
        Failure::new(Exit::GaveUp, what).hint(hint)
    }

    async fn consumers(&self) -> Result<u32, Failure> {
        Ok(self.stage.depth().await?.map_or(0, |depth| depth.consumers))
    }

    /// Waits until the broker knows that our worker is gone.
    pub(super) async fn nobody_reads(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + EXIT;
        while self.consumers().await? > 0 {
            if Instant::now() > deadline {
                let what = format!("somebody else reads the queue {}", self.stage.address);
                return Err(Failure::new(Exit::Refused, what).hint(
                    "stop other workers of this queue; the command behind -- must be the worker itself, and not start \
                     it in the background",
                ));
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
    pub(super) async fn ask(&mut self, task: Message) -> Result<TaskEnd, Failure> {
        let limit = self.args.patience;
        self.ask_within(task, limit).await
    }

    pub(super) async fn ask_within(&mut self, task: Message, limit: Duration) -> Result<TaskEnd, Failure> {
        let (mark, ticket) = (self.stage.mark(), ticket(&task));
        self.stage.send(task).await?;
        self.answer(mark, &ticket, limit).await
    }

    /// Waits for the end of a task that was sent, and not for a worker that is gone.
    pub(super) async fn answer(&mut self, mark: usize, ticket: &str, limit: Duration) -> Result<TaskEnd, Failure> {
        let deadline = Instant::now() + limit;
        loop {
            let slice = LIFE_EVERY.min(deadline.saturating_duration_since(Instant::now()));
            let mut answer = self.stage.wait(mark, slice, |heard| judge(heard, ticket)).await;
            let mut status = None;
            if answer.is_none() {
                status = self.gone().await?;
            }
            if status.is_some() {
                answer = self.stage.wait(mark, LAST_WORDS, |heard| judge(heard, ticket)).await;
            }
            if let Some(TaskEnd::Report(report)) = &answer {
                self.answered.push((ticket.to_owned(), said(report)));
                self.last_answer = Instant::now();
            }
            match answer {
                Some(answer) => return Ok(answer),
                None if status.is_some() || Instant::now() >= deadline => return Ok(TaskEnd::Nothing(Silence(status))),
                None => {}
            }
        }
    }

    /// The exit status of our worker, if it ended by itself and nobody reads its queue.
    pub(super) async fn gone(&mut self) -> Result<Option<String>, Failure> {
        let Some(status) = self.worker.as_mut().and_then(TestedWorker::ended) else { return Ok(None) };
        Ok((self.consumers().await? == 0).then_some(status))
    }

    /// Checks that a good task still succeeds or fails in order; reports a problem and starts the worker again if not.
    pub(super) async fn still_works(&mut self, check: &'static str, after: &str, rule: &str) -> Result<(), Failure> {
        let task = self.good_task();
        if let TaskEnd::Nothing(silence) = self.ask(task).await? {
            let what = match silence.0 {
                Some(status) => format!("the worker ended ({status}) after {after}"),
                None => format!("the worker no longer works after {after}"),
            };
            self.findings.problem(check, what, rule);
            self.revive().await?;
        }
        Ok(())
    }

    /// Kills the worker and takes what it leaves in its queue: whatever was not acked. Nothing of it may have been
    /// reported on.
    pub(super) async fn kill(&mut self) -> Result<Vec<Message>, Failure> {
        // Between the report, which was heard, and the ack there is still the confirm.
        sleep_until(self.last_answer + ACKED_AFTER).await;
        let Some(worker) = &mut self.worker else { return Ok(Vec::new()) };
        worker.kill().await;
        self.nobody_reads().await?;
        let left = self.stage.take().await?;
        let mut unacked: Vec<String> = Vec::new();
        for (ticket, said) in self.answered.drain(..) {
            if has(&left, &ticket) && !unacked.contains(&said) {
                unacked.push(said);
            }
        }
        for said in unacked {
            let what = format!("a report came ({said}), and its delivery was never acked: killed later, it came back");
            self.findings.problem(ACKS, what, "§7.1: a worker MUST ack a delivery once its report is confirmed");
        }
        Ok(left)
    }

    /// The deliveries of this ticket are looked at elsewhere.
    pub(super) fn forget(&mut self, ticket: &str) {
        self.answered.retain(|(other, _)| other != ticket);
    }

    /// Another life, where we can give one, with nothing left of the one before.
    pub(super) async fn revive(&mut self) -> Result<(), Failure> {
        if self.worker.is_some() {
            self.kill().await?;
            self.enter().await?;
        }
        Ok(())
    }

    /// Checks that every delivery that was reported on was acked, to the end.
    pub(super) async fn settled(&mut self) -> Result<(), Failure> {
        if self.worker.is_none() {
            self.findings.skipped(ACKS, NEEDS_COMMAND);
            return Ok(());
        }
        self.kill().await?;
        self.findings.ok_unless_found(ACKS, 0, "whatever it reported on it acked");
        Ok(())
    }
}

/// The ticket of a task.
pub(super) fn ticket(task: &Message) -> String {
    task.correlation_id.clone().unwrap_or_default()
}

/// Tells whether the delivery of a ticket is among these.
pub(super) fn has(messages: &[Message], ticket: &str) -> bool {
    messages.iter().any(|message| message.correlation_id.as_deref() == Some(ticket))
}

pub(super) const ACKS: &str = "acks";
pub(super) const NEEDS_COMMAND: &str = "needs a worker that can be started and killed here: name its command behind --";
/// Time for a worker to come up: interpreters and dependencies take their time.
const ENTRANCE: Duration = Duration::from_secs(30);
/// Time for the broker to notice that it is gone.
const EXIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Time between two looks whether the worker lives while we wait for it.
const LIFE_EVERY: Duration = Duration::from_millis(500);
/// Time for which messages of a worker that is gone may still be on their way.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Time from a report that was heard until its delivery must be acked: a confirm lies between them.
const ACKED_AFTER: Duration = Duration::from_millis(1_500);
