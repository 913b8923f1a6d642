//! Healing: entities of ours that are missing or dead, and the mark that tells whether the broker restarted.
//!
//! A quorum queue can come back from a crash without a leader and never get one. It then looks healthy to a declare,
//! and holds nothing. The rows are the truth, so a task queue is made anew and its attempts are published again. The
//! queues of submits and results may hold sole copies: they are never deleted here.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;
use warrener_amqp::{BrokerError, Pulse, Session, Topology};
use warrener_shared::id::QueueName;

use super::{Context, Link};
use crate::driver::{Input, Packet};

/// Looks at everything that is ours again and again, and at once if somebody asks.
pub(super) async fn run(context: Context, link: Link, workers: Pulse) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut next_full = Instant::now() + ALL_EVERY;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = context.repairs.asked() => {}
        }
        let mut queues = context.repairs.take();
        if Instant::now() >= next_full {
            next_full = Instant::now() + ALL_EVERY;
            queues.extend(context.ours());
        }
        let outcome = restore(&context, &link, &workers, &queues).await;
        if let Err(error) = &outcome {
            tracing::warn!(%error, "something of ours is missing at the broker and cannot be declared; trying again");
            queues.into_iter().for_each(|queue| context.repairs.ask_for(queue));
            tokio::time::sleep(AGAIN).await;
        }
        context.troubles.set(PART, outcome.err().map(|error| error.to_string()));
    }
}

/// Declares everything of ours, after telling the driver if reports were lost with their queue, and these task queues.
async fn restore(
    context: &Context,
    link: &Link,
    workers: &Pulse,
    queues: &BTreeSet<QueueName>,
) -> Result<(), BrokerError> {
    let session = &link.session;
    let topology = Topology::orchestrator(&context.shared.names, &[]);
    let mut missing = Vec::new();
    for queue in &topology.queues {
        if session.depth(&queue.name).await?.is_none() {
            missing.push(queue.name.clone());
        }
    }
    if !missing.is_empty() {
        let what = format!("missing at the broker: {}", missing.join(", "));
        tracing::warn!("{what}");
        context.troubles.set(PART, Some(what));
        context.troubles.tell(&context.shared.health);
        if missing.contains(&context.shared.names.results()) {
            context.input(Input::ReportsLost).await;
        }
        tokio::time::sleep(CONSUMERS_LEAVE).await;
    }
    session.declare(&topology).await?;
    session.declare_owner(&context.shared.names, &context.database).await?;
    // The queue of heartbeats is exclusive: only the connection that consumes from it may bind it.
    workers.bind(&context.shared.names.workers(), "", ANSWER).await?;
    prepare_all(context, session, queues.iter()).await
}

/// Makes sure that the queue at the broker exists and is bound. False if it is somebody else's and missing.
pub(super) async fn prepare(context: &Context, link: &Link, queue: &QueueName) -> Result<bool, BrokerError> {
    if let Some(address) = context.shared.external(queue) {
        return link.strangers.bind(address, &context.shared.names.tasks(), queue.as_str()).await;
    }
    prepare_all(context, &link.session, [queue]).await?;
    Ok(true)
}

/// Makes sure that task queues of ours exist and are bound. If one is gone, so are its messages, which go out again
/// once the queue is there.
///
/// The order matters: each is asked for before it is declared, since a declare makes it and does not tell that it was
/// gone.
pub(super) async fn prepare_all<'a>(
    context: &Context,
    session: &Session,
    queues: impl IntoIterator<Item = &'a QueueName>,
) -> Result<(), BrokerError> {
    // One at a time: whoever finds a queue missing must not take another's new one for the old.
    let _turn = context.healing.lock().await;
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for queue in queues.into_iter().filter(|queue| context.shared.external(queue).is_none()) {
        let depth = session.depth(&context.shared.address(queue)).await?;
        if depth.is_some() { there.push(queue) } else { gone.push(queue) }
    }
    for queue in there {
        make(context, session, queue).await?;
    }
    if gone.iter().any(|queue| context.shared.queues.number(queue).is_some()) {
        tokio::time::sleep(CONSUMERS_LEAVE).await;
    }
    for queue in gone {
        if let Some(no) = context.shared.queues.number(queue) {
            lose(context, no).await?;
        }
        make(context, session, queue).await?;
    }
    Ok(())
}

/// Declares a queue of ours.
pub(super) async fn make(context: &Context, session: &Session, queue: &QueueName) -> Result<(), BrokerError> {
    session.declare(&Topology::task_queue(&context.shared.names, queue)).await
}

/// Has the driver commit that the messages of a queue are to be published again. Only then may the queue be made anew,
/// so that a crash in between loses nothing.
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
    let _turn = context.healing.lock().await;
    if let Some(no) = context.shared.queues.number(queue) {
        lose(context, no).await?;
    }
    session.delete_queue(&context.shared.names.task_queue(queue)).await?;
    make(context, session, queue).await
}

/// Name of this part among the troubles of the broker side.
const PART: &str = "topology";
/// Time between two looks at the exchanges, queues and bindings that everything needs.
const EVERY: Duration = Duration::from_secs(2);
/// Time between two looks at all task queues and their bindings.
const ALL_EVERY: Duration = Duration::from_secs(60);
/// Wait before a declaration that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Time for which a queue that was deleted is left missing. A broker tells the consumers of a deleted queue only if the
/// queue is not declared again at once: RabbitMQ 3.10 forgets them within about 50 ms of that.
const CONSUMERS_LEAVE: Duration = Duration::from_secs(1);
/// Longest time that the broker may take to bind a queue.
const ANSWER: Duration = Duration::from_secs(15);
