//! Reading one value of the job format, whatever somebody put there instead.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::duration::{DurationError, parse_duration, parse_seconds};
use super::elsewhere::{self, Place};
use super::outline::Undecided;
use super::problem::{At, Problem, Problems, code, quoted};
use super::raw::{Raw, Sort};
use super::task_names::TaskNames;
use super::templates::TemplateNames;
use crate::error::is_code;
use crate::id::InvalidName;
use crate::limits::{LABEL_CHARS, LABELS, Limits};
use crate::time::Millis;

/// Reads values and keeps the problems. A reading function answers `None` where it reported a problem.
pub(crate) struct Reader<'l> {
    pub(crate) problems: Problems,
    pub(crate) limits: &'l Limits,
    /// Number of jobs around the one that is read.
    pub(crate) level: u8,
    /// The texts that expressions of a job around decide: nothing is known of them yet, so nothing is wrong with them.
    pub(crate) undecided: Undecided<'l>,
    /// The tasks of the job around, if the one that is read is written in it.
    pub(crate) around: Option<&'l TaskNames<'l>>,
    /// The templates that can be used.
    pub(crate) templates: Option<Rc<TemplateNames>>,
}

/// Rule about a span of no length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zero {
    Allowed,
    Refused,
}

impl<'l> Reader<'l> {
    pub(crate) fn new(limits: &'l Limits) -> Self {
        let (undecided, around, templates) = (Undecided::default(), None, None);
        Self { problems: Problems::default(), limits, level: 0, undecided, around, templates }
    }

    /// A reader of a job inside of the one that is read, with problems of its own; see [`Self::adopt`].
    pub(crate) fn inside<'i>(&self, undecided: Undecided<'i>, around: Option<&'i TaskNames<'i>>) -> Reader<'i>
    where
        'l: 'i,
    {
        let (level, templates) = (self.level + 1, self.templates.clone());
        Reader { problems: Problems::default(), limits: self.limits, level, undecided, around, templates }
    }

    /// Takes problems of a part of the document, whose pointers begin there.
    pub(crate) fn adopt(&mut self, problems: Vec<Problem>, at: &str) {
        for problem in problems {
            let pointer = || format!("{at}{}", problem.pointer);
            let added = self.problems.add_at(pointer, &problem.code, format_args!("{}", problem.detail));
            if let Some(hint) = &problem.hint {
                added.hint(format_args!("{hint}"));
            }
        }
    }

    /// True if the job around has a task of this name.
    pub(crate) fn is_around(&self, name: &str) -> bool {
        self.around.is_some_and(|names| names.position(name).is_some())
    }

    /// Reports that a value has another type than expected.
    pub(crate) fn wrong_type(&mut self, value: Raw<'_>, at: &At<'_>, expected: &str) {
        if self.undecided.contains(value) {
            return;
        }
        let found = value.sort();
        let added =
            self.problems.add(at, code::WRONG_TYPE, format_args!("expected {expected}, found {}", found.in_words()));
        match found {
            Sort::Text if holds_expression(value.text()) => added.hint(format_args!("{}", elsewhere::CONSTANT)),
            Sort::Null => added.hint(format_args!("leave the field out instead of writing null")),
            Sort::Number | Sort::Bool if expected.starts_with("text") => {
                added.hint(format_args!("put it in quotes: \"{}\"", String::from_utf8_lossy(head(value.bytes()))));
            }
            Sort::Text if !expected.starts_with("an object") && !expected.starts_with("a list") => {
                added.hint(format_args!("write it without quotes"));
            }
            _ => {}
        }
    }

    /// Tells whether the value is an object; if not, that is reported.
    pub(crate) fn is_object(&mut self, value: Raw<'_>, at: &At<'_>, expected: &str) -> bool {
        let fits = value.sort() == Sort::Object;
        if !fits {
            self.wrong_type(value, at, expected);
        }
        fits
    }

    pub(crate) fn text<'a>(&mut self, value: Raw<'a>, at: &At<'_>) -> Option<Cow<'a, str>> {
        if self.undecided.contains(value) {
            return None;
        }
        let text = value.text();
        if text.is_none() {
            self.wrong_type(value, at, "text");
        }
        text
    }

    /// Text for people and stores: no U+0000, which not every store can hold.
    pub(crate) fn plain_text(&mut self, value: Raw<'_>, at: &At<'_>) -> Option<String> {
        let text = self.text(value, at)?;
        if text.contains('\0') {
            self.problems.add(at, code::INVALID_VALUE, format_args!("the character U+0000 is not allowed here"));
            return None;
        }
        Some(text.into_owned())
    }

    /// Plain text of 1 to `most` characters.
    pub(crate) fn short_text(&mut self, value: Raw<'_>, at: &At<'_>, most: usize) -> Option<String> {
        let text = self.plain_text(value, at)?;
        if text.is_empty() {
            self.problems.add(at, code::INVALID_VALUE, format_args!("the text is empty"));
            return None;
        }
        self.fits(&text, at, most).then_some(text)
    }

    /// Tells whether a text has at most so many characters; if not, that is reported.
    pub(crate) fn fits(&mut self, text: &str, at: &At<'_>, most: usize) -> bool {
        // Bytes are an upper bound of characters, and cheap.
        let fits = text.len() <= most || text.chars().count() <= most;
        if !fits {
            let length = text.chars().count();
            self.problems.add(at, code::TOO_LONG, format_args!("{length} characters, at most {most} are allowed"));
        }
        fits
    }

    pub(crate) fn boolean(&mut self, value: Raw<'_>, at: &At<'_>) -> Option<bool> {
        let found = value.boolean();
        if found.is_none() {
            self.wrong_type(value, at, "true or false");
        }
        found
    }

    /// A whole number, written without fraction or exponent.
    pub(crate) fn integer(&mut self, value: Raw<'_>, at: &At<'_>, least: u32, most: u32) -> Option<u32> {
        let Some(spelling) = value.number() else {
            self.wrong_type(value, at, "a whole number");
            return None;
        };
        if spelling.bytes().any(|byte| b".eE".contains(&byte)) {
            self.problems
                .add(at, code::WRONG_TYPE, format_args!("expected a whole number, found {}", quoted_bare(spelling)))
                .hint(format_args!("write it without fraction or exponent"));
            return None;
        }
        let number = spelling.parse().ok().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let range = range_in_words(least, most);
            self.problems.add(at, code::OUT_OF_RANGE, format_args!("{} is not {range}", quoted_bare(spelling)));
        }
        number
    }

    pub(crate) fn duration(&mut self, value: Raw<'_>, at: &At<'_>, zero: Zero) -> Option<Millis> {
        if self.undecided.contains(value) {
            return None;
        }
        let parsed = match (value.text(), value.number()) {
            (Some(text), _) => parse_duration(&text),
            (_, Some(number)) => parse_seconds(number),
            _ => {
                self.wrong_type(value, at, "a duration (\"1h30m\", \"90s\", or a number of seconds)");
                return None;
            }
        };
        match parsed {
            Ok(Millis(0)) if zero == Zero::Refused => {
                self.problems
                    .add(at, code::OUT_OF_RANGE, format_args!("only delays can be 0"))
                    .hint(format_args!("leave the field out, or write a longer span"));
                None
            }
            Ok(span) => Some(span),
            Err(error) => {
                let code = match error {
                    DurationError::Syntax { .. } => code::INVALID_DURATION,
                    DurationError::TooLong { .. } | DurationError::Negative { .. } => code::OUT_OF_RANGE,
                };
                let added = self.problems.add(at, code, format_args!("{error}"));
                if holds_expression(value.text()) {
                    added.hint(format_args!("{}", elsewhere::CONSTANT));
                } else {
                    added.hint(format_args!("{}", error.hint()));
                }
                None
            }
        }
    }

    /// Reads the code of an error.
    pub(crate) fn error_code(&mut self, value: Raw<'_>, at: &At<'_>) -> Option<String> {
        let text = self.text(value, at)?;
        if !is_code(&text) {
            let detail = format_args!("{} cannot be the code of an error", quoted(&text));
            let added = self.problems.add(at, code::INVALID_VALUE, detail);
            match elsewhere::error_code(&text) {
                Some(hint) => added.hint(format_args!("{hint}")),
                None => added.hint(format_args!("codes are 1 to 64 of a-z, 0-9, _ and . and begin with a letter")),
            };
            return None;
        }
        Some(text.into_owned())
    }

    /// Reads a word of a list; any other is reported.
    pub(crate) fn word<T: Copy>(&mut self, value: Raw<'_>, at: &At<'_>, words: &[(&str, T)]) -> Option<T> {
        self.word_or(value, at, words, |_| None)
    }

    /// Reads a word of a list; `foreign` gives the one that stands for a word of another system.
    pub(crate) fn word_or<T: Copy>(
        &mut self,
        value: Raw<'_>,
        at: &At<'_>,
        words: &[(&str, T)],
        foreign: fn(&str) -> Option<&'static str>,
    ) -> Option<T> {
        let text = self.text(value, at)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let all = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            let near = self.problems.nearest(&text, words.iter().map(|(word, _)| *word));
            let near = foreign(&text).or(near);
            let added = self.problems.add(at, code::INVALID_VALUE, format_args!("{} is none of {all}", quoted(&text)));
            if holds_expression(Some(text)) {
                added.hint(format_args!("{}", elsewhere::CONSTANT));
            } else {
                added.did_you_mean(near);
            }
        }
        found
    }

    /// A name that keeps the rule of its sort.
    pub(crate) fn name<T>(
        &mut self,
        value: Raw<'_>,
        at: &At<'_>,
        parse: impl FnOnce(&str) -> Result<T, InvalidName>,
    ) -> Option<T> {
        let text = self.text(value, at)?;
        parse(&text).map_err(|error| self.invalid_name(&error, at)).ok()
    }

    /// Reports a name that breaks its rule.
    pub(crate) fn invalid_name(&mut self, error: &InvalidName, at: &At<'_>) {
        let added = self.problems.add(at, code::INVALID_NAME, format_args!("{error}"));
        if error.sort == "task name" && error.text.contains('-') {
            let better = error.text.replace('-', "_").to_lowercase();
            added.hint(format_args!("write `{better}`: in an expression a hyphen would be a minus"));
        } else if error.text.contains("${{") {
            added.hint(format_args!("{}", elsewhere::CONSTANT));
        } else if error.sort == "task name" && error.text.contains('.') {
            added.hint(format_args!(
                "write the name alone; how that task ended is asked by `run_on: failure` or `if: tasks.b is failed`"
            ));
        }
    }

    /// Reports a field that the document lacks.
    pub(crate) fn missing(&mut self, name: &str, hint: &str) {
        let added = self.problems.add(&At::Root, code::MISSING_FIELD, format_args!("`{name}` is missing"));
        added.hint(format_args!("{hint}"));
    }

    /// Reports a field that does not exist there.
    pub(crate) fn unknown_field(&mut self, key: &str, at: &At<'_>, known: &[&[&str]], moved: Option<String>) {
        let near = self.problems.nearest(key, known.iter().copied().flatten().copied());
        let near = near.or_else(|| synonym(key).filter(|word| known.iter().any(|group| group.contains(word))));
        let added = self.problems.add(at, code::UNKNOWN_FIELD, format_args!("there is no field {} here", quoted(key)));
        match moved {
            Some(hint) => added.hint(format_args!("{hint}")),
            None => added.did_you_mean(near),
        }
    }

    pub(crate) fn labels(&mut self, value: Raw<'_>, at: &At<'_>) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::new();
        if !self.is_object(value, at, "an object of texts, such as {\"team\": \"growth\"}") {
            return labels;
        }
        let count = value.entries().count();
        if count > LABELS {
            self.problems.add(at, code::TOO_MANY, format_args!("{count} labels, at most {LABELS} are allowed"));
            return labels;
        }
        for entry in value.entries() {
            let place = at.key(&entry.key);
            if entry.key.contains('\0') {
                self.problems.add(&place, code::INVALID_VALUE, format_args!("a label's name cannot hold U+0000"));
            }
            if let Some(text) = self.plain_text(entry.value, &place)
                && self.fits(&text, &place, LABEL_CHARS)
            {
                labels.insert(entry.key.into_owned(), text);
            }
        }
        labels
    }
}

/// The hint for a field that somebody brought from another system.
pub(crate) fn foreign(key: &str, place: Place) -> Option<String> {
    elsewhere::hint(key, place).map(str::to_owned)
}

fn holds_expression(text: Option<Cow<'_, str>>) -> bool {
    text.is_some_and(|text| text.contains("${{"))
}

fn range_in_words(least: u32, most: u32) -> String {
    if most == u32::MAX { format!("a number from {least} on") } else { format!("between {least} and {most}") }
}

/// A number as written, shortened.
fn quoted_bare(spelling: &str) -> String {
    spelling.chars().take(40).collect()
}

fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(40)]
}

/// The name of our field for a word of other systems.
fn synonym(key: &str) -> Option<&'static str> {
    Some(match key.to_lowercase().as_str() {
        "depends_on" | "dependson" | "depends" | "dependencies" | "after" | "requires" => "needs",
        "type" | "task" | "handler" | "function" | "uses" | "action" => "kind",
        "args" | "kwargs" | "params" | "parameters" | "payload" | "data" | "with" | "arguments" | "inputs" => "input",
        "retries" | "max_retries" | "attempts" => "retry",
        "when" | "condition" => "if",
        "steps" | "nodes" | "activities" => "tasks",
        "continue_on_error" | "ignore_errors" => "allow_failure",
        "timeout_seconds" | "time_limit" => "timeout",
        "foreach" | "with_items" | "loop" | "map" => "for_each",
        "matrix" | "strategy" => "for_each",
        "countdown" | "delay_seconds" => "delay",
        "eta" | "schedule" | "schedule_at" | "start_at" => "run_at",
        "tags" | "metadata" | "annotations" => "labels",
        "idempotency_key" | "job_id" => "id",
        "result" | "outputs" => "output",
        "concurrency" | "parallelism" => "max_parallel",
        _ => return None,
    })
}
