//! Taking batches, and acknowledging what is committed, in order, while the next batch is already on its way.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use warrener_amqp::{Batch, Consumer, Session};

use super::{Context, Link};
use crate::driver::{Input, Packet};

/// Batches of one consumer that are handed to the driver and not acknowledged yet.
const PIPELINE: usize = 4;

/// The next batch of a consumer; `None` once the session is over, which everybody of it is told.
pub(super) async fn next(link: &Link, consumer: &mut Consumer, most: usize) -> Option<Batch> {
    match consumer.next_batch(most, Duration::ZERO).await {
        Ok(batch) => Some(batch),
        Err(error) => {
            link.session.break_with(error);
            None
        }
    }
}

/// A batch that waits for its commit.
pub(super) struct Waiting {
    pub(super) batch: Batch,
    pub(super) committed: oneshot::Receiver<()>,
}

/// The acknowledging end of a consumer.
pub(super) struct Settler {
    waiting: mpsc::Sender<Waiting>,
}

impl Settler {
    pub(super) fn start(session: Session) -> Self {
        let (waiting, queue) = mpsc::channel(PIPELINE);
        tokio::spawn(settle(session, queue));
        Self { waiting }
    }

    /// Hands inputs to the driver, and the batch that they came in to be acknowledged once they are committed.
    pub(super) async fn hand_over(&self, context: &Context, inputs: Vec<Input>, batch: Batch) {
        let (done, committed) = oneshot::channel();
        context.inputs.send(Packet { inputs, done: Some(done) }).await.ok();
        self.waiting.send(Waiting { batch, committed }).await.ok();
    }
}

async fn settle(session: Session, mut queue: mpsc::Receiver<Waiting>) {
    while let Some(Waiting { batch, committed }) = queue.recv().await {
        if committed.await.is_err() {
            // The broker hands everything out again on the next session.
            return session.break_with(super::given_up("the store could not be written"));
        }
        if let Err(error) = batch.ack().await {
            tracing::debug!(%error, "an acknowledgement did not reach the broker; the messages come again");
            return;
        }
    }
}
