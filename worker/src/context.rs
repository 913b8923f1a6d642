//! What a handler knows of its attempt.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::Progress;

/// The attempt that a handler works on. Copies are cheap and speak of the same attempt.
#[derive(Clone, Debug)]
pub struct Context {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    job: String,
    task: String,
    kind: String,
    attempt: u32,
    max_attempts: u32,
    delivery: u32,
    traceparent: Option<String>,
    stop: CancellationToken,
    /// The latest progress that has not been sent: a handler that reports a million times sends few messages.
    progress: Mutex<Option<Progress>>,
}

impl Context {
    /// The attempt that an assignment speaks of; `delivery` counts from 1 how often its task was handed out.
    pub(crate) fn new(assignment: &mut Assignment, delivery: u32) -> Self {
        let inner = Inner {
            job: std::mem::take(&mut assignment.job),
            task: std::mem::take(&mut assignment.task),
            kind: std::mem::take(&mut assignment.kind),
            attempt: assignment.attempt,
            max_attempts: assignment.max_attempts,
            delivery,
            traceparent: assignment.traceparent.take(),
            stop: CancellationToken::new(),
            progress: Mutex::new(None),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Id of the job; empty if the sender gave none.
    pub fn job(&self) -> &str {
        &self.inner.job
    }

    /// Address of the task or item: `<task>` or `<task>.<index>`.
    pub fn task(&self) -> &str {
        &self.inner.task
    }

    /// Index of the item, from 0; `None` if the task is no item of a mapped task.
    pub fn index(&self) -> Option<u32> {
        self.inner.task.split_once('.')?.1.parse().ok()
    }

    /// The kind.
    pub fn kind(&self) -> &str {
        &self.inner.kind
    }

    /// Number of the attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// How many attempts may fail before the task does.
    pub fn max_attempts(&self) -> u32 {
        self.inner.max_attempts
    }

    /// How often the broker has handed the task out so far, from 1; more than 1 if workers broke down over it.
    pub fn delivery(&self) -> u32 {
        self.inner.delivery
    }

    /// W3C trace context of the submit, if it came with one.
    pub fn traceparent(&self) -> Option<&str> {
        self.inner.traceparent.as_deref()
    }

    /// Tells how far the work is; it shows in the dashboard and counts as a sign of life. The latest news is sent
    /// at most five times a second.
    pub fn progress(&self, done: f64, total: f64, note: impl Into<String>) {
        let note = Some(note.into()).filter(|note| !note.is_empty());
        *self.news() = Some(Progress { done: Some(done), total: Some(total), note });
    }

    /// Gives a sign of life. Rarely needed: the worker names all its running attempts in its own heartbeats.
    pub fn heartbeat(&self) {
        self.news().get_or_insert_with(Progress::default);
    }

    /// A token that is cancelled when the attempt is to stop: it was cancelled, its time is up, or the worker ends.
    /// A handler that goes on for longer than seven seconds after that is dropped where it next waits.
    pub fn cancelled(&self) -> CancellationToken {
        self.inner.stop.clone()
    }

    /// Whether the attempt is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.inner.stop.is_cancelled()
    }

    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.inner.stop
    }

    pub(crate) fn take_progress(&self) -> Option<Progress> {
        self.news().take()
    }

    fn news(&self) -> std::sync::MutexGuard<'_, Option<Progress>> {
        self.inner.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
