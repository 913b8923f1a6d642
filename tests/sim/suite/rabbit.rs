//! RabbitMQ as a stage, with the plain client library.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, BasicRejectOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer, ExchangeKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use warrener_tests::broker::{Broker, unique};
use warrener_tests::wait::{SOON, within};

use super::{End, Got, Habits, Kind, Line, Made, Published, Receipt, Stage, Tap};
use crate::broker::Death;

/// A broker, and who is connected to it.
#[derive(Debug)]
pub(super) struct Rabbit {
    broker: Broker,
    /// In front of every name, so that scenes do not meet.
    prefix: String,
    habits: Habits,
    /// What declares and looks.
    desk: Connection,
    lines: Vec<BrokerLine>,
    taps: Vec<BrokerTap>,
    /// Queues and exchanges to be removed.
    made: (Vec<String>, Vec<String>),
    /// Queues that only their connections may touch.
    exclusive: Vec<(ShortString, Line)>,
}

#[derive(Debug)]
struct BrokerLine {
    connection: Connection,
    publishing: Channel,
    cable: Cable,
}

#[derive(Debug)]
struct BrokerTap {
    line: Line,
    channel: Channel,
    consumer: Consumer,
}

/// The network between a client and the broker.
#[derive(Debug)]
struct Cable {
    url: String,
    carrying: JoinHandle<()>,
}

impl Rabbit {
    /// On the broker that all tests use.
    pub(super) async fn shared() -> Self {
        Self::on(Broker::shared().await).await
    }

    /// On a broker that may be broken.
    pub(super) async fn private() -> Self {
        Self::on(Broker::start().await).await
    }

    async fn on(broker: Broker) -> Self {
        let desk = connect(broker.url()).await;
        let is_old = version(broker.url()).await.starts_with("3.");
        let habits =
            Habits { ignores_priority: is_old, has_no_limit_by_default: is_old, begins_dead_letters_anew: is_old };
        let prefix = format!("{}.", unique("model"));
        Self {
            broker,
            prefix,
            habits,
            desk,
            lines: Vec::new(),
            taps: Vec::new(),
            made: Default::default(),
            exclusive: Vec::new(),
        }
    }

    /// Removes what the scene made.
    pub(super) async fn leave(self) {
        let channel = self.desk.create_channel().await.unwrap();
        for queue in self.made.0 {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.ok();
        }
        let channel = self.desk.create_channel().await.unwrap();
        for exchange in self.made.1 {
            channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await.unwrap();
        }
    }

    /// The broker's name of something; the default exchange has none of ours.
    fn full(&self, name: &str) -> ShortString {
        if name.is_empty() { ShortString::default() } else { format!("{}{name}", self.prefix).into() }
    }

    /// Our name of something.
    fn own(&self, name: &str) -> String {
        name.strip_prefix(&self.prefix).unwrap_or(name).to_owned()
    }

    async fn desk(&self) -> Channel {
        self.desk.create_channel().await.unwrap()
    }

    fn got(&self, tap: Tap, delivery: &Delivery) -> Got {
        let headers = delivery.properties.headers().as_ref();
        let header = |name: &str| headers.and_then(|headers| headers.inner().get(name));
        // On a first delivery the header is missing, or that of another life.
        let count = header("x-delivery-count").filter(|_| delivery.redelivered).and_then(AMQPValue::as_long_long_int);
        Got {
            receipt: Receipt { tap, tag: delivery.delivery_tag },
            body: String::from_utf8_lossy(&delivery.data).into_owned(),
            exchange: self.own(delivery.exchange.as_str()),
            key: self.own(delivery.routing_key.as_str()),
            redelivered: delivery.redelivered,
            returned: count.map_or(0, |count| u32::try_from(count).unwrap()),
            death: header("x-death").and_then(|deaths| self.latest(deaths)),
        }
    }

    /// The broker lists deaths newest first.
    fn latest(&self, deaths: &AMQPValue) -> Option<Death> {
        let AMQPValue::FieldTable(death) = deaths.as_array()?.as_slice().first()? else { return None };
        let text = |name: &str| death.inner().get(name).map(plain).unwrap_or_default();
        let reasons = ["rejected", "delivery_limit"];
        let reason = reasons.into_iter().find(|reason| *reason == text("reason"));
        let keys = death.inner().get("routing-keys").and_then(AMQPValue::as_array);
        let key = keys.and_then(|keys| keys.as_slice().first()).map(plain).unwrap_or_default();
        Some(Death { queue: self.own(&text("queue")), reason: reason.unwrap_or("another"), key: self.own(&key) })
    }

    /// Everything that was sent over a connection has been done.
    async fn flush(&self, line: Line) {
        for source in self.taps.iter().filter(|source| source.line == line && source.channel.status().connected()) {
            source.channel.basic_qos(1, BasicQosOptions::default()).await.unwrap();
        }
    }
}

impl Stage for Rabbit {
    fn habits(&self) -> Habits {
        self.habits
    }

    async fn connect(&mut self) -> Line {
        let cable = Cable::lay(self.broker.url()).await;
        let connection = connect(&cable.url).await;
        let publishing = confirming(&connection).await;
        self.lines.push(BrokerLine { connection, publishing, cable });
        Line(self.lines.len() - 1)
    }

    async fn end(&mut self, line: Line, how: End) {
        self.flush(line).await;
        let wire = &self.lines[line.0];
        match how {
            End::Closed => wire.connection.close(200, "done".into()).await.unwrap(),
            End::Cut => wire.cable.carrying.abort(),
        }
    }

    async fn exchange(&mut self, name: &str, kind: Kind, alternate: Option<&str>) {
        let kind = match kind {
            Kind::Direct => ExchangeKind::Direct,
            Kind::Fanout => ExchangeKind::Fanout,
            Kind::Topic => ExchangeKind::Topic,
        };
        let mut arguments = FieldTable::default();
        if let Some(alternate) = alternate {
            arguments.insert("alternate-exchange".into(), text(self.full(alternate).as_str()));
        }
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let name = self.full(name);
        self.desk().await.exchange_declare(name.clone(), kind, options, arguments).await.unwrap();
        self.made.1.push(name.to_string());
    }

    async fn has_exchange(&mut self, name: &str) -> bool {
        let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let (name, kind) = (self.full(name), ExchangeKind::Direct);
        self.desk().await.exchange_declare(name, kind, options, FieldTable::default()).await.is_ok()
    }

    async fn queue(&mut self, name: &str, made: Made) {
        let name = self.full(name);
        self.made.0.push(name.to_string());
        if let Some(line) = made.exclusive {
            let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
            let channel = &self.lines[line.0].publishing;
            channel.queue_declare(name.clone(), options, FieldTable::default()).await.unwrap();
            return self.exclusive.push((name, line));
        }
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), text("quorum"));
        arguments.insert("x-overflow".into(), text("reject-publish"));
        if let Some(limit) = made.limit {
            arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(limit.into()));
        }
        if let Some((exchange, key)) = made.dead_letter {
            arguments.insert("x-dead-letter-exchange".into(), text(self.full(exchange).as_str()));
            arguments.insert("x-dead-letter-routing-key".into(), text(key));
        }
        if made.at_least_once {
            arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        }
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        self.desk().await.queue_declare(name, options, arguments).await.unwrap();
    }

    async fn bind(&mut self, queue: &str, exchange: &str, key: &str) {
        let (queue, exchange) = (self.full(queue), self.full(exchange));
        let owner = self.exclusive.iter().rfind(|(name, _)| *name == queue).map(|(_, line)| &self.lines[line.0]);
        let channel = match owner {
            Some(owner) => owner.publishing.clone(),
            None => self.desk().await,
        };
        let options = QueueBindOptions::default();
        channel.queue_bind(queue, exchange, key.into(), options, FieldTable::default()).await.unwrap();
    }

    async fn delete_queue(&mut self, name: &str) {
        self.desk().await.queue_delete(self.full(name), QueueDeleteOptions::default()).await.unwrap();
    }

    async fn ready(&mut self, queue: &str) -> Option<usize> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let desk = self.desk().await;
        let looked = desk.queue_declare(self.full(queue), options, FieldTable::default()).await;
        if looked.is_ok() {
            desk.close(200, "done".into()).await.unwrap();
        }
        looked.ok().map(|queue| usize::try_from(queue.message_count()).unwrap())
    }

    async fn wait(&mut self) {
        sleep(LOOK_EVERY).await;
    }

    async fn publish_with(&mut self, line: Line, to: (&str, &str), body: &str, priority: Option<u8>) -> Published {
        let exchange = self.full(to.0);
        let key = if to.0.is_empty() { self.full(to.1) } else { to.1.into() };
        let mut properties = BasicProperties::default().with_delivery_mode(2);
        if let Some(priority) = priority {
            properties = properties.with_priority(priority);
        }
        let wire = &mut self.lines[line.0];
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = wire.publishing.basic_publish(exchange, key, options, body.as_bytes(), properties).await;
        let confirmed = match sent {
            Ok(confirm) => within("a confirm", SOON, confirm).await,
            Err(error) => Err(error),
        };
        match confirmed {
            Ok(Confirmation::Ack(None)) => Published::Confirmed,
            Ok(Confirmation::Ack(Some(_))) => Published::Returned,
            Ok(other) => panic!("publishing {body}: {other:?}"),
            Err(_) => {
                wire.publishing = confirming(&wire.connection).await;
                Published::Closed
            }
        }
    }

    async fn consume(&mut self, line: Line, queue: &str, prefetch: u16) -> Option<Tap> {
        let channel = self.lines[line.0].connection.create_channel().await.unwrap();
        channel.basic_qos(prefetch, BasicQosOptions::default()).await.unwrap();
        let (tap, options) = (Tap(self.taps.len()), BasicConsumeOptions::default());
        let tag = format!("tap-{}", tap.0);
        let consuming = channel.basic_consume(self.full(queue), tag.into(), options, FieldTable::default());
        let consumer = consuming.await.ok()?;
        self.taps.push(BrokerTap { line, channel, consumer });
        Some(tap)
    }

    async fn cancel(&mut self, tap: Tap) {
        let source = &self.taps[tap.0];
        source.channel.basic_cancel(source.consumer.tag(), BasicCancelOptions::default()).await.unwrap();
    }

    async fn next(&mut self, tap: Tap) -> Got {
        let coming = self.taps[tap.0].consumer.next();
        let came = within(&format!("the next message of {tap:?}"), SOON, coming).await;
        let delivery = came.expect("a consumer").expect("a channel");
        self.got(tap, &delivery)
    }

    async fn is_silent(&mut self, tap: Tap) -> bool {
        // That nothing comes has no event.
        let coming = timeout(SILENCE, self.taps[tap.0].consumer.next()).await;
        !matches!(coming, Ok(Some(Ok(_))))
    }

    async fn ack(&mut self, receipt: Receipt) {
        let channel = &self.taps[receipt.tap.0].channel;
        channel.basic_ack(receipt.tag, BasicAckOptions::default()).await.unwrap();
    }

    async fn ack_up_to(&mut self, receipt: Receipt) {
        let channel = &self.taps[receipt.tap.0].channel;
        channel.basic_ack(receipt.tag, BasicAckOptions { multiple: true }).await.unwrap();
    }

    async fn reject(&mut self, receipt: Receipt) {
        let channel = &self.taps[receipt.tap.0].channel;
        channel.basic_reject(receipt.tag, BasicRejectOptions { requeue: false }).await.unwrap();
    }

    async fn release(&mut self, receipt: Receipt) {
        let channel = &self.taps[receipt.tap.0].channel;
        channel.basic_reject(receipt.tag, BasicRejectOptions { requeue: true }).await.unwrap();
    }

    async fn is_open(&mut self, tap: Tap) -> bool {
        self.taps[tap.0].channel.basic_qos(1, BasicQosOptions::default()).await.is_ok()
    }

    async fn restart(&mut self) {
        // A quorum queue that is killed within seconds of its birth may never get a leader again.
        sleep(SETTLED).await;
        self.broker.kill().await;
        self.broker.launch().await;
        self.desk = connect(self.broker.url()).await;
    }

    async fn wipe(&mut self) {
        self.broker.wipe().await;
        self.desk = connect(self.broker.url()).await;
    }
}

impl Cable {
    /// A port of ours that leads to the broker.
    async fn lay(url: &str) -> Self {
        let (head, place) = url.rsplit_once('@').unwrap();
        let (place, vhost) = place.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let place = place.to_owned();
        let url = format!("{head}@127.0.0.1:{port}/{vhost}");
        let carrying = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut broker = TcpStream::connect(place).await.unwrap();
            client.set_nodelay(true).and_then(|()| broker.set_nodelay(true)).unwrap();
            copy_bidirectional(&mut client, &mut broker).await.ok();
        });
        Self { url, carrying }
    }
}

async fn connect(url: &str) -> Connection {
    Connection::connect(url, ConnectionProperties::default()).await.unwrap()
}

async fn confirming(connection: &Connection) -> Channel {
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    channel
}

/// What the broker says of itself in its greeting; the client library keeps it to itself.
async fn version(url: &str) -> String {
    let place = url.rsplit_once('@').unwrap().1.split_once('/').unwrap().0;
    let mut stream = TcpStream::connect(place).await.unwrap();
    stream.write_all(b"AMQP\x00\x00\x09\x01").await.unwrap();
    let mut greeting = Vec::new();
    while !greeting.ends_with(&[END_OF_FRAME]) {
        greeting.push(stream.read_u8().await.unwrap());
    }
    let at = greeting.windows(VERSION.len()).position(|window| window == VERSION).expect("a version");
    let (length, text) = greeting[at + VERSION.len()..].split_at(4);
    let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
    String::from_utf8_lossy(&text[..length]).into_owned()
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn plain(value: &AMQPValue) -> String {
    match value {
        AMQPValue::LongString(text) => text.to_string(),
        AMQPValue::ShortString(text) => text.to_string(),
        other => panic!("no text: {other:?}"),
    }
}

/// A name and the type of what follows: text of a length in four bytes.
const VERSION: &[u8] = b"\x07versionS";
const END_OF_FRAME: u8 = 0xCE;
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Longer than anything that comes takes on an idle machine.
const SILENCE: Duration = Duration::from_millis(150);
const SETTLED: Duration = Duration::from_secs(5);
