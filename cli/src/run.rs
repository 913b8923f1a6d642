//! `warrener run`: one task, its output on stdout.

use clap::Args as ClapArgs;
use warrener_client::JobDocument;
use warrener_client::http::SubmitOptions;

use crate::context::Context;
use crate::document::{SetOption, input};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{self, Show};
use crate::options::WaitOptions;
use crate::output::Tree;

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// The kind of the task, such as demo.echo
    pub(crate) kind: String,
    /// Input of the task; @FILE reads JSON or YAML from a file, - from stdin [default: null]
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub(crate) input: Option<String>,
    /// Set a value in the job, such as queue=gpu or retry=0; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// The queue [default: default]
    #[arg(long)]
    pub(crate) queue: Option<String>,
    #[command(flatten)]
    pub(crate) patience: WaitOptions,
}

/// Runs one task and prints its output.
pub(crate) async fn run(context: &Context, args: RunArgs) -> Result<Exit, Failure> {
    let job = document(&args)?.pinned();
    let (http, limit) = (context.http()?, args.patience.begin());
    let options = SubmitOptions { dry_run: false, wait: Some(limit.first_wait()) };
    let id = job.id().unwrap_or_default();
    let posting = limit.of(id, follow::post(&http, &job, options));
    let answer = follow::or_interrupted(context, id, posting).await??.map_err(|lost| lost.of_job(id))?;
    follow::to_the_end(context, answer, limit, Show::Progress).await
}

fn document(args: &RunArgs) -> Result<JobDocument, Failure> {
    let mut job = Tree::Map(vec![("kind".to_owned(), Tree::text(&args.kind))]);
    if let Some(text) = &args.input {
        SetOption::whole("input", input(text)?).apply(&mut job)?;
    }
    if let Some(queue) = &args.queue {
        SetOption::whole("queue", Tree::text(queue)).apply(&mut job)?;
    }
    for written in &args.set {
        SetOption::parse(written)?.apply(&mut job)?;
    }
    Ok(JobDocument::from_json(job.compact())?)
}
