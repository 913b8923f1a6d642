//! YAML 1.2 (core schema) to JSON, for files that people write.
//!
//! Keys are text, `<<` is an ordinary key, and what JSON has no word for is refused where it stands: tags,
//! `.inf` and `.nan`, repeated keys, several documents. Numbers keep their spelling where JSON allows it.

mod scalar;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Marker, Parser, ScalarStyle, options};

use super::locate::offset_of;
use crate::limits::Limits;

/// The reason why a text is not YAML that could be a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct YamlError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Description of the fault, and the remedy.
    pub message: String,
}

/// A YAML document as JSON, with the places that the values came from.
#[derive(Clone, Debug, Default)]
pub struct Converted {
    json: Vec<u8>,
    /// Offset in `json` of every key and element, ascending, with line and column.
    places: Vec<(usize, usize, usize)>,
}

impl Converted {
    /// The document as JSON.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// The line and column (both from 1, columns in characters) of the place that a JSON pointer into
    /// [`Self::json`] names: of a member its key, of an element its first character. What an alias stands
    /// for lies where the alias is.
    pub fn locate(&self, pointer: &str) -> Option<(usize, usize)> {
        let offset = offset_of(&self.json, pointer);
        let after = self.places.partition_point(|(place, ..)| *place <= offset);
        let (_, line, column) = self.places.get(after.checked_sub(1)?)?;
        Some((*line, *column))
    }
}

/// Converts one YAML document to JSON.
///
/// # Errors
/// [`YamlError`] for the first thing that is not YAML, not one document, or has no counterpart in JSON; also
/// if aliases make it larger than a submit may be.
pub fn to_json(text: &[u8], limits: &Limits) -> Result<Converted, YamlError> {
    let text = std::str::from_utf8(text).map_err(|error| not_utf8(text, error.valid_up_to()))?;
    let options = options! { emit_comments: false };
    let mut writer = Writer { most: limits.submit_bytes, depth: limits.json_depth, ..Writer::default() };
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| at(error.marker(), explained(text, error.marker(), &error.info())))?;
        writer.take(event, &span.start)?;
    }
    if writer.documents == 0 || writer.out.json.is_empty() {
        return Err(YamlError { line: 1, column: 1, message: "there is no document in it".to_owned() });
    }
    Ok(writer.out)
}

#[derive(Default)]
struct Writer {
    out: Converted,
    open: Vec<Frame>,
    anchors: HashMap<usize, Anchor>,
    documents: usize,
    most: usize,
    depth: usize,
}

enum Frame {
    List { is_first: bool, anchor: usize, start: usize },
    Map { is_first: bool, anchor: usize, start: usize, keys: HashSet<String>, wants_key: bool },
}

/// Value that an alias stands for.
enum Anchor {
    Scalar {
        text: String,
        is_plain: bool,
    },
    /// A collection that is not closed yet.
    Open,
    /// A collection, as a range of the JSON written.
    Range(usize, usize),
}

impl Writer {
    fn take(&mut self, event: Event<'_>, mark: &Marker) -> Result<(), YamlError> {
        let tag = event.tag().map(ToString::to_string);
        if let Some(tag) = tag {
            return Err(at(mark, format!("the tag {tag} is not allowed: JSON has no tags")));
        }
        match event {
            Event::DocumentStart(..) => self.document(mark),
            Event::Scalar(text, style, anchor, _) => self.scalar(text, style == ScalarStyle::Plain, anchor, mark),
            Event::SequenceStart(_, anchor, _) => {
                let start = self.start_collection(b'[', anchor, mark)?;
                self.open.push(Frame::List { is_first: true, anchor, start });
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                let start = self.start_collection(b'{', anchor, mark)?;
                let keys = HashSet::new();
                self.open.push(Frame::Map { is_first: true, anchor, start, keys, wants_key: true });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end_collection();
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, mark),
            _ => Ok(()),
        }
    }

    fn document(&mut self, mark: &Marker) -> Result<(), YamlError> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(at(mark, "a second document starts here: write one job per file"));
        }
        Ok(())
    }

    fn scalar(&mut self, text: Cow<'_, str>, is_plain: bool, anchor: usize, mark: &Marker) -> Result<(), YamlError> {
        self.write_scalar(&text, is_plain, mark)?;
        if anchor > 0 {
            self.anchors.insert(anchor, Anchor::Scalar { text: text.into_owned(), is_plain });
        }
        Ok(())
    }

    fn write_scalar(&mut self, text: &str, is_plain: bool, mark: &Marker) -> Result<(), YamlError> {
        if self.wants_key() {
            return self.key(text, mark);
        }
        self.start_value(mark);
        let value = if is_plain { scalar::plain(text) } else { Ok(scalar::quoted(text).into()) };
        let value = value.map_err(|message| at(mark, message))?;
        self.out.json.extend_from_slice(value.as_bytes());
        self.check_size(mark)
    }

    fn key(&mut self, text: &str, mark: &Marker) -> Result<(), YamlError> {
        let Some(Frame::Map { is_first, keys, wants_key, .. }) = self.open.last_mut() else { return Ok(()) };
        if !keys.insert(text.to_owned()) {
            return Err(at(mark, format!("the key {text:?} is there twice")));
        }
        if !std::mem::take(is_first) {
            self.out.json.push(b',');
        }
        *wants_key = false;
        self.place(mark);
        self.out.json.extend_from_slice(scalar::quoted(text).as_bytes());
        self.out.json.push(b':');
        self.check_size(mark)
    }

    fn alias(&mut self, anchor: usize, mark: &Marker) -> Result<(), YamlError> {
        match self.anchors.get(&anchor) {
            Some(Anchor::Scalar { text, is_plain }) => {
                let (text, is_plain) = (text.clone(), *is_plain);
                self.write_scalar(&text, is_plain, mark)
            }
            Some(Anchor::Range(start, end)) => {
                let range = *start..*end;
                self.refuse_as_key(mark)?;
                self.start_value(mark);
                if self.out.json.len() + range.len() > self.most {
                    return Err(self.too_large(mark));
                }
                self.out.json.extend_from_within(range);
                Ok(())
            }
            Some(Anchor::Open) => Err(at(mark, "the alias stands inside of what it stands for")),
            None => Err(at(mark, "the alias stands for nothing")),
        }
    }

    fn start_collection(&mut self, bracket: u8, anchor: usize, mark: &Marker) -> Result<usize, YamlError> {
        self.refuse_as_key(mark)?;
        if self.open.len() >= self.depth {
            return Err(at(mark, format!("nested deeper than {} levels", self.depth)));
        }
        self.start_value(mark);
        let start = self.out.json.len();
        self.out.json.push(bracket);
        if anchor > 0 {
            self.anchors.insert(anchor, Anchor::Open);
        }
        self.check_size(mark)?;
        Ok(start)
    }

    fn end_collection(&mut self) {
        let Some(frame) = self.open.pop() else { return };
        let (bracket, anchor, start) = match frame {
            Frame::List { anchor, start, .. } => (b']', anchor, start),
            Frame::Map { anchor, start, .. } => (b'}', anchor, start),
        };
        self.out.json.push(bracket);
        if anchor > 0 {
            self.anchors.insert(anchor, Anchor::Range(start, self.out.json.len()));
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame::Map { wants_key: true, .. }))
    }

    fn refuse_as_key(&self, mark: &Marker) -> Result<(), YamlError> {
        if self.wants_key() {
            return Err(at(mark, "a key must be text; if this is an expression, put it in quotes: \"${{ … }}\""));
        }
        Ok(())
    }

    /// Writes the comma before an element of a list, and notes the place of the value.
    fn start_value(&mut self, mark: &Marker) {
        match self.open.last_mut() {
            Some(Frame::List { is_first, .. }) => {
                if !std::mem::take(is_first) {
                    self.out.json.push(b',');
                }
                self.place(mark);
            }
            Some(Frame::Map { wants_key, .. }) => *wants_key = true,
            None => self.place(mark),
        }
    }

    fn place(&mut self, mark: &Marker) {
        self.out.places.push((self.out.json.len(), mark.line(), mark.col() + 1));
    }

    fn check_size(&self, mark: &Marker) -> Result<(), YamlError> {
        if self.out.json.len() > self.most { Err(self.too_large(mark)) } else { Ok(()) }
    }

    fn too_large(&self, mark: &Marker) -> YamlError {
        at(mark, format!("as JSON, aliases written out, it is larger than {} bytes, the limit on a submit", self.most))
    }
}

fn at(mark: &Marker, message: impl Into<String>) -> YamlError {
    YamlError { line: mark.line(), column: mark.col() + 1, message: message.into() }
}

/// The words of the parser, and what to do about them where a text in flow style has no quotes.
fn explained(text: &str, mark: &Marker, info: &str) -> String {
    let line = text.lines().nth(mark.line().saturating_sub(1)).unwrap_or_default();
    if line.contains("${{") {
        return format!("{info}: between brackets, an expression needs quotes: \"${{{{ … }}}}\"");
    }
    if line.contains(['[', '{']) {
        return format!("{info}: between brackets, a text with brackets, commas or a colon needs quotes");
    }
    info.to_owned()
}

fn not_utf8(text: &[u8], offset: usize) -> YamlError {
    let (line, column) = super::locate::line_and_column(text, offset);
    YamlError { line, column, message: "the text is not UTF-8".to_owned() }
}

#[cfg(test)]
mod tests;
