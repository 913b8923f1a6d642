//! Task queues that are missing or dead, and the mark that tells whether the broker restarted.
//!
//! A quorum queue can come back from a crash without a leader and never get one. It then looks healthy to a
//! declare, and holds nothing. The rows are the truth, so a task queue is made anew and its attempts are published
//! again. The queues of submits and results may hold sole copies: they are never deleted here.

use warrener_amqp::{BrokerError, Session, Topology};
use warrener_shared::id::QueueName;

use super::Context;

/// Makes sure that the queue at the broker exists and is bound. False if it is somebody else's and missing.
pub(super) async fn prepare(context: &Context, session: &Session, queue: &QueueName) -> Result<bool, BrokerError> {
    if let Some(address) = context.addresses.get(queue) {
        return session.bind(address, &context.names.tasks(), queue.as_str()).await;
    }
    session.declare(&Topology::task_queue(&context.names, queue)).await?;
    Ok(true)
}

/// Declares a mark that a broker loses when it restarts, and tells whether it had lost it.
pub(super) async fn mark_restart(context: &Context, session: &Session) -> Result<bool, BrokerError> {
    let name = format!("{}.alive", context.names.prefix());
    let restarted = !session.exchange_exists(&name).await?;
    if restarted {
        session.declare_transient_exchange(&name).await?;
    }
    Ok(restarted)
}

/// Deletes a dead task queue and makes it anew.
pub(super) async fn remake(context: &Context, session: &Session, queue: &QueueName) -> Result<(), BrokerError> {
    tracing::warn!(%queue, "the task queue has no leader; making it anew and publishing its attempts again");
    metrics::counter!("warrener_queues_remade_total").increment(1);
    session.delete_queue(&context.names.task_queue(queue)).await?;
    session.declare(&Topology::task_queue(&context.names, queue)).await
}
