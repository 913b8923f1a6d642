//! The comparisons in an expression, and those among them that can never hold.

use std::ops::Range;
use std::str::FromStr as _;

use super::engine;
use super::path::{Found, Path};
use super::problem::TemplateProblem;
use super::token::{Lexeme, LexemeKind, after_brackets};
use crate::state::TaskState;

/// A comparison: `a < b`, or several in a row, `a < b <= c`.
pub(super) struct Comparison {
    /// The tokens of each operand, one more than operators; empty where one is missing.
    pub(super) operands: Vec<Range<usize>>,
    /// Each operator, and its first token.
    pub(super) operators: Vec<(Operator, usize)>,
}

/// An operator that compares two values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    NotIn,
}

impl Operator {
    fn of(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::AtMost,
            ">" => Self::Greater,
            ">=" => Self::AtLeast,
            _ => return None,
        })
    }

    /// Character that stands for it.
    pub(super) const fn sign(self) -> char {
        match self {
            Self::Equal => '=',
            Self::NotEqual => '!',
            Self::Less => '<',
            Self::AtMost => 'l',
            Self::Greater => '>',
            Self::AtLeast => 'g',
            Self::In => 'i',
            Self::NotIn => 'n',
        }
    }

    const fn is_membership(self) -> bool {
        matches!(self, Self::In | Self::NotIn)
    }

    const fn is_order(self) -> bool {
        matches!(self, Self::Less | Self::AtMost | Self::Greater | Self::AtLeast)
    }
}

impl Comparison {
    /// True if one of its operators asks for an order.
    pub(super) fn orders(&self) -> bool {
        self.operators.iter().any(|(operator, _)| operator.is_order())
    }

    /// True if no operand is missing; of others the engine says what is wrong.
    pub(super) fn is_whole(&self) -> bool {
        self.operands.iter().all(|operand| !operand.is_empty())
    }
}

/// The inside of one bracket, or all that is outside of brackets.
struct Bracket {
    /// First token of the current operand.
    start: usize,
    current: Option<Comparison>,
}

impl Bracket {
    const fn new(start: usize) -> Self {
        Self { start, current: None }
    }

    /// Ends the current operand, and with it the comparison, before this token.
    fn finish(&mut self, at: usize, found: &mut Vec<Comparison>) {
        if let Some(mut comparison) = self.current.take() {
            comparison.operands.push(self.start..at);
            found.push(comparison);
        }
        self.start = at + 1;
    }

    fn operator(&mut self, operator: Operator, at: usize, length: usize) {
        let empty = || Comparison { operands: Vec::new(), operators: Vec::new() };
        let comparison = self.current.get_or_insert_with(empty);
        comparison.operands.push(self.start..at);
        comparison.operators.push((operator, at));
        self.start = at + length;
    }
}

/// Finds all comparisons.
pub(super) fn find(tokens: &[Lexeme<'_>]) -> Vec<Comparison> {
    let compares = |token: &Lexeme<'_>| match token.kind {
        LexemeKind::Symbol => Operator::of(token.text).is_some(),
        LexemeKind::Name => token.text == "in",
        _ => false,
    };
    let mut found = Vec::new();
    if !tokens.iter().any(compares) {
        return found;
    }
    let mut brackets = vec![Bracket::new(0)];
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let Some(bracket) = brackets.last_mut() else { break };
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        match (token.kind, token.text) {
            (LexemeKind::Symbol, "(" | "[" | "{") => brackets.push(Bracket::new(at + 1)),
            (LexemeKind::Symbol, ")" | "]" | "}") => {
                bracket.finish(at, &mut found);
                brackets.pop();
            }
            (LexemeKind::Symbol, "," | ":" | "=") => bracket.finish(at, &mut found),
            // Before a value, it spreads a list over arguments.
            (LexemeKind::Symbol, "*" | "**") if before.is_none_or(|before| !before.ends_value()) => {
                bracket.finish(at, &mut found);
            }
            (LexemeKind::Symbol, symbol) => {
                if let Some(operator) = Operator::of(symbol) {
                    bracket.operator(operator, at, 1);
                }
            }
            (LexemeKind::Name, word) if !before.is_some_and(|before| before.is(".") || before.text == "is") => {
                at += bracket.word(word, tokens, at, &mut found);
            }
            _ => {}
        }
        at += 1;
    }
    if let Some(bracket) = brackets.first_mut() {
        bracket.finish(tokens.len(), &mut found);
    }
    found
}

impl Bracket {
    /// Takes a word of the language; answers how many more tokens belong to it.
    fn word(&mut self, word: &str, tokens: &[Lexeme<'_>], at: usize, found: &mut Vec<Comparison>) -> usize {
        let is_tested = at >= 2 && tokens[at - 1].text == "not" && tokens[at - 2].text == "is";
        match word {
            "in" if !is_tested => self.operator(Operator::In, at, 1),
            "not" if tokens.get(at + 1).is_some_and(|next| next.kind == LexemeKind::Name && next.text == "in") => {
                self.operator(Operator::NotIn, at, 2);
                return 1;
            }
            "and" | "or" | "not" | "if" | "else" => self.finish(at, found),
            _ => {}
        }
        0
    }
}

/// Reports comparisons that can never hold, or always do.
pub(super) fn judge(
    source: &str,
    tokens: &[Lexeme<'_>],
    paths: &[Found],
    comparisons: &[Comparison],
    problems: &mut Vec<TemplateProblem>,
) {
    let judge = Judge { source, tokens, paths };
    for comparison in comparisons {
        for (pair, (operator, _)) in comparison.operands.windows(2).zip(&comparison.operators) {
            problems.extend(judge.pair(&pair[0], *operator, &pair[1]));
        }
        if comparison.orders() && comparison.operators.iter().any(|(operator, _)| operator.is_membership()) {
            let problem = TemplateProblem::invalid("`<` and `in` in a row");
            problems.push(problem.hint("put parentheses around one of the two comparisons"));
        }
    }
    for found in paths.iter().filter(|found| found.path.whole_task().is_some() || found.path.status_of().is_some()) {
        problems.extend(judge.tested(found));
    }
}

struct Judge<'e> {
    source: &'e str,
    tokens: &'e [Lexeme<'e>],
    paths: &'e [Found],
}

impl Judge<'_> {
    fn pair(&self, left: &Range<usize>, operator: Operator, right: &Range<usize>) -> Option<TemplateProblem> {
        let (left_path, right_path) = (self.path(left), self.path(right));
        let whole = [left_path, right_path].into_iter().flatten().find_map(Path::whole_task);
        if let Some(task) = whole {
            return Some(compares_task(task));
        }
        match (left_path.and_then(Path::status_of), right_path.and_then(Path::status_of)) {
            // In a text, it may be part of that.
            (Some(task), None) => self.against(task, right, !operator.is_membership()),
            (None, Some(task)) if !operator.is_membership() => self.against(task, left, true),
            _ => None,
        }
    }

    /// Judges `tasks.x.status is eq('…')` and its like.
    fn tested(&self, found: &Found) -> Option<TemplateProblem> {
        let word =
            |at: usize| self.tokens.get(at).filter(|token| token.kind == LexemeKind::Name).map(|token| token.text);
        let test = match (word(found.to)?, word(found.to + 1)?) {
            ("is", "not") => found.to + 2,
            ("is", _) => found.to + 1,
            _ => return None,
        };
        if !["eq", "equalto", "ne", "in"].contains(&word(test)?) {
            return None;
        }
        if let Some(task) = found.path.whole_task() {
            return Some(compares_task(task));
        }
        let end = after_brackets(self.tokens, test + 1);
        self.against(found.path.status_of()?, &(test + 1..end), word(test)? != "in")
    }

    /// Judges the literal that the status of a task is compared with, or those of a list.
    fn against(&self, task: &str, other: &Range<usize>, alone: bool) -> Option<TemplateProblem> {
        let tokens = self.tokens.get(self.inside(other))?;
        match tokens {
            [one] if alone => never(task, one, self.source),
            [open, elements @ .., close] if open.is("[") && close.is("]") => {
                let is_plain = |token: &Lexeme<'_>| token.is(",") || token.kind != LexemeKind::Symbol;
                let all = elements.iter().all(is_plain).then_some(elements)?;
                all.iter().find_map(|element| never(task, element, self.source))
            }
            // Of a list in parentheses, these were taken off.
            elements if elements.iter().any(|token| token.is(",")) => {
                let is_plain = |token: &Lexeme<'_>| token.is(",") || token.kind == LexemeKind::Text;
                let all = elements.iter().all(is_plain).then_some(elements)?;
                all.iter().find_map(|element| never(task, element, self.source))
            }
            _ => None,
        }
    }

    /// The path that an operand is, and nothing else.
    fn path(&self, operand: &Range<usize>) -> Option<&Path> {
        let operand = self.inside(operand);
        let found = self.paths.iter().find(|found| found.from == operand.start)?;
        (found.to == operand.end).then_some(&found.path)
    }

    /// Without parentheses around all of it.
    fn inside(&self, operand: &Range<usize>) -> Range<usize> {
        let mut operand = operand.clone();
        let mut left = PARENTHESES;
        while left > 0
            && operand.len() > 2
            && self.tokens[operand.start].is("(")
            && after_brackets(self.tokens, operand.start) == operand.end
        {
            operand = operand.start + 1..operand.end - 1;
            left -= 1;
        }
        operand
    }
}

fn compares_task(task: &str) -> TemplateProblem {
    let problem =
        TemplateProblem::invalid(format!("`tasks.{task}` is the task as a whole: no comparison with it holds"));
    problem.hint(format!("compare a part, such as `tasks.{task}.output`, or ask `tasks.{task} is succeeded`"))
}

/// The reason for which the status of a task is never the value of this token; `None` if it may be.
fn never(task: &str, other: &Lexeme<'_>, source: &str) -> Option<TemplateProblem> {
    let all = || format!("it is one of {}", engine::STATES.join(", "));
    let path = format!("`tasks.{task}.status`");
    match other.kind {
        LexemeKind::Text => {
            let text = engine::literal(other.text)?;
            let near = match TaskState::from_str(&text) {
                Ok(state) if state.is_final() => return None,
                Ok(state) => {
                    let detail = format!("{path} is never `{state}`: the task has ended when this is judged");
                    return Some(TemplateProblem::invalid(detail).hint(all()));
                }
                Err(_) => elsewhere(&text),
            };
            let problem = TemplateProblem::invalid(format!("{path} is never {text:?}"));
            Some(match near {
                Some(state) => problem.hint(format!("did you mean `{state}`?")),
                None => problem.hint(all()),
            })
        }
        LexemeKind::Int | LexemeKind::Number => {
            Some(TemplateProblem::invalid(format!("{path} is text, and never {}", other.text)).hint(all()))
        }
        LexemeKind::Name if ["true", "True", "false", "False", "none", "None"].contains(&other.text) => {
            let shown = &source[other.start..other.end()];
            Some(TemplateProblem::invalid(format!("{path} is text, and never {shown}")).hint(all()))
        }
        _ => None,
    }
}

/// The state that a word of another system stands for, or the one that is spelled nearly like it.
fn elsewhere(text: &str) -> Option<&'static str> {
    let word = text.to_ascii_lowercase();
    Some(match word.as_str() {
        "success" | "successful" | "completed" | "complete" | "done" | "ok" | "passed" => "succeeded",
        "failure" | "error" | "errored" => "failed",
        "canceled" | "aborted" | "terminated" | "killed" | "revoked" => "cancelled",
        "omitted" => "skipped",
        "timeout" | "timedout" | "timed-out" => "timed_out",
        _ => super::problem::closest(&word, engine::STATES)?,
    })
}

/// Parentheses around one operand that are seen through; each costs a look at all that is in it.
const PARENTHESES: usize = 4;
