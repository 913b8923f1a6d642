//! Queues: the list, pausing and resuming, and the numbers for an autoscaler.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use warrener_shared::id::QueueName;
use warrener_shared::job::TaskSpec;
use warrener_shared::time::Timestamp;

use super::app::App;
use super::asked_by::AskedBy;
use super::documented::Example;
use super::path::{QueuePath, no_queue};
use super::problem::Problem;
use super::query::Parameters;
use super::shape::{List, time};
use crate::access::Caller;
use crate::driver::{Answer, Command};
use crate::store::view::{Mapped, Snapshot};
use crate::store::{QueueRow, Rows as _, StoreError};

/// Most mapped tasks of a queue whose items are counted exactly. Each of the others counts as one.
const MAPPED_MAX: usize = 200;

/// A queue as it is now, for its resource and for the metrics.
#[derive(Debug)]
pub(super) struct QueueState {
    /// Row of the queue.
    pub row: QueueRow,
    /// Tasks and items that may go out.
    pub ready: u64,
    /// Time at which the task became ready that waits longest; `None` if none waits.
    pub oldest_ready_at: Option<Timestamp>,
    /// Live workers that serve the queue.
    pub workers: usize,
    /// Number of open attempts.
    pub dispatched: u64,
}

/// A queue as everybody sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Queue)]
pub(super) struct QueueResource {
    /// Name of the queue.
    pub(super) name: String,
    /// Queue at the broker that carries its tasks.
    pub(super) address: String,
    /// True while a person holds the queue.
    pub(super) paused: bool,
    /// Tasks and items that may go out.
    pub(super) ready: u64,
    /// Open attempts, whether a worker was seen at them or not.
    pub(super) dispatched: u64,
    /// Live workers that serve the queue.
    pub(super) workers: usize,
    /// Time at which the task became ready that waits longest; null if none waits.
    pub(super) oldest_ready_at: Option<String>,
}

impl Example for QueueResource {
    fn example() -> Self {
        Self {
            name: "default".to_owned(),
            address: "warrener.tasks.default".to_owned(),
            paused: false,
            ready: 12,
            dispatched: 8,
            workers: 2,
            oldest_ready_at: Some("2026-11-24T15:03:23.120Z".to_owned()),
        }
    }
}

/// Number of slots that a queue could use.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Scaling)]
pub(super) struct Scaling {
    /// Tasks and items that no worker works on: ready, or offered and not started.
    waiting: u64,
    /// Attempts that have started.
    running: u64,
    /// Slots that there is work for: what waits and what runs; while the queue is paused only what was offered already.
    demand: u64,
}

impl Example for Scaling {
    fn example() -> Self {
        Self { waiting: 12, running: 8, demand: 20 }
    }
}

impl QueueResource {
    /// Resource of a queue.
    fn new(app: &App, queue: QueueState) -> Self {
        Self {
            address: app.shared.address(&queue.row.name),
            name: queue.row.name.to_string(),
            paused: queue.row.paused,
            ready: queue.ready,
            dispatched: queue.dispatched,
            workers: queue.workers,
            oldest_ready_at: time(queue.oldest_ready_at),
        }
    }
}

/// State of all queues, by name. A queue in which nothing waits costs no statement of its own.
pub(super) fn read(app: &App, snapshot: &Snapshot<'_>) -> Result<Vec<QueueState>, Problem> {
    let (waiting, opened) = (snapshot.ready_by_queue()?, snapshot.opened_by_queue()?);
    let state = |row: QueueRow| {
        let dispatched = opened.get(&row.no).map_or(0, |opened| opened.attempts);
        let tasks = waiting.get(&row.no).copied().unwrap_or_default();
        state(app, snapshot, row, tasks, dispatched)
    };
    snapshot.queues()?.into_iter().map(state).collect()
}

/// The same as everybody sees them.
pub(super) fn resources(app: &App, snapshot: &Snapshot<'_>) -> Result<Vec<QueueResource>, Problem> {
    Ok(read(app, snapshot)?.into_iter().map(|queue| QueueResource::new(app, queue)).collect())
}

/// State of one queue.
fn look(app: &App, snapshot: &Snapshot<'_>, row: QueueRow) -> Result<QueueState, Problem> {
    let (tasks, dispatched) = (snapshot.ready(row.no)?, snapshot.opened(row.no)?.attempts);
    state(app, snapshot, row, tasks, dispatched)
}

/// State of a queue with so many tasks among the ready, and open attempts.
fn state(
    app: &App,
    snapshot: &Snapshot<'_>,
    row: QueueRow,
    tasks: u64,
    dispatched: u64,
) -> Result<QueueState, Problem> {
    Ok(QueueState {
        ready: ready(app, snapshot, row.no, tasks)?,
        oldest_ready_at: if tasks == 0 { None } else { snapshot.oldest_ready(row.no)? },
        workers: app.shared.workers.serving(row.name.as_str()).len(),
        dispatched,
        row,
    })
}

/// Number of tasks and items that may go out, out of the number of tasks among the ready. A mapped task stands among
/// them once, but offers as many items as it may.
fn ready(app: &App, snapshot: &Snapshot<'_>, queue: i64, tasks: u64) -> Result<u64, Problem> {
    if tasks == 0 {
        return Ok(0);
    }
    let mapped = snapshot.ready_mapped(queue, MAPPED_MAX)?;
    let mut items = 0;
    for one in &mapped {
        items += u64::from(one.map.available(max_parallel(app, *snapshot, one)?));
    }
    Ok(tasks - mapped.len() as u64 + items)
}

/// Bound of a mapped task's items that may run at once; `None` without one, or if the job is larger than a limit that
/// was lowered.
fn max_parallel(app: &App, mut snapshot: Snapshot<'_>, mapped: &Mapped) -> Result<Option<u32>, Problem> {
    let Some(job) = snapshot.job(mapped.job)? else { return Ok(None) };
    let spec = match app.shared.specs.of(&job, &mut snapshot) {
        Ok(parsed) => parsed.spec,
        Err(StoreError::Unfit { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(spec.tasks.get(mapped.position as usize).and_then(TaskSpec::max_parallel))
}

/// Row of the queue with this name, or not found.
fn find(snapshot: &Snapshot<'_>, name: &QueueName) -> Result<QueueRow, Problem> {
    let found = snapshot.queues()?.into_iter().find(|row| row.name == *name);
    found.ok_or_else(|| no_queue(name.as_str()))
}

/// `GET /queues`. The cursor is the name of the last queue seen.
pub(super) async fn list(State(app): State<Arc<App>>, parameters: Parameters) -> Result<Response, Problem> {
    let limit = parameters.limit()?;
    let after = parameters.get("cursor").map(str::to_owned);
    app.answer(move |app, snapshot| {
        let all = resources(app, snapshot)?;
        Ok(List::slice(all, |queue: &QueueResource| &queue.name, after.as_deref(), limit))
    })
    .await
}

/// `POST /queues/{name}/pause`.
pub(super) async fn pause(state: State<Arc<App>>, by: AskedBy, path: QueuePath) -> Result<Response, Problem> {
    change(state, by, path, true).await
}

/// `POST /queues/{name}/resume`.
pub(super) async fn resume(state: State<Arc<App>>, by: AskedBy, path: QueuePath) -> Result<Response, Problem> {
    change(state, by, path, false).await
}

/// Has the driver pause or resume a queue, and answers with the queue as it is then.
async fn change(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    QueuePath(name): QueuePath,
    paused: bool,
) -> Result<Response, Problem> {
    steer(&app, &caller, &name, paused).await?;
    app.answer(move |app, snapshot| {
        let row = find(snapshot, &name)?;
        Ok(QueueResource::new(app, look(app, snapshot, row)?))
    })
    .await
}

/// Has a queue paused or resumed.
pub(super) async fn steer(app: &App, caller: &Caller, name: &QueueName, paused: bool) -> Result<(), Problem> {
    match app.command(caller, Command::PauseQueue(name.clone(), paused)).await? {
        Answer::NotFound => Err(no_queue(name.as_str())),
        Answer::Conflict(why) => Err(Problem::conflict(why)),
        _ => Ok(()),
    }
}

/// `GET /queues/{name}/scaling`: the number of slots that there is work for, as an autoscaler asks. Tasks that a paused
/// queue holds back are no work.
pub(super) async fn scaling(State(app): State<Arc<App>>, QueuePath(name): QueuePath) -> Result<Response, Problem> {
    app.answer(move |app, snapshot| {
        let row = find(snapshot, &name)?;
        let opened = snapshot.opened(row.no)?;
        let offered = opened.attempts - opened.started;
        let ready = ready(app, snapshot, row.no, snapshot.ready(row.no)?)?;
        let wanted = if row.paused { offered } else { ready + offered };
        Ok(Scaling { waiting: ready + offered, running: opened.started, demand: wanted + opened.started })
    })
    .await
}
