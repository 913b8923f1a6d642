//! An RPC server that knows nothing of us: it answers to `reply_to`, waits for the confirm, then acknowledges.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::history::{Ending, address};
use crate::trace::Trace;

/// Serves for ever, over one connection after another.
pub(crate) async fn serve(url: String, trace: Arc<Trace>) {
    loop {
        // Whatever ends a session, the next one may do better.
        let ended = session(&url, &trace).await;
        tracing_note(&ended);
        sleep(Duration::from_millis(300)).await;
    }
}

fn tracing_note(ended: &anyhow::Result<()>) {
    if std::env::var_os("WARRENER_TEST_TALK").is_some() {
        eprintln!("the RPC server lost its session: {ended:?}");
    }
}

async fn session(url: &str, trace: &Arc<Trace>) -> anyhow::Result<()> {
    let connection = timeout(ANSWER, Connection::connect(url, ConnectionProperties::default())).await??;
    let channel = timeout(ANSWER, connection.create_channel()).await??;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    timeout(ANSWER, channel.queue_declare(QUEUE.into(), durable, FieldTable::default())).await??;
    timeout(ANSWER, channel.confirm_select(ConfirmSelectOptions::default())).await??;
    timeout(ANSWER, channel.basic_qos(4, BasicQosOptions::default())).await??;
    let consuming =
        channel.basic_consume(QUEUE.into(), "rpc".into(), BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer = timeout(ANSWER, consuming).await??;
    loop {
        match timeout(IDLE, consumer.next()).await {
            Ok(Some(delivery)) => answer(&channel, delivery?, trace).await?,
            Ok(None) => bail!("the broker ended the consumer"),
            Err(_) if connection.status().connected() => {}
            Err(_) => bail!("the connection is gone"),
        }
    }
}

async fn answer(channel: &Channel, delivery: Delivery, trace: &Trace) -> anyhow::Result<()> {
    let headers = delivery.properties.headers().clone().unwrap_or_default();
    let text = |name: &str| headers.inner().get(name).map(json_of).unwrap_or_default();
    let input: Value = serde_json::from_slice(&delivery.data)?;
    let job = text("job");
    let run = trace.begin(job.as_str().unwrap_or_default(), &address(&text("task"), &text("index")), &input)?;
    sleep(Duration::from_millis(input["ms"].as_u64().unwrap_or_default())).await;
    trace.end(&run, Ending::Gave)?;
    let reply_to = delivery.properties.reply_to().clone().context("it wants no answer")?;
    let ticket = delivery.properties.correlation_id().clone().context("it has no ticket")?;
    let properties = BasicProperties::default().with_correlation_id(ticket).with_delivery_mode(2);
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let body = json!({"run": run}).to_string();
    let confirm = channel.basic_publish("".into(), reply_to, options, body.as_bytes(), properties).await?;
    match timeout(ANSWER, confirm).await?? {
        Confirmation::Ack(None) => delivery.acker.ack(BasicAckOptions::default()).await?,
        refused => bail!("the answer was not taken: {refused:?}"),
    };
    Ok(())
}

fn json_of(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::LongString(text) => json!(text.to_string()),
        AMQPValue::LongInt(number) => json!(number),
        AMQPValue::LongLongInt(number) => json!(number),
        AMQPValue::LongUInt(number) => json!(number),
        _ => Value::Null,
    }
}

/// A name that the shipped rights let such a server have.
pub(crate) const QUEUE: &str = "rpc_queue";
const ANSWER: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(2);
