//! `warrener job`.

mod events;
mod get;
mod graph;
mod list;

use clap::Subcommand;
use warrener_client::HttpClient;
use warrener_client::http::JobQuery;
use warrener_client::http::resource::Task;

use self::graph::GraphFormat;
use self::list::JobListArgs;
use crate::bulk::Selected;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{bulk, follow, steer};

#[derive(Debug, Subcommand)]
pub(crate) enum JobVerb {
    /// List jobs, newest first
    List(JobListArgs),
    /// Show a job and its tasks
    Get { id: String },
    /// Print the output of a job; exits by its state, with 1 while it runs
    Output { id: String },
    /// Print what happened to a job
    Events { id: String },
    /// Print the tasks of a job and what each waits for
    Graph {
        /// The job
        id: String,
        /// text (as --output says), dot (for Graphviz) or svg (a picture)
        #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
        format: GraphFormat,
    },
    /// Stop jobs
    Cancel(Selected),
    /// Run again what did not succeed in final jobs
    Retry(Selected),
    /// Remove final jobs with all of their data
    Delete(Selected),
    /// Dispatch nothing more of jobs
    Pause(Selected),
    /// Dispatch again
    Resume(Selected),
}

/// Reads and steers jobs.
pub(crate) async fn job(context: &Context, verb: JobVerb) -> Result<Exit, Failure> {
    match verb {
        JobVerb::List(args) => list::list(context, args).await,
        JobVerb::Get { id } => get::get(context, &id).await,
        JobVerb::Output { id } => output(context, &id).await,
        JobVerb::Events { id } => events::events(context, &id).await,
        JobVerb::Graph { id, format } => graph::graph(context, &id, format).await,
        JobVerb::Cancel(which) => act(context, which, "cancel", "cancelling").await,
        JobVerb::Retry(which) => act(context, which, "retry", "runs again").await,
        JobVerb::Delete(which) => act(context, which, "delete", "deleted").await,
        JobVerb::Pause(which) => act(context, which, "pause", "paused").await,
        JobVerb::Resume(which) => act(context, which, "resume", "resumed").await,
    }
}

async fn output(context: &Context, id: &str) -> Result<Exit, Failure> {
    let job = context.http()?.job(id).await?.value;
    follow::finished(&job.id, job.state, job.output.as_deref(), job.error.as_ref(), context)
}

async fn act(context: &Context, which: Selected, verb: &str, done: &str) -> Result<Exit, Failure> {
    if which.bulk.filter.is_some() {
        return bulk::by_filter(context, verb, "jobs", &which.bulk).await;
    }
    let http = &context.http()?;
    let act = |id: String| async move {
        match verb {
            "delete" => http.delete_job(&id).await,
            _ => http.steer_job(&id, verb).await,
        }
    };
    steer::each(context, &which.ids, done, act).await
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
