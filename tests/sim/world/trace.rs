//! What happened, in lines for people.

use crate::plan::Fault;

/// Lines are made only if somebody will read them.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    wanted: bool,
    pub(crate) now: u64,
    lines: Vec<String>,
}

impl Trace {
    pub(crate) fn new(wanted: bool) -> Self {
        Self { wanted, ..Self::default() }
    }

    pub(crate) fn say(&mut self, line: impl FnOnce() -> String) {
        if self.wanted {
            self.lines.push(format!("{:>9.3}  {}", self.now as f64 / 1000.0, line()));
        }
    }

    pub(crate) fn struck(&mut self, fault: Fault) {
        self.say(|| format!("*** {}", fault.name()));
    }

    pub(crate) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}
