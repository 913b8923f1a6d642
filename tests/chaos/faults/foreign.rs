//! Strangers who behave badly, beside whom nobody else may have to wait.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::time::{sleep, timeout};
use warrener_tests::broker::unique;

use super::Deed;
use crate::dice::Dice;
use crate::world::World;

/// Submits jobs whose answers nobody can have.
pub(super) async fn replies(world: &World, dice: &mut Dice, deed: Deed) -> anyhow::Result<u32> {
    let (_connection, channel) = world.hand().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let queue = unique("client.foreign");
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    match deed {
        Deed::FullReply => {
            arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
            arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
            channel.queue_declare(queue.as_str().into(), durable, arguments).await?;
            let full = publish(&channel, "", &queue, BasicProperties::default(), b"{}").await?;
            ensure!(full == Confirmation::Ack(None), "the first message has room: {full:?}");
        }
        Deed::HeadlessReply => {
            arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
            channel.queue_declare(queue.as_str().into(), durable, arguments).await?;
            let stop = format!("ra:stop_server(quorum_queues, {{list_to_atom(\"%2F_{queue}\"), node()}}).");
            let stopped = world.node.control(&["eval", &stop]).await?;
            ensure!(stopped.contains("ok"), "the queue's process was not stopped: {stopped}");
        }
        _ => {}
    }
    for _ in 0..JOBS {
        let (id, document) = world.record.send(dice, false);
        let properties = BasicProperties::default().with_reply_to(queue.as_str().into());
        let properties = properties.with_correlation_id(id.as_str().into()).with_delivery_mode(2);
        let taken = publish(&channel, "warrener.submit", "submit", properties, document.as_bytes()).await?;
        ensure!(taken == Confirmation::Ack(None), "the broker took no submit: {taken:?}");
        // What is confirmed becomes a job, a refusal or a dead letter, and this is a job.
        world.record.accept(&id);
    }
    sleep(Duration::from_secs(3)).await;
    Ok(1)
}

/// Publishes what is neither a job nor a report.
pub(super) async fn nonsense(world: &World) -> anyhow::Result<u32> {
    let (_connection, channel) = world.hand().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    for number in 0..JOBS {
        let body = NONSENSE[number % NONSENSE.len()];
        publish(&channel, "warrener.submit", "submit", BasicProperties::default(), body).await?;
        let ticket = format!("{number}.1.{:032x}", number * 7);
        let properties = BasicProperties::default().with_correlation_id(ticket.into());
        let kind = ["task.succeeded", "task.failed", "task.nonsense", "task.claimed"][number % 4];
        publish(&channel, "warrener.results", "results", properties.with_type(kind.into()), body).await?;
    }
    sleep(Duration::from_secs(1)).await;
    Ok(1)
}

async fn publish(
    channel: &Channel,
    exchange: &str,
    key: &str,
    properties: BasicProperties,
    body: &[u8],
) -> anyhow::Result<Confirmation> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let publishing = channel.basic_publish(exchange.into(), key.into(), options, body, properties);
    Ok(timeout(ANSWER, publishing.await?).await.context("a confirm")??)
}

const JOBS: usize = 40;
const NONSENSE: [&[u8]; 6] =
    [b"", b"\xff\xfe", b"{", b"[[[[[[[[[[[[[[[[[[[[", b"{\"kind\": 5}", b"{\"tasks\": {\"a\": {\"needs\": \"a\"}}}"];
const ANSWER: Duration = Duration::from_secs(20);
