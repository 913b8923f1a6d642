//! The task message: what an RPC server expects, with the rest in headers.

use crate::id::{JobId, Kind, QueueName, TaskAddress, Ticket};
use crate::time::Millis;
use crate::wire::Message;

/// Header: how many reports its sender reads from one message of the type `task.reports`; without it, none.
pub const MAX_REPORTS: &str = "max_reports";

/// Everything a task message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Echoed by whoever reports.
    pub ticket: Ticket,
    /// The job.
    pub job: JobId,
    /// The task or item.
    pub task: TaskAddress,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Number of attempts that may fail, from 1.
    pub max_attempts: u32,
    /// Kind of the work.
    pub kind: Kind,
    /// The lane that it goes through.
    pub queue: QueueName,
    /// 0 to 9, 9 first.
    pub priority: u8,
    /// Time limit of the attempt, from the start of the work.
    pub timeout: Millis,
    /// Longest silence of the worker, if the task asks for one.
    pub heartbeat: Option<Millis>,
    /// Number of deliveries before the task was handed back as suspect: it is to be worked on alone. `None` for any
    /// other task.
    pub deliveries: Option<u32>,
    /// W3C trace context of the submit.
    pub traceparent: Option<String>,
    /// The resolved input as JSON bytes; `null` without input.
    pub input: Vec<u8>,
}

impl Dispatch {
    /// The message that workers receive. `reply_to` is the results queue.
    pub fn into_message(self, reply_to: &str) -> Message {
        let mut message = Message::json(self.kind.as_str(), self.input);
        message.message_id = Some(format!("{}.{}.{}", self.job, self.task, self.attempt));
        message.correlation_id = Some(self.ticket.to_string());
        message.reply_to = Some(reply_to.to_owned());
        message.priority = Some(self.priority);
        message.set_text("job", self.job.as_str());
        message.set_text("task", self.task.task.as_str());
        if let Some(index) = self.task.index {
            message.set_int("index", i64::from(index));
        }
        message.set_int("attempt", i64::from(self.attempt));
        message.set_int("max_attempts", i64::from(self.max_attempts));
        message.set_text("kind", self.kind.as_str());
        message.set_int("timeout_ms", i64::try_from(self.timeout.0).unwrap_or(i64::MAX));
        if let Some(heartbeat) = self.heartbeat {
            message.set_int("heartbeat_ms", i64::try_from(heartbeat.0).unwrap_or(i64::MAX));
        }
        if let Some(deliveries) = self.deliveries {
            message.set_int("deliveries", i64::from(deliveries));
        }
        if let Some(traceparent) = self.traceparent {
            message.set_text("traceparent", traceparent);
        }
        message
    }
}

/// Content of a task message, as a worker reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The opaque ticket, echoed as `correlation_id`.
    pub ticket: String,
    /// Queue of the reports, addressed through the default exchange.
    pub reply_to: String,
    /// Kind of the work.
    pub kind: String,
    /// Id of the job; empty if the sender gave none.
    pub job: String,
    /// `<task>` or `<task>.<index>`.
    pub task: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Number of attempts that may fail, from 1.
    pub max_attempts: u32,
    /// Time limit of the attempt; `None` if the sender gave none.
    pub timeout: Option<Millis>,
    /// Longest silence allowed, if any.
    pub heartbeat: Option<Millis>,
    /// Present if the task may have crashed workers: work on it alone.
    pub deliveries: Option<u32>,
    /// Number of reports that may share a message; 1 if the sender did not say.
    pub max_reports: u32,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// The input as JSON bytes.
    pub input: Vec<u8>,
}

/// The reason why a message on a task queue is no task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a task message: {0} is missing")]
pub struct NotATask(pub &'static str);

impl Assignment {
    /// Reads a task message.
    ///
    /// # Errors
    /// [`NotATask`] names the property without which nobody could be answered.
    pub fn from_message(message: Message) -> Result<Self, NotATask> {
        let text = |name: &str| message.header_text(name).map(str::to_owned);
        let count = |name: &str| message.header_int(name).and_then(|n| u32::try_from(n).ok());
        let span = |name: &str| message.header_int(name).and_then(|n| u64::try_from(n).ok()).map(Millis);
        let mut task = text("task").unwrap_or_default();
        if let Some(index) = count("index") {
            task = format!("{task}.{index}");
        }
        Ok(Self {
            job: text("job").unwrap_or_default(),
            attempt: count("attempt").unwrap_or(1),
            max_attempts: count("max_attempts").unwrap_or(1),
            timeout: span("timeout_ms"),
            heartbeat: span("heartbeat_ms"),
            deliveries: count("deliveries"),
            max_reports: count(MAX_REPORTS).unwrap_or(1),
            traceparent: text("traceparent"),
            kind: text("kind").or_else(|| message.kind.clone()).ok_or(NotATask("the type"))?,
            ticket: message.correlation_id.ok_or(NotATask("the correlation_id"))?,
            reply_to: message.reply_to.ok_or(NotATask("the reply_to"))?,
            task,
            input: message.body,
        })
    }
}
