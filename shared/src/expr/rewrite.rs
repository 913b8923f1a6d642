//! An expression as the engine gets it.

use super::comparison::{Comparison, Operator};
use super::engine;
use super::path::Found;
use super::token::{Lexeme, LexemeKind, after_brackets};

/// Replacements of parts of a text; an empty part is an insertion.
#[derive(Default)]
struct Edits(Vec<(usize, usize, String)>);

impl Edits {
    fn replace(&mut self, start: usize, end: usize, new: impl Into<String>) {
        self.0.push((start, end, new.into()));
    }

    fn insert(&mut self, at: usize, new: &str) {
        self.replace(at, at, new);
    }

    /// The text with all of them made. Insertions at one place stay in the order in which they came.
    fn made(mut self, text: &str) -> String {
        self.0.sort_by_key(|&(start, end, _)| (start, end));
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        for (start, end, new) in self.0 {
            out.push_str(&text[at..start]);
            out.push_str(&new);
            at = end;
        }
        out.push_str(&text[at..]);
        out
    }
}

/// Rewrites an expression for the engine: each path becomes its slot, each operand of `*` is guarded, the order of
/// two values is asked for with their types, and steps that may lead nowhere do so without an error.
///
/// `lenient` are the tokens behind operands that may be undefined.
pub(super) fn for_engine(
    text: &str,
    tokens: &[Lexeme<'_>],
    paths: &[Found],
    comparisons: &[Comparison],
    lenient: &[usize],
) -> String {
    let mut edits = Edits::default();
    for (slot, found) in paths.iter().enumerate() {
        let name = format!("{SLOT}{slot} ");
        edits.replace(tokens[found.from].start, tokens[found.to - 1].end(), name);
    }
    guard_factors(&mut edits, tokens);
    for &end in lenient {
        forgive_steps(&mut edits, tokens, paths, end);
    }
    for comparison in comparisons.iter().filter(|comparison| comparison.orders() && comparison.is_whole()) {
        order(&mut edits, tokens, comparison);
    }
    edits.made(text)
}

/// Sends factors through a filter that refuses lists: to the engine `[0] * 10**8` is a list of a hundred million
/// elements, and not every place that walks through it counts fuel.
fn guard_factors(edits: &mut Edits, tokens: &[Lexeme<'_>]) {
    for (at, token) in tokens.iter().enumerate().skip(1).filter(|(_, token)| token.is("*")) {
        if tokens[at - 1].ends_value() {
            let end = operand_end(tokens, at + 1);
            edits.insert(token.start, engine::GUARD);
            edits.insert(tokens[end - 1].end(), engine::GUARD);
        }
    }
}

/// Makes `a < b` a test that looks at the types of both: the engine orders values of different types, too.
fn order(edits: &mut Edits, tokens: &[Lexeme<'_>], comparison: &Comparison) {
    let (Some(first), Some(last)) = (comparison.operands.first(), comparison.operands.last()) else { return };
    edits.insert(tokens[first.start].start, "(");
    let signs: String = comparison.operators.iter().map(|(operator, _)| operator.sign()).collect();
    for (position, (operator, at)) in comparison.operators.iter().enumerate() {
        let call = match (position, *operator) {
            (0, Operator::Less) if signs.len() == 1 => ") is lt(".to_owned(),
            (0, Operator::AtMost) if signs.len() == 1 => ") is le(".to_owned(),
            (0, Operator::Greater) if signs.len() == 1 => ") is gt(".to_owned(),
            (0, Operator::AtLeast) if signs.len() == 1 => ") is ge(".to_owned(),
            (0, _) => format!(") is {}('{signs}', ", engine::CHAIN),
            _ => ", ".to_owned(),
        };
        edits.replace(tokens[*at].start, tokens[*at].end(), call);
    }
    edits.insert(tokens[last.end - 1].end(), ")");
}

/// Makes the steps of the operand that ends here filters that give undefined for undefined. Steps of a path are not
/// the engine's.
fn forgive_steps(edits: &mut Edits, tokens: &[Lexeme<'_>], paths: &[Found], mut end: usize) {
    loop {
        let (mut steps, mut at) = (Vec::new(), end);
        while let Some(step) = step_before(tokens, at) {
            if paths.iter().any(|found| found.from < step && step < found.to) {
                break;
            }
            // What follows a filter cannot be a slice.
            if tokens[step].is("[") && tokens[step..at].iter().any(|token| token.is(":")) {
                return;
            }
            steps.push((step, at));
            at = step;
        }
        if is_signed(tokens, at) {
            return;
        }
        for (start, end) in steps {
            forgive(edits, &tokens[start], &tokens[end - 1]);
        }
        // Further in, if parentheses hold the operand.
        let inside = at.checked_sub(1).filter(|close| tokens[*close].is(")"));
        let Some(close) = inside else { return };
        let is_call = |open: usize| open > 0 && tokens[open - 1].ends_value();
        if opening(tokens, close).is_none_or(is_call) {
            return;
        }
        end = close;
    }
}

/// Makes one step a filter.
fn forgive(edits: &mut Edits, first: &Lexeme<'_>, last: &Lexeme<'_>) {
    if first.is(".") {
        let quote = if last.kind == LexemeKind::Name { "'" } else { "" };
        edits.replace(first.start, last.end(), format!("|{}({quote}{}{quote})", engine::STEP, last.text));
    } else {
        edits.replace(first.start, first.end(), format!("|{}(", engine::STEP));
        edits.replace(last.start, last.end(), ")");
    }
}

/// True if a minus stands before the one token that ends here.
fn is_signed(tokens: &[Lexeme<'_>], end: usize) -> bool {
    let is_minus = end >= 2 && tokens[end - 2].is("-");
    is_minus && end.checked_sub(3).is_none_or(|before| !tokens[before].ends_value())
}

/// First token of the step that ends here: `.name` or `[…]` behind a value.
fn step_before(tokens: &[Lexeme<'_>], end: usize) -> Option<usize> {
    let last = tokens.get(end.checked_sub(1)?)?;
    let start = if last.is("]") {
        opening(tokens, end - 1)?
    } else if last.kind == LexemeKind::Name || last.kind == LexemeKind::Int {
        end.checked_sub(2).filter(|dot| tokens[*dot].is("."))?
    } else {
        return None;
    };
    start.checked_sub(1).filter(|before| tokens[*before].ends_value())?;
    Some(start)
}

/// The bracket that the one here closes.
fn opening(tokens: &[Lexeme<'_>], close: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in (0..=close).rev() {
        match (tokens[at].kind, tokens[at].text) {
            (LexemeKind::Symbol, ")" | "]" | "}") => depth += 1,
            (LexemeKind::Symbol, "(" | "[" | "{") => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The token after the operand that starts with this one: signs, a value, what is taken from it, and its filters.
fn operand_end(tokens: &[Lexeme<'_>], mut at: usize) -> usize {
    let is = |at: usize, symbol: &str| tokens.get(at).is_some_and(|token| token.is(symbol));
    while is(at, "-") {
        at += 1;
    }
    at = after_brackets(tokens, at);
    while tokens.get(at).is_some_and(|token| token.kind == LexemeKind::Text) && !is(at - 1, "]") {
        at += 1;
    }
    loop {
        at = match tokens.get(at) {
            Some(token) if token.is(".") => at + 2,
            Some(token) if token.is("|") => at + 2,
            Some(token) if token.is("[") || token.is("(") => after_brackets(tokens, at),
            _ => return at.clamp(1, tokens.len()),
        };
    }
}

/// The beginning of the names of slots; a name like this in an expression is refused before it comes to that.
pub(super) const SLOT: &str = "slot";
