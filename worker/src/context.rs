//! The handler's view of its attempt.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use warrener_shared::limits::{LOG_BYTES, LOG_CHUNK_CHARS};
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::Progress;

/// The attempt that a handler works on. Copies are cheap and speak of the same attempt.
#[derive(Clone, Debug)]
pub struct Context {
    inner: Arc<ContextInner>,
}

#[derive(Debug)]
struct ContextInner {
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
    log: Mutex<LogBuffer>,
}

/// Log text of the attempt that was not sent yet.
#[derive(Debug, Default)]
struct LogBuffer {
    text: String,
    /// Bytes in all, those sent before included.
    total: usize,
}

impl Context {
    /// The attempt that an assignment speaks of; `delivery` counts from 1 how often its task was handed out.
    pub(crate) fn new(assignment: &mut Assignment, delivery: u32) -> Self {
        let inner = ContextInner {
            job: std::mem::take(&mut assignment.job),
            task: std::mem::take(&mut assignment.task),
            kind: std::mem::take(&mut assignment.kind),
            attempt: assignment.attempt,
            max_attempts: assignment.max_attempts,
            delivery,
            traceparent: assignment.traceparent.take(),
            stop: CancellationToken::new(),
            progress: Mutex::new(None),
            log: Mutex::default(),
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

    /// Number of failed attempts after which the task has failed, from 1.
    pub fn max_attempts(&self) -> u32 {
        self.inner.max_attempts
    }

    /// Number of times that the broker has handed the task out so far, from 1. More than 1 if workers broke down over
    /// it.
    pub fn delivery(&self) -> u32 {
        self.inner.delivery
    }

    /// W3C trace context of the attempt, for whatever is called on its behalf: that of its span where spans are made,
    /// else that of the submit. `None` if it came without one.
    pub fn traceparent(&self) -> Option<&str> {
        self.inner.traceparent.as_deref()
    }

    /// Tells how far the work is; it shows in the dashboard and counts as a sign of life. The latest news is sent
    /// at most five times a second.
    pub fn progress(&self, done: f64, total: f64, note: impl Into<String>) {
        let note = Some(note.into()).filter(|note| !note.is_empty());
        *self.news() = Some(Progress { done: Some(done), total: Some(total), note, ..Progress::default() });
    }

    /// Adds a line to the log of the attempt, which `warrener logs` shows. A log is for people: after a megabyte the
    /// rest is left out.
    pub fn log(&self, line: impl std::fmt::Display) {
        self.write_log(&format!("{line}\n"));
    }

    /// Adds text to the log as it is.
    pub(crate) fn write_log(&self, text: &str) {
        let mut log = self.inner.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.total >= LOG_BYTES {
            return;
        }
        log.total += text.len();
        log.text.push_str(text);
        if log.total >= LOG_BYTES {
            log.text.push_str("\n(the rest of the log is left out)\n");
        }
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

    /// Tells whether the attempt was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.inner.stop.is_cancelled()
    }

    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.inner.stop
    }

    /// Takes the progress and log text that were not sent yet, in pieces that fit a message each.
    pub(crate) fn take_news(&self) -> Vec<Progress> {
        let mut news: Vec<Progress> = self.news().take().into_iter().collect();
        let text = std::mem::take(&mut self.inner.log.lock().unwrap_or_else(PoisonError::into_inner).text);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let end = rest.char_indices().nth(LOG_CHUNK_CHARS).map_or(rest.len(), |(at, _)| at);
            let (piece, later) = rest.split_at(end);
            match news.last_mut().filter(|last| last.log.is_none()) {
                Some(last) => last.log = Some(piece.to_owned()),
                None => news.push(Progress { log: Some(piece.to_owned()), ..Progress::default() }),
            }
            rest = later;
        }
        news
    }

    fn news(&self) -> std::sync::MutexGuard<'_, Option<Progress>> {
        self.inner.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
