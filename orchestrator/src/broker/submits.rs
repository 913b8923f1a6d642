//! Consumer of submits: jobs, and answers to events, that any AMQP client sends.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use warrener_amqp::{Consumer, DeliveryBatch, Incoming};
use warrener_shared::job::{JobSpec, Problem, canonical_content};
use warrener_shared::wire::Message;
use warrener_shared::wire::submit::{self, Content, EventBody, Refusal, ReplyAddress, ScheduleWish};

use super::intake::Intake;
use super::settle::{self, Closed, Outcome, Settler};
use super::{Context, Link, letter};
use crate::driver::{Answer, Asker, Input, Precondition, Refused, ReplyTo, Requester, ScheduleCommand, Submission};
use crate::store::Submitted;

/// Most messages taken at once, and submits handed on at once. A message may carry many.
const BATCH: usize = 64;

/// A submit on its way through the driver, with what is needed to refuse it.
struct Underway {
    /// Message of the submit.
    incoming: Incoming,
    /// Address of the refusal, if its sender wants one.
    to: Option<ReplyAddress>,
    /// Problem of an answer to waiting tasks if none waits, and of a schedule if it does not exist; `None` for a job.
    missing: Option<Problem>,
    /// Told the driver's answer.
    answer: oneshot::Receiver<Answer>,
}

/// Wish of a client.
enum Wanted {
    /// Submit of a job.
    Job(Box<Submission>),
    /// Answer to built-in tasks that wait for an event.
    Answer(EventBody),
    /// Wish about a schedule, in the name of a user that the broker vouches for, and the address of the answer.
    Schedule(Box<ScheduleCommand>, Option<Arc<Requester>>, Option<ReplyAddress>),
}

impl Wanted {
    /// Input for the driver, and the problem to be told if what it is about does not exist.
    fn into_input(self, tell: oneshot::Sender<Answer>) -> (Input, Option<Problem>) {
        match self {
            Self::Job(mut submission) => {
                submission.asker.answer = Some(tell);
                (Input::Submit(submission), None)
            }
            Self::Answer(event) => {
                let detail = format!("no task waits for event {:?} with key {:?}", event.event, event.key);
                let hint = "`keep` has an answer wait for tasks that come";
                let problem = Problem::of_message("unknown_name", detail, hint.to_owned());
                (Input::Event(event, tell.into()), Some(problem))
            }
            Self::Schedule(command, by, to) => {
                let detail = format!("there is no schedule {:?}", command.name().as_str());
                let problem = Problem::of_message("unknown_name", detail, None);
                (Input::ScheduleMessage(command, Asker { answer: Some(tell), by }, to), Some(problem))
            }
        }
    }
}

/// Consumes the queue of submits until the session ends.
pub(super) async fn run(context: Context, link: Link, mut consumer: Consumer, intake: Intake) {
    let settler = Settler::start(&context, link.session.clone(), intake);
    while let Some(mut batch) = settle::next(&link, &mut consumer, BATCH).await {
        let (mut taken, mut read) = (Taken::default(), 0);
        for incoming in std::mem::take(&mut batch.deliveries) {
            taken.take(&context, incoming);
            read += 1;
            if taken.inputs.len() >= BATCH {
                let first = batch.split_first(std::mem::take(&mut read));
                if std::mem::take(&mut taken).hand_over(&settler, first).await.is_err() {
                    return;
                }
            }
        }
        if read > 0 && taken.hand_over(&settler, batch).await.is_err() {
            return;
        }
    }
}

/// Inputs that are handed to the driver together.
#[derive(Default)]
pub(super) struct Taken {
    /// Inputs, refusals among them.
    pub(super) inputs: Vec<Input>,
    /// Submits among them that the driver may refuse.
    underway: Vec<Underway>,
}

impl Taken {
    /// Takes a message with one job, or with many.
    pub(super) fn take(&mut self, context: &Context, incoming: Incoming) {
        match submit::split(&incoming.message, &context.shared.names) {
            None => self.take_one(context, incoming),
            Some(Ok(jobs)) => {
                let around = Incoming { message: Message::default(), ..incoming };
                for message in jobs {
                    self.take_one(context, Incoming { message, ..around.clone() });
                }
            }
            Some(Err(problems)) => {
                let (envelope, _) = submit::Envelope::read(&incoming.message, &context.shared.names);
                self.inputs.push(refuse(&incoming, allowed(context, envelope.reply), problems));
            }
        }
    }

    /// Takes one job, or refuses it.
    fn take_one(&mut self, context: &Context, incoming: Incoming) {
        match read(context, &incoming) {
            Ok((to, wanted)) => {
                let (tell, answer) = oneshot::channel();
                let (input, missing) = wanted.into_input(tell);
                self.inputs.push(input);
                self.underway.push(Underway { incoming, to, missing, answer });
            }
            Err((to, problems)) => self.inputs.push(refuse(&incoming, to, problems)),
        }
    }

    /// Hands all inputs to the driver, and the batch that they came in to be acknowledged once they are committed,
    /// refusals included. The answers themselves are given later: nobody waits here for a queue of somebody else.
    pub(super) async fn hand_over(self, settler: &Settler, batch: DeliveryBatch) -> Result<(), Closed> {
        let outcome: Option<Outcome> =
            if self.underway.is_empty() { None } else { Some(Box::pin(refused(self.underway))) };
        settler.hand_over(self.inputs, batch, outcome).await
    }
}

/// Submission of a parsed job for the driver, with the document as it came. The digest is only made if the client chose
/// the id.
pub(crate) fn submission(
    spec: JobSpec,
    body: &[u8],
    priority: Option<u8>,
    traceparent: Option<Arc<str>>,
) -> Box<Submission> {
    let digest = spec.id.is_some().then(|| Sha256::digest(canonical_content(body)).into());
    let submitted = Submitted { body: Arc::from(body), priority, traceparent, digest };
    Box::new(Submission { spec: Arc::new(spec), submitted, reply: None, asker: Asker::default() })
}

/// Requester that stands for a user of the broker, as the audit names it.
fn vouched_for(user: &str) -> Arc<Requester> {
    Arc::new(Requester { who: format!("amqp:{user}").into(), from: None, only: None })
}

/// Wish of a message, or its problems, each with the address to tell.
type Read = Result<(Option<ReplyAddress>, Wanted), (Option<ReplyAddress>, Vec<Problem>)>;

/// Reads a message: a job, or an answer to an event.
fn read(context: &Context, incoming: &Incoming) -> Read {
    let read = submit::Submission::read(&incoming.message, &context.shared.names, &context.shared.limits);
    let envelope = read.envelope;
    if let Some(problem) = envelope.reply.as_ref().and_then(|to| not_allowed(context, to)) {
        return Err((None, vec![problem]));
    }
    match read.content {
        Ok(Content::Job(spec)) => {
            let traceparent = envelope.traceparent.as_deref().map(Arc::from);
            let mut submission = submission(*spec, &incoming.message.body, envelope.priority, traceparent);
            submission.asker.by = incoming.message.user_id.as_deref().map(vouched_for);
            let mode = envelope.mode;
            submission.reply = envelope.reply.clone().map(|to| ReplyTo { to, mode });
            Ok((envelope.reply, Wanted::Job(submission)))
        }
        Ok(Content::Event(event)) => Ok((envelope.reply, Wanted::Answer(event))),
        Ok(Content::Schedule(wish)) => match schedule_command(context, wish, &incoming.message.body) {
            Ok(command) => {
                let by = incoming.message.user_id.as_deref().map(vouched_for);
                Ok((envelope.reply.clone(), Wanted::Schedule(Box::new(command), by, envelope.reply)))
            }
            Err(problem) => Err((envelope.reply, vec![problem])),
        },
        Err(problems) => Err((envelope.reply, problems)),
    }
}

/// Request of a wish about a schedule, if this orchestrator takes such.
fn schedule_command(context: &Context, wish: ScheduleWish, body: &[u8]) -> Result<ScheduleCommand, Problem> {
    if !context.schedules {
        let hint = "whoever runs the orchestrator sets amqp.schedules = true, or applies it over HTTP";
        let detail = "this orchestrator takes no schedules over AMQP";
        return Err(Problem::of_message("not_allowed", detail, hint.to_owned()));
    }
    Ok(match wish {
        ScheduleWish::Apply(spec) => {
            ScheduleCommand::Apply { spec: Arc::from(spec), body: Arc::from(body), precondition: Precondition::None }
        }
        ScheduleWish::Delete(name) => ScheduleCommand::Delete(name, Precondition::None),
        ScheduleWish::Pause(name, paused) => ScheduleCommand::Pause(name, paused, Precondition::None),
        ScheduleWish::Trigger(name) => ScheduleCommand::Trigger(name),
    })
}

/// Input that keeps a refused submit: the refusal, if somebody is to be told, else a dead letter.
fn refuse(incoming: &Incoming, to: Option<ReplyAddress>, problems: Vec<Problem>) -> Input {
    metrics::counter!("warrener_jobs_rejected_total").increment(1);
    let refusal = Refusal::of(&problems);
    if let Some(to) = to {
        return self::refusal(to, problems);
    }
    let first = problems.first();
    let code = first.map_or_else(|| "invalid_json".to_owned(), |problem| problem.code.clone());
    let text = first.map_or_else(String::new, |problem| match problem.pointer.as_str() {
        "" => problem.detail.clone(),
        pointer => format!("{pointer}: {}", problem.detail),
    });
    let mut kept = letter::letter("submit", &code, text, incoming);
    kept.evidence = serde_json::to_string(&refusal.body(problems)).ok();
    Input::Dead(kept)
}

/// Input that owes somebody a refusal.
pub(super) fn refusal(to: ReplyAddress, problems: Vec<Problem>) -> Input {
    let body = Refusal::of(&problems).body(problems);
    Input::Refuse(Refused { to, body: serde_json::to_vec(&body).expect("an answer has text keys only") })
}

/// Address for answers, if answers may go there.
pub(super) fn allowed(context: &Context, to: Option<ReplyAddress>) -> Option<ReplyAddress> {
    to.filter(|to| not_allowed(context, to).is_none())
}

/// Problem of an address that answers may not go to, since whoever waits at the other end would take our answer for one
/// of its own messages. Such a submit is refused without an answer. `None` if the address is fine.
fn not_allowed(context: &Context, to: &ReplyAddress) -> Option<Problem> {
    let refused = |why: &str, hint: &str| {
        Some(Problem::of_message("invalid_value", format!("reply_to {:?} {why}", to.queue), hint.to_owned()))
    };
    if context.shared.is_address(&to.queue) {
        return refused("is a queue that tasks go to", "use a queue of your own, or direct reply-to");
    }
    if !context.reply_to.iter().any(|pattern| matches(pattern, &to.queue)) {
        return refused("is not among the queues of amqp.reply_to", "use one that the orchestrator's setting allows");
    }
    None
}

/// Tells whether a text fits a pattern, in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => {
            let Some(tail) = text.strip_prefix(head) else { return false };
            (0..=tail.len()).any(|at| tail.get(at..).is_some_and(|tail| matches(rest, tail)))
        }
    }
}

/// Inputs that keep the submits which the driver refused.
async fn refused(underway: Vec<Underway>) -> Vec<Input> {
    let mut inputs = Vec::new();
    for Underway { incoming, to, missing, answer } in underway {
        let problems = match answer.await {
            Ok(Answer::Refused(problems)) => problems,
            Ok(Answer::NotFound) => missing.into_iter().collect(),
            Ok(Answer::Conflict(why)) => vec![Problem::of_message("conflict", why, None)],
            _ => continue,
        };
        inputs.push(refuse(&incoming, to, problems));
    }
    inputs
}
