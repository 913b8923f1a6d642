//! Findings of an examination, and their printing.

use serde::Serialize;
use warrener_shared::shown;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::elements;
use crate::talk;

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// Could not be looked at from here.
    Skipped,
    /// Works, and will hurt one day.
    Warning,
    /// Does not work.
    Problem,
}

/// Result of a look at something.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// Name of the check, in a word.
    check: &'static str,
    level: Level,
    message: String,
    /// Remedy, for a person.
    fix: Option<String>,
}

/// Everything that was looked at so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.add(check, Level::Ok, message.into(), None);
    }

    pub(crate) fn skipped(&mut self, check: &'static str, message: impl Into<String>) {
        self.add(check, Level::Skipped, message.into(), None);
    }

    pub(crate) fn warning(&mut self, check: &'static str, message: impl Into<String>, fix: impl Into<String>) {
        self.add(check, Level::Warning, message.into(), Some(fix.into()));
    }

    pub(crate) fn problem(&mut self, check: &'static str, message: impl Into<String>, fix: impl Into<String>) {
        self.add(check, Level::Problem, message.into(), Some(fix.into()));
    }

    fn add(&mut self, check: &'static str, level: Level, message: String, fix: Option<String>) {
        self.0.push(Finding { check, level, message, fix });
    }

    /// Notes that all is well with a check, unless something was found about it since `before`.
    pub(crate) fn ok_unless_found(&mut self, check: &'static str, before: usize, message: impl Into<String>) {
        if self.0[before..].iter().all(|finding| finding.check != check) {
            self.ok(check, message);
        }
    }

    /// Tells whether anything is wrong with a check.
    pub(crate) fn has_problem(&self, check: &str) -> bool {
        self.0.iter().any(|finding| finding.check == check && finding.level == Level::Problem)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Number of problems.
    pub(crate) fn problems(&self) -> usize {
        self.count(Level::Problem)
    }

    /// Number of things to put right: a rule that is broken twice is one.
    pub(crate) fn fixes(&self) -> usize {
        let mut fixes: Vec<_> = self.0.iter().filter(|finding| finding.level == Level::Problem).collect();
        fixes.sort_by_key(|finding| &finding.fix);
        fixes.dedup_by_key(|finding| &finding.fix);
        fixes.len()
    }

    /// Number of skipped checks, and of all checks.
    pub(crate) fn skipped_checks(&self) -> (usize, usize) {
        let mut checks: Vec<_> = self.0.iter().map(|finding| finding.check).collect();
        checks.sort_unstable();
        checks.dedup();
        (self.count(Level::Skipped), checks.len())
    }

    fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|finding| finding.level == level).count()
    }

    /// Prints them: lines for people, a document for programs.
    pub(crate) fn print(&self, context: &Context) -> Result<(), Failure> {
        let page = serde_json::json!({ "items": self.0, "next_cursor": null }).to_string();
        match elements(context.globals.output, &[page])? {
            Some(document) => talk::document(&document),
            None => talk::exact(&self.lines(talk::may_color())),
        }
    }

    fn lines(&self, color: bool) -> String {
        let width = self.0.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
        let line = |finding: &Finding| {
            let (word, code) = finding.level.shown();
            let word = if color { format!("\x1b[{code}m{word:7}\x1b[0m") } else { format!("{word:7}") };
            let fix = finding.fix.iter().map(|fix| format!("{:width$}           fix: {}\n", "", shown::line(fix)));
            format!("{word}  {:width$}  {}\n{}", finding.check, shown::line(&finding.message), fix.collect::<String>())
        };
        self.0.iter().map(line).collect()
    }

    /// Sums the findings up, in a line.
    pub(crate) fn sum(&self) -> String {
        match (self.problems(), self.count(Level::Warning)) {
            (0, 0) => "all is well".to_owned(),
            (0, warnings) => format!("it works; {}", counted(warnings, "warning")),
            (problems, 0) => counted(problems, "problem"),
            (problems, warnings) => format!("{}, {}", counted(problems, "problem"), counted(warnings, "warning")),
        }
    }
}

impl Level {
    /// The word, and its colour on a terminal.
    const fn shown(self) -> (&'static str, &'static str) {
        match self {
            Self::Ok => ("ok", "32"),
            Self::Skipped => ("skipped", "90"),
            Self::Warning => ("warning", "33"),
            Self::Problem => ("problem", "31"),
        }
    }
}

/// `1 problem`, `2 problems`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
