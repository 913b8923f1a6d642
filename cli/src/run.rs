//! `warrener run`: one task, its output on stdout.

use warrener_client::JobDocument;
use warrener_client::http::SubmitOptions;

use crate::args::RunArgs;
use crate::context::Context;
use crate::document::{Assignment, input};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{self, Show};
use crate::output::Tree;

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
        Assignment::whole("input", input(text)?).apply(&mut job)?;
    }
    if let Some(queue) = &args.queue {
        Assignment::whole("queue", Tree::text(queue)).apply(&mut job)?;
    }
    for written in &args.set {
        Assignment::parse(written)?.apply(&mut job)?;
    }
    Ok(JobDocument::from_json(job.compact())?)
}
