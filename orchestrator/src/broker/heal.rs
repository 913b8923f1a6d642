//! Task queues that are missing or dead, and the mark that tells whether the broker restarted.
//!
//! A quorum queue can come back from a crash without a leader and never get one. It then looks healthy to a
//! declare, and holds nothing. The rows are the truth, so a task queue is made anew and its attempts are published
//! again. The queues of submits and results may hold sole copies: they are never deleted here.

use warrener_amqp::{BrokerError, Session, Topology};
use warrener_shared::id::QueueName;

use super::Context;
use crate::driver::{Input, Packet};

/// Makes sure that the queue at the broker exists and is bound. False if it is somebody else's and missing.
pub(super) async fn prepare(context: &Context, session: &Session, queue: &QueueName) -> Result<bool, BrokerError> {
    if let Some(address) = context.shared.addresses.get(queue) {
        return session.bind(address, &context.shared.names.tasks(), queue.as_str()).await;
    }
    mourn(context, session, queue).await?;
    make(context, session, queue).await?;
    Ok(true)
}

/// Declares a queue of ours.
pub(super) async fn make(context: &Context, session: &Session, queue: &QueueName) -> Result<(), BrokerError> {
    session.declare(&Topology::task_queue(&context.shared.names, queue)).await
}

/// If a queue is gone, so is what it held: that goes out again once the queue is there. It is asked for before the
/// queue is declared, since a declare makes it and does not tell.
pub(super) async fn mourn(context: &Context, session: &Session, queue: &QueueName) -> Result<(), BrokerError> {
    if session.depth(&context.address(queue)).await?.is_some() {
        return Ok(());
    }
    match context.number(queue) {
        Some(no) => lose(context, no).await,
        None => Ok(()),
    }
}

/// Has it committed that what a queue held is to be published again; only then may the queue be made anew, so that a
/// crash in between loses nothing.
async fn lose(context: &Context, no: i64) -> Result<(), BrokerError> {
    let (done, committed) = tokio::sync::oneshot::channel();
    let packet = Packet { inputs: vec![Input::LaneLost(no)], done: Some(done) };
    context.inputs.send(packet).await.ok();
    match tokio::time::timeout(super::STORE_PATIENCE, committed).await {
        Ok(Ok(())) => {
            tracing::info!(queue = no, "a task queue was missing; what it may have held is published again");
            Ok(())
        }
        _ => Err(super::given_up("the store did not keep that a queue was lost")),
    }
}

/// Declares a mark that a broker loses when it restarts, and tells whether it had lost it.
pub(super) async fn mark_restart(context: &Context, session: &Session) -> Result<bool, BrokerError> {
    let name = format!("{}.alive", context.shared.names.prefix());
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
    if let Some(no) = context.number(queue) {
        lose(context, no).await?;
    }
    session.delete_queue(&context.shared.names.task_queue(queue)).await?;
    make(context, session, queue).await
}
