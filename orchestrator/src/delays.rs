//! Exchanges whose messages go out later, as they are configured.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

/// Longest name of an exchange or queue, in bytes.
const NAME_BYTES: usize = 255;

/// An exchange whose messages go out later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayRoute {
    /// Exchange that others publish to.
    pub exchange: Arc<str>,
    /// Exchange that the messages go on to.
    pub deliver_to: String,
    /// Header that says when.
    pub header: DelayHeader,
}

/// Header that says when a message goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum DelayHeader {
    /// Milliseconds from its coming.
    #[default]
    #[serde(rename = "x-delay")]
    Delay,
    /// Milliseconds since 1970.
    #[serde(rename = "x-opt-delivery-time")]
    DeliveryTime,
}

impl DelayHeader {
    /// Name of the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delay => "x-delay",
            Self::DeliveryTime => "x-opt-delivery-time",
        }
    }
}

/// Settings of such an exchange, as they are written.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct DelaySettings {
    /// Exchange that the messages go on to.
    #[serde(default)]
    deliver_to: Option<String>,
    /// Header that says when. Defaults to `x-delay`.
    #[serde(default)]
    header: DelayHeader,
}

/// The exchanges that settings name.
pub(crate) fn routes(settings: &BTreeMap<String, DelaySettings>) -> Vec<DelayRoute> {
    let route = |(exchange, delay): (&String, &DelaySettings)| {
        let deliver_to = delay.deliver_to.clone()?;
        Some(DelayRoute { exchange: exchange.as_str().into(), deliver_to, header: delay.header })
    };
    settings.iter().filter_map(route).collect()
}

/// Problems of settings, a sentence for each: what can never be delivered, and what goes in a circle. `prefix` is
/// that of our own exchanges and queues.
pub(crate) fn problems(settings: &BTreeMap<String, DelaySettings>, prefix: &str) -> Vec<String> {
    let own = format!("{prefix}.");
    let problem = |(exchange, delay): (&String, &DelaySettings)| {
        let why = match &delay.deliver_to {
            None => "deliver_to is missing: name the exchange that has the bindings",
            Some(to) if settings.contains_key(to) => "deliver_to is delayed itself: the messages go in a circle",
            Some(to) if to.starts_with(&own) || exchange.starts_with(&own) => {
                "exchanges of Warrener itself cannot be delayed; a job has `delay` and `run_at`"
            }
            Some(to) if to.len() > NAME_BYTES => "deliver_to is longer than the 255 bytes of AMQP",
            _ if exchange.is_empty() || exchange.starts_with("amq.") => "the broker declares that exchange itself",
            _ if own.len() + "delayed.".len() + exchange.len() > NAME_BYTES => {
                "the name is too long: with it the name of our queue has more than 255 bytes"
            }
            _ => return None,
        };
        Some(format!("delays.{exchange}: {why}"))
    };
    settings.iter().filter_map(problem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(all: &[(&str, Option<&str>)]) -> BTreeMap<String, DelaySettings> {
        let one = |(exchange, to): &(&str, Option<&str>)| {
            let delay = DelaySettings { deliver_to: to.map(str::to_owned), header: DelayHeader::default() };
            ((*exchange).to_owned(), delay)
        };
        all.iter().map(one).collect()
    }

    #[test]
    fn what_can_never_be_delivered_is_refused() {
        assert!(problems(&settings(&[("a", Some("b")), ("c", Some(""))]), "warrener").is_empty());
        let long = "x".repeat(240);
        for (exchange, to, why) in [
            ("a", None, "missing"),
            ("a", Some("a"), "circle"),
            ("a", Some("warrener.submit"), "of Warrener"),
            ("warrener.submit", Some("b"), "of Warrener"),
            ("amq.topic", Some("b"), "declares"),
            (&*long, Some("b"), "too long"),
        ] {
            let found = problems(&settings(&[(exchange, to)]), "warrener");
            assert!(found.len() == 1 && found[0].contains(why), "{exchange}: {found:?}");
        }
    }
}
