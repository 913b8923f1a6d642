//! Reasons: one sentence that says why a task is not running.

mod limited;
mod skipped;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use warrener_engine::limit::LimitBook;
use warrener_engine::row::{JobRow, Map, TaskRow, WaitsFor};
use warrener_engine::slice::JobEntry;
use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::TaskNo;
use warrener_shared::job::{BuiltIn, TaskSpec};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Timestamp;

use self::limited::limited;
use self::skipped::skipped;
use super::app::App;
use super::problem::Problem;
use crate::store::view::Snapshot;

/// Most open needs that are named. The others are only counted.
const NAMED: usize = 3;
/// Latest items of a mapped task among which the one is looked for that tells why it waits. Items go out in order, so
/// that those before them have ended, but for some that are tried again.
const ITEMS: u32 = 1_000;
/// Most needs that are looked at for one answer. Beyond that they are only counted.
const LOOKS: usize = 100_000;

/// Circumstances that hold tasks up and that their rows do not know, as they are during one request.
#[derive(Debug)]
pub(super) struct Circumstances {
    /// Reason why there is no session with the broker; `None` if there is one.
    broker: Option<String>,
    /// Queues by name.
    queues: BTreeMap<String, Lane>,
    book: Arc<LimitBook>,
    now: Timestamp,
}

/// A queue, as far as it can hold tasks up.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// True while a person holds it.
    paused: bool,
    /// Number of open attempts, and most that there may be; `None` until the driver has told.
    window: Option<(usize, usize)>,
    /// Queue of somebody else that carries it, and whether it was found; `None` for one of our own.
    external: Option<(String, bool)>,
    /// Live workers that serve it.
    workers: usize,
    /// Kinds that these workers know.
    kinds: BTreeSet<String>,
    /// True if one of the workers did not say which kinds it knows.
    any_kind: bool,
}

impl Circumstances {
    /// Circumstances at this moment.
    pub(super) fn look(app: &App, snapshot: &Snapshot<'_>) -> Result<Self, Problem> {
        let mut queues: BTreeMap<String, Lane> = BTreeMap::new();
        for row in snapshot.queues()? {
            queues.entry(row.name.to_string()).or_default().paused = row.paused;
        }
        for queue in app.shared.queues.all() {
            let lane = queues.entry(queue.name.to_string()).or_default();
            lane.window = Some((queue.dispatched, queue.window));
            lane.external = app.shared.addresses.get(&queue.name).map(|address| (address.clone(), queue.found));
        }
        for worker in app.shared.workers.all().iter().filter(|worker| app.shared.workers.is_live(worker)) {
            for queue in &worker.heartbeat.queues {
                let lane = queues.entry(queue.clone()).or_default();
                lane.workers += 1;
                lane.any_kind |= worker.heartbeat.kinds.is_empty();
                lane.kinds.extend(worker.heartbeat.kinds.iter().cloned());
            }
        }
        let checks = app.shared.health.report().checks;
        let broker = checks.into_iter().find(|check| check.name == "broker" && !check.ready);
        let (book, now) = (app.shared.limit_register.book.clone(), app.shared.now());
        Ok(Self { broker: broker.map(|check| check.reason.unwrap_or_default()), queues, book, now })
    }

    /// Reason why no worker can work on a task of this kind in this queue; `None` if none is known.
    fn nobody(&self, queue: &str, kind: &str) -> Option<String> {
        if let Some(why) = &self.broker {
            return Some(format!("there is no session with the broker: {why}"));
        }
        let lane = self.queues.get(queue)?;
        match &lane.external {
            Some((address, false)) => {
                return Some(format!("the queue {address} of queue {queue} is missing at the broker"));
            }
            // Those who serve the queue of somebody else need not tell us.
            Some(_) => return None,
            None => {}
        }
        if lane.workers == 0 {
            return Some(format!("no live worker serves queue {queue}"));
        }
        let unknown = !lane.any_kind && !lane.kinds.contains(kind);
        unknown.then(|| format!("none of the {} workers of queue {queue} knows kind {kind}", lane.workers))
    }
}

/// Look-up of the needs of one job's tasks, bounded for one request.
pub(super) struct Needs<'a> {
    /// Rows at one moment.
    snapshot: Snapshot<'a>,
    /// The job.
    job: &'a JobEntry,
    /// Tasks that were looked at, by position: true for a final one.
    is_final: BTreeMap<u32, bool>,
    /// Looks so far.
    looks: usize,
}

impl<'a> Needs<'a> {
    /// Look-up in which nothing was looked at yet.
    pub(super) const fn new(snapshot: Snapshot<'a>, job: &'a JobEntry) -> Self {
        Self { snapshot, job, is_final: BTreeMap::new(), looks: 0 }
    }

    /// Names of the first needs of a task that are open, at most [`NAMED`].
    fn open(&mut self, task: &TaskSpec) -> Result<Vec<&'a str>, Problem> {
        let mut open = Vec::new();
        for position in &task.needs {
            if open.len() == NAMED || self.looks > LOOKS {
                break;
            }
            if !self.has_ended(*position)? {
                open.push(self.job.spec.tasks[*position as usize].name.as_str());
            }
        }
        Ok(open)
    }

    /// Tells whether the task at a position is final.
    fn has_ended(&mut self, position: u32) -> Result<bool, Problem> {
        if let Some(known) = self.is_final.get(&position) {
            return Ok(*known);
        }
        self.looks += 1;
        let no: TaskNo = self.job.row.task_no(position);
        let ended = self.snapshot.state(no)?.is_some_and(TaskState::is_final);
        self.is_final.insert(position, ended);
        Ok(ended)
    }
}

/// Reason why the task or item is not running, or was skipped; `None` if it runs, or ended otherwise.
pub(super) fn reason(
    task: &TaskRow,
    spec: &TaskSpec,
    needs: &mut Needs<'_>,
    around: &Circumstances,
) -> Result<Option<String>, Problem> {
    let job = &needs.job.row;
    Ok(match task.state {
        TaskState::Waiting => Some(waiting(task, spec, job, needs)?),
        TaskState::Ready => match &task.line {
            Some(line) => Some(limited(task, line, needs, around)?),
            None => Some(ready(task, spec, needs.job, around)),
        },
        TaskState::Retrying => Some(retrying(task)),
        TaskState::Dispatched => match (&task.waits_for, task.map) {
            (Some(waits_for), None) => Some(waiting_for(waits_for, needs)?),
            (None, Some(_)) if task.line.is_some() => {
                let line = task.line.as_ref().expect("just looked at");
                Some(limited(task, line, needs, around)?)
            }
            (None, Some(map)) if map.counts.open() > 0 => of_items(task, map, spec, needs, around)?,
            _ => dispatched(task, spec, needs.job, around),
        },
        TaskState::Skipped => Some(skipped(task, spec, needs)?),
        _ => None,
    })
}

/// Reason of a task whose needs are open, or of an item beyond `max_parallel`.
fn waiting(task: &TaskRow, spec: &TaskSpec, job: &JobRow, needs: &mut Needs<'_>) -> Result<String, Problem> {
    if let (JobState::Scheduled, Some(at)) = (job.state, job.scheduled_at) {
        return Ok(format!("the job is scheduled for {at}"));
    }
    if task.index.is_some() {
        let most = spec.max_parallel().unwrap_or(0);
        return Ok(format!("max_parallel lets {most} items run at once"));
    }
    let open = needs.open(spec)?;
    let others = (task.needs_open as usize).saturating_sub(open.len());
    Ok(match (open.as_slice(), others) {
        ([], 0) => "its needs have ended; it is judged next".to_owned(),
        ([], others) => format!("waits for {others} of its needs"),
        (names, 0) => format!("waits for {}", names.join(", ")),
        (names, others) => format!("waits for {} and {others} more", names.join(", ")),
    })
}

/// Reason of a task or item that may go out.
fn ready(task: &TaskRow, spec: &TaskSpec, job: &JobEntry, around: &Circumstances) -> String {
    let queue = spec.policy.queue.as_str();
    if job.row.paused {
        return "the job is paused".to_owned();
    }
    if let (Some(_), Some(most)) = (task.parked, job.spec.max_parallel) {
        return format!("max_parallel lets {most} attempts of the job run at once");
    }
    if BuiltIn::of(&spec.kind).is_some() {
        return "the orchestrator begins it next".to_owned();
    }
    let lane = around.queues.get(queue);
    if lane.is_some_and(|lane| lane.paused) {
        return format!("queue {queue} is paused");
    }
    if let Some(why) = around.nobody(queue, spec.kind.as_str()) {
        return why;
    }
    match lane.and_then(|lane| lane.window) {
        Some((open, window)) if open >= window => {
            format!("the window of queue {queue} is full: {open} attempts are ahead at its workers")
        }
        _ => format!("goes out to the workers of queue {queue} next"),
    }
}

/// Reason of a task that waits for its next attempt or round.
fn retrying(task: &TaskRow) -> String {
    if task.error.is_none()
        && let Some(at) = task.wake_at
    {
        return format!("its next round begins at {at}");
    }
    let code = task.error.as_deref().and_then(ErrorObject::from_json).map(|error| error.code);
    let code = code.as_deref().unwrap_or("a failure");
    match task.wake_at {
        Some(at) => format!("backs off until {at} after {code}"),
        None => format!("backs off after {code}"),
    }
}

/// Reason of a built-in task that waits.
fn waiting_for(waits_for: &WaitsFor, needs: &Needs<'_>) -> Result<String, Problem> {
    Ok(match waits_for {
        WaitsFor::Time(time) | WaitsFor::Span(time) => format!("sleeps until {time}"),
        WaitsFor::Event { .. } => format!("waits for {waits_for}; answer it at /api/v1/events"),
        WaitsFor::Confirm => format!("waits for {waits_for}"),
        WaitsFor::Job(no) => match needs.snapshot.job_id(*no)? {
            Some(id) => format!("waits for job {id}, which it started"),
            None => "waits for the job that it started".to_owned(),
        },
    })
}

/// Reason of a mapped task with items that went out: that of the first one which does not run; `None` if any runs.
fn of_items(
    task: &TaskRow,
    map: Map,
    spec: &TaskSpec,
    needs: &mut Needs<'_>,
    around: &Circumstances,
) -> Result<Option<String>, Problem> {
    let first = map.next.saturating_sub(ITEMS);
    let Some(item) = needs.snapshot.open_item(map.item_no(first), map.next - first)? else {
        return Ok(dispatched(task, spec, needs.job, around));
    };
    let why = reason(&item, spec, needs, around)?;
    Ok(why.map(|why| format!("item {}: {why}", item.index.unwrap_or_default())))
}

/// Reason of a task that was offered to workers; `None` once it has started.
fn dispatched(task: &TaskRow, spec: &TaskSpec, job: &JobEntry, around: &Circumstances) -> Option<String> {
    if let Some(map) = task.map {
        let idle = map.counts.get(TaskState::Dispatched) == 0 && map.next < map.total;
        return (idle && map.counts.open() == 0).then(|| ready(task, spec, job, around));
    }
    if task.started_at.is_some() {
        return None;
    }
    let queue = spec.policy.queue.as_str();
    let since = task.dispatched_at.map_or_else(String::new, |at| format!(" since {at}"));
    let offered = format!("offered to the workers of queue {queue}{since}");
    let error = task.error.as_deref().and_then(ErrorObject::from_json);
    let fell_out = error.filter(|error| [code::EXPIRED, code::DROPPED].contains(&&*error.code));
    Some(match (around.nobody(queue, spec.kind.as_str()), fell_out) {
        (Some(why), _) => format!("{offered}; {why}"),
        (None, Some(error)) => format!("{offered}; {}", error.message),
        (None, None) => offered,
    })
}
