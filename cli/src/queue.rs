//! `warrener queue`.

use clap::Subcommand;
use warrener_client::http::resource::Queue;
use warrener_shared::time::Timestamp;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::Ids;
use crate::output::{Cell, Table, age};
use crate::steer;

#[derive(Debug, Subcommand)]
pub(crate) enum QueueVerb {
    /// List queues
    List,
    /// Dispatch nothing more to queues
    Pause(Ids),
    /// Dispatch again
    Resume(Ids),
}

/// Reads and steers queues.
pub(crate) async fn queue(context: &Context, verb: QueueVerb) -> Result<Exit, Failure> {
    match verb {
        QueueVerb::List => list(context).await,
        QueueVerb::Pause(Ids { ids }) => steer(context, &ids, "pause", "paused").await,
        QueueVerb::Resume(Ids { ids }) => steer(context, &ids, "resume", "resumed").await,
    }
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let answer = context.http()?.queues().await?;
    let queues = &answer.value.items;
    context.print(&[answer.text], queues, |queue| queue.name.clone(), || table(queues, context.now()))
}

async fn steer(context: &Context, names: &[String], verb: &str, done: &str) -> Result<Exit, Failure> {
    let http = &context.http()?;
    steer::each(context, names, done, |name| async move { http.steer_queue(&name, verb).await }).await
}

fn table(queues: &[Queue], now: Timestamp) -> Table {
    let mut table = Table::new(&["NAME", "STATE", "READY", "DISPATCHED", "WORKERS", "OLDEST", "ADDRESS"]);
    for queue in queues {
        table.row(vec![
            queue.name.as_str().into(),
            Cell::state(if queue.paused { "paused" } else { "open" }),
            queue.ready.to_string().into(),
            queue.dispatched.to_string().into(),
            queue.workers.to_string().into(),
            age(queue.oldest_ready_at.as_deref(), now).into(),
            queue.address.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}
