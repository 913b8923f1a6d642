//! Other clients: one with the plain library, one that speaks raw frames and keeps to no rule.

use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A channel of somebody else.
pub(crate) struct Foreign {
    _connection: Connection,
    pub(crate) channel: Channel,
}

impl Foreign {
    pub(crate) async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        Self { _connection: connection, channel }
    }

    pub(crate) async fn declare(&self, queue: &str, durable: bool, arguments: &[(&str, AMQPValue)]) {
        let mut table = FieldTable::default();
        for (name, value) in arguments {
            table.insert(ShortString::from(*name), value.clone());
        }
        let options = QueueDeclareOptions { durable, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(queue.into(), options, table).await.unwrap();
    }
}

pub(crate) fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// Publishes whatever bytes it is given as properties.
pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) async fn connect(url: &str) -> Self {
        let address = url.rsplit_once('@').unwrap().1.split_once('/').unwrap().0;
        let mut raw = Self(TcpStream::connect(address).await.unwrap());
        raw.0.write_all(b"AMQP\x00\x00\x09\x01").await.unwrap();
        raw.answer().await;
        raw.method(0, 10, 11, &[&long(b""), &short(b"PLAIN"), &long(b"\0guest\0guest"), &short(b"en_US")]).await;
        raw.answer().await;
        raw.method(0, 10, 31, &[&2047_u16.to_be_bytes(), &131_072_u32.to_be_bytes(), &0_u16.to_be_bytes()]).await;
        raw.method(0, 10, 40, &[&short(b"/"), &short(b""), &[0]]).await;
        raw.answer().await;
        raw.method(1, 20, 10, &[&short(b"")]).await;
        raw.answer().await;
        raw
    }

    /// Publishes `body` with the given flags and properties and waits until the broker has read it.
    pub(crate) async fn publish(&mut self, exchange: &str, key: &[u8], flags: u16, properties: &[u8], body: &[u8]) {
        self.method(1, 60, 40, &[&[0, 0], &short(exchange.as_bytes()), &short(key), &[0]]).await;
        let size = u64::try_from(body.len()).unwrap();
        self.frame(2, 1, &[&[0, 60, 0, 0], &size.to_be_bytes(), &flags.to_be_bytes(), properties]).await;
        self.frame(3, 1, &[body]).await;
        self.method(1, 60, 10, &[&[0, 0, 0, 0], &[0, 1], &[0]]).await;
        let answer = self.answer().await;
        assert_eq!(answer[..4], [0, 60, 0, 11], "the broker refused the message: {}", String::from_utf8_lossy(&answer));
    }

    async fn method(&mut self, channel: u16, class: u16, method: u16, arguments: &[&[u8]]) {
        let arguments = arguments.concat();
        self.frame(1, channel, &[&class.to_be_bytes(), &method.to_be_bytes(), &arguments]).await;
    }

    async fn frame(&mut self, kind: u8, channel: u16, payload: &[&[u8]]) {
        let payload = payload.concat();
        let size = u32::try_from(payload.len()).unwrap();
        let frame = [&[kind][..], &channel.to_be_bytes(), &size.to_be_bytes(), &payload, &[0xce]].concat();
        self.0.write_all(&frame).await.unwrap();
    }

    async fn answer(&mut self) -> Vec<u8> {
        let mut head = [0; 7];
        self.0.read_exact(&mut head).await.unwrap();
        let mut payload =
            vec![0; usize::try_from(u32::from_be_bytes([head[3], head[4], head[5], head[6]])).unwrap() + 1];
        self.0.read_exact(&mut payload).await.unwrap();
        payload
    }
}

pub(crate) fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()][..], text].concat()
}

pub(crate) fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}
