//! A register of named checks that together say whether a process is ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use crate::clock::Clock;

/// The readiness of one process, shared by everybody who can spoil or restore it.
///
/// Every check is named when the register is made and starts as not ready, so that a part which never
/// reports cannot be forgotten. A check made with [`Health::with_fresh`] holds only for as long as it is renewed: a
/// part that hangs cannot say that it does, so its silence must be enough.
#[derive(Clone, Debug)]
pub struct Health {
    checks: Arc<watch::Sender<Checks>>,
    notes: Arc<Mutex<BTreeMap<&'static str, Vec<String>>>>,
    clock: Clock,
}

/// Checks by name.
type Checks = BTreeMap<&'static str, CheckState>;

/// State of a check.
#[derive(Clone, Debug)]
struct CheckState {
    /// `Err` with the reason while the check does not hold.
    state: Result<(), String>,
    /// Monotonic time of the latest success.
    renewed: Duration,
    /// Longest time from one success to the next; `None` for a check that holds until it is withdrawn.
    fresh: Option<Duration>,
}

impl CheckState {
    /// Reason why the check does not hold now.
    fn fault(&self, now: Duration) -> Option<String> {
        let age = now.saturating_sub(self.renewed);
        match (&self.state, self.fresh) {
            (Err(reason), _) => Some(reason.clone()),
            (Ok(()), Some(fresh)) if age > fresh => Some(format!("no answer for {} s", age.as_secs())),
            (Ok(()), _) => None,
        }
    }
}

/// The state of all checks at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// True if every check holds.
    pub ready: bool,
    /// The checks by name.
    pub checks: Vec<HealthCheck>,
    /// Sentences on what a person should look at though the process is ready, such as a queue of somebody else that
    /// takes no answers.
    pub notes: Vec<String>,
}

/// A line of a [`HealthReport`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    /// Name of the checked thing, such as `store`.
    pub name: &'static str,
    /// True if the check holds.
    pub ready: bool,
    /// The reason why it does not hold; `null` if it does.
    pub reason: Option<String>,
}

impl Health {
    /// A register of these checks, all of them not ready with the reason `starting`.
    pub fn new(names: &[&'static str]) -> Self {
        let starting = || CheckState { state: Err("starting".to_owned()), renewed: Duration::ZERO, fresh: None };
        let checks = names.iter().map(|name| (*name, starting())).collect();
        Self { checks: Arc::new(watch::Sender::new(checks)), notes: Arc::default(), clock: Clock::start() }
    }

    /// The same register, its ages measured by this clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Makes a check hold for at most this long after each [`Health::ready`]. Whoever asks computes it, so that no part
    /// has to notice its own silence.
    #[must_use]
    pub fn with_fresh(self, name: &'static str, fresh: Duration) -> Self {
        self.checks.send_modify(|checks| {
            checks.get_mut(name).expect("the check was named when the register was made").fresh = Some(fresh);
        });
        self
    }

    /// Notes that a check holds, from now on and for as long as the check may go without news. A name that was not
    /// given at the start is added.
    pub fn ready(&self, name: &'static str) {
        self.note(name, Ok(()));
    }

    /// Notes that a check does not hold, and why, in words for people.
    pub fn not_ready(&self, name: &'static str, reason: impl Into<String>) {
        self.note(name, Err(reason.into()));
    }

    fn note(&self, name: &'static str, state: Result<(), String>) {
        self.checks.send_if_modified(|checks| {
            let unknown = CheckState { state: Err(String::new()), renewed: Duration::ZERO, fresh: None };
            let standing = checks.entry(name).or_insert(unknown);
            let changed = standing.state != state;
            if state.is_ok() {
                standing.renewed = self.clock.monotonic();
            }
            standing.state = state;
            changed
        });
    }

    /// Replaces what this part of the process has to say in the notes of the report.
    pub fn set_notes(&self, part: &'static str, notes: Vec<String>) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(part, notes);
    }

    /// Tells whether every check holds.
    pub fn is_ready(&self) -> bool {
        all_hold(&self.checks.borrow(), self.clock.monotonic())
    }

    /// The state of all checks.
    pub fn report(&self) -> HealthReport {
        let checks = self.checks.borrow();
        let now = self.clock.monotonic();
        let line = |(name, standing): (&&'static str, &CheckState)| {
            let reason = standing.fault(now);
            HealthCheck { name, ready: reason.is_none(), reason }
        };
        let checks: Vec<HealthCheck> = checks.iter().map(line).collect();
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner).values().flatten().cloned().collect();
        HealthReport { ready: checks.iter().all(|check| check.ready), checks, notes }
    }

    /// Returns as soon as every check holds.
    pub async fn wait_ready(&self) {
        let all_hold = |checks: &Checks| all_hold(checks, self.clock.monotonic());
        self.checks.subscribe().wait_for(all_hold).await.expect("the sender lives as long as self");
    }
}

fn all_hold(checks: &Checks, now: Duration) -> bool {
    checks.values().all(|standing| standing.fault(now).is_none())
}

#[cfg(test)]
mod tests;
