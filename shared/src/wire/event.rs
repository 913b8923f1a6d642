//! Events: what happened to a job, in order, as rows and as CloudEvents.

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

/// The event of a job as a CloudEvent 1.0 in structured JSON.
pub fn cloud_event(job: &str, event: &JobEvent) -> Vec<u8> {
    #[derive(Serialize)]
    struct Envelope<'a> {
        specversion: &'static str,
        id: String,
        source: &'static str,
        #[serde(rename = "type")]
        kind: String,
        subject: String,
        time: &'a str,
        datacontenttype: &'static str,
        sequence: String,
        data: &'a JobEvent,
    }
    let subject = match (event.task.as_deref(), event.index) {
        (None, _) => job.to_owned(),
        (Some(task), None) => format!("{job}/{task}"),
        (Some(task), Some(index)) => format!("{job}/{task}.{index}"),
    };
    let envelope = Envelope {
        specversion: "1.0",
        id: format!("{job}.{}", event.sequence),
        source: "/warrener",
        kind: format!("warrener.{}", event.kind),
        subject,
        time: &event.time,
        datacontenttype: "application/json",
        sequence: event.sequence.to_string(),
        data: event,
    };
    serde_json::to_vec(&envelope).expect("an event has text keys only")
}
