//! `warrener submit`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use warrener_client::http::{Answer, SubmitOptions, resource};
use warrener_client::{ClientError, HttpError, JobDocument};
use warrener_shared::job::Problem;
use warrener_shared::shown;

use crate::context::Context;
use crate::document::{JobSource, SetOption, input};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{self, Show};
use crate::options::{OutputFormat, WaitOptions};
use crate::output::document;
use crate::talk;

#[derive(Debug, ClapArgs)]
pub(crate) struct SubmitArgs {
    /// The job, as YAML or JSON; - reads stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Wait for the end; prints the output
    #[arg(long, conflicts_with = "watch")]
    pub(crate) wait: bool,
    /// Wait for the end and show progress; prints the output
    #[arg(long)]
    pub(crate) watch: bool,
    /// Replace the job's input; @FILE reads JSON or YAML from a file
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) input: Option<String>,
    /// Set a value in the job, such as tasks.train.timeout=2h; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Tasks to submit, with what they need; the others are left out of the job
    #[arg(long, value_name = "TASK", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Transport of the job
    #[arg(long, value_enum, default_value_t)]
    pub(crate) via: Via,
    /// Check the job on the server and keep nothing
    #[arg(long, conflicts_with_all = ["wait", "watch"])]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) patience: WaitOptions,
}

/// Transport of a job to an orchestrator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    /// To the orchestrator
    #[default]
    Http,
    /// To the broker, which keeps it even while no orchestrator runs
    Amqp,
}

/// Submits a job, and waits for its end if asked to.
pub(crate) async fn submit(context: &Context, args: SubmitArgs) -> Result<Exit, Failure> {
    let source = JobSource::read(&args.file)?;
    let set = args.set.iter().map(|written| SetOption::parse(written)).collect::<Result<Vec<_>, _>>()?;
    let input = args.input.as_deref().map(input).transpose()?;
    let mut job = source.changed(input, &set)?;
    if !args.only.is_empty() {
        let (reduced, left_out) = source.reduced(&job, &args.only)?;
        context.say(&format!("left out: {left_out}"));
        job = reduced;
    }
    let job = job.pinned();
    match (args.via, args.dry_run) {
        (Via::Amqp, true) => Err(Failure::new(Exit::Usage, "--dry-run asks the orchestrator: it needs --via http")),
        (Via::Http, true) => dry_run(context, &source, &job).await,
        (Via::Http, false) => by_http(context, &args, &source, &job).await,
        (Via::Amqp, false) => by_amqp(context, &args, &source, &job).await,
    }
}

async fn dry_run(context: &Context, source: &JobSource, job: &JobDocument) -> Result<Exit, Failure> {
    let options = SubmitOptions { dry_run: true, wait: None };
    let answer = context.http()?.submit(job, options).await.map_err(|error| explain(source, job, error))?;
    if let Some(text) = document(context.globals.output, &answer.text)? {
        talk::document(&text)?;
    }
    context.say(&format!("{}: the orchestrator would take it; nothing was kept", source.name()));
    Ok(Exit::Ok)
}

async fn by_http(context: &Context, args: &SubmitArgs, source: &JobSource, job: &JobDocument) -> Result<Exit, Failure> {
    let id = job.id().unwrap_or_default();
    let refused = |lost: follow::Unanswered| match lost.may_be_kept {
        true if lost.error.is_transient() => lost.of_job(id),
        _ => explain(source, job, lost.error),
    };
    let (waits, limit) = (args.wait || args.watch, args.patience.begin());
    let options = SubmitOptions { dry_run: false, wait: args.wait.then(|| limit.first_wait()) };
    let http = context.http()?;
    let posting = limit.of(id, follow::post(&http, job, options));
    let answer = follow::or_interrupted(context, id, posting).await??.map_err(refused)?;
    if !waits {
        return accepted(context, &answer);
    }
    let show = if args.watch { Show::Progress } else { Show::Nothing };
    follow::to_the_end(context, answer, limit, show).await
}

/// Prints the id of a job that nobody waits for.
fn accepted(context: &Context, answer: &Answer<resource::JobDetails>) -> Result<Exit, Failure> {
    let id = &answer.value.id;
    talk::document(&document(context.globals.output, &answer.text)?.unwrap_or_else(|| shown::line(id).into_owned()))?;
    context.suggest(&format!("follow it with: warrener watch {id}"));
    Ok(Exit::Ok)
}

async fn by_amqp(context: &Context, args: &SubmitArgs, source: &JobSource, job: &JobDocument) -> Result<Exit, Failure> {
    let client = context.amqp().await?;
    let id = job.id().unwrap_or_default();
    let refused = |error| explain_amqp(source, error);
    if args.wait {
        let waiting = client.submit_and_wait(job, args.patience.timeout.unwrap_or(Duration::MAX));
        let finished = follow::or_interrupted(context, id, waiting).await?.map_err(refused)?;
        return follow::finished(
            &finished.job_id,
            finished.state,
            finished.output.as_deref(),
            finished.error.as_ref(),
            context,
        );
    }
    let receipt = follow::or_interrupted(context, id, client.submit(job)).await?.map_err(refused)?;
    if !receipt.accepted {
        context.say("the broker has the job; no orchestrator has answered yet");
    }
    if args.watch {
        return follow::by_id(context, &receipt.job_id, args.patience.begin(), Show::Progress).await;
    }
    talk::document(&id_document(context.globals.output, &receipt.job_id)?)?;
    context.suggest(&format!("follow it with: warrener watch {}", receipt.job_id));
    Ok(Exit::Ok)
}

/// Over AMQP the id is all that is known.
fn id_document(format: OutputFormat, id: &str) -> Result<String, Failure> {
    let json = serde_json::json!({ "id": id }).to_string();
    Ok(document(format, &json)?.unwrap_or_else(|| id.to_owned()))
}

/// A refusal with the lines of the file; an uncertain end with the id under which the job may be there.
fn explain(source: &JobSource, job: &JobDocument, error: HttpError) -> Failure {
    match &error {
        HttpError::Refused { problem, .. } if !problem.errors.is_empty() => in_file(source, &problem.errors),
        HttpError::Unreadable { .. } => Failure::from(error)
            .hint(format!("the job may be there: warrener job get {}", job.id().unwrap_or_default())),
        _ => error.into(),
    }
}

fn explain_amqp(source: &JobSource, error: ClientError) -> Failure {
    match &error {
        ClientError::Rejected { rejection, .. } if !rejection.errors.is_empty() => in_file(source, &rejection.errors),
        _ => error.into(),
    }
}

fn in_file(source: &JobSource, problems: &[Problem]) -> Failure {
    let plural = if problems.len() == 1 { "" } else { "s" };
    let message = format!("the job was refused: {} problem{plural}", problems.len());
    Failure::new(Exit::Refused, message).details(problems.iter().map(|problem| source.place(problem)).collect())
}
