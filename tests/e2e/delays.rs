//! Messages of others that go out later: as they went in, not before their time, and never lost.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};
use serde_json::{Value, json};
use warrener_tests::broker::{Broker, unique};
use warrener_tests::cluster::{Cluster, program};
use warrener_tests::wait::{SOON, until};

/// Longest time after its own that a message may come in these tests: processes without optimisation share a machine.
const LATE: i64 = 1500;

/// Milliseconds since 1970.
fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A message as it came out, and when.
#[derive(Clone)]
struct Arrival {
    at: i64,
    key: String,
    properties: BasicProperties,
    body: Vec<u8>,
}

/// A shop that publishes to a delaying exchange, and reads what comes out.
struct Shop {
    channel: Channel,
    _connection: Connection,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

impl Shop {
    /// Declares the exchange that has the bindings, with a durable queue, and reads from that.
    async fn open(url: &str, deliver_to: &str, queue: &str, key: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a broker");
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(deliver_to.into(), ExchangeKind::Topic, durable, FieldTable::default()).await.unwrap();
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.into(), durable, FieldTable::default()).await.unwrap();
        let bound = QueueBindOptions::default();
        channel.queue_bind(queue.into(), deliver_to.into(), key.into(), bound, FieldTable::default()).await.unwrap();
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let mut consumer =
            channel.basic_consume(queue.into(), "shop".into(), options, FieldTable::default()).await.unwrap();
        let arrivals = Arc::<Mutex<Vec<Arrival>>>::default();
        let inbox = Arc::clone(&arrivals);
        tokio::spawn(async move {
            while let Some(Ok(one)) = consumer.next().await {
                let key = one.routing_key.to_string();
                let arrival = Arrival { at: now(), key, properties: one.properties, body: one.data };
                inbox.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
            }
        });
        Self { channel, _connection: connection, arrivals }
    }

    /// Publishes, and tells whether the broker confirmed it.
    async fn publish(&self, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) -> bool {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = self.channel.basic_publish(exchange.into(), key.into(), options, body, properties).await;
        let Ok(confirm) = sent else { return false };
        matches!(tokio::time::timeout(SOON, confirm).await, Ok(Ok(Confirmation::Ack(None))))
    }

    fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The message with this body, once it has come.
    async fn arrival(&self, body: &str) -> Arrival {
        let of = |one: &Arrival| one.body == body.as_bytes();
        until(&format!("{body} comes out"), SOON, async || self.arrivals().into_iter().find(of)).await
    }
}

/// Names of a delaying exchange, the exchange behind it, and a queue.
fn names() -> (String, String, String) {
    (unique("orders.delayed"), unique("orders"), unique("inbox"))
}

fn configuration(delays: &[(&str, &str)]) -> String {
    let section = |(exchange, to): &(&str, &str)| format!("[delays.\"{exchange}\"]\ndeliver_to = \"{to}\"\n");
    delays.iter().map(section).collect()
}

fn header(name: &str, value: AMQPValue) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(name.into(), value);
    BasicProperties::default().with_headers(headers)
}

fn delay(ms: i32) -> BasicProperties {
    header("x-delay", AMQPValue::LongInt(ms))
}

/// What the command line says on stdout.
fn said(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = Command::new(program("warrener")).args(arguments).env("WARRENER_URL", cluster.http_url()).output();
    let output = output.expect("the command line starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The exit code of the command line where it does not succeed.
fn said_no(cluster: &Cluster, arguments: &[&str]) -> Option<i32> {
    let output = Command::new(program("warrener")).args(arguments).env("WARRENER_URL", cluster.http_url()).output();
    output.expect("the command line starts").status.code()
}

async fn listed(cluster: &Cluster, query: &str) -> Vec<Value> {
    cluster.get(&format!("/api/v1/delayed{query}")).await.1["items"].as_array().cloned().unwrap_or_default()
}

/// Waits until our queue takes what is published.
async fn is_bound(shop: &Shop, exchange: &str) {
    until("the exchange is there and bound", SOON, async || {
        let channel = shop._connection.create_channel().await.unwrap();
        let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let there = channel.exchange_declare(exchange.into(), ExchangeKind::Fanout, passive, FieldTable::default());
        there.await.is_ok().then_some(())
    })
    .await;
    until("a first message", SOON, async || shop.publish(exchange, "first", delay(0), b"first").await.then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_out_as_it_went_in_and_at_its_time() {
    let (delayed, orders, queue) = names();
    let broker = Broker::shared().await;
    let shop = Shop::open(broker.url(), &orders, &queue, "#").await;
    let cluster = Cluster::configured(broker, &configuration(&[(&delayed, &orders)])).await;
    is_bound(&shop, &delayed).await;
    let mut headers = FieldTable::default();
    headers.insert("x-delay".into(), AMQPValue::LongInt(700));
    let list: FieldArray = vec![AMQPValue::Double(1.5), AMQPValue::Void].into();
    headers.insert("deep".into(), AMQPValue::FieldArray(list));
    headers.insert("x-match".into(), AMQPValue::LongString("all".into()));
    let properties =
        BasicProperties::default().with_headers(headers).with_type("order".into()).with_app_id("shop".into());
    let properties = properties.with_content_type("application/x-mine".into()).with_delivery_mode(2).with_priority(3);
    let properties = properties.with_timestamp(17).with_correlation_id("c".into()).with_message_id("m".into());
    let began = now();
    assert!(shop.publish(&delayed, "order.new", properties.clone(), b"\x00\xffbody").await);
    let came =
        until("it comes out", SOON, async || shop.arrivals().into_iter().find(|one| one.key == "order.new")).await;
    assert_eq!((&came.body[..], came.properties), (b"\x00\xffbody".as_slice(), properties));
    assert!((began + 700..began + 700 + LATE).contains(&came.at), "it came after {} ms", came.at - began);
    // Without the header, and without headers: at once.
    assert!(shop.publish(&delayed, "k", BasicProperties::default(), b"bare").await);
    assert!(shop.publish(&delayed, "k", header("other", AMQPValue::Boolean(true)), b"other").await);
    shop.arrival("bare").await;
    shop.arrival("other").await;

    // Listed, and cancelled.
    for (key, body) in [("later", "one"), ("later", "two"), ("much.later", "three")] {
        assert!(shop.publish(&delayed, key, delay(3_600_000), body.as_bytes()).await);
    }
    let all = until("three are kept", SOON, async || {
        let all = listed(&cluster, "").await;
        (all.len() == 3).then_some(all)
    })
    .await;
    assert_eq!((&all[0]["exchange"], &all[0]["routing_key"]), (&json!(delayed), &json!("later")), "{all:?}");
    assert_eq!((&all[2]["size"], &all[2]["failures"], &all[2]["reason"]), (&json!(5), &json!(0), &Value::Null));
    assert_eq!(listed(&cluster, "?q=key:much.*").await.len(), 1);
    assert_eq!(listed(&cluster, "?q=-key:later%20received:%3C1h").await.len(), 1);
    let first = all[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(said(&cluster, &["delayed", "list", "-f", "key:later", "-o", "name"]).lines().count(), 2);
    said(&cluster, &["delayed", "cancel", &first]);
    assert_eq!(said_no(&cluster, &["delayed", "cancel", &first]), Some(4), "it is gone");
    assert_eq!(listed(&cluster, "").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_that_is_none_is_a_dead_letter_with_its_reason() {
    let (delayed, orders, queue) = names();
    let broker = Broker::shared().await;
    let shop = Shop::open(broker.url(), &orders, &queue, "#").await;
    let cluster = Cluster::configured(broker, &configuration(&[(&delayed, &orders)])).await;
    is_bound(&shop, &delayed).await;
    let bad = [
        (AMQPValue::FieldTable(FieldTable::default()), "no number"),
        (AMQPValue::LongString("soon".into()), "no number"),
        (AMQPValue::LongInt(-1), "negative"),
        (AMQPValue::LongLongInt(366 * 24 * 3_600_000), "365 days"),
    ];
    for (value, _) in &bad {
        assert!(shop.publish(&delayed, "k", header("x-delay", value.clone()), b"bad").await);
    }
    assert!(shop.publish(&delayed, "k", delay(0), b"good").await);
    shop.arrival("good").await;
    let letters = until("all are dead letters", SOON, async || {
        let (_, letters) = cluster.get("/api/v1/dead").await;
        let letters = letters["items"].as_array().cloned().unwrap_or_default();
        (letters.len() == bad.len()).then_some(letters)
    })
    .await;
    for (letter, (_, why)) in letters.iter().rev().zip(&bad) {
        assert_eq!((&letter["from"], &letter["code"]), (&json!("delayed"), &json!("invalid_header")), "{letter}");
        assert!(letter["message"].as_str().unwrap().contains(why), "{letter}");
    }
    assert!(shop.arrivals().iter().all(|one| one.body != b"bad"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_takes_waits_alone_and_is_named() {
    let (delayed, orders, queue) = names();
    let (stuck, nowhere) = (unique("stuck.delayed"), unique("nowhere"));
    let broker = Broker::shared().await;
    let url = broker.url().to_owned();
    let shop = Shop::open(&url, &orders, &queue, "order.#").await;
    let cluster = Cluster::configured(broker, &configuration(&[(&delayed, &orders), (&stuck, &nowhere)])).await;
    is_bound(&shop, &stuck).await;
    until("the other exchange", SOON, async || {
        shop.publish(&delayed, "order.first", delay(0), b"first").await.then_some(())
    })
    .await;
    for n in 0..300 {
        assert!(shop.publish(&stuck, "k", delay(0), format!("stuck {n}").as_bytes()).await);
        assert!(shop.publish(&delayed, "nobody.wants", delay(0), format!("unwanted {n}").as_bytes()).await);
    }
    let began = now();
    assert!(shop.publish(&delayed, "order.new", delay(500), b"mine").await);
    let late = shop.arrival("mine").await.at - began - 500;
    assert!((0..LATE).contains(&late), "it came {late} ms after its time");
    let (status, ready) = cluster.get("/readyz").await;
    assert_eq!(status, 200, "{ready}");
    let notes = until("both are named", SOON, async || {
        let (_, ready) = cluster.get("/readyz").await;
        let notes = ready["notes"].to_string();
        (notes.contains(&nowhere) && notes.contains("nobody.wants")).then_some(notes)
    })
    .await;
    assert!(notes.contains("does not exist"), "{notes}");
    let reasons = listed(&cluster, &format!("?q=exchange:{stuck}&limit=1000")).await;
    assert!(reasons.iter().any(|one| one["failures"] != json!(0) && one["reason"] != Value::Null), "{reasons:?}");
    // They go out once somebody takes them.
    let other = Shop::open(&url, &nowhere, &unique("inbox"), "#").await;
    let all = Duration::from_secs(90);
    until("all that were stuck", all, async || (other.arrivals().len() >= 301).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_early_or_lost_though_orchestrator_and_broker_are_killed() {
    const MESSAGES: usize = 4000;
    let (delayed, orders, queue) = names();
    let broker = Broker::start().await;
    let url = broker.url().to_owned();
    let mut shop = Shop::open(&url, &orders, &queue, "#").await;
    let mut cluster = Cluster::configured(broker, &configuration(&[(&delayed, &orders)])).await;
    is_bound(&shop, &delayed).await;
    let (mut due, mut came) = (BTreeMap::new(), Vec::new());
    let began = now();
    for n in 0..MESSAGES {
        let ms = i32::try_from(2000 + (n * 7919) % 16_000).unwrap();
        let earliest = now() + i64::from(ms);
        if shop.publish(&delayed, "k", delay(ms).with_delivery_mode(2), n.to_string().as_bytes()).await {
            due.insert(n, earliest);
        }
        if n == MESSAGES / 3 {
            cluster.kill_orchestrator().await;
            cluster.launch_orchestrator();
        }
        if n == MESSAGES * 2 / 3 {
            cluster.broker().kill().await;
            cluster.broker().launch().await;
            came.extend(shop.arrivals());
            shop = Shop::open(&url, &orders, &queue, "#").await;
        }
    }
    assert!(due.len() > MESSAGES * 9 / 10, "{} were confirmed", due.len());
    let published = now() - began;
    let of = |arrivals: &[Arrival]| -> BTreeMap<usize, i64> {
        let number = |one: &Arrival| Some((std::str::from_utf8(&one.body).ok()?.parse().ok()?, one.at));
        arrivals.iter().rev().filter_map(number).collect()
    };
    let came = until("all come out", Duration::from_secs(90), async || {
        let all: Vec<_> = came.iter().cloned().chain(shop.arrivals()).collect();
        let first = of(&all);
        due.keys().all(|n| first.contains_key(n)).then_some((first, all.len()))
    })
    .await;
    let (first, all) = came;
    let early: Vec<_> = due.iter().filter(|(n, due)| first[n] < **due).collect();
    assert!(early.is_empty(), "early: {early:?}");
    let mut late: Vec<i64> = due.iter().map(|(n, due)| first[n] - due).collect();
    late.sort_unstable();
    let (median, most) = (late[late.len() / 2], late[late.len() * 99 / 100]);
    println!("{} in {published} ms, {all} came: median {median} ms late, p99 {most} ms with both kills", due.len());
    until("none is kept any more", SOON, async || listed(&cluster, "").await.is_empty().then_some(())).await;
}
