//! Handing the answers in the reply queue to whoever waits for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use warrener_amqp::{BrokerError, Consumer};
use warrener_shared::wire::Message;
use warrener_shared::wire::submit::{ACCEPTED, AcceptedBody, FINISHED, FinishedBody, REJECTED, RejectedBody};

use super::error::ClientError;

/// An answer to a submit.
#[derive(Debug)]
pub(super) enum SubmitReply {
    Accepted(AcceptedBody),
    Rejected(RejectedBody),
    Finished(FinishedBody),
}

impl SubmitReply {
    pub(super) fn read(job: &str, message: &Message) -> Result<Self, ClientError> {
        let bad = |why: String| ClientError::BadReply { job: job.to_owned(), why };
        let read = match message.kind.as_deref() {
            Some(ACCEPTED) => parse(message).map(Self::Accepted),
            Some(REJECTED) => parse(message).map(Self::Rejected),
            Some(FINISHED) => parse(message).map(Self::Finished),
            kind => return Err(bad(format!("its type is {kind:?}"))),
        };
        read.map_err(|error| bad(error.to_string()))
    }
}

fn parse<T: DeserializeOwned>(message: &Message) -> serde_json::Result<T> {
    serde_json::from_slice(&message.body)
}

/// The callers that wait for replies, by correlation id.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiters {
    places: Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Message>>>>,
}

/// The answers to one submit: at most a handful, so the channel needs no bound. Dropped, it waits no more.
#[derive(Debug)]
pub(super) struct ReplyQueue {
    correlation: String,
    waiting: Waiters,
    inbox: mpsc::UnboundedReceiver<Message>,
}

impl Waiters {
    pub(super) fn for_correlation(&self, correlation: &str) -> ReplyQueue {
        let (sender, inbox) = mpsc::unbounded_channel();
        self.with(|places| places.insert(correlation.to_owned(), sender));
        ReplyQueue { correlation: correlation.to_owned(), waiting: self.clone(), inbox }
    }

    fn deliver(&self, message: Message) {
        let correlation = message.correlation_id.clone().unwrap_or_default();
        let sender = self.with(|places| places.get(&correlation).cloned());
        if sender.is_none_or(|sender| sender.send(message).is_err()) {
            tracing::debug!(correlation, "an answer that nobody waits for");
        }
    }

    /// Ends all waiting: no more answers can come.
    fn close(&self) {
        self.with(HashMap::clear);
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<String, mpsc::UnboundedSender<Message>>) -> T) -> T {
        act(&mut self.places.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ReplyQueue {
    /// The next answer; `None` once the session is over.
    pub(super) async fn next(&mut self) -> Option<Message> {
        self.inbox.recv().await
    }
}

impl Drop for ReplyQueue {
    fn drop(&mut self) {
        self.waiting.with(|places| places.remove(&self.correlation));
    }
}

/// Reads the reply queue until the session is over.
pub(super) async fn distribute(mut consumer: Consumer, waiting: Waiters) {
    let why = loop {
        match next(&mut consumer).await {
            Ok(message) => waiting.deliver(message),
            Err(why) => break why,
        }
    };
    tracing::debug!(%why, "no more answers");
    waiting.close();
}

async fn next(consumer: &mut Consumer) -> Result<Message, BrokerError> {
    let (incoming, receipt) = consumer.next().await?.into_parts();
    receipt.ack().await?;
    Ok(incoming.message)
}
