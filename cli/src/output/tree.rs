//! JSON that can be taken apart and put together without changing a number, a key order or an escape.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::exit::Exit;
use crate::failure::Failure;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    /// Null, a truth value, a number or a string, as it is written in JSON.
    Scalar(String),
    /// An array.
    List(Vec<Self>),
    /// An object, its members in order.
    Map(Vec<(String, Self)>),
}

impl Tree {
    /// Reads one JSON value.
    pub(crate) fn from_json(text: &str) -> Result<Self, Failure> {
        let bad = |error: serde_json::Error| Failure::new(Exit::Error, format!("reading JSON: {error}"));
        let raw: &RawValue = serde_json::from_str(text).map_err(bad)?;
        Self::of(raw, DEEPEST).map_err(bad)
    }

    /// A JSON string.
    pub(crate) fn text(text: &str) -> Self {
        Self::Scalar(serde_json::to_string(text).expect("text is always JSON"))
    }

    fn of(raw: &RawValue, depth: usize) -> serde_json::Result<Self> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(serde::de::Error::custom(format!("nested deeper than {DEEPEST} levels")));
        };
        match raw.get().as_bytes().first() {
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw.get())?;
                items.into_iter().map(|item| Self::of(item, depth)).collect::<Result<_, _>>().map(Self::List)
            }
            Some(b'{') => {
                let members = serde_json::Deserializer::from_str(raw.get()).deserialize_map(Members)?;
                let member = |(name, value): (String, Box<RawValue>)| Ok((name, Self::of(&value, depth)?));
                members.into_iter().map(member).collect::<Result<_, _>>().map(Self::Map)
            }
            _ => Ok(Self::Scalar(raw.get().to_owned())),
        }
    }

    /// The member with this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(members) => members.iter().find(|(member, _)| member == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Writes it on one line, without white space.
    pub(crate) fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None);
        out
    }

    /// Writes it on many lines, indented by two spaces.
    pub(crate) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0));
        out
    }

    fn write(&self, out: &mut String, indent: Option<usize>) {
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::List(items) => {
                let write = |item: &Self, out: &mut String, inner| item.write(out, inner);
                bracket(out, ['[', ']'], items, indent, write);
            }
            Self::Map(members) => bracket(out, ['{', '}'], members, indent, |(name, value), out, inner| {
                out.push_str(&quoted(name));
                out.push_str(if inner.is_some() { ": " } else { ":" });
                value.write(out, inner);
            }),
        }
    }
}

fn bracket<T>(
    out: &mut String,
    [open, close]: [char; 2],
    elements: &[T],
    indent: Option<usize>,
    write: impl Fn(&T, &mut String, Option<usize>),
) {
    let inner = indent.map(|indent| indent + 1).filter(|_| !elements.is_empty());
    out.push(open);
    for (at, element) in elements.iter().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        new_line(out, inner);
        write(element, out, inner);
    }
    new_line(out, inner.map(|inner| inner - 1));
    out.push(close);
}

fn new_line(out: &mut String, indent: Option<usize>) {
    if let Some(indent) = indent {
        out.push('\n');
        out.push_str(&"  ".repeat(indent));
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is always JSON")
}

/// The members of an object in order, repeated ones too.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, Box<RawValue>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

/// The API lets no JSON in that is nested deeper than 128; what it wraps around that is a handful.
const DEEPEST: usize = 160;
