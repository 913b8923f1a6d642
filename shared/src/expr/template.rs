//! JSON values with `${{ … }}` in their strings.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::delimiters::{Piece, pieces};
use super::problem::TemplateProblem;
use super::program::{Program, too_large};
use super::roots::Roots;
use super::write::Output;
use super::{ExprError, Reference, Scope};
use crate::error::code;
use crate::json::{Doc, MappedText, nesting, skip_string, unescape};
use crate::limits::Limits;

/// A JSON value whose strings may hold expressions, compiled once and rendered often.
///
/// Everything outside expressions is copied byte by byte.
#[derive(Clone, Debug)]
pub struct Template {
    source: Doc,
    /// Segments in order; empty without expressions.
    segments: Arc<[Segment]>,
    references: Arc<[Reference]>,
}

#[derive(Debug)]
enum Segment {
    /// Bytes of the source.
    Raw(Range<usize>),
    /// A whole string that is one expression: a value of any type.
    Whole(Program),
    /// An expression inside a longer string.
    Text(Program),
}

impl Template {
    /// A value that is data alone: never evaluated, even if it holds `${{`.
    pub fn literal(value: Doc) -> Self {
        Self { source: value, segments: Arc::default(), references: Arc::default() }
    }

    /// Compiles all expressions in the strings of a value. Keys are never evaluated.
    ///
    /// # Errors
    /// All problems of all expressions at once, in order (at most 1,000).
    pub fn parse(value: &Doc, roots: Roots, limits: &Limits) -> Result<Self, Vec<TemplateProblem>> {
        let mut parser = Parser::new(value.bytes(), roots, limits);
        parser.document();
        if !parser.problems.is_empty() {
            return Err(parser.problems);
        }
        let references = merged(parser.segments.iter().filter_map(Segment::program));
        Ok(Self { source: value.clone(), segments: parser.segments.into(), references })
    }

    /// The tasks that it refers to, each once, by name.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Tells whether it renders to its own bytes, whatever the scope.
    pub fn is_literal(&self) -> bool {
        self.segments.is_empty()
    }

    /// Tells whether the whole value is an expression, so that it can be of any type.
    pub fn is_expression(&self) -> bool {
        matches!(&*self.segments, [Segment::Whole(_)])
    }

    /// The value as written, expressions and all.
    pub fn source(&self) -> &Doc {
        &self.source
    }

    /// The JSON bytes with every expression replaced by its value.
    ///
    /// # Errors
    /// If an expression has no value, or the result is larger or deeper than allowed.
    pub fn render(&self, scope: &Scope<'_>, limits: &Limits) -> Result<Vec<u8>, ExprError> {
        let mut out = Output::new(limits.resolved_bytes, limits.json_depth);
        if self.is_literal() {
            out.push(self.source.bytes()).map_err(|_| too_large(limits.resolved_bytes))?;
        }
        for segment in &*self.segments {
            match segment {
                Segment::Raw(range) => {
                    let raw = self.source.bytes().get(range.clone()).unwrap_or_default();
                    out.push(raw).map_err(|_| too_large(limits.resolved_bytes))?;
                }
                Segment::Whole(program) => program.write(&mut out, scope, limits)?,
                Segment::Text(program) => program.write_text(&mut out, scope, limits)?,
            }
        }
        self.checked(out.bytes, limits)
    }

    /// The value with every expression replaced, sharing bytes where nothing has to be written.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn resolve(&self, scope: &Scope<'_>, limits: &Limits) -> Result<Doc, ExprError> {
        let doc = match &*self.segments {
            [] => self.source.clone(),
            [Segment::Whole(program)] => program.document(scope, limits)?,
            _ => return self.render(scope, limits).map(Doc::trusted),
        };
        if doc.bytes().len() > limits.resolved_bytes { Err(too_large(limits.resolved_bytes)) } else { Ok(doc) }
    }

    /// Values that are inserted below others may add up to more depth than any of them has.
    fn checked(&self, bytes: Vec<u8>, limits: &Limits) -> Result<Vec<u8>, ExprError> {
        let may_be_deeper = self.segments.len() > 1 && self.segments.iter().any(|s| matches!(s, Segment::Whole(_)));
        if may_be_deeper && nesting(&bytes) > limits.json_depth {
            let most = limits.json_depth;
            let message = format!("the resolved value is nested more than {most} deep (limit `json_depth`)");
            return Err(ExprError { code: code::TOO_LARGE, message });
        }
        Ok(bytes)
    }
}

impl Segment {
    fn program(&self) -> Option<&Program> {
        match self {
            Self::Raw(_) => None,
            Self::Whole(program) | Self::Text(program) => Some(program),
        }
    }
}

/// The references of several expressions, each task once, sorted.
pub(super) fn merged<'a>(programs: impl Iterator<Item = &'a Program>) -> Arc<[Reference]> {
    let mut merged: BTreeMap<String, Reference> = BTreeMap::new();
    for reference in programs.flat_map(Program::references) {
        match merged.get_mut(&reference.task) {
            Some(known) => {
                known.output |= reference.output;
                known.error |= reference.error;
                known.results |= reference.results;
            }
            None => {
                merged.insert(reference.task.clone(), reference);
            }
        }
    }
    merged.into_values().collect()
}

/// Reads the strings of a value in one pass, without recursion.
struct Parser<'a> {
    bytes: &'a [u8],
    roots: Roots,
    limits: &'a Limits,
    /// The containers around the current place, outermost first.
    open: Vec<Enclosing>,
    segments: Vec<Segment>,
    /// The first byte that is in no segment yet.
    pending: usize,
    problems: Vec<TemplateProblem>,
}

enum Enclosing {
    List {
        position: usize,
    },
    /// The inside of the current key.
    Object {
        key: Range<usize>,
        reading_key: bool,
    },
}

impl<'a> Parser<'a> {
    fn new(bytes: &'a [u8], roots: Roots, limits: &'a Limits) -> Self {
        let (open, segments, problems) = (Vec::new(), Vec::new(), Vec::new());
        Self { bytes, roots, limits, open, segments, pending: 0, problems }
    }

    fn document(&mut self) {
        let mut at = 0;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'"' => {
                    let end = skip_string(self.bytes, at);
                    self.string(at + 1..end - 1);
                    at = end;
                    continue;
                }
                b'[' => self.open.push(Enclosing::List { position: 0 }),
                b'{' => self.open.push(Enclosing::Object { key: 0..0, reading_key: true }),
                b']' | b'}' => drop(self.open.pop()),
                b',' => self.comma(),
                _ => {}
            }
            at += 1;
        }
        if !self.segments.is_empty() {
            self.raw_until(self.bytes.len());
        }
    }

    fn comma(&mut self) {
        match self.open.last_mut() {
            Some(Enclosing::List { position }) => *position += 1,
            Some(Enclosing::Object { reading_key, .. }) => *reading_key = true,
            None => {}
        }
    }

    /// A string whose inside is in this range.
    fn string(&mut self, range: Range<usize>) {
        if let Some(Enclosing::Object { key, reading_key: reading_key @ true }) = self.open.last_mut() {
            (*key, *reading_key) = (range, false);
            return;
        }
        let raw = self.bytes.get(range.clone()).unwrap_or_default();
        // A `$` may be written as an escape, too.
        if !raw.contains(&b'$') && !raw.contains(&b'\\') {
            return;
        }
        let mapped = MappedText::new(raw);
        match pieces(&mapped.text) {
            Ok(pieces) => self.pieces(&range, &mapped, pieces),
            Err((why, beginning)) => {
                let problem = TemplateProblem::invalid(format!("`{beginning}`: {why}"));
                self.problem(problem.hint("an expression is written `${{ … }}`; a literal `${{` is written `$${{`"));
            }
        }
    }

    fn pieces(&mut self, range: &Range<usize>, mapped: &MappedText<'_>, pieces: Vec<Piece<'_>>) {
        if let [Piece::Expression { outer, inner }] = &pieces[..]
            && *outer == (0..mapped.text.len())
        {
            self.raw_until(range.start - 1);
            self.program(inner, Segment::Whole);
            self.pending = range.end + 1;
            return;
        }
        for piece in pieces {
            match piece {
                Piece::Escape(dollar) => {
                    self.raw_until(range.start + mapped.raw(dollar));
                    self.pending = range.start + mapped.raw(dollar + 1);
                }
                Piece::Expression { outer, inner } => {
                    self.raw_until(range.start + mapped.raw(outer.start));
                    self.program(inner, Segment::Text);
                    self.pending = range.start + mapped.raw(outer.end);
                }
            }
        }
    }

    fn program(&mut self, text: &str, segment: fn(Program) -> Segment) {
        match Program::parse(text, self.roots, self.limits) {
            Ok(program) => self.segments.push(segment(program)),
            Err(problems) => problems.into_iter().for_each(|problem| self.problem(problem)),
        }
    }

    fn raw_until(&mut self, end: usize) {
        if self.pending < end {
            self.segments.push(Segment::Raw(self.pending..end));
        }
        self.pending = end;
    }

    fn problem(&mut self, problem: TemplateProblem) {
        if self.problems.len() < PROBLEMS {
            self.problems.push(TemplateProblem { pointer: self.pointer(), ..problem });
        }
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for open in &self.open {
            pointer.push('/');
            match open {
                Enclosing::List { position } => pointer.push_str(&position.to_string()),
                Enclosing::Object { key, .. } => {
                    let key = unescape(self.bytes.get(key.clone()).unwrap_or_default());
                    pointer.push_str(&String::from_utf8_lossy(&key).replace('~', "~0").replace('/', "~1"));
                }
            }
        }
        pointer
    }
}

/// A person corrects so many in one round at most; a hostile value has a million.
const PROBLEMS: usize = 1_000;
