//! Running a handler in a test: no broker, no configuration, no orchestrator.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use warrener_shared::error::code;
use warrener_shared::time::Millis;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::{Progress, Report};

use crate::exec::{self, Handler, TimeLimits};
use crate::session::Ending;
use crate::{Context, Failure};

/// An attempt at a task, as a worker makes it. Made by [`Worker::attempt`](crate::Worker::attempt).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), warrener_worker::Failure> {
/// use warrener_worker::{Failure, Worker};
///
/// async fn half(number: u32) -> Result<u32, Failure> {
///     if number % 2 == 1 {
///         return Err(Failure::new("odd", "it has no half").for_good());
///     }
///     Ok(number / 2)
/// }
///
/// let worker = Worker::test().handle("half", |_ctx, number: u32| half(number));
/// assert_eq!(worker.attempt("half", &8).run().await.output::<u32>()?, 4);
/// assert_eq!(worker.attempt("half", &7).run().await.failure().map(Failure::code), Some("odd"));
/// // The input can't be read, which the worker says and not the handler.
/// assert_eq!(worker.attempt("half", &"eight").run().await.failure().map(Failure::code), Some("bad_input"));
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is done before it is run"]
pub struct Trial {
    handler: Option<Handler>,
    assignment: Assignment,
    delivery: u32,
    stop_after: Option<Duration>,
}

/// Result of a [`Trial`].
#[derive(Debug)]
pub struct Tried {
    answer: Result<Vec<u8>, Failure>,
    progress: Option<Progress>,
    log: String,
}

impl Trial {
    pub(crate) fn new(handler: Option<Handler>, kind: &str, input: &impl Serialize) -> Self {
        let assignment = Assignment {
            ticket: "1.1.00000000000000000000000000000000".to_owned(),
            reply_to: String::new(),
            kind: kind.to_owned(),
            job: "test".to_owned(),
            task: "task".to_owned(),
            attempt: 1,
            max_attempts: 5,
            timeout: None,
            heartbeat: None,
            deliveries: None,
            max_reports: 1,
            traceparent: None,
            // What can't be written reads as nothing, which the handler then refuses.
            input: serde_json::to_vec(input).unwrap_or_default(),
        };
        Self { handler, assignment, delivery: 1, stop_after: None }
    }

    /// Names the job and the task. Defaults to the task `task` of the job `test`; an item is `<task>.<index>`.
    pub fn of(mut self, job: &str, task: &str) -> Self {
        (self.assignment.job, self.assignment.task) = (job.to_owned(), task.to_owned());
        self
    }

    /// Sets the number of the attempt, from 1, and the number of attempts allowed. Defaults to 1 of 5.
    pub const fn number(mut self, attempt: u32, of: u32) -> Self {
        (self.assignment.attempt, self.assignment.max_attempts) = (attempt, of);
        self
    }

    /// Limits the duration of the attempt. Defaults to no limit.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.assignment.timeout = Some(Millis(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)));
        self
    }

    /// Stops it after a while, as a cancel or the end of the worker does. Defaults to never.
    pub const fn stopped_after(mut self, time: Duration) -> Self {
        self.stop_after = Some(time);
        self
    }

    /// Runs the handler to its end: with its time limit, its panics caught, its output checked.
    pub async fn run(mut self) -> Tried {
        let Some(handler) = self.handler else {
            let message = format!("no handler serves the kind {}", self.assignment.kind);
            return Tried {
                answer: Err(Failure::new(code::UNKNOWN_KIND, message)),
                progress: None,
                log: String::new(),
            };
        };
        let context = Context::new(&mut self.assignment, self.delivery);
        if let Some(time) = self.stop_after {
            let stop = context.cancelled();
            tokio::spawn(async move {
                tokio::time::sleep(time).await;
                stop.cancel();
            });
        }
        let patience = TimeLimits { timeout: self.assignment.timeout, grace: exec::GRACE };
        let ending = exec::attempt(handler, context.clone(), self.assignment.input, patience).await;
        let news = context.take_news();
        let log = news.iter().filter_map(|news| news.log.as_deref()).collect();
        let progress = news.into_iter().find(Progress::has_news);
        Tried { answer: answer(ending), progress, log }
    }
}

impl Tried {
    /// Text that the handler wrote to its log.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// The output, if it succeeded.
    ///
    /// # Errors
    /// The failure; or, with the code `bad_output`, an output that can't be read as this.
    pub fn output<O: DeserializeOwned>(self) -> Result<O, Failure> {
        let bytes = self.answer?;
        serde_json::from_slice(&bytes).map_err(|error| Failure::new(code::BAD_OUTPUT, error.to_string()))
    }

    /// The output as JSON, if it succeeded.
    pub fn json(&self) -> Option<&RawValue> {
        self.answer.as_ref().ok().and_then(|bytes| serde_json::from_slice(bytes).ok())
    }

    /// The failure; `None` if the attempt succeeded. Its code is `cancelled` if the attempt was stopped and gave up.
    pub fn failure(&self) -> Option<&Failure> {
        self.answer.as_ref().err()
    }

    /// The last progress that the handler told.
    pub const fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }
}

fn answer(ending: Ending) -> Result<Vec<u8>, Failure> {
    match ending {
        Ending::Reported(Report::Succeeded { output }) => Ok(output),
        Ending::Reported(Report::Failed { error, retry }) => Err(Failure::of(error, retry)),
        Ending::NoRoom { why } => Err(Failure::no_room(why)),
        Ending::Reported(_) | Ending::Interrupted => Err(Failure::new(code::CANCELLED, "it was stopped and gave up")),
    }
}

#[cfg(test)]
mod tests;
