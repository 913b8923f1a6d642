//! The sorts of values, and how each is written.

use std::time::Duration;

use config::{Map, Value, ValueKind};

use super::broker_url;

/// Type of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// 1 to 100 letters, digits, `.`, `_` or `-`.
    Name,
    /// A word of this list.
    Choice(&'static [&'static str]),
    /// A URL with one of these schemes.
    Url(&'static [&'static str]),
    /// The address of a broker, `amqp://…` or `amqps://…`.
    BrokerUrl,
    /// `host:port`; the host may be empty for all addresses.
    Listen,
    /// `true`, `yes`, `on`, `1` or the opposite.
    Bool,
    /// A whole number in a range.
    Int {
        /// Smallest allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
    },
    /// A number of bytes; a unit such as `15MiB` or `1MB` may follow.
    Size,
    /// `1h30m`, `90s`, `250ms`, or a whole number of seconds.
    Duration,
    /// A list of texts; in the environment separated by commas, or as a JSON array.
    List,
    /// A list of host names, each with or without a port; `*.` in front stands for all names below.
    Hosts,
    /// A list of web origins: `scheme://host`, with or without a port.
    Origins,
}

/// A value before its sort is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RawSetting {
    /// Text from the environment, a flag, a default, or a TOML string.
    Text(String),
    /// A TOML boolean.
    Bool(bool),
    /// A TOML integer.
    Int(i64),
    /// A TOML array of strings.
    List(Vec<String>),
    /// Any other TOML value, named for the message.
    Other(&'static str),
}

/// A value of the sort that its key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Text(String),
    Bool(bool),
    Int(i64),
    Duration(Duration),
    List(Vec<String>),
}

impl Kind {
    /// Converts a value, or says what it should have been ("a whole number from 1 to 8").
    pub(super) fn convert(self, raw: &RawSetting) -> Result<Typed, String> {
        if let (Self::BrokerUrl, RawSetting::Text(url)) = (self, raw) {
            return broker_url::check(url).map(|()| Typed::Text(url.clone()));
        }
        let typed = match (self, raw) {
            (Self::List | Self::Hosts | Self::Origins, RawSetting::List(items)) => self.each(Some(items.clone())),
            (Self::List | Self::Hosts | Self::Origins, RawSetting::Text(text)) => self.each(list(text)),
            (Self::Bool, RawSetting::Bool(value)) => Some(Typed::Bool(*value)),
            (Self::Duration, RawSetting::Int(seconds)) => seconds_only(*seconds).map(Typed::Duration),
            (Self::Int { .. } | Self::Size, RawSetting::Int(number)) => self.in_range(*number),
            (_, RawSetting::Text(text)) => self.read(text),
            _ => None,
        };
        typed.ok_or_else(|| self.expected())
    }

    fn read(self, text: &str) -> Option<Typed> {
        match self {
            Self::Text | Self::BrokerUrl => Some(Typed::Text(text.to_owned())),
            Self::Name => is_name(text).then(|| Typed::Text(text.to_owned())),
            Self::Choice(words) => words.contains(&text).then(|| Typed::Text(text.to_owned())),
            Self::Url(schemes) => is_url(text, schemes).then(|| Typed::Text(text.to_owned())),
            Self::Listen => is_listen(text).then(|| Typed::Text(text.to_owned())),
            Self::Bool => boolean(text).map(Typed::Bool),
            Self::Int { .. } => self.in_range(text.parse().ok()?),
            Self::Size => self.in_range(size(text)?),
            Self::Duration => duration(text).map(Typed::Duration),
            Self::List | Self::Hosts | Self::Origins => self.each(list(text)),
        }
    }

    /// A list whose every element may stand in it.
    fn each(self, items: Option<Vec<String>>) -> Option<Typed> {
        let may_stand = |item: &String| match self {
            Self::Hosts => is_host(item.strip_prefix("*.").unwrap_or(item)),
            Self::Origins => {
                item.strip_prefix("http://").or_else(|| item.strip_prefix("https://")).is_some_and(is_host)
            }
            _ => true,
        };
        items.filter(|items| items.iter().all(may_stand)).map(Typed::List)
    }

    fn in_range(self, number: i64) -> Option<Typed> {
        let allowed = match self {
            Self::Int { min, max } => (min..=max).contains(&number),
            _ => number > 0,
        };
        allowed.then_some(Typed::Int(number))
    }

    /// Describes a value of this type, for people.
    pub fn expected(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Name => "a name: 1 to 100 letters, digits, '.', '_' or '-'".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Url(schemes) => format!("a URL that starts with {}://", schemes.join(":// or ")),
            Self::BrokerUrl => "a broker's address such as amqp://user:password@host:5672/%2f".to_owned(),
            Self::Listen => "an address to listen on, such as 127.0.0.1:8080".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Int { min, max } => format!("a whole number from {min} to {max}"),
            Self::Size => "a size above 0, such as 1048576, 15MiB or 64kB".to_owned(),
            Self::Duration => "a duration such as 1h30m, 90s or 250ms".to_owned(),
            Self::List => "a list of texts, such as [\"a\", \"b\"], or a,b in the environment".to_owned(),
            Self::Hosts => "a list of host names, such as jobs.example.org, jobs:8080 or *.example.org".to_owned(),
            Self::Origins => "a list of origins without a path, such as https://jobs.example.org".to_owned(),
        }
    }
}

impl Typed {
    /// The value as a person would write it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Bool(value) => value.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Duration(span) => show_duration(*span),
            Self::List(items) => serde_json::to_string(items).expect("a list of texts is JSON"),
        }
    }

    /// The value as the `config` crate carries it. A duration takes the shape that serde gives
    /// [`Duration`], so that a field of that type just works.
    pub(super) fn to_value(&self, origin: &str) -> Value {
        let origin = Some(origin.to_owned());
        let kind = match self {
            Self::Text(text) => ValueKind::String(text.clone()),
            Self::Bool(value) => ValueKind::Boolean(*value),
            Self::Int(number) => ValueKind::I64(*number),
            Self::Duration(span) => {
                let parts = [("secs", span.as_secs()), ("nanos", u64::from(span.subsec_nanos()))];
                let value = |(name, part): (&str, u64)| (name.to_owned(), Value::new(origin.as_ref(), part));
                ValueKind::Table(parts.into_iter().map(value).collect::<Map<_, _>>())
            }
            Self::List(items) => {
                ValueKind::Array(items.iter().map(|item| Value::new(origin.as_ref(), item.clone())).collect())
            }
        };
        Value::new(origin.as_ref(), kind)
    }
}

fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn is_url(text: &str, schemes: &[&str]) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| schemes.contains(&scheme) && !rest.is_empty())
        // The path of a file may have spaces; who opens a database says better what is wrong with other addresses.
        && (schemes.contains(&"sqlite") || !text.contains(char::is_whitespace))
}

fn is_listen(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| port.parse::<u16>().is_ok() && !host.contains(['/', ' ']))
}

/// A host name or address, with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(""))),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    (is_name || host.parse::<std::net::Ipv6Addr>().is_ok()) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn list(text: &str) -> Option<Vec<String>> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
}

fn size(text: &str) -> Option<i64> {
    const UNITS: &[(&str, i64)] =
        &[("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("kb", 1000), ("mb", 1_000_000), ("gb", 1_000_000_000)];
    let lower = text.to_ascii_lowercase();
    let unit = UNITS.iter().find_map(|(name, factor)| Some((lower.strip_suffix(name)?, *factor)));
    let (number, factor) = unit.unwrap_or_else(|| (lower.strip_suffix('b').unwrap_or(&lower), 1));
    number.trim_end().parse::<i64>().ok()?.checked_mul(factor)
}

fn seconds_only(seconds: i64) -> Option<Duration> {
    u64::try_from(seconds).ok().filter(|seconds| *seconds <= LONGEST.as_secs()).map(Duration::from_secs)
}

/// Reads `1h30m` with the largest unit first, or a whole number of seconds.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return seconds_only(seconds);
    }
    let (mut rest, mut total, mut units) = (text, Duration::ZERO, UNITS.iter());
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u32 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = &rest[..rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len())];
        let (_, size) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(size.checked_mul(number)?)?;
        rest = &rest[unit.len()..];
    }
    (!text.is_empty() && total <= LONGEST).then_some(total)
}

fn show_duration(span: Duration) -> String {
    let (mut rest, mut text) = (span, String::new());
    for (name, size) in UNITS {
        let count = rest.as_millis() / size.as_millis();
        if count > 0 {
            text.push_str(&format!("{count}{name}"));
            rest -= *size * u32::try_from(count).unwrap_or(u32::MAX);
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Longer is a typing error, not a plan; the job format has the same bound.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

const UNITS: &[(&str, Duration)] = &[
    ("d", Duration::from_secs(86_400)),
    ("h", Duration::from_secs(3600)),
    ("m", Duration::from_secs(60)),
    ("s", Duration::from_secs(1)),
    ("ms", Duration::from_millis(1)),
];
