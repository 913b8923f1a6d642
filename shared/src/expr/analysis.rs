//! References of an expression, found in its words. Expressions bind no names, so that words are enough.

use super::comparison::{self, Comparison};
use super::path::{Found, JobPart, Part, Path, Root};
use super::problem::TemplateProblem;
use super::roots::{Roots, Rounds};
use super::token::{Lexeme, LexemeKind, TOKENS, after_brackets, tokens};
use super::{elsewhere, engine};
use crate::json::Step;

/// An expression taken apart.
pub(super) struct Analysis<'a> {
    pub(super) tokens: Vec<Lexeme<'a>>,
    pub(super) paths: Vec<Found>,
    pub(super) comparisons: Vec<Comparison>,
    /// The tokens behind operands that may be undefined: those of `default()` and `coalesce()`.
    pub(super) lenient: Vec<usize>,
    pub(super) problems: Vec<TemplateProblem>,
}

/// Takes an expression apart. `Err` if it cannot even be cut into words.
pub(super) fn analyse(source: &str, roots: Roots) -> Result<Analysis<'_>, TemplateProblem> {
    let tokens = tokens(source).map_err(|uncut| {
        let problem = TemplateProblem::invalid(format!("`{source}`: {}", uncut.why));
        TemplateProblem { hint: uncut.hint.map(str::to_owned), ..problem }
    })?;
    let mut reader = Analyst {
        source,
        roots,
        tokens: &tokens,
        paths: Vec::new(),
        open: Vec::new(),
        lenient: Vec::new(),
        problems: Vec::new(),
    };
    reader.read();
    let Analyst { paths, lenient, mut problems, .. } = reader;
    let comparisons = comparison::find(&tokens);
    if problems.is_empty() && tokens.len() <= TOKENS {
        comparison::judge(source, &tokens, &paths, &comparisons, &mut problems);
    }
    Ok(Analysis { paths, comparisons, lenient, problems, tokens })
}

struct Analyst<'a, 't> {
    source: &'a str,
    roots: Roots,
    tokens: &'t [Lexeme<'a>],
    paths: Vec<Found>,
    /// The brackets around the current token, outermost first; true for those around the arguments of `coalesce`.
    open: Vec<bool>,
    lenient: Vec<usize>,
    problems: Vec<TemplateProblem>,
}

impl<'a> Analyst<'a, '_> {
    fn read(&mut self) {
        let mut at = 0;
        while let Some(token) = self.tokens.get(at) {
            at = match token.kind {
                LexemeKind::Name if !token.is_keyword() => self.name(at, token.text),
                LexemeKind::Symbol => self.bracket(at, token.text),
                _ => at + 1,
            };
            if self.symbol(at, "(") && self.calls_a_value(at) {
                let (start, end) = (self.start_of_operand(at), self.end_of(at - 1));
                let called = &self.source[start..end];
                let problem = TemplateProblem::invalid(format!("`{called}(…)`: values have no methods"));
                self.problems.push(problem.hint("use a filter, such as `x | upper` or `x | items`"));
            }
        }
    }

    /// Takes note of a bracket; answers where to read on.
    fn bracket(&mut self, at: usize, symbol: &str) -> usize {
        if matches!(symbol, "," | ")") && self.open.last() == Some(&true) {
            self.lenient.push(at);
        }
        match symbol {
            "(" | "[" | "{" => self.open.push(symbol == "(" && self.calls_coalesce(at)),
            ")" | "]" | "}" => drop(self.open.pop()),
            _ => {}
        }
        at + 1
    }

    /// True if the parenthesis at this position opens the arguments of `coalesce`.
    fn calls_coalesce(&self, at: usize) -> bool {
        let is_named = |at: usize| self.tokens[at].kind == LexemeKind::Name && self.tokens[at].text == engine::COALESCE;
        at.checked_sub(1).is_some_and(is_named)
            && at.checked_sub(2).is_none_or(|before| !self.symbol(before, ".") && !self.symbol(before, "|"))
    }

    /// Reads what the name at this position stands for; answers where to read on.
    fn name(&mut self, at: usize, name: &'a str) -> usize {
        let after = |symbol: &str| at > 0 && self.symbol(at - 1, symbol);
        if after(".") || (self.symbol(at + 1, "=") && (after("(") || after(","))) {
            return at + 1;
        }
        if after("|") {
            if DEFAULT.contains(&name) {
                self.lenient.push(at - 1);
            }
            return self.known(at, name, "filter", engine::FILTERS);
        }
        if self.names_a_test(at) {
            if matches!(name, "defined" | "undefined") {
                let problem = TemplateProblem::unknown(format!("there is no test `{name}`"));
                self.problems
                    .push(problem.hint("only `default()` accepts what is undefined: `x | default(none) is none`"));
                return at + 1;
            }
            if engine::STATES.contains(&name) {
                self.state(at, name);
            }
            return self.known(at, name, "test", engine::TESTS);
        }
        if self.symbol(at + 1, "(") {
            if name == engine::COALESCE && self.symbol(at + 2, ")") {
                let problem = TemplateProblem::invalid("`coalesce()` has nothing to choose from");
                self.problems.push(problem.hint("give it values: `coalesce(tasks.a.output.x, input.x, 0)`"));
            }
            return self.known(at, name, "function", engine::FUNCTIONS);
        }
        self.path(at, name)
    }

    /// Lets the test of a state, at this position, look at the status of the task before it.
    fn state(&mut self, at: usize, state: &str) {
        let is = if self.tokens[at - 1].text == "is" { at - 1 } else { at - 2 };
        let range = self.paths.last().map(|found| self.widened(found.from, found.to));
        let path = self.paths.last_mut().filter(|_| range.is_some_and(|(_, to)| to == is));
        if !path.is_some_and(|found| found.path.take_status()) {
            let problem = TemplateProblem::invalid(format!("`is {state}` is asked of something that is no task"));
            self.problems.push(problem.hint(format!("name a task: `tasks.<name> is {state}`")));
        }
    }

    fn known(&mut self, at: usize, name: &str, sort: &str, names: &[&str]) -> usize {
        if !names.contains(&name) {
            let problem = TemplateProblem::unknown(format!("there is no {sort} `{name}`"));
            self.problems.push(match elsewhere::call(name, sort) {
                Some(hint) => problem.hint(hint),
                None => problem.did_you_mean(name, names),
            });
        }
        at + 1
    }

    fn path(&mut self, at: usize, name: &'a str) -> usize {
        let (mut steps, mut ends, to) = self.steps(at);
        match self.root(at, name, &steps) {
            Ok((root, taken)) => {
                steps.drain(..taken);
                ends.drain(..taken);
                let start = self.tokens[at].start;
                let text = &self.source[start..self.end_of(to - 1)];
                let ends = ends.into_iter().map(|end| end - start).collect();
                let path = Path::new(text, root, steps, ends);
                self.paths.push(Found { path, from: at, to, optional: self.is_optional(at, to) });
            }
            Err(problem) => self.problems.push(problem),
        }
        to
    }

    /// The steps after the name at this position, the ends of the name and of each, and the token after them.
    fn steps(&self, at: usize) -> (Vec<Step>, Vec<usize>, usize) {
        let (mut steps, mut ends, mut to) = (Vec::new(), vec![self.end_of(at)], at + 1);
        while let Some((step, length)) = self.step(to) {
            to += length;
            steps.push(step);
            ends.push(self.end_of(to - 1));
        }
        (steps, ends, to)
    }

    fn step(&self, at: usize) -> Option<(Step, usize)> {
        let rest = self.tokens.get(at..)?;
        match rest {
            [dot, name, ..] if dot.is(".") && name.kind == LexemeKind::Name => {
                Some((Step::Key(name.text.to_owned()), 2))
            }
            [open, minus, number, close, ..] if open.is("[") && minus.is("-") && close.is("]") => {
                Some((Step::Index(-integer(number)?), 4))
            }
            [open, key, close, ..] if open.is("[") && close.is("]") => match key.kind {
                LexemeKind::Text => Some((Step::Key(engine::literal(key.text)?), 3)),
                _ => Some((Step::Index(integer(key)?), 3)),
            },
            _ => None,
        }
    }

    /// Finds the root of a path, and how many of its steps belong to that.
    fn root(&self, at: usize, name: &str, steps: &[Step]) -> Result<(Root, usize), TemplateProblem> {
        match name {
            _ if self.roots.schedule => schedule(name, steps),
            "input" => Ok((Root::Input, 0)),
            "tasks" => self.task(at, steps),
            "job" => job(steps),
            "kind" if self.roots.task => Ok((Root::Kind, 0)),
            "queue" if self.roots.task => Ok((Root::Queue, 0)),
            "item" if self.roots.item => Ok((Root::Item, 0)),
            "index" if self.roots.item => Ok((Root::Index, 0)),
            "total" if self.roots.item => Ok((Root::Total, 0)),
            "item" | "index" | "total" => {
                let detail = format!("`{name}` is known only in the `input` of a task with `for_each`");
                Err(TemplateProblem::unknown(detail))
            }
            "round" if self.roots.rounds != Rounds::None => Ok((Root::Round, 0)),
            "previous" if self.roots.rounds == Rounds::Input => Ok((Root::Previous, 0)),
            "output" if self.roots.rounds == Rounds::Until => Ok((Root::RoundOutput, 0)),
            "previous" => {
                let detail = "`previous` is known only in the `input` of a task with `repeat`";
                Err(TemplateProblem::unknown(detail.to_owned()))
            }
            "round" => {
                let detail = "`round` is known only in the `input` and the `until` of a task with `repeat`";
                Err(TemplateProblem::unknown(detail.to_owned()))
            }
            _ => Err(self.unknown(at, name)),
        }
    }

    fn unknown(&self, at: usize, name: &str) -> TemplateProblem {
        let problem = TemplateProblem::unknown(format!("there is no `{name}`"));
        if let Some(hint) = elsewhere::name(name) {
            return problem.hint(hint);
        }
        if engine::FUNCTIONS.contains(&name) {
            return problem.hint(format!("`{name}` is a function: call it with `{name}(…)`"));
        }
        if at > 0 && self.symbol(at - 1, "-") && self.follows_task(at - 1) {
            return problem.hint("a hyphen is a minus here; names of tasks have underscores");
        }
        let mut names = if self.roots.item { ROOTS.to_vec() } else { ROOTS[..3].to_vec() };
        names.extend(match self.roots.rounds {
            Rounds::None => &[][..],
            Rounds::Input => &["round", "previous"],
            Rounds::Until => &["round", "output"],
        });
        names.extend(if self.roots.task { &["kind", "queue"][..] } else { &[] });
        problem.did_you_mean(name, &names)
    }

    fn task(&self, at: usize, steps: &[Step]) -> Result<(Root, usize), TemplateProblem> {
        let (task, rest) = match steps {
            [Step::Key(task), rest @ ..] => (task, rest),
            [] if !self.symbol(at + 1, "[") => {
                let problem = TemplateProblem::invalid("`tasks` alone is not a value");
                return Err(problem.hint("name a task: `tasks.<name>.output`"));
            }
            _ => {
                let problem = TemplateProblem::invalid("`tasks[…]` with a computed name is refused");
                return Err(problem.hint("name the task: `tasks.<name>.output` or `tasks[\"<name>\"].output`"));
            }
        };
        match rest {
            [] => Ok((Root::Task(task.clone(), Part::Whole), 1)),
            [Step::Key(part), ..] => match Part::named(part) {
                Some(known) => Ok((Root::Task(task.clone(), known), 2)),
                None => Err(TemplateProblem::unknown(format!("`tasks.{task}.{part}`: a task has no `{part}`"))
                    .did_you_mean(part, &Part::NAMES)),
            },
            [Step::Index(_), ..] => {
                let problem = TemplateProblem::invalid(format!("`tasks.{task}` is not a list"));
                Err(problem.hint(format!("an item is `tasks.{task}.output[0]` or `tasks.{task}.results[0]`")))
            }
        }
    }

    /// True if `default()` applies to the path, or `coalesce()` takes it, with nothing but parentheses and further
    /// steps between.
    fn is_optional(&self, from: usize, to: usize) -> bool {
        let (mut from, mut to, mut around) = (from, self.after_steps(to), self.open.len());
        loop {
            let (wide_from, wide_to) = self.widened(from, to);
            around = around.saturating_sub(from - wide_from);
            let end = self.after_steps(wide_to);
            if (wide_from, end) == (from, to) {
                break;
            }
            (from, to) = (wide_from, end);
        }
        let before = from.checked_sub(1).and_then(|at| self.tokens.get(at));
        let negated = before.is_some_and(|minus| minus.is("-"))
            && from.checked_sub(2).and_then(|at| self.tokens.get(at)).is_none_or(|token| !token.ends_value());
        let tested = from > 0 && self.names_a_test(from - 1);
        let name = self.tokens.get(to + 1).map(|token| token.text);
        let defaulted = self.symbol(to, "|") && name.is_some_and(|name| DEFAULT.contains(&name));
        let chosen = around.checked_sub(1).is_some_and(|innermost| self.open[innermost])
            && before.is_some_and(|token| token.is("(") || token.is(","))
            && (self.symbol(to, ",") || self.symbol(to, ")"));
        (defaulted && !negated && !tested) || chosen
    }

    /// The tokens with all parentheses that hold them and nothing else.
    fn widened(&self, mut from: usize, mut to: usize) -> (usize, usize) {
        while from > 0 && self.symbol(from - 1, "(") && !self.calls(from - 1) && self.symbol(to, ")") {
            (from, to) = (from - 1, to + 1);
        }
        (from, to)
    }

    /// The token after further steps that only the engine can take, such as `[index]` and what follows it.
    fn after_steps(&self, mut to: usize) -> usize {
        loop {
            to = match self.tokens.get(to) {
                Some(dot) if dot.is(".") => to + 2,
                Some(open) if open.is("[") => after_brackets(self.tokens, to),
                _ => return to,
            };
        }
    }

    /// Tells whether the name at this position is a test, as in `is test` and `is not test`.
    fn names_a_test(&self, at: usize) -> bool {
        let word = |back: usize, word: &str| {
            let token = at.checked_sub(back).and_then(|at| self.tokens.get(at));
            token.is_some_and(|token| token.kind == LexemeKind::Name && token.text == word)
        };
        word(1, "is") || (word(1, "not") && word(2, "is"))
    }

    /// Tells whether the opening parenthesis at this position follows a name or value, so that something is called.
    fn calls(&self, at: usize) -> bool {
        at.checked_sub(1).and_then(|before| self.tokens.get(before)).is_some_and(Lexeme::ends_value)
    }

    /// Tells whether the called thing is neither a function nor a filter nor a test.
    fn calls_a_value(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1).and_then(|before| self.tokens.get(before)) else { return false };
        let is_attribute = at >= 2 && self.symbol(at - 2, ".");
        before.ends_value()
            && (before.kind != LexemeKind::Name || before.is_keyword() || is_attribute)
            && !self.names_a_test(at - 1)
    }

    /// Finds the start of the operand that ends before this position: the beginning of its path.
    fn start_of_operand(&self, at: usize) -> usize {
        match self.paths.last() {
            Some(found) if found.to == at => self.tokens[found.from].start,
            _ => self.tokens.get(at - 1).map_or(0, |token| token.start),
        }
    }

    fn follows_task(&self, at: usize) -> bool {
        self.paths.last().is_some_and(|found| found.to == at && found.path.text().starts_with("tasks"))
    }

    fn symbol(&self, at: usize, symbol: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(symbol))
    }

    fn end_of(&self, at: usize) -> usize {
        self.tokens.get(at).map_or(self.source.len(), Lexeme::end)
    }
}

fn job(steps: &[Step]) -> Result<(Root, usize), TemplateProblem> {
    match steps {
        [] => Ok((Root::Job(JobPart::Whole), 0)),
        [Step::Key(part), ..] if JobPart::named(part).is_some() => {
            Ok((Root::Job(JobPart::named(part).unwrap_or(JobPart::Whole)), 1))
        }
        [Step::Key(part), ..] => Err(TemplateProblem::unknown(format!("`job.{part}`: the job has no `{part}`"))
            .did_you_mean(part, &JobPart::NAMES)),
        [Step::Index(_), ..] => Err(TemplateProblem::invalid("`job` is not a list")),
    }
}

/// Finds the part of the schedule that a path takes.
fn schedule(name: &str, steps: &[Step]) -> Result<(Root, usize), TemplateProblem> {
    if name != "schedule" {
        let problem = TemplateProblem::unknown(format!("there is no `{name}` in the input of a schedule's job"));
        return Err(problem.hint("it can use `schedule.name`, `.tick`, `.local`, `.number` and `.last_success`"));
    }
    match steps {
        [Step::Key(part), ..] if !SCHEDULE.contains(&part.as_str()) => {
            let problem = TemplateProblem::unknown(format!("`schedule.{part}`: a schedule has no `{part}` here"));
            Err(problem.did_you_mean(part, &SCHEDULE))
        }
        _ => Ok((Root::Schedule, 0)),
    }
}

fn integer(token: &Lexeme<'_>) -> Option<i64> {
    if token.kind == LexemeKind::Int { token.text.parse().ok() } else { None }
}

/// Parts of `schedule`.
const SCHEDULE: [&str; 5] = ["name", "tick", "local", "number", "last_success"];
const ROOTS: [&str; 6] = ["input", "tasks", "job", "item", "index", "total"];
/// The filter that takes what is undefined, under both of its names.
const DEFAULT: [&str; 2] = ["default", "d"];
