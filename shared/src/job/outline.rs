//! A value whose expressions are not evaluated yet: everything in it that none of them decides.

use crate::expr::{Preview, preview};
use crate::json::{MappedText, push_string, skip_space, skip_string};

use super::raw::Raw;

/// The bytes of such a value, a stand-in for each text that an expression decides, and the places of those.
pub(crate) struct Outline {
    pub(crate) bytes: Vec<u8>,
    open: Vec<OpenText>,
}

/// A text that an expression decides.
struct OpenText {
    /// Offset of its first quote.
    at: usize,
    /// The inside of the expression, if the text is one expression and nothing else.
    expression: Option<Box<str>>,
}

/// The texts of a document that expressions decide.
#[derive(Clone, Copy, Default)]
pub(crate) struct Undecided<'o>(&'o [OpenText]);

impl Outline {
    /// The outline of a value of a document in which these texts are undecided already.
    pub(crate) fn of(value: Raw<'_>, undecided: Undecided<'_>) -> Self {
        Self::of_part(value, value, undecided)
    }

    /// The outline of a value in which only the texts of a part can hold expressions.
    pub(crate) fn of_part(value: Raw<'_>, part: Raw<'_>, undecided: Undecided<'_>) -> Self {
        let source = value.bytes();
        let from = part.offset() - value.offset();
        let decides = from..from + part.bytes().len();
        let (mut bytes, mut open) = (Vec::with_capacity(source.len()), Vec::new());
        let (mut at, mut copied) = (0, 0);
        while let Some(offset) = source[at..].iter().position(|byte| *byte == b'"') {
            let start = at + offset;
            let end = skip_string(source, start);
            at = end;
            if !decides.contains(&start) || source.get(skip_space(source, end)) == Some(&b':') {
                continue;
            }
            let known = if undecided.find(value.offset() + start).is_some() {
                Preview::Part(String::new())
            } else {
                look(&source[start + 1..end - 1])
            };
            if known == Preview::Same {
                continue;
            }
            bytes.extend_from_slice(&source[copied..start]);
            copied = end;
            let here = bytes.len();
            let mut decided_by = |expression| open.push(OpenText { at: here, expression });
            let text = match known {
                Preview::Same => continue,
                Preview::Text(text) => text,
                Preview::Value(expression) => {
                    decided_by(Some(expression.into()));
                    String::new()
                }
                Preview::Part(text) => {
                    decided_by(None);
                    text
                }
            };
            push_string(&mut bytes, &text);
        }
        bytes.extend_from_slice(&source[copied..]);
        Self { bytes, open }
    }

    /// The texts of its bytes that expressions decide.
    pub(crate) fn undecided(&self) -> Undecided<'_> {
        Undecided(&self.open)
    }
}

/// The inside of a string, as far as it is known.
fn look(raw: &[u8]) -> Preview {
    // A `$` may be written as an escape, too.
    if raw.contains(&b'$') || raw.contains(&b'\\') { preview(&MappedText::new(raw).text) } else { Preview::Same }
}

impl<'o> Undecided<'o> {
    /// True if an expression decides this value of the document.
    pub(crate) fn contains(self, value: Raw<'_>) -> bool {
        !self.0.is_empty() && self.find(value.offset()).is_some()
    }

    /// The expression that this value is, and nothing else.
    pub(crate) fn expression(self, value: Raw<'_>) -> Option<&'o str> {
        self.find(value.offset())?.expression.as_deref()
    }

    fn find(self, offset: usize) -> Option<&'o OpenText> {
        let at = self.0.binary_search_by_key(&offset, |text| text.at).ok()?;
        self.0.get(at)
    }
}
