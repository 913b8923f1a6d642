//! `GET /overview`: how everything goes, in numbers. The first page of the dashboard and `warrener top` show them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;
use warrener_shared::state::JobState;
use warrener_shared::time::{Millis, Timestamp};

use super::app::App;
use super::asked_by::AskedBy;
use super::documented::{Example, says};
use super::health::Readiness;
use super::http::ReadLane;
use super::problem::Problem;
use super::queues::{self, QueueResource};
use super::route::{Demand, Reach, Route};
use super::workers;
use crate::access::{Caller, Scope};
use crate::store::view::filter::Filter;
use crate::store::view::{JobMark, Snapshot};

/// Jobs that are looked at: the newest, whatever their number by the minute.
pub(super) const LOOKS: usize = 20_000;
/// Time that is looked back at.
const DAY: u64 = 24 * 3_600;
/// Bars of the chart of ended jobs.
const BARS: usize = 60;
/// Kinds that fail of which so many are named.
const NAMED: usize = 8;

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
    /// True if only the newest 20,000 jobs were looked at; else all of the last 24 hours were.
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
    /// Kinds, or names, of jobs that failed, the most first.
    pub(super) failing: Vec<FailingKind>,
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
    /// Name of the others; null of jobs of one task.
    pub(super) name: Option<String>,
    /// Jobs that failed or timed out.
    pub(super) failed: u32,
    /// Jobs that ended.
    pub(super) ended: u32,
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
    /// Reads the numbers. Looks at indexes, and at the newest jobs.
    pub(super) fn read(app: &App, snapshot: &Snapshot<'_>, caller: &Caller) -> Result<Self, Problem> {
        let now = app.shared.now();
        let only = caller.only.as_deref().cloned().unwrap_or_default();
        let since = Timestamp(now.0 - i64::try_from(Millis::from_secs(DAY).0).unwrap_or(i64::MAX));
        let jobs = snapshot.newest_jobs(&only, since, LOOKS, now)?;
        let open = if only == Filter::default() { Some(snapshot.open_jobs()?) } else { None };
        let (bar_seconds, ended) = ended(&jobs, now);
        let waited = |job: &JobMark| Some(job.started_at?.0 - job.scheduled_at.unwrap_or(job.created_at).0);
        let ran = |job: &JobMark| Some(job.finished_at?.0 - job.started_at?.0);
        let (all, workers) = (queues::resources(app, snapshot)?, workers::resources(app));
        let mut queues: Vec<_> = all.into_iter().filter(|queue| queue.ready > 0 || queue.paused).collect();
        queues.sort_by(|one, other| one.oldest_ready_at.cmp(&other.oldest_ready_at));
        Ok(Self {
            time: now.to_rfc3339(),
            health: app.shared.health.report().into(),
            jobs: by_state(&jobs, open),
            cut: jobs.len() == LOOKS,
            bar_seconds,
            ended,
            waited: quantiles(jobs.iter().filter_map(waited)),
            ran: quantiles(jobs.iter().filter_map(ran)),
            queues,
            failing: failing(&jobs),
            workers: WorkerTotal {
                workers: workers.len(),
                slots: workers.iter().map(|worker| worker.slots as usize).sum(),
                running: workers.iter().map(|worker| worker.running).sum(),
            },
        })
    }
}

async fn show(State(app): State<Arc<App>>, AskedBy(caller): AskedBy) -> Result<Response, Problem> {
    app.answer(move |app, snapshot| OverviewResource::read(app, snapshot, &caller)).await
}

fn by_state(jobs: &[JobMark], open: Option<Vec<(JobState, u64)>>) -> BTreeMap<&'static str, u64> {
    let recent = |state: JobState| jobs.iter().filter(|job| job.state == state).count() as u64;
    let count = |state: JobState| match &open {
        Some(open) if !state.is_final() => open.iter().find(|(one, _)| *one == state).map_or(0, |(_, count)| *count),
        _ => recent(state),
    };
    JobState::ALL.iter().map(|state| (state.as_str(), count(*state))).collect()
}

/// Length of a bar in seconds, and the bars, as long as show all that there is: whole minutes, up to 24.
fn ended(jobs: &[JobMark], now: Timestamp) -> (u64, Vec<EndedBar>) {
    let first = jobs.iter().map(|job| job.created_at.0).min().unwrap_or(now.0);
    let minutes = ((now.0 - first) / 60_000 / i64::try_from(BARS).unwrap_or(1) + 1).clamp(1, 24);
    let width = minutes * 60_000;
    let mut bars = vec![EndedBar::default(); BARS];
    for (at, state) in jobs.iter().filter_map(|job| Some((job.finished_at?.0, job.state))) {
        let back = usize::try_from((now.0 - at).max(0) / width).unwrap_or(BARS);
        if let Some(bar) = BARS.checked_sub(back + 1).and_then(|at| bars.get_mut(at)) {
            if state == JobState::Succeeded { bar.succeeded += 1 } else { bar.failed += 1 }
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

fn failing(jobs: &[JobMark]) -> Vec<FailingKind> {
    let mut kinds: BTreeMap<(bool, &str), [u32; 2]> = BTreeMap::new();
    for job in jobs.iter().filter(|job| job.state.is_final()) {
        let key = match (&job.kind, &job.name) {
            (Some(kind), _) => (true, kind.as_str()),
            (None, Some(name)) => (false, name.as_str()),
            _ => continue,
        };
        let [failed, ended] = kinds.entry(key).or_default();
        *failed += u32::from(matches!(job.state, JobState::Failed | JobState::TimedOut));
        *ended += 1;
    }
    let mut kinds: Vec<_> = kinds.into_iter().filter(|(_, [failed, _])| *failed > 0).collect();
    kinds.sort_by_key(|(_, [failed, _])| std::cmp::Reverse(*failed));
    let one = |((is_kind, text), [failed, ended]): ((bool, &str), [u32; 2])| {
        let own = |wanted: bool| (is_kind == wanted).then(|| text.to_owned());
        FailingKind { kind: own(true), name: own(false), failed, ended }
    };
    kinds.into_iter().take(NAMED).map(one).collect()
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
            workers: WorkerTotal { workers: 2, slots: 16, running: 8 },
        }
    }
}
