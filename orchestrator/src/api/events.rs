//! `GET /jobs/{id}/events`: the history of a job, in order. The cursor is the sequence number of the last event seen.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use warrener_shared::id::JobId;
use warrener_shared::wire::event::JobEvent;

use super::app::App;
use super::documented::{self, Example};
use super::job::row;
use super::path::JobPath;
use super::problem::Problem;
use super::query::Parameters;
use super::shape::{List, Raw};
use super::stream::{self, Followed};
use crate::store::view::Snapshot;

/// An event of a job: it, or one of its tasks, came into another state.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobEvent)]
pub(super) struct EventResource {
    /// Number of the event within its job, from 1 and without gaps.
    pub(super) sequence: u64,
    /// Time of the change.
    #[schema(value_type = String)]
    pub(super) time: Arc<str>,
    /// Sort of event, such as `task.succeeded`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub(super) kind: Cow<'static, str>,
    /// Name of the task; null for an event of the job itself.
    #[schema(value_type = Option<String>)]
    pub(super) task: Option<Arc<str>>,
    /// Index of the item, from 0; null if it is none.
    pub(super) index: Option<u32>,
    /// Number of the attempt, if the event is about one.
    pub(super) attempt: Option<u32>,
    /// State of the job or task after the event.
    #[schema(value_type = String)]
    pub(super) state: Cow<'static, str>,
    #[schema(schema_with = documented::anything)]
    pub(super) error: Raw,
}

impl Example for EventResource {
    fn example() -> Self {
        Self {
            sequence: 3,
            time: "2026-11-24T15:03:24.120Z".into(),
            kind: "task.succeeded".into(),
            task: Some("task".into()),
            index: None,
            attempt: Some(1),
            state: "succeeded".into(),
            error: None,
        }
    }
}

impl From<JobEvent> for EventResource {
    fn from(event: JobEvent) -> Self {
        let JobEvent { sequence, time, kind, task, index, attempt, state, error } = event;
        Self { sequence, time, kind, task, index, attempt, state, error }
    }
}

/// Page of the events of a job, oldest first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    JobPath(id): JobPath,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    if parameters.flag("follow")? {
        return stream::follow_one(app, &request.into_parts().0, Followed::Events(id, 0)).await;
    }
    let limit = parameters.limit()?;
    let after = after(&parameters)?;
    app.answer(move |_, snapshot| read(snapshot, &id, after, limit)).await
}

/// The sequence number after which the list goes on.
pub(super) fn after(parameters: &Parameters) -> Result<u64, Problem> {
    Ok(parameters.cursor(|text| text.parse().ok())?.unwrap_or(0))
}

/// Reads events of a job after a sequence number.
pub(super) fn read(
    snapshot: &Snapshot<'_>,
    id: &JobId,
    after: u64,
    limit: usize,
) -> Result<List<EventResource>, Problem> {
    let job = row(snapshot, id)?;
    let page = snapshot.job_events(job.no, after, limit)?;
    let next_cursor = page.items.last().filter(|_| page.more).map(|last| last.sequence.to_string());
    Ok(List { items: page.items.into_iter().map(EventResource::from).collect(), next_cursor })
}
