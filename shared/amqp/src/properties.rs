//! Properties and headers of a message exactly as they came, for messages that are passed on.

use lapin::BasicProperties;
use lapin::protocol::basic::{gen_properties, parse_properties};
use lapin::types::{AMQPValue, FieldTable};

use crate::message::integer;

/// Properties and headers of a message, of every type that AMQP has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties(BasicProperties);

/// Header that should be a number and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoNumber {
    /// The type of the value, as AMQP calls it.
    pub found: String,
}

impl Properties {
    /// Takes them from a delivery, without what the broker added on the way to us and what it would refuse from us:
    /// its counts of deliveries, and a user who is somebody else.
    pub(crate) fn of(properties: &BasicProperties) -> Self {
        let mut kept = BasicProperties::default();
        macro_rules! copy {
            ($($of:ident => $with:ident),*) => {
                $(if let Some(value) = properties.$of() { kept = kept.$with(value.clone()); })*
            };
        }
        copy!(content_type => with_content_type, content_encoding => with_content_encoding,
            delivery_mode => with_delivery_mode, priority => with_priority, correlation_id => with_correlation_id,
            reply_to => with_reply_to, expiration => with_expiration, message_id => with_message_id,
            timestamp => with_timestamp, kind => with_type, app_id => with_app_id, cluster_id => with_cluster_id);
        if let Some(headers) = properties.headers() {
            let all = headers.inner().iter().filter(|(name, _)| !ADDED.contains(&name.as_str()));
            let all: std::collections::BTreeMap<_, _> =
                all.map(|(name, value)| (name.clone(), value.clone())).collect();
            if !all.is_empty() {
                kept = kept.with_headers(FieldTable::from(all));
            }
        }
        Self(kept)
    }

    /// Bytes as AMQP writes them.
    ///
    /// # Panics
    /// Never: memory takes what is written to it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let context = cookie_factory::WriteContext { write: Vec::new(), position: 0 };
        gen_properties(&self.0)(context).expect("memory takes what is written to it").write
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` if the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (rest, properties) = parse_properties(bytes).ok()?;
        rest.is_empty().then_some(Self(properties))
    }

    /// Number in a header: of any numeric type, or digits as text. A fraction counts as the next whole number. `None`
    /// if there is no such header.
    ///
    /// # Errors
    /// [`NoNumber`] if it is something else.
    pub fn number(&self, name: &str) -> Option<Result<i64, NoNumber>> {
        let value = self.0.headers().as_ref()?.inner().get(name)?;
        let number = integer(value).or_else(|| match value {
            AMQPValue::Float(number) => whole(f64::from(*number)),
            AMQPValue::Double(number) => whole(*number),
            AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok()?.parse().ok(),
            AMQPValue::ShortString(text) => text.as_str().parse().ok(),
            _ => None,
        });
        Some(number.ok_or_else(|| NoNumber { found: format!("{:?}", value.get_type()) }))
    }

    /// The `message_id`, if there is one.
    pub fn message_id(&self) -> Option<&str> {
        self.0.message_id().as_ref().map(lapin::types::ShortString::as_str)
    }

    /// The properties for the client library.
    pub(crate) fn into_basic(self) -> BasicProperties {
        self.0
    }
}

/// The next whole number, if it is one of 64 bits.
fn whole(number: f64) -> Option<i64> {
    let up = number.ceil();
    // Exact in both, and far beyond any span of time.
    (up.abs() < 9e15).then_some(up as i64)
}

/// Headers that a quorum queue adds.
const ADDED: [&str; 4] = ["x-delivery-count", "x-acquired-count", "x-acquired-by", "x-opt-delivery-count"];

#[cfg(test)]
mod tests;
