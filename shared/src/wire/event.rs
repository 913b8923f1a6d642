//! Events: what happened to a job, in order, and what became of ticks of schedules, as rows and as CloudEvents.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// `content_type` of an event.
pub const CLOUD_EVENTS: &str = "application/cloudevents+json";

/// An event of a job: `{sequence, time, type, task, index, attempt, state, error}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobEvent {
    /// Number of the event within its job, from 1, without gaps.
    pub sequence: u64,
    /// RFC 3339 in UTC.
    pub time: Arc<str>,
    /// `job.<state>` or `task.<state>`; also the routing key.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The task, or null for an event of the job.
    pub task: Option<Arc<str>>,
    /// The item of a mapped task.
    pub index: Option<u32>,
    /// The attempt that it is about.
    pub attempt: Option<u32>,
    /// The state entered.
    pub state: Cow<'static, str>,
    /// The error, where the state is not a success.
    pub error: Option<Box<RawValue>>,
}

/// Sort of the event of a tick; also its routing key.
pub const SCHEDULE_TICK: &str = "schedule.tick";

/// An event of a tick of a schedule: `{time, type, schedule, tick, run, outcome, job, reason}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickEvent {
    /// Time at which the outcome was decided, in RFC 3339 in UTC.
    pub time: Arc<str>,
    /// Sort of the event, [`SCHEDULE_TICK`].
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// Name of the schedule.
    pub schedule: Arc<str>,
    /// The tick, before jitter, in RFC 3339 in UTC.
    pub tick: Arc<str>,
    /// Number of the run of the tick, from 1.
    pub run: u32,
    /// Outcome, such as `started` or `skipped_overlap`.
    pub outcome: Cow<'static, str>,
    /// Id of the job that it started.
    pub job: Option<Arc<str>>,
    /// Reason of a refusal.
    pub reason: Option<Arc<str>>,
}

impl TickEvent {
    /// Id of the event: a run of a tick has each outcome once.
    pub fn id(&self) -> String {
        format!("{}:{}.{}.{}", self.schedule, self.tick, self.run, self.outcome)
    }
}

/// The event of a job as a CloudEvent 1.0 in structured JSON.
pub fn cloud_event(job: &str, event: &JobEvent) -> Vec<u8> {
    let subject = match (event.task.as_deref(), event.index) {
        (None, _) => job.to_owned(),
        (Some(task), None) => format!("{job}/{task}"),
        (Some(task), Some(index)) => format!("{job}/{task}.{index}"),
    };
    let id = format!("{job}.{}", event.sequence);
    let sequence = Some(event.sequence.to_string());
    CloudEvent { sequence, ..CloudEvent::new(id, &event.kind, subject, &event.time, event) }.to_json()
}

/// The event of a tick as a CloudEvent 1.0 in structured JSON.
pub fn cloud_tick(event: &TickEvent) -> Vec<u8> {
    CloudEvent::new(event.id(), &event.kind, event.schedule.to_string(), &event.time, event).to_json()
}

/// Attributes of a CloudEvent around its data.
#[derive(Serialize)]
struct CloudEvent<'a, T> {
    specversion: &'static str,
    id: String,
    source: &'static str,
    #[serde(rename = "type")]
    kind: String,
    subject: String,
    time: &'a str,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<String>,
    data: &'a T,
}

impl<'a, T: Serialize> CloudEvent<'a, T> {
    fn new(id: String, kind: &str, subject: String, time: &'a str, data: &'a T) -> Self {
        Self {
            specversion: "1.0",
            id,
            source: "/warrener",
            kind: format!("warrener.{kind}"),
            subject,
            time,
            datacontenttype: "application/json",
            sequence: None,
            data,
        }
    }

    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an event has text keys only")
    }
}
