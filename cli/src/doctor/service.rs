//! The orchestrator and what it knows of workers and queues.

use std::collections::{BTreeMap, BTreeSet};

use warrener_client::HttpClient;
use warrener_client::http::fetch;
use warrener_client::http::resource::{Queue, Worker};
use warrener_shared::time::Timestamp;

use crate::findings::Findings;
use crate::ready::ReadyReport;

/// Answers of a running orchestrator.
#[derive(Debug, Default)]
pub(super) struct Service {
    pub(super) answers: bool,
    pub(super) is_ready: bool,
    pub(super) queues: Vec<Queue>,
}

/// Asks the orchestrator at `url`.
pub(super) async fn examine(
    http: &HttpClient,
    url: &str,
    now: impl Fn() -> Timestamp,
    findings: &mut Findings,
) -> Service {
    let asked_at = now();
    let shown = warrener_runtime::address::masked(url);
    let page = match fetch(&format!("{}/readyz", url.trim_end_matches('/'))).await {
        Ok(page) => page,
        Err(error) => {
            let fix = "start it; if it runs elsewhere, set WARRENER_URL or --server (its own address is http.listen)";
            findings.problem(ORCHESTRATOR, format!("not reachable at {shown}: {error}"), fix);
            return Service::default();
        }
    };
    if let Some(date) = page.date {
        clock("the orchestrator", date, asked_at, now(), findings);
    }
    let is_ready = page.status == 200;
    let report = serde_json::from_str::<ReadyReport>(&page.text).unwrap_or_default();
    for note in &report.notes {
        findings.warning(ORCHESTRATOR, note.clone(), "everything else goes on; the orchestrator's log says since when");
    }
    if is_ready {
        findings.ok(ORCHESTRATOR, format!("ready at {shown}"));
    } else {
        let open = report.checks.iter().filter(|check| !check.ready);
        let why: Vec<_> = open.map(|check| check.reason.clone().unwrap_or_else(|| check.name.clone())).collect();
        let why = if why.is_empty() { format!("status {}", page.status) } else { why.join("; ") };
        findings.problem(ORCHESTRATOR, format!("not ready at {shown}: {why}"), "see what is found below, and its log");
    }
    let queues = http.queues().await.map(|answer| answer.value.items).unwrap_or_default();
    let workers = http.workers().await.map(|answer| answer.value.items).unwrap_or_default();
    self::queues(&queues, findings);
    self::workers(&workers, findings);
    Service { answers: true, is_ready, queues }
}

/// Compares a clock that tells whole seconds with ours, which was asked before and after.
pub(super) fn clock(whose: &str, there: Timestamp, before: Timestamp, after: Timestamp, findings: &mut Findings) {
    let ahead = there.0 - after.0;
    let behind = before.0 - (there.0 + 999);
    let off = ahead.max(behind);
    if off > CLOCK_OFF_MS {
        let direction = if ahead > behind { "ahead of" } else { "behind" };
        let what = format!("the clock of {whose} is {:.0} s {direction} the one here", off as f64 / 1000.0);
        findings.warning(
            "clock",
            what,
            "set both by NTP: run_at, delays and deadlines follow the orchestrator's clock",
        );
    } else {
        findings.ok("clock", format!("the clock of {whose} agrees with the one here"));
    }
}

fn queues(queues: &[Queue], findings: &mut Findings) {
    for queue in queues {
        // What is dispatched to nobody waits too.
        let waiting = queue.ready + if queue.workers == 0 { queue.dispatched } else { 0 };
        if queue.paused && queue.ready > 0 {
            let what = format!("the queue {} is paused, and {} tasks wait", queue.name, queue.ready);
            findings.warning(WORKERS, what, format!("`warrener queue resume {}` when they may go on", queue.name));
        } else if waiting > 0 && queue.workers == 0 && is_ours(queue) {
            let what = format!("{waiting} tasks wait in the queue {}, which no worker serves", queue.name);
            findings.warning(WORKERS, what, format!("start a worker for it: `worker --queues {}`", queue.name));
        }
    }
}

/// A queue of somebody else is served by programs that may not be heard of.
fn is_ours(queue: &Queue) -> bool {
    queue.address.as_ref().is_none_or(|address| address.ends_with(&format!(".tasks.{}", queue.name)))
}

fn workers(workers: &[Worker], findings: &mut Findings) {
    let before = findings.len();
    let versions: BTreeSet<_> = workers.iter().map(|worker| worker.version.as_str()).collect();
    if versions.len() > 1 {
        let list: Vec<_> = versions.into_iter().collect();
        let what = format!("workers of different versions are running: {}", list.join(", "));
        findings.warning(WORKERS, what, "finish the roll-out: `warrener worker drain` the old ones");
    }
    for worker in workers {
        if let Some(why) = &worker.refused {
            let what = format!("the worker {} takes no tasks, because its reports are refused: {why}", worker.id);
            findings.problem(
                WORKERS,
                what,
                "give its user the right to write to warrener.results and warrener.workers",
            );
        }
    }
    let mut kinds: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut serving: BTreeMap<&str, usize> = BTreeMap::new();
    for worker in workers.iter().filter(|worker| !worker.draining) {
        for queue in &worker.queues {
            *serving.entry(queue).or_default() += 1;
            for kind in &worker.kinds {
                *kinds.entry(queue).or_default().entry(kind).or_default() += 1;
            }
        }
    }
    for (queue, kinds) in kinds {
        let all = serving[queue];
        let partly: Vec<_> = kinds.iter().filter(|(_, count)| **count < all).collect();
        if !partly.is_empty() {
            let list: Vec<_> = partly.iter().map(|(kind, count)| format!("{kind} ({count} of {all})")).collect();
            let what = format!("the workers of the queue {queue} serve different kinds: {}", list.join(", "));
            let fix = "give all workers of a queue the same kinds, or their kinds queues of their own: until then \
                       tasks wander from worker to worker";
            findings.warning(WORKERS, what, fix);
        }
    }
    match workers.len() {
        0 => findings.warning(WORKERS, "no worker has been heard of", "start one: `worker --queues default`"),
        count => findings.ok_unless_found(WORKERS, before, format!("{count} heard of")),
    }
}

const ORCHESTRATOR: &str = "orchestrator";
const WORKERS: &str = "workers";
/// Difference of clocks worth a warning. A machine without NTP is as far off after a day or two.
const CLOCK_OFF_MS: i64 = 5_000;
