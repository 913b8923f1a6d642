//! Reads over HTTP what became of jobs, as any user can.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use warrener_tests::cluster::http;

use crate::history::{End, Event, TaskEnd, address, now};
use crate::record::Record;

/// Notes the ends of jobs while they come.
pub(crate) async fn follow(port: u16, record: Record, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let open = record.history().unread(now());
        let reading = stream::iter(open.into_iter().take(ROUND)).for_each_concurrent(AT_ONCE, async |id| {
            // While the orchestrator is away there is nothing to read; it is asked again.
            if let Ok(Some(end)) = end_of(port, &id).await {
                record.accept(&id);
                record.end(&id, end);
            }
        });
        reading.await;
        sleep(PAUSE).await;
    }
}

/// Reads what became of a job, if it is final.
pub(crate) async fn end_of(port: u16, id: &str) -> anyhow::Result<Option<End>> {
    let (status, job) = get(port, &format!("/api/v1/jobs/{id}")).await;
    let state = job["state"].as_str().unwrap_or_default();
    if status != 200 || !FINAL.contains(&state) {
        return Ok(None);
    }
    let tasks = list(port, &format!("/api/v1/jobs/{id}/tasks?items=true")).await?;
    let events = list(port, &format!("/api/v1/jobs/{id}/events")).await?;
    Ok(Some(End {
        state: state.to_owned(),
        tasks: tasks.iter().map(task_end).collect(),
        events: events.iter().map(event).collect(),
    }))
}

/// All jobs and their states.
pub(crate) async fn states(port: u16) -> anyhow::Result<BTreeMap<String, String>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let jobs = list(port, "/api/v1/jobs").await?;
    Ok(jobs.iter().map(|job| (text(&job["id"]), text(&job["state"]))).collect())
}

/// All dead letters that belong to a job: its id, and why.
pub(crate) async fn dead(port: u16) -> anyhow::Result<Vec<(String, String)>> {
    let letters = list(port, "/api/v1/dead").await?;
    let of_job = |letter: &Value| Some((letter["job"].as_str()?.to_owned(), letter["code"].to_string()));
    Ok(letters.iter().filter_map(of_job).collect())
}

/// Asks whether the orchestrator is ready.
pub(crate) async fn is_ready(port: u16) -> bool {
    get(port, "/readyz").await.0 == 200
}

/// Asks why a job does not end.
pub(crate) async fn reason(port: u16, id: &str) -> String {
    let (status, tasks) = get(port, &format!("/api/v1/jobs/{id}/tasks?items=true")).await;
    let tasks = tasks["items"].as_array().cloned().unwrap_or_default();
    let open = tasks.iter().filter(|task| !FINAL.contains(&task["state"].as_str().unwrap_or_default()));
    let lines =
        open.map(|task| format!("{} {} attempt {}: {}", task["task"], task["state"], task["attempt"], task["reason"]));
    format!("{id} ({status}): {}", lines.collect::<Vec<_>>().join("; "))
}

async fn list(port: u16, path: &str) -> anyhow::Result<Vec<Value>> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let (status, page) = get(port, &format!("{path}{joint}limit=1000{cursor}")).await;
        ensure!(status == 200, "GET {path}: {status} {page}");
        all.extend(page["items"].as_array().context("a list has items")?.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(all),
        }
    }
}

async fn get(port: u16, path: &str) -> (u16, Value) {
    http::call(port, "GET", path, &[], b"").await
}

fn task_end(task: &Value) -> TaskEnd {
    TaskEnd {
        task: address(&task["task"], &task["index"]),
        state: task["state"].as_str().unwrap_or_default().to_owned(),
        run: task["output"]["run"].as_str().map(str::to_owned),
    }
}

fn event(event: &Value) -> Event {
    // An attempt that failed says so too; what ended is said by the state.
    let state = event["state"].as_str().unwrap_or_default().to_owned();
    Event {
        sequence: event["sequence"].as_u64().unwrap_or_default(),
        task: address(&event["task"], &event["index"]),
        state,
    }
}

const FINAL: [&str; 4] = ["succeeded", "failed", "cancelled", "timed_out"];
const PAUSE: Duration = Duration::from_millis(50);
/// Jobs asked after in one round.
const ROUND: usize = 120;
/// Jobs asked after side by side.
const AT_ONCE: usize = 8;
