//! A client that submits over a connection to the broker.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::Instant;
use uuid::Uuid;
use warrener_amqp::{BrokerError, Published, Publisher, Session, Settings};
use warrener_shared::error::ErrorObject;
use warrener_shared::state::JobState;
use warrener_shared::wire::submit::{FinishedBody, ReplyMode};
use warrener_shared::wire::topology::{KEY_SUBMIT, Names};
use warrener_shared::wire::{JSON, Message};

use super::error::{ClientError, OutputError};
use super::reply::{ReplyQueue, SubmitReply, Waiters, distribute};
use crate::JobDocument;

/// Submits jobs over AMQP and receives their outcomes in a queue of its own.
///
/// It is not repaired after an error of the broker: connect again, and submit again what is uncertain, under
/// the same id.
#[derive(Debug)]
pub struct Client {
    publisher: Publisher,
    names: Names,
    reply_queue: String,
    waiting: Waiters,
}

/// Answer to a submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Id of the job.
    pub job_id: String,
    /// True if an orchestrator has kept the job. False means that the broker has it and no orchestrator has answered
    /// yet.
    pub accepted: bool,
}

/// Result of a job that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Id of the job.
    pub job_id: String,
    /// Final state of the job.
    pub state: JobState,
    /// Output of the job; `None` unless it succeeded with something else than null.
    pub output: Option<Box<RawValue>>,
    /// The reason why it did not succeed; `None` if it did.
    pub error: Option<ErrorObject>,
}

impl Finished {
    /// The output as a type of yours, if it succeeded.
    ///
    /// # Errors
    /// [`OutputError`] if it did not succeed, or left something else behind.
    pub fn output_as<T: DeserializeOwned>(&self) -> Result<T, OutputError> {
        if self.state != JobState::Succeeded {
            let (job, state) = (self.job_id.clone(), self.state);
            return Err(OutputError::NotSucceeded { job, state, error: self.error.clone() });
        }
        let json = self.output.as_ref().map_or("null", |output| output.get());
        serde_json::from_str(json).map_err(|why| OutputError::Unreadable { job: self.job_id.clone(), why })
    }
}

impl Client {
    /// Connects to the broker at `url`, with the usual prefix `warrener`.
    ///
    /// # Errors
    /// See [`Client::open`].
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        Self::open(&Settings::new(url, "warrener client"), Names::default()).await
    }

    /// Connects with settings and a prefix of one's own.
    ///
    /// # Errors
    /// [`ClientError::Broker`] if the broker can't be used, [`ClientError::NoExchange`] if no orchestrator has
    /// ever been there.
    pub async fn open(settings: &Settings, names: Names) -> Result<Self, ClientError> {
        let session = Session::open(settings).await?;
        let reply_queue = format!("client.{}", Uuid::new_v4());
        let exchange = names.submit();
        // Bound to nothing: replies come through the default exchange. Naming the exchange makes sure that it
        // is there, where the broker would otherwise only break the channel at the first submit.
        let consumer = session.consume_exclusive(&reply_queue, &exchange, &[], REPLIES_AT_ONCE).await;
        let consumer = consumer.map_err(|error| match error {
            BrokerError::Missing { .. } => ClientError::NoExchange { exchange },
            error => ClientError::Broker(error),
        })?;
        let publisher = session.publisher(WINDOW).await?;
        let waiting = Waiters::default();
        tokio::spawn(distribute(consumer, waiting.clone()));
        Ok(Self { publisher, names, reply_queue, waiting })
    }

    /// Submits a job and waits shortly for an orchestrator to accept it.
    ///
    /// # Errors
    /// [`ClientError::Rejected`] with every problem of the job; else what went wrong on the way.
    pub async fn submit(&self, job: &JobDocument) -> Result<Receipt, ClientError> {
        let id = job.submit_id();
        let mut replies = self.send(job, &id, ReplyMode::Accepted).await?;
        let accepted = tokio::time::timeout(ACCEPT_WITHIN, self.next(&id, &mut replies)).await;
        match accepted {
            Err(_) => Ok(Receipt { job_id: id, accepted: false }),
            Ok(reply) => match reply? {
                SubmitReply::Accepted(body) => Ok(Receipt { job_id: body.job_id, accepted: true }),
                SubmitReply::Finished(body) => Ok(Receipt { job_id: body.job_id, accepted: true }),
                SubmitReply::Rejected(body) => Err(ClientError::Rejected { job: id, rejection: Box::new(body) }),
            },
        }
    }

    /// Submits a job and waits for its end, at most `timeout`.
    ///
    /// # Errors
    /// [`ClientError::GaveUp`] once the time has passed: the job goes on. Else as [`Client::submit`].
    pub async fn submit_and_wait(&self, job: &JobDocument, timeout: Duration) -> Result<Finished, ClientError> {
        let deadline = Instant::now().checked_add(timeout);
        let id = job.submit_id();
        let mut replies = self.send(job, &id, ReplyMode::Finished).await?;
        let end = self.finished(&id, &mut replies);
        let Some(deadline) = deadline else { return end.await };
        let gave_up = |_| ClientError::GaveUp { job: id.clone(), after: timeout };
        tokio::time::timeout_at(deadline, end).await.map_err(gave_up)?
    }

    async fn finished(&self, id: &str, replies: &mut ReplyQueue) -> Result<Finished, ClientError> {
        loop {
            match self.next(id, replies).await? {
                SubmitReply::Finished(body) => return Finished::read(body),
                SubmitReply::Rejected(body) => {
                    return Err(ClientError::Rejected { job: id.to_owned(), rejection: Box::new(body) });
                }
                SubmitReply::Accepted(_) => {}
            }
        }
    }

    async fn next(&self, id: &str, replies: &mut ReplyQueue) -> Result<SubmitReply, ClientError> {
        match replies.next().await {
            Some(message) => SubmitReply::read(id, &message),
            None => Err(self.publisher.session().failed().await.into()),
        }
    }

    async fn send(&self, job: &JobDocument, id: &str, mode: ReplyMode) -> Result<ReplyQueue, ClientError> {
        let correlation = Uuid::new_v4().to_string();
        let replies = self.waiting.for_correlation(&correlation);
        let message = self.message(job, id, correlation, mode);
        let exchange = self.names.submit();
        match self.publisher.publish_mandatory(&exchange, KEY_SUBMIT, message).await {
            Published::Confirmed => Ok(replies),
            Published::Returned => Err(ClientError::Unroutable { exchange }),
            Published::Nacked | Published::Impossible | Published::Late => {
                Err(ClientError::NotTaken { job: id.to_owned() })
            }
            Published::Unknown => Err(self.why_unknown(id, exchange).await),
        }
    }

    /// A missing confirm is explained by the end of the session, if it ended.
    async fn why_unknown(&self, id: &str, exchange: String) -> ClientError {
        let session = self.publisher.session();
        if session.is_usable() {
            return ClientError::Uncertain { job: id.to_owned() };
        }
        match session.failed().await {
            BrokerError::Missing { .. } => ClientError::NoExchange { exchange },
            error => ClientError::Broker(error),
        }
    }

    fn message(&self, job: &JobDocument, id: &str, correlation: String, mode: ReplyMode) -> Message {
        let mut message = Message {
            content_type: Some(JSON.to_owned()),
            message_id: Some(id.to_owned()),
            correlation_id: Some(correlation),
            reply_to: Some(self.reply_queue.clone()),
            persistent: true,
            body: job.bytes().to_vec(),
            ..Message::default()
        };
        message.set_text("reply", mode.as_str());
        message
    }
}

impl Finished {
    pub(super) fn read(body: FinishedBody) -> Result<Self, ClientError> {
        let bad = |why: String| ClientError::BadReply { job: body.job_id.clone(), why };
        let state: JobState = body.state.parse().map_err(|error| bad(format!("its state: {error}")))?;
        let error = body.error.as_ref().filter(|error| error.get() != "null");
        let error = error.map(|error| serde_json::from_str(error.get())).transpose();
        let error = error.map_err(|error| bad(format!("its error: {error}")))?;
        Ok(Self { job_id: body.job_id, state, output: body.output, error })
    }
}

/// Submits that may be unconfirmed at once; a client that needs more should connect more than once.
const WINDOW: usize = 256;
/// Answers are acked at once, so this only bounds what is under way.
const REPLIES_AT_ONCE: u16 = 256;
/// An orchestrator that runs answers within milliseconds; one that does not will find the job in its queue.
const ACCEPT_WITHIN: Duration = Duration::from_secs(5);
