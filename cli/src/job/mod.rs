//! `warrener job`.

mod events;
mod get;
mod graph;
mod list;

use warrener_client::HttpClient;
use warrener_client::http::JobQuery;
use warrener_client::http::resource::Task;

use crate::args::{Ids, JobVerb};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{follow, steer};

/// Reads and steers jobs.
pub(crate) async fn job(context: &Context, verb: JobVerb) -> Result<Exit, Failure> {
    match verb {
        JobVerb::List(args) => list::list(context, args).await,
        JobVerb::Get { id } => get::get(context, &id).await,
        JobVerb::Output { id } => output(context, &id).await,
        JobVerb::Events { id } => events::events(context, &id).await,
        JobVerb::Graph { id, format } => graph::graph(context, &id, format).await,
        JobVerb::Cancel(Ids { ids }) => act(context, &ids, "cancel", "cancelling").await,
        JobVerb::Retry(Ids { ids }) => act(context, &ids, "retry", "runs again").await,
        JobVerb::Pause(Ids { ids }) => act(context, &ids, "pause", "paused").await,
        JobVerb::Resume(Ids { ids }) => act(context, &ids, "resume", "resumed").await,
    }
}

async fn output(context: &Context, id: &str) -> Result<Exit, Failure> {
    let job = context.http()?.job(id).await?.value;
    follow::finished(&job.id, job.state, job.output.as_deref(), job.error.as_ref(), context)
}

async fn act(context: &Context, ids: &[String], verb: &str, done: &str) -> Result<Exit, Failure> {
    let http = &context.http()?;
    steer::each(context, ids, done, |id| async move { http.steer_job(&id, verb).await }).await
}

/// The tasks of a job as written, and the pages that they came in.
async fn all_tasks(http: &HttpClient, id: &str) -> Result<(Vec<Task>, Vec<String>), Failure> {
    let (mut tasks, mut pages, mut page) =
        (Vec::new(), Vec::new(), JobQuery { limit: Some(1000), ..JobQuery::default() });
    loop {
        let answer = http.tasks(id, false, &page).await?;
        tasks.extend(answer.value.items);
        pages.push(answer.text);
        page.cursor = answer.value.next_cursor;
        if page.cursor.is_none() {
            return Ok((tasks, pages));
        }
    }
}
