//! A register of named checks that together say whether a process is ready.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

/// The readiness of one process, shared by everybody who can spoil or restore it.
///
/// Every check is named when the register is made and starts as not ready, so that a part which never
/// reports cannot be forgotten.
#[derive(Clone, Debug)]
pub struct Health {
    checks: Arc<watch::Sender<Checks>>,
}

/// Name of a check → `Err` with the reason while it does not hold.
type Checks = BTreeMap<&'static str, Result<(), String>>;

/// The state of all checks at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every check holds.
    pub ready: bool,
    /// The checks by name.
    pub checks: Vec<Check>,
}

/// One line of a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is checked, such as `store`.
    pub name: &'static str,
    /// Whether it holds.
    pub ready: bool,
    /// Why it does not hold; `null` if it does.
    pub reason: Option<String>,
}

impl Health {
    /// A register of these checks, all of them not ready with the reason `starting`.
    pub fn new(names: &[&'static str]) -> Self {
        let checks = names.iter().map(|name| (*name, Err("starting".to_owned()))).collect();
        Self { checks: Arc::new(watch::Sender::new(checks)) }
    }

    /// Notes that a check holds. A name that was not given at the start is added.
    pub fn ready(&self, name: &'static str) {
        self.note(name, Ok(()));
    }

    /// Notes that a check does not hold, and why, in words for people.
    pub fn not_ready(&self, name: &'static str, reason: impl Into<String>) {
        self.note(name, Err(reason.into()));
    }

    fn note(&self, name: &'static str, state: Result<(), String>) {
        self.checks.send_if_modified(|checks| {
            let changed = checks.get(name) != Some(&state);
            checks.insert(name, state);
            changed
        });
    }

    /// Whether every check holds.
    pub fn is_ready(&self) -> bool {
        all_hold(&self.checks.borrow())
    }

    /// The state of all checks.
    pub fn report(&self) -> Report {
        let checks = self.checks.borrow();
        let line = |(name, state): (&&'static str, &Result<(), String>)| Check {
            name,
            ready: state.is_ok(),
            reason: state.as_ref().err().cloned(),
        };
        Report { ready: all_hold(&checks), checks: checks.iter().map(line).collect() }
    }

    /// Returns as soon as every check holds.
    pub async fn wait_ready(&self) {
        self.checks.subscribe().wait_for(all_hold).await.expect("the sender lives as long as self");
    }
}

fn all_hold(checks: &Checks) -> bool {
    checks.values().all(Result::is_ok)
}

#[cfg(test)]
mod tests;
