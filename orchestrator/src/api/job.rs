//! Jobs: reading and steering one, and the resource that everybody sees.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use warrener_engine::row::{Counts, JobRow, Stop};
use warrener_engine::slice::JobEntry;
use warrener_shared::id::JobId;
use warrener_shared::job::JobSpec;
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Timestamp;

use super::app::App;
use super::asked_by::AskedBy;
use super::documented::{self, Example};
use super::path::{JobPath, no_job};
use super::problem::Problem;
use super::shape::{ByState, Raw, raw, time};
use crate::access::Caller;
use crate::driver::{Answer, Command};
use crate::store::view::{JobRecord, Snapshot};
use crate::store::{Caption, Rows as _, StoreError};

/// A job as everybody sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub(super) struct JobResource {
    /// Id of the job; null in a dry run of a job without one.
    pub(super) id: Option<String>,
    /// Name of the job.
    pub(super) name: Option<String>,
    /// Kind of a job of one task; null for a graph.
    pub(super) kind: Option<String>,
    #[schema(schema_with = documented::anything)]
    pub(super) labels: Raw,
    #[schema(schema_with = documented::job_state)]
    pub(super) state: JobState,
    /// True while a person holds the job.
    pub(super) paused: bool,
    /// True while the job is being cancelled, or ends because its deadline passed.
    pub(super) cancelling: bool,
    /// Time of the submit.
    pub(super) created_at: Option<String>,
    /// Time at which a delayed job begins; null without a delay.
    pub(super) scheduled_at: Option<String>,
    /// Time from which on the job runs.
    pub(super) started_at: Option<String>,
    /// Time at which the job became final.
    pub(super) finished_at: Option<String>,
    /// Time at which the job times out.
    pub(super) deadline_at: Option<String>,
    #[schema(schema_with = documented::anything)]
    pub(super) input: Raw,
    #[schema(schema_with = documented::anything)]
    pub(super) output: Raw,
    #[schema(schema_with = documented::anything)]
    pub(super) error: Raw,
    #[schema(schema_with = documented::counts)]
    pub(super) tasks: ByState,
    /// Attempt that a sub-job runs for; null for any other job.
    pub(super) parent: Option<ParentResource>,
}

impl Example for JobResource {
    fn example() -> Self {
        let mut counts = Counts::default();
        counts.add(TaskState::Succeeded, 1);
        Self {
            id: Some("order-4711".to_owned()),
            name: Some("resize".to_owned()),
            kind: Some("image.resize".to_owned()),
            labels: raw(Some(b"{\"team\":\"growth\"}")),
            state: JobState::Succeeded,
            paused: false,
            cancelling: false,
            created_at: Some("2026-11-24T15:03:23.120Z".to_owned()),
            scheduled_at: None,
            started_at: Some("2026-11-24T15:03:23.120Z".to_owned()),
            finished_at: Some("2026-11-24T15:03:24.120Z".to_owned()),
            deadline_at: None,
            input: raw(Some(b"{\"width\":640}")),
            output: raw(Some(b"{\"bytes\":51200}")),
            error: None,
            tasks: ByState(counts),
            parent: None,
        }
    }
}

/// The attempt that a sub-job runs for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Parent)]
pub(super) struct ParentResource {
    /// Id of its job.
    pub(super) job: String,
    /// Name of its task.
    pub(super) task: String,
    /// Index of its item, from 0; null if it is none.
    pub(super) index: Option<u32>,
    /// Number of the attempt.
    pub(super) attempt: u32,
}

impl ParentResource {
    /// Attempt that a job runs for; `None` if it is no sub-job, or the parent is removed or larger than a limit that
    /// was lowered.
    fn of(app: &App, snapshot: &mut Snapshot<'_>, row: &JobRow) -> Result<Option<Self>, Problem> {
        let Some(parent) = row.parent else { return Ok(None) };
        let Some(task) = snapshot.task(parent.task)? else { return Ok(None) };
        let Some(job) = snapshot.job(task.job)? else { return Ok(None) };
        let entry = match app.shared.specs.of(&job, snapshot) {
            Ok(parsed) => parsed.entry(job),
            // A list is not missing for the sake of one job that cannot be read.
            Err(StoreError::Unfit { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let spec = entry.spec.tasks.get(task.position as usize);
        Ok(spec.map(|spec| Self {
            job: entry.row.id.to_string(),
            task: spec.name.to_string(),
            index: task.index,
            attempt: parent.attempt,
        }))
    }
}

impl JobResource {
    /// Resource of a kept job.
    pub(super) fn of(app: &App, snapshot: &mut Snapshot<'_>, job: JobRecord) -> Result<Self, Problem> {
        let parent = ParentResource::of(app, snapshot, &job.row)?;
        Ok(Self::new(job, parent))
    }

    /// Resource of a kept job with its parent.
    fn new(job: JobRecord, parent: Option<ParentResource>) -> Self {
        let row = job.row;
        Self {
            id: Some(row.id.to_string()),
            name: job.name,
            kind: job.kind,
            labels: raw(Some(job.labels.as_bytes())),
            state: row.state,
            paused: row.paused,
            cancelling: row.stop != Stop::None && !row.state.is_final(),
            created_at: time(Some(row.created_at)),
            scheduled_at: time(row.scheduled_at),
            started_at: time(row.started_at),
            finished_at: time(row.finished_at),
            deadline_at: time(row.deadline_at),
            input: input(&job.body),
            output: raw(row.output.as_deref()),
            error: raw(row.error.as_deref()),
            tasks: ByState(row.counts),
            parent,
        }
    }

    /// Resource of a job as it would be kept, for a dry run. Times that nobody knows yet are null.
    pub(super) fn imagined(spec: &JobSpec, body: &[u8], now: Timestamp) -> Self {
        let scheduled_at = spec.start.later_than(now);
        let caption = Caption::of(spec);
        let mut counts = Counts::default();
        counts.add(TaskState::Waiting, caption.tasks);
        Self {
            id: spec.id.as_ref().map(JobId::to_string),
            name: caption.name,
            kind: caption.kind,
            labels: raw(Some(caption.labels.as_bytes())),
            state: if scheduled_at.is_some() { JobState::Scheduled } else { JobState::Running },
            paused: false,
            cancelling: false,
            created_at: None,
            scheduled_at: time(scheduled_at),
            started_at: None,
            finished_at: None,
            deadline_at: None,
            input: input(body),
            output: None,
            error: None,
            tasks: ByState(counts),
            parent: None,
        }
    }
}

/// Input of a job as it was written in its document; `None` without one.
fn input(body: &[u8]) -> Raw {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow, default)]
        input: Option<&'a RawValue>,
    }
    let head: Head<'_> = serde_json::from_slice(body).ok()?;
    head.input.map(ToOwned::to_owned)
}

/// Job with this id and its document, or not found.
fn load(snapshot: &Snapshot<'_>, id: &JobId) -> Result<JobRecord, Problem> {
    snapshot.job_record(id)?.ok_or_else(|| no_job(id.as_str()))
}

/// Resource of the job with this id, or not found.
pub(super) fn shown(app: &App, snapshot: &mut Snapshot<'_>, id: &JobId) -> Result<JobResource, Problem> {
    let record = load(snapshot, id)?;
    JobResource::of(app, snapshot, record)
}

/// Row of the job with this id, or not found.
pub(super) fn row(snapshot: &Snapshot<'_>, id: &JobId) -> Result<JobRow, Problem> {
    snapshot.job_with_id(id)?.ok_or_else(|| no_job(id.as_str()))
}

/// Row and parsed form of the job with this id, or not found.
pub(super) fn entry(app: &App, snapshot: &mut Snapshot<'_>, id: &JobId) -> Result<JobEntry, Problem> {
    let job = row(snapshot, id)?;
    Ok(app.shared.specs.of(&job, snapshot)?.entry(job))
}

/// `GET /jobs/{id}`.
pub(super) async fn get(State(app): State<Arc<App>>, JobPath(id): JobPath) -> Result<Response, Problem> {
    app.answer(move |app, snapshot| shown(app, snapshot, &id)).await
}

/// `POST /jobs/{id}/cancel`.
pub(super) async fn cancel(state: State<Arc<App>>, by: AskedBy, path: JobPath) -> Result<Response, Problem> {
    change(state, by, path, Command::Cancel).await
}

/// `POST /jobs/{id}/pause`.
pub(super) async fn pause(state: State<Arc<App>>, by: AskedBy, path: JobPath) -> Result<Response, Problem> {
    change(state, by, path, |id| Command::Pause(id, true)).await
}

/// `POST /jobs/{id}/resume`.
pub(super) async fn resume(state: State<Arc<App>>, by: AskedBy, path: JobPath) -> Result<Response, Problem> {
    change(state, by, path, |id| Command::Pause(id, false)).await
}

/// `POST /jobs/{id}/retry`.
pub(super) async fn retry(state: State<Arc<App>>, by: AskedBy, path: JobPath) -> Result<Response, Problem> {
    change(state, by, path, Command::Retry).await
}

/// `DELETE /jobs/{id}`: removes a final job with all of its data. A conflict for any other.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    JobPath(id): JobPath,
) -> Result<Response, Problem> {
    steer(&app, &caller, &id, Command::Delete(id.clone())).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Has a command about a job carried out.
pub(super) async fn steer(app: &App, caller: &Caller, id: &JobId, command: Command) -> Result<(), Problem> {
    match app.command(caller, command).await? {
        Answer::NotFound => Err(no_job(id.as_str())),
        Answer::Conflict(why) => Err(Problem::conflict(why)),
        _ => Ok(()),
    }
}

/// Has the driver change a job, and answers with the job as it is then.
async fn change(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    JobPath(id): JobPath,
    command: impl FnOnce(JobId) -> Command,
) -> Result<Response, Problem> {
    steer(&app, &caller, &id, command(id.clone())).await?;
    app.answer(move |app, snapshot| shown(app, snapshot, &id)).await
}
