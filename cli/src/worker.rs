//! `warrener worker`.

use clap::Subcommand;
use warrener_client::http::resource::Worker;
use warrener_shared::time::Timestamp;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::Ids;
use crate::output::{Cell, Table, age};
use crate::steer;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerVerb {
    /// List workers
    List,
    /// Let workers take no more and finish what they hold
    Drain(Ids),
}

/// Reads and steers workers.
pub(crate) async fn worker(context: &Context, verb: WorkerVerb) -> Result<Exit, Failure> {
    match verb {
        WorkerVerb::List => list(context).await,
        WorkerVerb::Drain(Ids { ids }) => {
            let http = &context.http()?;
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

fn table(workers: &[Worker], now: Timestamp) -> Table {
    let mut table = Table::new(&["ID", "STATE", "RUNNING", "QUEUES", "KINDS", "VERSION", "SEEN"]);
    for worker in workers {
        table.row(vec![
            worker.id.as_str().into(),
            Cell::state(match worker {
                Worker { draining: true, .. } => "draining",
                Worker { refused: Some(_), .. } => "refused",
                _ => "ready",
            }),
            format!("{}/{}", worker.running, worker.slots).into(),
            worker.queues.join(",").into(),
            worker.kinds.join(",").into(),
            worker.version.as_str().into(),
            age(worker.seen_at.as_deref(), now).into(),
        ]);
    }
    table
}
