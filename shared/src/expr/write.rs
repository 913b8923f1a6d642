//! Values of the engine as JSON.

use minijinja::Value;
use minijinja::value::ValueKind;

use super::value::document;
use crate::json::{Doc, Kind, push_string};

/// Bytes that grow up to a limit.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    limit: usize,
    depth: usize,
}

/// Reasons why a value cannot be written.
#[derive(Debug)]
pub(super) enum Unwritable {
    /// The output is at its limit of so many bytes.
    TooLarge(usize),
    /// The value is something that JSON cannot say, in these words.
    Unfit(String),
}

impl Output {
    /// Nothing yet, at most so many bytes, values nested so deep.
    pub(super) fn new(limit: usize, depth: usize) -> Self {
        Self { bytes: Vec::new(), limit, depth }
    }

    /// Appends bytes that are JSON already.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Unwritable> {
        if bytes.len() > self.limit.saturating_sub(self.bytes.len()) {
            return Err(Unwritable::TooLarge(self.limit));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Appends a value as JSON.
    pub(super) fn value(&mut self, value: &Value) -> Result<(), Unwritable> {
        self.nested(value, self.depth)
    }

    /// Appends a document as part of a text: the inside of a JSON string.
    pub(super) fn doc_as_text(&mut self, doc: &Doc) -> Result<(), Unwritable> {
        match (doc.kind(), doc.quoted()) {
            (_, Some(inside)) => self.push(inside),
            (Kind::Number | Kind::Bool, _) => self.push(doc.bytes()),
            (kind, _) => Err(no_text(&kind.to_string())),
        }
    }

    /// Appends a value that is not a document as part of a text.
    pub(super) fn value_as_text(&mut self, value: &Value) -> Result<(), Unwritable> {
        match value.kind() {
            ValueKind::Number | ValueKind::Bool => self.value(value),
            ValueKind::String => {
                let quoted = quoted(value);
                self.push(&quoted[1..quoted.len() - 1])
            }
            kind => Err(no_text(kind_name(kind))),
        }
    }

    fn nested(&mut self, value: &Value, depth: usize) -> Result<(), Unwritable> {
        if let Some(doc) = document(value) {
            return self.push(doc.bytes());
        }
        match value.kind() {
            ValueKind::None => self.push(b"null"),
            ValueKind::Bool => self.push(if value.is_true() { b"true" } else { b"false" }),
            ValueKind::Number => self.number(value),
            ValueKind::String => self.push(&quoted(value)),
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Map if depth == 0 => Err(Unwritable::Unfit(
                "it gives lists or objects that are nested too deeply (limit `json_depth`)".into(),
            )),
            ValueKind::Seq | ValueKind::Iterable => self.list(value, depth - 1),
            ValueKind::Map => self.map(value, depth - 1),
            ValueKind::Undefined => Err(Unwritable::Unfit("it gives a value that is undefined".into())),
            kind => Err(Unwritable::Unfit(format!("it gives {}", kind_name(kind)))),
        }
    }

    fn list(&mut self, value: &Value, depth: usize) -> Result<(), Unwritable> {
        self.push(b"[")?;
        for (at, element) in value.try_iter().map_err(unfit)?.enumerate() {
            if at > 0 {
                self.push(b",")?;
            }
            self.nested(&element, depth)?;
        }
        self.push(b"]")
    }

    fn map(&mut self, value: &Value, depth: usize) -> Result<(), Unwritable> {
        self.push(b"{")?;
        let pairs = value.as_object().and_then(|object| object.try_iter_pairs()).into_iter().flatten();
        for (at, (key, element)) in pairs.enumerate() {
            let Some(key) = key.as_str() else {
                return Err(Unwritable::Unfit(format!("the key {key} of an object is not a string")));
            };
            let mut quoted = if at > 0 { vec![b','] } else { Vec::new() };
            push_string(&mut quoted, key);
            quoted.push(b':');
            self.push(&quoted)?;
            self.nested(&element, depth)?;
        }
        self.push(b"}")
    }

    fn number(&mut self, value: &Value) -> Result<(), Unwritable> {
        if value.is_integer() {
            let signed = i128::try_from(value.clone()).map(|integer| integer.to_string());
            let integer = signed.or_else(|_| u128::try_from(value.clone()).map(|integer| integer.to_string()));
            return self.push(integer.map_err(unfit)?.as_bytes());
        }
        let double = f64::try_from(value.clone()).map_err(unfit)?;
        match serde_json::Number::from_f64(double) {
            Some(number) => self.push(number.to_string().as_bytes()),
            None => Err(Unwritable::Unfit("it gives a number that is not finite".into())),
        }
    }
}

fn quoted(value: &Value) -> Vec<u8> {
    let mut quoted = Vec::new();
    push_string(&mut quoted, value.as_str().unwrap_or_default());
    quoted
}

fn no_text(what: &str) -> Unwritable {
    Unwritable::Unfit(format!("{what} cannot be part of a text; only strings, numbers and booleans can"))
}

/// Sort of a value, in the words of [`Kind`].
pub(super) fn kind_name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Undefined => "a value that is undefined",
        ValueKind::None => "null",
        ValueKind::Bool => "a boolean",
        ValueKind::Number => "a number",
        ValueKind::String => "a string",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "an object",
        _ => "something that is no JSON value",
    }
}

fn unfit(error: minijinja::Error) -> Unwritable {
    Unwritable::Unfit(error.to_string())
}
