//! `warrener queue`.

use clap::Subcommand;
use warrener_client::http::resource::Queue;
use warrener_shared::time::Timestamp;

use crate::choice::{self, Choice};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Cell, Table, age};
use crate::steer;

#[derive(Debug, Subcommand)]
pub(crate) enum QueueVerb {
    /// List queues
    List,
    /// Dispatch nothing more to queues
    Pause(Choice),
    /// Dispatch again
    Resume(Choice),
}

/// Reads and steers queues.
pub(crate) async fn queue(context: &Context, verb: QueueVerb) -> Result<Exit, Failure> {
    match verb {
        QueueVerb::List => list(context).await,
        QueueVerb::Pause(which) => steer(context, which, "pause", "paused").await,
        QueueVerb::Resume(which) => steer(context, which, "resume", "resumed").await,
    }
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let answer = context.http()?.queues().await?;
    let queues = &answer.value.items;
    context.print(&[answer.text], queues, |queue| queue.name.clone(), || table(queues, context.now()))
}

async fn steer(context: &Context, which: Choice, verb: &str, done: &str) -> Result<Exit, Failure> {
    let http = &context.http()?;
    let fitting = |filter: String| async move {
        let queues = http.queues().await?.value.items;
        choice::fitting(&filter, &["name", "state", "address"], &queues, |queue| {
            let address = queue.address.as_deref().unwrap_or_default();
            vec![("name", &queue.name), ("state", state(queue)), ("address", address)]
        })
    };
    let names = which.names(context, verb, ["queue", "queues"], fitting).await?;
    steer::each(context, &names, done, |name| async move { http.steer_queue(&name, verb).await }).await
}

/// State of a queue as one word.
const fn state(queue: &Queue) -> &'static str {
    if queue.paused { "paused" } else { "open" }
}

fn table(queues: &[Queue], now: Timestamp) -> Table {
    let mut table = Table::new(&["NAME", "STATE", "READY", "DISPATCHED", "WORKERS", "OLDEST", "ADDRESS"]);
    for queue in queues {
        table.row(vec![
            queue.name.as_str().into(),
            Cell::state(state(queue)),
            queue.ready.to_string().into(),
            queue.dispatched.to_string().into(),
            queue.workers.to_string().into(),
            age(queue.oldest_ready_at.as_deref(), now).into(),
            queue.address.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}
