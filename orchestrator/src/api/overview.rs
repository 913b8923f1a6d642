//! `GET /overview`: how everything goes, in numbers. The first page of the dashboard and `warrener top` show them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;
use warrener_shared::error::ErrorObject;
use warrener_shared::id::TaskAddress;
use warrener_shared::state::JobState;
use warrener_shared::time::{Millis, Timestamp};

use super::app::{App, respond, to_json};
use super::asked_by::AskedBy;
use super::documented::{Example, says};
use super::health::Readiness;
use super::http::ReadLane;
use super::problem::Problem;
use super::queues::{self, QueueResource};
use super::route::{Demand, Reach, Route};
use super::workers;
use crate::access::{Caller, Scope};
use crate::store::Rows as _;
use crate::store::view::filter::Filter;
use crate::store::view::{EndedMark, Snapshot};

/// Jobs that are looked at: those that ended last, whatever their number by the minute.
pub(super) const LOOKS: usize = 20_000;
/// Time that is looked back at.
const DAY: u64 = 24 * 3_600;
/// Bars of the chart of ended jobs.
const BARS: usize = 60;
/// Kinds that fail of which so many are named.
const NAMED: usize = 8;
/// Graphs that failed of which the task that did it is looked for; the latest.
const GRAPHS: usize = 50;
/// Tasks of all these graphs together, since the document of each is read.
const GRAPH_TASKS: u32 = 20_000;
/// Width of a bar in seconds, where there is too much to look back for an hour.
const NARROW: [i64; 6] = [1, 2, 5, 10, 15, 30];

/// Row of the table of all routes.
pub(super) const ROUTE: Route = Route {
    method: Method::GET,
    path: "/api/v1/overview",
    demand: Demand::Scope(Scope::Read, Reach::Own),
    lane: ReadLane::List,
    query: Some(&[]),
    document: Some(|| says("How everything goes, in numbers").one::<OverviewResource>(200, "The numbers.")),
    handler: || get(show),
};

/// Numbers of the whole, as far as it exists for the caller.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Overview)]
pub(super) struct OverviewResource {
    /// Time at which the numbers were read.
    time: String,
    /// Readiness of the process.
    pub(super) health: Readiness,
    /// Jobs in each state: of those that are not final all there are, of the others those that were looked at.
    pub(super) jobs: BTreeMap<&'static str, u64>,
    /// True if only the 20,000 jobs that ended last were looked at; else all that ended in the last 24 hours were.
    pub(super) cut: bool,
    /// Length of a bar of `ended`, in seconds.
    pub(super) bar_seconds: u64,
    /// Jobs that ended in 60 spans of time, one after another, the last one up to now.
    pub(super) ended: Vec<EndedBar>,
    /// Time from due to begun.
    pub(super) waited: Quantiles,
    /// Time from begun to ended.
    pub(super) ran: Quantiles,
    /// Queues in which something waits, and those that are paused; what waits longest comes first.
    pub(super) queues: Vec<QueueResource>,
    /// Kinds, or names, of jobs that failed, the most first; graphs without a name are one of them.
    pub(super) failing: Vec<FailingKind>,
    /// Kinds of the tasks for which graphs failed, the most first; of the 50 graphs that failed last.
    pub(super) failing_tasks: Vec<FailingTask>,
    /// Workers together.
    pub(super) workers: WorkerTotal,
}

/// Jobs that ended in a span of time.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(super) struct EndedBar {
    /// Jobs that succeeded.
    pub(super) succeeded: u32,
    /// Jobs that did not.
    pub(super) failed: u32,
}

/// Quantiles of a span of time, in milliseconds; null if there is none.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Quantiles {
    /// Half of them took no longer.
    pub(super) p50_ms: Option<u64>,
    /// Of a hundred, 95 took no longer.
    pub(super) p95_ms: Option<u64>,
}

/// Kind, or name, of which jobs failed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FailingKind {
    /// Kind of jobs of one task; null of others.
    pub(super) kind: Option<String>,
    /// Name of the others; null of jobs of one task, and of graphs without a name.
    pub(super) name: Option<String>,
    /// Jobs that failed or timed out.
    pub(super) failed: u32,
    /// Jobs that ended.
    pub(super) ended: u32,
}

/// Kind of the tasks for which graphs failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct FailingTask {
    /// Kind of the tasks.
    pub(super) kind: String,
    /// Graphs that failed for one of them.
    pub(super) failed: u32,
    /// Id of the latest of these graphs.
    pub(super) job: String,
    /// Task, or item of it, for which that graph failed.
    pub(super) task: String,
}

/// Workers together.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkerTotal {
    /// Workers that were heard of lately.
    pub(super) workers: usize,
    /// Slots of all.
    pub(super) slots: usize,
    /// Slots in use.
    pub(super) running: usize,
}

impl OverviewResource {
    /// Numbers for a caller, as they were a moment ago.
    pub(super) async fn lately(app: &Arc<App>, caller: &Caller) -> Result<Arc<Self>, Problem> {
        let only = caller.only.as_deref().cloned().unwrap_or_default();
        let filter = only.clone();
        app.readings.read(&only, app.read(move |app, snapshot| Self::read(app, snapshot, &filter))).await
    }

    /// Reads the numbers. Looks at indexes, and at the jobs that ended last.
    fn read(app: &App, snapshot: &mut Snapshot<'_>, only: &Filter) -> Result<Self, Problem> {
        let now = app.shared.now();
        let since = Timestamp(now.0 - i64::try_from(Millis::from_secs(DAY).0).unwrap_or(i64::MAX));
        let (jobs, cut) = snapshot.ended_jobs(only, since, LOOKS, now)?;
        let open = match *only == Filter::default() {
            true => snapshot.open_jobs()?,
            false => snapshot.open_jobs_that_fit(only, LOOKS, now)?,
        };
        let (bar_seconds, ended) = ended(&jobs, cut, now);
        let waited = |job: &EndedMark| Some(job.started_at?.0 - job.scheduled_at.unwrap_or(job.created_at).0);
        let ran = |job: &EndedMark| Some(job.finished_at.0 - job.started_at?.0);
        let (all, workers) = (queues::resources(app, snapshot)?, workers::resources(app));
        let mut queues: Vec<_> = all.into_iter().filter(|queue| queue.ready > 0 || queue.paused).collect();
        queues.sort_by(|one, other| one.oldest_ready_at.cmp(&other.oldest_ready_at));
        Ok(Self {
            time: now.to_rfc3339(),
            health: app.shared.health.report().into(),
            jobs: by_state(&jobs, &open),
            cut,
            bar_seconds,
            ended,
            waited: quantiles(jobs.iter().filter_map(waited)),
            ran: quantiles(jobs.iter().filter_map(ran)),
            queues,
            failing: failing(&jobs),
            failing_tasks: failing_tasks(app, snapshot, &jobs)?,
            workers: WorkerTotal {
                workers: workers.len(),
                slots: workers.iter().map(|worker| worker.slots as usize).sum(),
                running: workers.iter().map(|worker| worker.running).sum(),
            },
        })
    }
}

async fn show(State(app): State<Arc<App>>, AskedBy(caller): AskedBy) -> Result<Response, Problem> {
    Ok(respond(StatusCode::OK, to_json(&*OverviewResource::lately(&app, &caller).await?)))
}

fn by_state(ended: &[EndedMark], open: &[(JobState, u64)]) -> BTreeMap<&'static str, u64> {
    let count = |state: JobState| match state.is_final() {
        true => ended.iter().filter(|job| job.state == state).count() as u64,
        false => open.iter().find(|(one, _)| *one == state).map_or(0, |(_, count)| *count),
    };
    JobState::ALL.iter().map(|state| (state.as_str(), count(*state))).collect()
}

/// Length of a bar in seconds, and the bars, as long as show all that was looked at: whole minutes, up to 24; less
/// where the jobs that were looked at ended within the last hour and others before them.
fn ended(jobs: &[EndedMark], cut: bool, now: Timestamp) -> (u64, Vec<EndedBar>) {
    let first = jobs.iter().map(|job| job.finished_at.0).min().unwrap_or(now.0);
    let least = (now.0 - first) / 1_000 / i64::try_from(BARS).unwrap_or(1) + 1;
    let narrow = NARROW.into_iter().find(|seconds| cut && *seconds >= least);
    let width = narrow.unwrap_or_else(|| ((least + 59) / 60).clamp(1, 24) * 60) * 1_000;
    let mut bars = vec![EndedBar::default(); BARS];
    for job in jobs {
        let back = usize::try_from((now.0 - job.finished_at.0).max(0) / width).unwrap_or(BARS);
        if let Some(bar) = BARS.checked_sub(back + 1).and_then(|at| bars.get_mut(at)) {
            if job.state == JobState::Succeeded { bar.succeeded += 1 } else { bar.failed += 1 }
        }
    }
    (width.unsigned_abs() / 1_000, bars)
}

fn quantiles(spans: impl Iterator<Item = i64>) -> Quantiles {
    let mut spans: Vec<u64> = spans.map(|span| span.max(0).unsigned_abs()).collect();
    spans.sort_unstable();
    let at = |share: usize| spans.get((spans.len() * share / 100).min(spans.len().saturating_sub(1))).copied();
    Quantiles { p50_ms: at(50), p95_ms: at(95) }
}

fn failing(jobs: &[EndedMark]) -> Vec<FailingKind> {
    let mut kinds: BTreeMap<(Option<&str>, Option<&str>), [u32; 2]> = BTreeMap::new();
    for job in jobs {
        let (kind, name) = (job.kind.as_deref(), job.name.as_deref());
        let [failed, ended] = kinds.entry((kind, name.filter(|_| kind.is_none()))).or_default();
        *failed += u32::from(is_failure(job));
        *ended += 1;
    }
    let mut kinds: Vec<_> = kinds.into_iter().filter(|(_, [failed, _])| *failed > 0).collect();
    kinds.sort_by_key(|(_, [failed, _])| std::cmp::Reverse(*failed));
    let own = |text: Option<&str>| text.map(str::to_owned);
    let kinds = kinds.into_iter().take(NAMED);
    kinds
        .map(|((kind, name), [failed, ended])| FailingKind { kind: own(kind), name: own(name), failed, ended })
        .collect()
}

const fn is_failure(job: &EndedMark) -> bool {
    matches!(job.state, JobState::Failed | JobState::TimedOut)
}

/// Kinds of the tasks for which the graphs among these jobs failed.
fn failing_tasks(app: &App, snapshot: &mut Snapshot<'_>, jobs: &[EndedMark]) -> Result<Vec<FailingTask>, Problem> {
    let address =
        |job: &EndedMark| -> Option<TaskAddress> { ErrorObject::from_json(job.error.as_deref()?)?.task?.parse().ok() };
    let mut graphs: Vec<_> = jobs.iter().filter_map(|job| Some((job, address(job)?))).collect();
    graphs.sort_by_key(|(job, _)| std::cmp::Reverse(job.finished_at));
    let mut tasks = 0;
    let mut found: Vec<FailingTask> = Vec::new();
    for (job, address) in graphs.into_iter().take(GRAPHS) {
        tasks += job.tasks;
        if tasks > GRAPH_TASKS {
            break;
        }
        let Some(row) = snapshot.job(job.no)? else { continue };
        let spec = app.shared.specs.of(&row, snapshot)?.spec;
        let Some(task) = spec.tasks.iter().find(|task| task.name == address.task) else { continue };
        match found.iter_mut().find(|one| one.kind == task.kind.as_str()) {
            Some(one) => one.failed += 1,
            None => found.push(FailingTask {
                kind: task.kind.to_string(),
                failed: 1,
                job: row.id.to_string(),
                task: address.to_string(),
            }),
        }
    }
    found.sort_by_key(|one| std::cmp::Reverse(one.failed));
    found.truncate(NAMED);
    Ok(found)
}

impl Example for OverviewResource {
    fn example() -> Self {
        let mut ended = vec![EndedBar::default(); BARS];
        ended[BARS - 1] = EndedBar { succeeded: 40, failed: 2 };
        Self {
            time: "2026-11-24T15:03:23.120Z".to_owned(),
            health: Readiness::example(),
            jobs: JobState::ALL.iter().map(|state| (state.as_str(), 0)).collect(),
            cut: false,
            bar_seconds: 60,
            ended,
            waited: Quantiles { p50_ms: Some(4), p95_ms: Some(31) },
            ran: Quantiles { p50_ms: Some(250), p95_ms: Some(1_900) },
            queues: vec![QueueResource::example()],
            failing: vec![FailingKind { kind: Some("ml.train".to_owned()), name: None, failed: 2, ended: 42 }],
            failing_tasks: vec![FailingTask {
                kind: "image.resize".to_owned(),
                failed: 1,
                job: "order-4711".to_owned(),
                task: "thumbnails.3".to_owned(),
            }],
            workers: WorkerTotal { workers: 2, slots: 16, running: 8 },
        }
    }
}
