//! `warrener worker`.

use clap::Subcommand;
use warrener_client::http::resource::Worker;
use warrener_shared::time::Timestamp;

use crate::choice::{self, Choice, Facts};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Cell, Table, age};
use crate::steer;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerVerb {
    /// List workers
    List,
    /// Let workers take no more and finish what they hold
    Drain(Choice),
}

/// Reads and steers workers.
pub(crate) async fn worker(context: &Context, verb: WorkerVerb) -> Result<Exit, Failure> {
    match verb {
        WorkerVerb::List => list(context).await,
        WorkerVerb::Drain(which) => {
            let http = &context.http()?;
            let fitting = |filter: String| async move {
                let workers = http.workers().await?.value.items;
                choice::fitting(&filter, &["id", "state", "queue", "kind", "version"], &workers, facts)
            };
            let ids = which.names(context, "drain", ["worker", "workers"], fitting).await?;
            let done = "asked to take no more";
            steer::each(context, &ids, done, |id| async move { http.drain_worker(&id).await }).await
        }
    }
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let answer = context.http()?.workers().await?;
    let workers = &answer.value.items;
    context.print(&[answer.text], workers, |worker| worker.id.clone(), || table(workers, context.now()))
}

/// State of a worker as one word.
const fn state(worker: &Worker) -> &'static str {
    match worker {
        Worker { draining: true, .. } => "draining",
        Worker { refused: Some(_), .. } => "refused",
        _ => "ready",
    }
}

/// Facts of a worker, as filters know them.
fn facts(worker: &Worker) -> Facts<'_> {
    let mut facts: Facts<'_> = vec![("id", &worker.id), ("state", state(worker)), ("version", &worker.version)];
    facts.extend(worker.queues.iter().map(|queue| ("queue", queue.as_str())));
    facts.extend(worker.kinds.iter().map(|kind| ("kind", kind.as_str())));
    facts
}

fn table(workers: &[Worker], now: Timestamp) -> Table {
    let mut table = Table::new(&["ID", "STATE", "RUNNING", "QUEUES", "KINDS", "VERSION", "SEEN"]);
    for worker in workers {
        table.row(vec![
            worker.id.as_str().into(),
            Cell::state(state(worker)),
            format!("{}/{}", worker.running, worker.slots).into(),
            worker.queues.join(",").into(),
            worker.kinds.join(",").into(),
            worker.version.as_str().into(),
            age(worker.seen_at.as_deref(), now).into(),
        ]);
    }
    table
}
