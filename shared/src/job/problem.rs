//! Collecting everything that is wrong with a submit, each with its place, a stable code and a hint.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::walk::push_step;

/// A fault of a submitted job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// JSON pointer (RFC 6901) to the value at fault; `""` is the whole document or a message property.
    pub pointer: String,
    /// A stable word for programs; see [`code`].
    pub code: String,
    /// Description of the fault, in a sentence.
    pub detail: String,
    /// Remedy, such as "did you mean `needs`?".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of the whole message rather than of a place in it.
    pub fn of_message(code: &str, detail: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self { pointer: String::new(), code: code.to_owned(), detail: detail.into(), hint: hint.into() }
    }
}

/// The codes that a refused submit can carry.
pub mod code {
    /// The bytes are not JSON.
    pub const INVALID_JSON: &str = "invalid_json";
    /// A key is there twice.
    pub const DUPLICATE_KEY: &str = "duplicate_key";
    /// JSON is nested deeper than the limit.
    pub const TOO_DEEP: &str = "too_deep";
    /// A field that does not exist there.
    pub const UNKNOWN_FIELD: &str = "unknown_field";
    /// A field that must be there is not.
    pub const MISSING_FIELD: &str = "missing_field";
    /// A value of another JSON type than the field takes.
    pub const WRONG_TYPE: &str = "wrong_type";
    /// A value of the right type that the field does not take.
    pub const INVALID_VALUE: &str = "invalid_value";
    /// A text that is no duration.
    pub const INVALID_DURATION: &str = "invalid_duration";
    /// A number or a span that is too small or too large.
    pub const OUT_OF_RANGE: &str = "out_of_range";
    /// More elements than the limit.
    pub const TOO_MANY: &str = "too_many";
    /// Fewer elements than needed.
    pub const TOO_FEW: &str = "too_few";
    /// A text longer than the limit.
    pub const TOO_LONG: &str = "too_long";
    /// More bytes than the limit.
    pub const TOO_LARGE: &str = "too_large";
    /// Two values that exclude each other.
    pub const CONTRADICTION: &str = "contradiction";
    /// A text that breaks the rule for names of its sort.
    pub const INVALID_NAME: &str = "invalid_name";
    /// A kind under `task.`, which belongs to the messages.
    pub const RESERVED_KIND: &str = "reserved_kind";
    /// A kind under `warrener.` that is not built in.
    pub const UNKNOWN_KIND: &str = "unknown_kind";
    /// A task that the job does not have.
    pub const UNKNOWN_TASK: &str = "unknown_task";
    /// A name that means nothing there.
    pub const UNKNOWN_NAME: &str = "unknown_name";
    /// A task that waits for itself.
    pub const SELF_REFERENCE: &str = "self_reference";
    /// A need that is listed twice.
    pub const DUPLICATE_NEED: &str = "duplicate_need";
    /// Tasks that wait for each other.
    pub const CYCLE: &str = "cycle";
    /// An expression that does not compile.
    pub const INVALID_EXPRESSION: &str = "invalid_expression";
    /// A header or property of the message that says nothing we know.
    pub const INVALID_HEADER: &str = "invalid_header";
    /// A body in another encoding than UTF-8.
    pub const CONTENT_ENCODING: &str = "content_encoding";
    /// A message meant for Celery.
    pub const CELERY_MESSAGE: &str = "celery_message";
    /// Every slot of a limit is taken that refuses jobs then.
    pub const LIMITED: &str = "limited";
    /// Another job holds the id or the key.
    pub const CONFLICT: &str = "conflict";
}

/// A place in a document, kept on the stack and written out only for a problem.
#[derive(Clone, Copy)]
pub(crate) enum At<'a> {
    /// The document itself.
    Root,
    /// A member of an object.
    Key(&'a Self, &'a str),
    /// An element of a list.
    Index(&'a Self, usize),
}

impl<'a> At<'a> {
    pub(crate) const fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    pub(crate) const fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    /// The place as a JSON pointer.
    pub(crate) fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Key(parent, key) => {
                let mut pointer = parent.pointer();
                push_step(&mut pointer, key);
                pointer
            }
            Self::Index(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

/// The problems found so far. Those beyond [`PROBLEMS`] are only counted.
#[derive(Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    more: usize,
    comparisons: usize,
}

impl Problems {
    /// Adds a problem at a place.
    pub(crate) fn add(&mut self, at: &At<'_>, code: &str, detail: fmt::Arguments<'_>) -> Added<'_> {
        self.add_at(|| at.pointer(), code, detail)
    }

    /// Adds a problem whose pointer is made only if the problem is kept.
    pub(crate) fn add_at(
        &mut self,
        pointer: impl FnOnce() -> String,
        code: &str,
        detail: fmt::Arguments<'_>,
    ) -> Added<'_> {
        if self.list.len() >= PROBLEMS {
            self.more += 1;
            return Added(None);
        }
        let (pointer, detail) = (nearest_place(pointer()), shortened(detail.to_string()));
        self.list.push(Problem { pointer, code: code.to_owned(), detail, hint: None });
        Added(self.list.last_mut())
    }

    /// The known word that is nearest to what was written, if one is near.
    ///
    /// The work is bounded: a hostile job could otherwise have thousands of names compared with 100,000.
    pub(crate) fn nearest<'k>(&mut self, written: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
        if self.list.len() >= PROBLEMS || written.len() > NEAREST_BYTES {
            return None;
        }
        let most = (written.chars().count() / 3).max(1);
        let mut best: Option<(usize, &str)> = None;
        for word in known {
            if self.comparisons >= COMPARISONS {
                break;
            }
            self.comparisons += 1;
            if word.len().abs_diff(written.len()) > most {
                continue;
            }
            let distance = strsim::osa_distance(&written.to_lowercase(), word);
            if distance <= most && best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, word));
            }
        }
        best.map(|(_, word)| word)
    }

    /// Tells whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All problems in the order in which they were found, and one that counts those left out.
    pub(crate) fn into_vec(mut self) -> Vec<Problem> {
        if self.more > 0 {
            let detail = format!("{} more problems are not listed", self.more);
            self.list.push(Problem::of_message(code::TOO_MANY, detail, "put the others right first".to_owned()));
        }
        self.list
    }
}

/// A problem just added, to be given a hint.
pub(crate) struct Added<'p>(Option<&'p mut Problem>);

impl Added<'_> {
    /// Says how to put it right.
    pub(crate) fn hint(self, hint: fmt::Arguments<'_>) {
        if let Some(problem) = self.0 {
            problem.hint = Some(shortened(hint.to_string()));
        }
    }

    /// Asks whether a near word was meant, if there is one.
    pub(crate) fn did_you_mean(self, word: Option<&str>) {
        if let Some(word) = word {
            self.hint(format_args!("did you mean `{word}`?"));
        }
    }
}

/// A pointer that is not too long: of a place under a huge key the nearest one above. A hundred problems under a key
/// of ten megabytes would otherwise be an answer of a gigabyte.
fn nearest_place(mut pointer: String) -> String {
    while pointer.len() > POINTER_BYTES {
        pointer.truncate(pointer.rfind('/').unwrap_or(0));
    }
    pointer
}

/// A sentence that is not too long to be read.
fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(SENTENCE_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Text of a user, quoted and shortened for a message.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Problems listed in one answer. More would not be read, and would let a bad job answer with megabytes.
pub(crate) const PROBLEMS: usize = 100;
/// Longest pointer of a problem: any place of a sound job fits, with names of 63 letters and payloads apart.
const POINTER_BYTES: usize = 1024;
/// Longest detail or hint of a problem; the longest of ours print a cycle.
const SENTENCE_CHARS: usize = 4096;
/// Word comparisons for one document: about 0.2 s at worst.
const COMPARISONS: usize = 200_000;
/// Longest word that is looked up among the known ones; the longest name has 100 characters.
const NEAREST_BYTES: usize = 100;
