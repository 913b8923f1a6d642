//! Tasks and items: reading and steering one, and the resource that everybody sees.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use warrener_engine::row::{AttemptRow, Counts, Map, TaskRow};
use warrener_engine::slice::JobEntry;
use warrener_shared::id::{JobId, TaskAddress};
use warrener_shared::job::{BuiltIn, TaskSpec};
use warrener_shared::state::{Outcome, TaskState};

use super::app::App;
use super::asked_by::AskedBy;
use super::documented::{self, Example};
use super::job;
use super::path::{TaskPath, no_task};
use super::problem::Problem;
use super::reason::{Circumstances, Needs, reason};
use super::results::{self, ItemLists};
use super::shape::{ByState, Raw, raw, time};
use crate::access::Caller;
use crate::driver::{Answer, Command};
use crate::rows::message;
use crate::store::StoreError;
use crate::store::view::Snapshot;

/// A task or item as everybody sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Task)]
pub(super) struct TaskResource {
    /// Id of the job.
    pub(super) job: String,
    /// Name of the task.
    pub(super) task: String,
    /// Index of the item, from 0; null if it is none.
    pub(super) index: Option<u32>,
    /// Kind of the work.
    pub(super) kind: String,
    /// Queue that it goes to.
    pub(super) queue: String,
    /// Priority from 0 to 9, 9 first.
    pub(super) priority: u8,
    #[schema(schema_with = documented::task_state)]
    pub(super) state: TaskState,
    /// Reason why it is not running, or was skipped, in one sentence; null if it runs, or ended otherwise.
    pub(super) reason: Option<String>,
    /// Number of the latest attempt; 0 before the first.
    pub(super) attempt: u32,
    /// Attempts that may fail before the task does.
    pub(super) max_attempts: u32,
    /// Number of the round of a repeated task, from 1; null for any other.
    pub(super) round: Option<u32>,
    /// Names of the tasks that it needs.
    pub(super) needs: Vec<String>,
    /// Time of the submit of its job.
    pub(super) created_at: Option<String>,
    /// Time at which it became ready.
    pub(super) ready_at: Option<String>,
    /// Time at which the latest attempt was offered to workers.
    pub(super) dispatched_at: Option<String>,
    /// Time at which the latest attempt started.
    pub(super) started_at: Option<String>,
    /// Time at which it became final.
    pub(super) finished_at: Option<String>,
    /// Time of the next attempt, while it backs off.
    pub(super) retry_at: Option<String>,
    /// Worker that was last seen at it.
    pub(super) worker: Option<String>,
    /// Id of the latest sub-job that was begun for it.
    pub(super) sub_job: Option<String>,
    #[schema(schema_with = documented::anything)]
    pub(super) progress: Raw,
    #[schema(schema_with = documented::anything)]
    pub(super) error: Raw,
    #[schema(schema_with = documented::anything)]
    pub(super) output: Raw,
    /// Number of items of a mapped task, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = documented::total)]
    pub(super) total: Option<Option<u32>>,
    /// Number of items of a mapped task in each state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = documented::counts)]
    pub(super) items: Option<ByState>,
}

impl TaskResource {
    /// Address of the task or item within its job.
    pub(super) fn address(&self) -> String {
        self.index.map_or_else(|| self.task.clone(), |index| format!("{}.{index}", self.task))
    }
}

impl Example for TaskResource {
    fn example() -> Self {
        Self {
            job: "order-4711".to_owned(),
            task: "task".to_owned(),
            index: None,
            kind: "image.resize".to_owned(),
            queue: "default".to_owned(),
            priority: 4,
            state: TaskState::Succeeded,
            reason: None,
            attempt: 1,
            max_attempts: 5,
            round: None,
            needs: Vec::new(),
            created_at: Some("2026-11-24T15:03:23.120Z".to_owned()),
            ready_at: Some("2026-11-24T15:03:23.120Z".to_owned()),
            dispatched_at: Some("2026-11-24T15:03:23.120Z".to_owned()),
            started_at: Some("2026-11-24T15:03:23.120Z".to_owned()),
            finished_at: Some("2026-11-24T15:03:24.120Z".to_owned()),
            retry_at: None,
            worker: Some("worker-1".to_owned()),
            sub_job: None,
            progress: None,
            error: None,
            output: raw(Some(b"{\"bytes\":51200}")),
            total: None,
            items: None,
        }
    }
}

/// A task or item with its input, its results and all attempts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TaskDetail)]
pub(super) struct TaskDetail {
    /// Fields that lists show too.
    #[serde(flatten)]
    pub(super) task: TaskResource,
    #[schema(schema_with = documented::anything)]
    pub(super) input: Raw,
    #[schema(schema_with = documented::anything)]
    pub(super) results: Raw,
    /// All attempts, oldest first.
    pub(super) attempts: Vec<AttemptResource>,
}

impl Example for TaskDetail {
    fn example() -> Self {
        Self {
            task: TaskResource::example(),
            input: raw(Some(b"{\"width\":640}")),
            results: None,
            attempts: vec![AttemptResource::example()],
        }
    }
}

/// An attempt of a task or item.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(super) struct AttemptResource {
    /// Number of the attempt, from 1.
    pub(super) attempt: u32,
    /// Number of the round of a repeated task, from 1; null for any other.
    pub(super) round: Option<u32>,
    #[schema(schema_with = documented::outcome)]
    pub(super) outcome: Option<Outcome>,
    /// Worker that was last seen at it.
    pub(super) worker: Option<String>,
    /// Time at which it was offered to workers.
    pub(super) dispatched_at: Option<String>,
    /// Time at which it started.
    pub(super) started_at: Option<String>,
    /// Time at which it ended.
    pub(super) finished_at: Option<String>,
    /// Time at which the worker was known to have stopped, of an attempt that did not end by its report.
    pub(super) stopped_at: Option<String>,
    #[schema(schema_with = documented::anything)]
    pub(super) error: Raw,
}

impl Example for AttemptResource {
    fn example() -> Self {
        Self {
            attempt: 1,
            round: None,
            outcome: Some(Outcome::Succeeded),
            worker: Some("worker-1".to_owned()),
            dispatched_at: Some("2026-11-24T15:03:23.120Z".to_owned()),
            started_at: Some("2026-11-24T15:03:23.120Z".to_owned()),
            finished_at: Some("2026-11-24T15:03:24.120Z".to_owned()),
            stopped_at: None,
            error: None,
        }
    }
}

/// Maker of resources out of the rows of one job, all from one snapshot.
pub(super) struct Maker<'a> {
    /// Rows at one moment.
    pub snapshot: Snapshot<'a>,
    /// The job.
    pub job: &'a JobEntry,
    /// Look-up of needs, for reasons.
    needs: Needs<'a>,
    /// Circumstances, for reasons.
    around: Circumstances,
}

impl<'a> Maker<'a> {
    /// Maker for a job, with the circumstances of this moment.
    pub(super) fn new(app: &App, snapshot: Snapshot<'a>, job: &'a JobEntry) -> Result<Self, Problem> {
        let around = Circumstances::look(app, &snapshot)?;
        Ok(Self { snapshot, job, needs: Needs::new(snapshot, job), around })
    }

    /// Specification of a row's task.
    pub(super) fn spec_of(&self, row: &TaskRow) -> Result<&'a TaskSpec, Problem> {
        let corrupt = || StoreError::Corrupt(format!("job {} has no task {}", self.job.row.id, row.position));
        Ok(self.job.spec.tasks.get(row.position as usize).ok_or_else(corrupt)?)
    }

    /// Resource of a row. `output` is that of a mapped task, whose row has none.
    pub(super) fn task(&mut self, row: &TaskRow, output: Raw) -> Result<TaskResource, Problem> {
        let spec = self.spec_of(row)?;
        let needs = spec.needs.iter().map(|at| self.job.spec.tasks[*at as usize].name.to_string());
        let is_mapped = spec.for_each.is_some() && row.index.is_none();
        Ok(TaskResource {
            job: self.job.row.id.to_string(),
            task: spec.name.to_string(),
            index: row.index,
            kind: spec.kind.to_string(),
            queue: spec.policy.queue.to_string(),
            priority: spec.policy.priority,
            state: row.state,
            reason: reason(row, spec, &mut self.needs, &self.around)?,
            attempt: row.attempt,
            max_attempts: spec.policy.retry.max_attempts,
            round: spec.repeat.as_ref().filter(|_| !is_mapped).map(|_| row.round + 1),
            needs: needs.collect(),
            created_at: time(Some(self.job.row.created_at)),
            ready_at: time(row.ready_at),
            dispatched_at: time(row.dispatched_at),
            started_at: time(row.started_at),
            finished_at: time(row.finished_at),
            retry_at: time(row.wake_at.filter(|_| row.state == TaskState::Retrying)),
            worker: row.worker.as_deref().map(str::to_owned),
            sub_job: self.sub_job(row, spec)?,
            progress: raw(row.progress.as_deref()),
            error: raw(row.shown_error().map(|error| &**error)),
            output: if is_mapped { output } else { raw(row.output.as_deref()) },
            total: is_mapped.then(|| row.map.map(|map| map.total)),
            items: is_mapped.then(|| item_counts(row.state, row.map, spec)),
        })
    }

    /// Id of the sub-job that was last begun for the task or item.
    fn sub_job(&self, row: &TaskRow, spec: &TaskSpec) -> Result<Option<String>, Problem> {
        let begins = row.attempt > 0 && BuiltIn::of(&spec.kind) == Some(BuiltIn::Job);
        Ok(if begins { self.snapshot.sub_job(row.no)? } else { None })
    }

    /// Lists of a mapped task; empty for any other. Results only if they are wanted.
    pub(super) fn lists(&mut self, row: &TaskRow, results: bool) -> Result<ItemLists, Problem> {
        let spec = self.spec_of(row)?;
        if spec.for_each.is_none() || row.index.is_some() {
            return Ok(ItemLists::default());
        }
        results::read(&mut self.snapshot, row, spec.max_parallel(), results)
    }
}

/// The items of a mapped task by state; none before it is expanded.
pub(super) fn item_counts(state: TaskState, map: Option<Map>, spec: &TaskSpec) -> ByState {
    let closed = state.is_final().then_some(TaskState::Cancelled);
    ByState(map.map_or_else(Counts::default, |map| map.all_counts(spec.max_parallel(), closed)))
}

/// `POST /tasks/{job}/{task}/retry`.
pub(super) async fn retry(state: State<Arc<App>>, by: AskedBy, path: TaskPath) -> Result<Response, Problem> {
    change(state, by, path, Command::RetryTask).await
}

/// `POST /tasks/{job}/{task}/skip`.
pub(super) async fn skip(state: State<Arc<App>>, by: AskedBy, path: TaskPath) -> Result<Response, Problem> {
    change(state, by, path, Command::Skip).await
}

/// Has the driver change a task, and answers with the task as it is then.
async fn change(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    TaskPath(id, address): TaskPath,
    command: impl FnOnce(JobId, TaskAddress) -> Command,
) -> Result<Response, Problem> {
    steer(&app, &caller, &id, &address, command(id.clone(), address.clone())).await?;
    answer(&app, id, address).await
}

/// Has a command about a task carried out.
pub(super) async fn steer(
    app: &Arc<App>,
    caller: &Caller,
    id: &JobId,
    address: &TaskAddress,
    command: Command,
) -> Result<(), Problem> {
    match app.command(caller, command).await? {
        Answer::NotFound => {
            // Which of the two does not exist is told by looking.
            let (job, task) = (id.clone(), no_task(id.as_str(), &address.to_string()));
            app.read(move |_, snapshot| job::row(snapshot, &job).map(|_| ())).await?;
            Err(task)
        }
        Answer::Conflict(why) => Err(Problem::conflict(why)),
        _ => Ok(()),
    }
}

/// `GET /tasks/{job}/{task}`.
pub(super) async fn get(State(app): State<Arc<App>>, TaskPath(id, address): TaskPath) -> Result<Response, Problem> {
    answer(&app, id, address).await
}

/// Answers with a task or item, or not found.
async fn answer(app: &Arc<App>, id: JobId, address: TaskAddress) -> Result<Response, Problem> {
    app.answer(move |app, snapshot| TaskDetail::read(app, snapshot, &id, &address)).await
}

impl TaskDetail {
    /// Reads everything that is known of a task or item.
    pub(super) fn read(
        app: &App,
        snapshot: &mut Snapshot<'_>,
        id: &JobId,
        address: &TaskAddress,
    ) -> Result<Self, Problem> {
        let job = job::entry(app, snapshot, id)?;
        let row = message::find(snapshot, &job, address)?;
        let row = row.ok_or_else(|| no_task(id.as_str(), &address.to_string()))?;
        let input = message::input(snapshot, &app.shared.specs, &app.shared.lists, &job, &row)?;
        let mut maker = Maker::new(app, *snapshot, &job)?;
        let lists = maker.lists(&row, true)?;
        let is_repeated = maker.spec_of(&row)?.repeat.is_some();
        let mut attempts = attempts(snapshot, &row)?;
        attempts.iter_mut().for_each(|attempt| attempt.round = attempt.round.filter(|_| is_repeated));
        let task = maker.task(&row, lists.outputs)?;
        Ok(Self { task, input: raw(input.as_deref()), results: lists.results, attempts })
    }
}

/// All attempts, oldest first. The latest is told by the row of the task unless another followed it.
pub(super) fn attempts(snapshot: &Snapshot<'_>, row: &TaskRow) -> Result<Vec<AttemptResource>, Problem> {
    let kept = snapshot.attempts(row.no)?;
    let latest = kept.last().map_or(0, |attempt| attempt.attempt);
    let mut attempts: Vec<AttemptResource> = kept.into_iter().map(AttemptResource::from).collect();
    if row.attempt > latest {
        attempts.push(AttemptResource::latest(row));
    }
    for (number, at) in snapshot.stops(row.no)? {
        attempts.iter_mut().filter(|attempt| attempt.attempt == number).for_each(|it| it.stopped_at = time(Some(at)));
    }
    Ok(attempts)
}

impl From<AttemptRow> for AttemptResource {
    fn from(row: AttemptRow) -> Self {
        Self {
            attempt: row.attempt,
            round: Some(row.round + 1),
            outcome: Some(row.outcome),
            worker: row.worker.as_deref().map(str::to_owned),
            dispatched_at: time(row.dispatched_at),
            started_at: time(row.started_at),
            finished_at: time(Some(row.finished_at)),
            stopped_at: None,
            error: raw(row.error.as_deref()),
        }
    }
}

impl AttemptResource {
    /// Latest attempt, as the row of its task tells it.
    fn latest(row: &TaskRow) -> Self {
        let outcome = row.latest_outcome();
        let failed = outcome.is_some_and(|outcome| outcome != Outcome::Succeeded);
        Self {
            attempt: row.attempt,
            round: Some(row.round + 1),
            outcome,
            worker: row.worker.as_deref().map(str::to_owned),
            dispatched_at: time(row.dispatched_at),
            started_at: time(row.started_at),
            finished_at: time(row.finished_at),
            stopped_at: None,
            error: raw(row.error.as_deref().filter(|_| failed)),
        }
    }
}
