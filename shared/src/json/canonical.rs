//! The one spelling of documents that mean the same.

use std::ops::Range;

use super::scan::{skip_string, skip_value};
use super::text::{push_escaped, unescape};

/// The document without white space, keys sorted and the last of repeated keys alone, every string written in one
/// way; numbers keep their spelling. The bytes must be one JSON value.
///
/// Without recursion: an object is written as it comes and put in order when it ends.
pub fn canonical(bytes: &[u8]) -> Vec<u8> {
    Canonical { bytes, out: Vec::with_capacity(bytes.len()), open: Vec::new() }.write()
}

struct Canonical<'a> {
    bytes: &'a [u8],
    out: Vec<u8>,
    open: Vec<OpenPart>,
}

enum OpenPart {
    List,
    /// An object: the start of its entries, and those that are complete with their keys.
    Object {
        start: usize,
        entries: Vec<Pair>,
        reading_key: bool,
    },
}

struct Pair {
    key: Vec<u8>,
    written: Range<usize>,
}

impl Canonical<'_> {
    fn write(mut self) -> Vec<u8> {
        let mut at = 0;
        while let Some(&byte) = self.bytes.get(at) {
            let end = match byte {
                b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => skip_value(self.bytes, at).max(at + 1),
                _ => at + 1,
            };
            match byte {
                b'"' => self.string(at),
                b'[' => self.open_list(),
                b'{' => self.open_object(),
                b']' | b'}' => self.close(byte),
                b',' => self.comma(),
                b':' => self.out.push(b':'),
                b' ' | b'\n' | b'\r' | b'\t' => {}
                _ => self.out.extend_from_slice(&self.bytes[at..end]),
            }
            at = end;
        }
        self.out
    }

    fn open_list(&mut self) {
        self.out.push(b'[');
        self.open.push(OpenPart::List);
    }

    fn open_object(&mut self) {
        self.out.push(b'{');
        self.open.push(OpenPart::Object { start: self.out.len(), entries: Vec::new(), reading_key: true });
    }

    fn string(&mut self, at: usize) {
        let end = skip_string(self.bytes, at);
        let text = unescape(self.bytes.get(at + 1..end - 1).unwrap_or_default());
        let written = self.out.len();
        self.out.push(b'"');
        push_escaped(&mut self.out, &text);
        self.out.push(b'"');
        if let Some(OpenPart::Object { entries, reading_key: reading_key @ true, .. }) = self.open.last_mut() {
            *reading_key = false;
            entries.push(Pair { key: text.into_owned(), written: written..written });
        }
    }

    fn comma(&mut self) {
        self.end_entry();
        self.out.push(b',');
    }

    fn close(&mut self, byte: u8) {
        self.end_entry();
        if let Some(OpenPart::Object { start, entries, .. }) = self.open.pop() {
            self.put_in_order(start, entries);
        }
        self.out.push(byte);
    }

    fn end_entry(&mut self) {
        let end = self.out.len();
        if let Some(OpenPart::Object { entries, reading_key, .. }) = self.open.last_mut() {
            *reading_key = true;
            if let Some(entry) = entries.last_mut() {
                entry.written.end = end;
            }
        }
    }

    fn put_in_order(&mut self, start: usize, mut entries: Vec<Pair>) {
        if entries.is_sorted_by(|a, b| a.key < b.key) {
            return;
        }
        // The sort keeps the order of equal keys, so that the last of them is the one without an equal after it.
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        let mut ordered = Vec::with_capacity(self.out.len() - start);
        for (at, entry) in entries.iter().enumerate() {
            if entries.get(at + 1).is_some_and(|next| next.key == entry.key) {
                continue;
            }
            if !ordered.is_empty() {
                ordered.push(b',');
            }
            ordered.extend_from_slice(&self.out[entry.written.clone()]);
        }
        self.out.truncate(start);
        self.out.extend_from_slice(&ordered);
    }
}
