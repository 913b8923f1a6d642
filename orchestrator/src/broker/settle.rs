//! Settling: taking batches, and acknowledging them once they are committed, in order, while the next is on its way.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use warrener_amqp::{Consumer, DeliveryBatch, Session};

use super::intake::Intake;
use super::{Context, Link};
use crate::driver::{Input, Packet};

/// Most batches of one consumer that are handed to the driver and not acknowledged yet.
const PIPELINE: usize = 4;

/// Takes the next batch of a consumer. `None` once the session is over, which everybody of it is told.
pub(super) async fn next(link: &Link, consumer: &mut Consumer, most: usize) -> Option<DeliveryBatch> {
    match consumer.next_batch(most, Duration::ZERO).await {
        Ok(batch) => Some(batch),
        Err(error) => {
            link.session.break_with(error);
            None
        }
    }
}

/// Inputs that the driver's answers lead to, which must be committed too before the batch is acknowledged.
pub(super) type Outcome = Pin<Box<dyn Future<Output = Vec<Input>> + Send>>;

/// A batch that waits for its commit.
struct Waiting {
    /// The batch.
    batch: DeliveryBatch,
    /// Told once its inputs are committed; closed untold if they cannot be.
    committed: oneshot::Receiver<()>,
    /// Inputs that follow from the answers, if any may.
    outcome: Option<Outcome>,
}

/// Acknowledging end of a consumer, on a task of its own.
pub(super) struct Settler {
    context: Context,
    /// Activity of the consumer.
    intake: Intake,
    /// Batches in the order in which they are acknowledged, at most [`PIPELINE`].
    waiting: mpsc::Sender<Waiting>,
}

/// Error of a session that is over: nobody acknowledges any more.
pub(super) struct Closed;

impl Settler {
    /// Starts the acknowledging end of a consumer.
    pub(super) fn start(context: &Context, session: Session, intake: Intake) -> Self {
        let (waiting, queue) = mpsc::channel(PIPELINE);
        tokio::spawn(settle(context.clone(), session, intake.clone(), queue));
        Self { context: context.clone(), intake, waiting }
    }

    /// Hands inputs to the driver, and the batch that they came in to be acknowledged once they are committed, and what
    /// follows from them too.
    pub(super) async fn hand_over(
        &self,
        inputs: Vec<Input>,
        batch: DeliveryBatch,
        outcome: Option<Outcome>,
    ) -> Result<(), Closed> {
        self.intake.took();
        let committed = hand(&self.context, inputs).await;
        self.waiting.send(Waiting { batch, committed, outcome }).await.map_err(|_| Closed)
    }
}

/// Hands inputs to the driver. The receiver is told once they are committed.
async fn hand(context: &Context, inputs: Vec<Input>) -> oneshot::Receiver<()> {
    let (done, committed) = oneshot::channel();
    // The driver is gone only when the process ends.
    context.inputs.send(Packet { inputs, done: Some(done) }).await.ok();
    committed
}

/// Acknowledges one batch after another. Ends the session if one cannot be committed, so that the broker hands
/// everything out again.
async fn settle(context: Context, session: Session, intake: Intake, mut queue: mpsc::Receiver<Waiting>) {
    while let Some(Waiting { batch, committed, outcome }) = queue.recv().await {
        let mut is_kept = committed.await.is_ok();
        if let Some(outcome) = outcome.filter(|_| is_kept) {
            let more = outcome.await;
            if !more.is_empty() {
                is_kept = hand(&context, more).await.await.is_ok();
            }
        }
        if !is_kept {
            // The broker hands everything out again on the next session.
            return session.break_with(super::given_up("the store could not be written"));
        }
        if let Err(error) = batch.ack().await {
            tracing::debug!(%error, "an acknowledgement did not reach the broker; the messages come again");
            return;
        }
        intake.settled();
    }
}
