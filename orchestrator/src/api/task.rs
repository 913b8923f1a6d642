//! A task, or an item of a mapped task.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use warrener_engine::row::{AttemptRow, Counts, JobRow, TaskRow};
use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::{JobId, TaskAddress, TaskNo};
use warrener_shared::job::{JobSpec, TaskSpec};
use warrener_shared::state::{Outcome, TaskState};

use super::app::App;
use super::job;
use super::path::{TaskPath, no_task};
use super::problem::Problem;
use super::query::Parameters;
use super::reason::{Circumstances, Needs, reason};
use super::results::{self, Lists};
use super::shape::{ByState, Raw, raw, time};
use crate::driver::{Answer, Command};
use crate::store::StoreError;
use crate::store::view::Snapshot;

/// A task or item as everybody sees it.
#[derive(Debug, Serialize)]
pub(super) struct TaskResource {
    job: String,
    task: String,
    index: Option<u32>,
    kind: String,
    queue: String,
    priority: u8,
    state: TaskState,
    reason: Option<String>,
    attempt: u32,
    max_attempts: u32,
    needs: Vec<String>,
    created_at: Option<String>,
    ready_at: Option<String>,
    dispatched_at: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    retry_at: Option<String>,
    worker: Option<String>,
    progress: Raw,
    error: Raw,
    output: Raw,
    #[serde(flatten)]
    mapped: Option<MappedPart>,
}

/// What a mapped task shows besides.
#[derive(Debug, Serialize)]
struct MappedPart {
    total: Option<u32>,
    items: ByState,
}

/// A task with everything that is known of it.
#[derive(Debug, Serialize)]
struct TaskDetail {
    #[serde(flatten)]
    task: TaskResource,
    input: Raw,
    results: Raw,
    attempts: Vec<AttemptResource>,
}

/// One try.
#[derive(Debug, Serialize)]
struct AttemptResource {
    attempt: u32,
    outcome: Option<Outcome>,
    worker: Option<String>,
    dispatched_at: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    /// When the worker was known to have stopped, of an attempt that did not end by its report.
    stopped_at: Option<String>,
    error: Raw,
}

/// Makes resources of the rows of one job.
pub(super) struct Maker<'a> {
    pub snapshot: &'a Snapshot<'a>,
    pub job: &'a JobRow,
    pub spec: &'a JobSpec,
    needs: Needs<'a>,
    around: Circumstances,
}

impl<'a> Maker<'a> {
    pub(super) fn new(
        app: &App,
        snapshot: &'a Snapshot<'a>,
        job: &'a JobRow,
        spec: &'a JobSpec,
    ) -> Result<Self, Problem> {
        let around = Circumstances::look(app, snapshot)?;
        Ok(Self { snapshot, job, spec, needs: Needs::new(snapshot, job, spec), around })
    }

    /// The task at a position of the job.
    pub(super) fn spec_of(&self, row: &TaskRow) -> Result<&'a TaskSpec, Problem> {
        let corrupt = || StoreError::Corrupt(format!("job {} has no task {}", self.job.id, row.position));
        Ok(self.spec.tasks.get(row.position as usize).ok_or_else(corrupt)?)
    }

    /// The most items of a task that may be open at once.
    pub(super) fn max_parallel(&self, row: &TaskRow) -> Result<Option<u32>, Problem> {
        Ok(self.spec_of(row)?.for_each.as_ref().and_then(|each| each.max_parallel))
    }

    /// The resource of a row; `output` is that of a mapped task, which its items have.
    pub(super) fn task(&mut self, row: &TaskRow, output: Raw) -> Result<TaskResource, Problem> {
        let spec = self.spec_of(row)?;
        let shows_error = !matches!(row.state, TaskState::Succeeded | TaskState::Ready | TaskState::Dispatched);
        let needs = spec.needs.iter().map(|at| self.spec.tasks[*at as usize].name.to_string());
        let is_mapped = spec.for_each.is_some() && row.index.is_none();
        Ok(TaskResource {
            job: self.job.id.to_string(),
            task: spec.name.to_string(),
            index: row.index,
            kind: spec.kind.to_string(),
            queue: spec.policy.queue.to_string(),
            priority: spec.policy.priority,
            state: row.state,
            reason: reason(row, spec, &mut self.needs, &self.around)?,
            attempt: row.attempt,
            max_attempts: spec.policy.retry.max_attempts,
            needs: needs.collect(),
            created_at: time(Some(self.job.created_at)),
            ready_at: time(row.ready_at),
            dispatched_at: time(row.dispatched_at),
            started_at: time(row.started_at),
            finished_at: time(row.finished_at),
            retry_at: time(row.wake_at.filter(|_| row.state == TaskState::Retrying)),
            worker: row.worker.as_deref().map(str::to_owned),
            progress: raw(row.progress.as_deref()),
            error: raw(row.error.as_deref().filter(|_| shows_error)),
            output: if is_mapped { output } else { raw(row.output.as_deref()) },
            mapped: is_mapped.then(|| mapped(row, spec)),
        })
    }

    /// The lists of a mapped task; of another, nothing.
    pub(super) fn lists(&self, row: &TaskRow, results: bool) -> Result<Lists, Problem> {
        if self.spec_of(row)?.for_each.is_none() || row.index.is_some() {
            return Ok(Lists::default());
        }
        results::read(self.snapshot, row, self.max_parallel(row)?, results)
    }

    /// The row of a task or item; `None` if there is none of this name.
    pub(super) fn find(&self, address: &TaskAddress) -> Result<Option<TaskRow>, Problem> {
        let Some(position) = self.spec.position(address.task.as_str()) else { return Ok(None) };
        let task = self.snapshot.task(self.job.task_no(position))?;
        match (task, address.index) {
            (Some(task), Some(index)) => self.item(&task, index),
            (task, _) => Ok(task),
        }
    }

    /// The row of an item, made up as long as the item is only counted; `None` if there is no such item.
    pub(super) fn item(&self, mapped: &TaskRow, index: u32) -> Result<Option<TaskRow>, Problem> {
        let Some(map) = mapped.map.filter(|map| index < map.total) else { return Ok(None) };
        let no = TaskNo(map.first_item.0 + i64::from(index));
        if index < map.next {
            return Ok(self.snapshot.task(no)?);
        }
        Ok(Some(counted(mapped, index, no, self.max_parallel(mapped)?)))
    }
}

/// An item as it would be if it were kept already.
pub(super) fn counted(mapped: &TaskRow, index: u32, no: TaskNo, max_parallel: Option<u32>) -> TaskRow {
    let mut row = TaskRow::new(no, mapped.job, mapped.position, mapped.queue, 0);
    row.index = Some(index);
    row.state = results::unkept(mapped, max_parallel, index);
    row.ready_at = mapped.ready_at.filter(|_| row.state == TaskState::Ready && max_parallel.is_none());
    row.finished_at = mapped.finished_at.filter(|_| row.state.is_final());
    row
}

fn mapped(row: &TaskRow, spec: &TaskSpec) -> MappedPart {
    let max_parallel = spec.for_each.as_ref().and_then(|each| each.max_parallel);
    let closed = row.state.is_final().then_some(TaskState::Cancelled);
    let counts = row.map.map_or_else(Counts::default, |map| map.all_counts(max_parallel, closed));
    MappedPart { total: row.map.map(|map| map.total), items: ByState(counts) }
}

pub(super) async fn retry(state: State<Arc<App>>, path: TaskPath, uri: Uri) -> Result<Response, Problem> {
    change(state, path, uri, Command::RetryTask).await
}

pub(super) async fn skip(state: State<Arc<App>>, path: TaskPath, uri: Uri) -> Result<Response, Problem> {
    change(state, path, uri, Command::Skip).await
}

/// Has the task changed and answers with what became of it.
async fn change(
    State(app): State<Arc<App>>,
    TaskPath(id, address): TaskPath,
    uri: Uri,
    command: impl FnOnce(JobId, TaskAddress) -> Command,
) -> Result<Response, Problem> {
    Parameters::read(&uri, &[])?;
    match app.command(command(id.clone(), address.clone())).await? {
        Answer::NotFound => {
            // Which of the two does not exist is told by looking.
            let task = no_task(id.as_str(), &address.to_string());
            app.read(move |_, snapshot| job::row(snapshot, &id).map(|_| ())).await?;
            Err(task)
        }
        Answer::Conflict(why) => Err(Problem::conflict(why)),
        _ => answer(&app, id, address).await,
    }
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    TaskPath(id, address): TaskPath,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::read(&uri, &[])?;
    answer(&app, id, address).await
}

async fn answer(app: &Arc<App>, id: JobId, address: TaskAddress) -> Result<Response, Problem> {
    // Asked first: the input never changes once it is known, the rest does.
    let input = match app.command(Command::Resolve(id.clone(), address.clone())).await? {
        Answer::Input(bytes) => raw(Some(&bytes)),
        _ => None,
    };
    app.answer(move |app, snapshot| {
        let job = job::row(snapshot, &id)?;
        let spec = app.specs.get(snapshot, &job, &app.shared.limits)?;
        detail(Maker::new(app, snapshot, &job, &spec)?, &address, input)
    })
    .await
}

fn detail(mut maker: Maker<'_>, address: &TaskAddress, input: Raw) -> Result<TaskDetail, Problem> {
    let row = maker.find(address)?.ok_or_else(|| no_task(maker.job.id.as_str(), &address.to_string()))?;
    let lists = maker.lists(&row, true)?;
    let attempts = attempts(maker.snapshot, &row)?;
    Ok(TaskDetail { task: maker.task(&row, lists.outputs)?, input, results: lists.results, attempts })
}

/// All tries, the oldest first. The latest is told by the row of the task unless another followed it.
fn attempts(snapshot: &Snapshot<'_>, row: &TaskRow) -> Result<Vec<AttemptResource>, Problem> {
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
    fn latest(row: &TaskRow) -> Self {
        let outcome = outcome(row);
        let failed = outcome.is_some_and(|outcome| outcome != Outcome::Succeeded);
        Self {
            attempt: row.attempt,
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

/// How the latest attempt ended, from how its task did; `None` while it is open.
fn outcome(row: &TaskRow) -> Option<Outcome> {
    let code_is = |word: &str| row.error.as_deref().and_then(ErrorObject::from_json).is_some_and(|e| e.code == word);
    match row.state {
        TaskState::Succeeded => Some(Outcome::Succeeded),
        TaskState::Failed if code_is(code::LOST) => Some(Outcome::Lost),
        TaskState::Failed => Some(Outcome::Failed),
        TaskState::TimedOut => Some(Outcome::TimedOut),
        TaskState::Cancelled | TaskState::Skipped => Some(Outcome::Cancelled),
        _ => None,
    }
}
