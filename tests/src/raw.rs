//! A client that speaks raw frames and keeps to no rule.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Publishes whatever bytes it is given as properties.
#[derive(Debug)]
pub struct Raw(TcpStream);

impl Raw {
    /// Connects as `guest` and opens a channel.
    ///
    /// # Panics
    /// If the broker doesn't let it.
    pub async fn connect(url: &str) -> Self {
        let address = url.rsplit_once('@').expect(BROKER).1.split_once('/').expect(BROKER).0;
        let mut raw = Self(TcpStream::connect(address).await.expect(BROKER));
        raw.0.write_all(b"AMQP\x00\x00\x09\x01").await.expect(BROKER);
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
    ///
    /// # Panics
    /// If the broker refuses it.
    pub async fn publish(&mut self, exchange: &str, key: &[u8], flags: u16, properties: &[u8], body: &[u8]) {
        self.method(1, 60, 40, &[&[0, 0], &short(exchange.as_bytes()), &short(key), &[0]]).await;
        let size = u64::try_from(body.len()).expect(BROKER);
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
        let size = u32::try_from(payload.len()).expect(BROKER);
        let frame = [&[kind][..], &channel.to_be_bytes(), &size.to_be_bytes(), &payload, &[0xce]].concat();
        self.0.write_all(&frame).await.expect(BROKER);
    }

    async fn answer(&mut self) -> Vec<u8> {
        let mut head = [0; 7];
        self.0.read_exact(&mut head).await.expect(BROKER);
        let mut payload =
            vec![0; usize::try_from(u32::from_be_bytes([head[3], head[4], head[5], head[6]])).expect(BROKER) + 1];
        self.0.read_exact(&mut payload).await.expect(BROKER);
        payload
    }
}

/// A short string: one byte of length.
///
/// # Panics
/// If it is longer than 255 bytes.
pub fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).expect(BROKER)][..], text].concat()
}

/// A long string: four bytes of length.
///
/// # Panics
/// If it is longer than 4 GiB.
pub fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect(BROKER).to_be_bytes()[..], bytes].concat()
}

/// Flag of the property `headers`.
pub const HEADERS: u16 = 1 << 13;
/// Flag of the property `correlation_id`.
pub const CORRELATION_ID: u16 = 1 << 10;
/// Flag of the property `message_id`.
pub const MESSAGE_ID: u16 = 1 << 7;
/// Flag of the property `type`.
pub const TYPE: u16 = 1 << 5;
const BROKER: &str = "a broker that takes raw frames";
