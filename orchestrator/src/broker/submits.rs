//! Jobs that any AMQP client sends.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use warrener_amqp::{Batch, Consumer, Incoming};
use warrener_shared::job::{JobSpec, Problem, canonical_content};

use warrener_shared::wire::Message;
use warrener_shared::wire::submit::{self, Content, EventBody, Refusal, ReplyAddress};

use super::settle::next as next_batch;
use super::{Context, Link, dead};
use crate::driver::{Answer, Input, Packet, ReplyTo, Submission};
use crate::store::Submitted;

/// Submits taken at once.
const BATCH: usize = 64;
/// Batches that are handed to the driver and not acknowledged yet.
const PIPELINE: usize = 4;

/// A submit on its way, with what is needed to refuse it.
struct Underway {
    incoming: Incoming,
    to: Option<ReplyAddress>,
    /// Of an answer to waiting tasks: what is said if none waits.
    event: Option<Problem>,
    answer: oneshot::Receiver<Answer>,
}

/// What a client wants.
enum Wanted {
    Job(Box<Submission>),
    Answer(EventBody),
}

impl Wanted {
    fn into_input(self, tell: oneshot::Sender<Answer>) -> (Input, Option<Problem>) {
        match self {
            Self::Job(mut submission) => {
                submission.answer = Some(tell);
                (Input::Submit(submission), None)
            }
            Self::Answer(event) => {
                let detail = format!("no task waits for event {:?} with key {:?}", event.event, event.key);
                let problem = Problem::of_message("unknown_name", detail, None);
                (Input::Event(event, Some(tell)), Some(problem))
            }
        }
    }
}

pub(super) async fn run(context: Context, link: Link, mut consumer: Consumer) {
    let (waiting, queue) = mpsc::channel(PIPELINE);
    tokio::spawn(settle(context.clone(), link.clone(), queue));
    while let Some(mut batch) = next_batch(&link, &mut consumer, BATCH).await {
        let (mut taken, mut read) = (Taken::default(), 0);
        for incoming in std::mem::take(&mut batch.deliveries) {
            taken.take(&context, &link, incoming).await;
            read += 1;
            if taken.inputs.len() >= BATCH {
                let first = batch.split_first(std::mem::take(&mut read));
                if std::mem::take(&mut taken).hand_over(&context, &waiting, first).await.is_err() {
                    return;
                }
            }
        }
        if read > 0 && taken.hand_over(&context, &waiting, batch).await.is_err() {
            return;
        }
    }
}

type Waiting = (Batch, Vec<Underway>, oneshot::Receiver<()>);

/// What is handed to the driver together.
#[derive(Default)]
struct Taken {
    inputs: Vec<Input>,
    underway: Vec<Underway>,
}

impl Taken {
    /// A message with one job, or with many.
    async fn take(&mut self, context: &Context, link: &Link, incoming: Incoming) {
        match submit::split(&incoming.message, &context.shared.names) {
            None => self.take_one(context, link, incoming).await,
            Some(Ok(jobs)) => {
                let around = Incoming { message: Message::default(), ..incoming };
                for message in jobs {
                    self.take_one(context, link, Incoming { message, ..around.clone() }).await;
                }
            }
            Some(Err(problems)) => {
                let (envelope, _) = submit::Envelope::read(&incoming.message, &context.shared.names);
                self.inputs.extend(refuse(link, &incoming, envelope.reply, problems).await);
            }
        }
    }

    async fn take_one(&mut self, context: &Context, link: &Link, incoming: Incoming) {
        match read(context, &incoming) {
            Ok((to, wanted)) => {
                let (tell, answer) = oneshot::channel();
                let (input, event) = wanted.into_input(tell);
                self.inputs.push(input);
                self.underway.push(Underway { incoming, to, event, answer });
            }
            Err((to, problems)) => self.inputs.extend(refuse(link, &incoming, to, problems).await),
        }
    }

    /// Hands all to the driver, and the batch that it came in to be acknowledged once it is committed.
    async fn hand_over(self, context: &Context, waiting: &mpsc::Sender<Waiting>, batch: Batch) -> Result<(), Closed> {
        let (done, committed) = oneshot::channel();
        context.inputs.send(Packet { inputs: self.inputs, done: Some(done) }).await.ok();
        waiting.send((batch, self.underway, committed)).await.map_err(|_| Closed)
    }
}

/// Nobody acknowledges any more: the session is over.
struct Closed;

/// A job for the driver, with what is kept of its submit.
pub(crate) fn submission(
    spec: JobSpec,
    body: &[u8],
    priority: Option<u8>,
    traceparent: Option<Arc<str>>,
) -> Box<Submission> {
    let digest = spec.id.is_some().then(|| Sha256::digest(canonical_content(body)).into());
    let submitted = Submitted { body: Arc::from(body), priority, traceparent, digest };
    Box::new(Submission { spec: Arc::new(spec), submitted, reply: None, answer: None })
}

type Read = Result<(Option<ReplyAddress>, Wanted), (Option<ReplyAddress>, Vec<Problem>)>;

fn read(context: &Context, incoming: &Incoming) -> Read {
    let read = submit::Submission::read(&incoming.message, &context.shared.names, &context.shared.limits);
    let envelope = read.envelope;
    match read.content {
        Ok(Content::Job(spec)) => {
            let traceparent = envelope.traceparent.as_deref().map(Arc::from);
            let mut submission = submission(*spec, &incoming.message.body, envelope.priority, traceparent);
            let mode = envelope.mode;
            submission.reply = envelope.reply.clone().map(|to| ReplyTo { to, mode });
            Ok((envelope.reply, Wanted::Job(submission)))
        }
        Ok(Content::Event(event)) => Ok((envelope.reply, Wanted::Answer(event))),
        Err(problems) => Err((envelope.reply, problems)),
    }
}

/// Answers a refused submit; where nobody can be told, gives the dead letter to keep.
async fn refuse(link: &Link, incoming: &Incoming, to: Option<ReplyAddress>, problems: Vec<Problem>) -> Option<Input> {
    metrics::counter!("warrener_jobs_rejected_total").increment(1);
    let refusal = Refusal::of(&problems);
    if let Some(to) = to {
        let message = submit::rejected(&to, refusal, problems.clone());
        let told = link.replies.publish("", &to.queue, message).await;
        // With the session the submit comes again, and is refused again.
        if told.is_confirmed() || !link.session.is_usable() {
            return None;
        }
    }
    let first = problems.first();
    let code = first.map_or_else(|| "invalid_json".to_owned(), |problem| problem.code.clone());
    let text = first.map_or_else(String::new, |p| format!("{}: {}", p.pointer, p.detail));
    let mut letter = dead::letter("submit", &code, text, incoming);
    letter.evidence = serde_json::to_string(&refusal.body(problems)).ok();
    Some(Input::Dead(letter))
}

async fn settle(context: Context, link: Link, mut queue: mpsc::Receiver<Waiting>) {
    while let Some((batch, underway, committed)) = queue.recv().await {
        if committed.await.is_err() {
            return link.session.break_with(super::given_up("the store could not be written"));
        }
        for Underway { incoming, to, event, answer } in underway {
            let problems = match answer.await {
                Ok(Answer::Refused(problems)) => problems,
                Ok(Answer::NotFound) => event.into_iter().collect(),
                _ => continue,
            };
            if let Some(letter) = refuse(&link, &incoming, to, problems).await {
                context.input(letter).await;
            }
        }
        if batch.ack().await.is_err() {
            return;
        }
    }
}
