//! A pass over every key and every text of a document, however deep, with the pointer at hand.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::raw::{Raw, inside};
use crate::json::{MappedText, skip_string, unescape};

/// Part of a document that a walk meets.
pub(crate) enum Met<'w, 'a> {
    /// An object opens.
    Open,
    /// A key of the object that opened last and has not closed: as text, and as bytes that differ where keys do.
    Key(&'w str, Cow<'a, [u8]>),
    /// A text value.
    Text(Cow<'a, str>),
    /// An object closes.
    Close,
}

/// The way from the root to where a walk stands.
#[derive(Default)]
pub(crate) struct Trail<'a> {
    steps: Vec<TrailStep<'a>>,
}

enum TrailStep<'a> {
    Key(Cow<'a, str>),
    Index(usize),
}

impl Trail<'_> {
    /// The JSON pointer (RFC 6901) of the place, relative to the root of the walk.
    pub(crate) fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.steps {
            match step {
                TrailStep::Key(key) => push_step(&mut pointer, key),
                TrailStep::Index(index) => write!(pointer, "/{index}").expect("a String takes all"),
            }
        }
        pointer
    }
}

/// Appends a key to a JSON pointer.
pub(crate) fn push_step(pointer: &mut String, key: &str) {
    pointer.push('/');
    for character in key.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// Walks over all keys and texts inside a value, in the order written.
pub(crate) fn walk<'a>(value: Raw<'a>, mut meet: impl FnMut(&Trail<'a>, Met<'_, 'a>)) {
    let source = value.bytes();
    let mut path = Trail::default();
    let mut at = 0;
    let mut expects_key = false;
    while let Some(byte) = source.get(at) {
        match byte {
            b'"' => {
                let end = skip_string(source, at);
                let raw = inside(&source[at..end]);
                let text = MappedText::new(raw).text;
                at = end;
                if expects_key {
                    expects_key = false;
                    if let Some(step) = path.steps.last_mut() {
                        *step = TrailStep::Key(text.clone());
                    }
                    meet(&path, Met::Key(&text, unescape(raw)));
                } else {
                    meet(&path, Met::Text(text));
                }
                continue;
            }
            b'{' => {
                path.steps.push(TrailStep::Key(Cow::Borrowed("")));
                expects_key = true;
                meet(&path, Met::Open);
            }
            b'[' => path.steps.push(TrailStep::Index(0)),
            b'}' => {
                meet(&path, Met::Close);
                path.steps.pop();
                expects_key = false;
            }
            b']' => {
                path.steps.pop();
            }
            b',' => match path.steps.last_mut() {
                Some(TrailStep::Index(index)) => *index += 1,
                _ => expects_key = true,
            },
            _ => {}
        }
        at += 1;
    }
}
