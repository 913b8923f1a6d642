//! `warrener task`.

use clap::{Args as ClapArgs, Subcommand};
use warrener_client::http::resource::{Attempt, Task};
use warrener_shared::shown;
use warrener_shared::time::Timestamp;

use crate::bulk::BulkOptions;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::in_words;
use crate::output::{Cell, Table, between, document};
use crate::{bulk, steer, talk};

#[derive(Debug, Subcommand)]
pub(crate) enum TaskVerb {
    /// Show a task or item and its attempts
    Get {
        /// JOB/TASK or JOB/TASK.INDEX
        task: String,
    },
    /// Run a task again, and everything downstream of it
    Retry(SelectedTasks),
    /// Skip a task; what needs it goes on
    Skip(SelectedTasks),
}

/// Tasks that a verb is done to.
#[derive(Debug, ClapArgs)]
pub(crate) struct SelectedTasks {
    /// JOB/TASK or JOB/TASK.INDEX
    #[arg(required_unless_present = "filter", conflicts_with = "filter", value_name = "TASK")]
    pub(crate) tasks: Vec<String>,
    #[command(flatten)]
    pub(crate) bulk: BulkOptions,
}

/// Reads and steers tasks.
pub(crate) async fn task(context: &Context, verb: TaskVerb) -> Result<Exit, Failure> {
    match verb {
        TaskVerb::Get { task } => get(context, &task).await,
        TaskVerb::Retry(which) => steer(context, which, "retry", "runs again").await,
        TaskVerb::Skip(which) => steer(context, which, "skip", "skipped").await,
    }
}

async fn get(context: &Context, address: &str) -> Result<Exit, Failure> {
    let (job, task) = split(address)?;
    let answer = context.http()?.task(job, task).await?;
    if let Some(text) = document(context.globals.output, &answer.text)? {
        return talk::document(&text).map(|()| Exit::Ok);
    }
    talk::words(&details(job, &answer.value))?;
    if !answer.value.attempts.is_empty() {
        talk::exact(&format!("\n{}", context.render(&attempts(&answer.value.attempts, context.now()))))?;
    }
    Ok(Exit::Ok)
}

fn details(job: &str, task: &Task) -> String {
    let mut lines = vec![
        format!("task      {}", shown::line(&format!("{job}/{}", task.address()))),
        format!("kind      {}", shown::line(&task.kind)),
        format!("state     {}", task.state),
        format!("attempt   {}", attempt_of(task)),
    ];
    lines.extend(task.round.map(|round| format!("round     {round}")));
    lines.extend(task.queue.as_ref().map(|queue| format!("queue     {}", shown::line(queue))));
    lines.extend(task.sub_job.as_ref().map(|job| format!("sub-job   {}", shown::line(job))));
    lines.extend(task.reason.as_ref().map(|reason| format!("reason    {}", shown::line(reason))));
    lines.extend(task.error.as_ref().map(|error| format!("error     {}", in_words(error))));
    if let Some(total) = task.total {
        let items: Vec<String> = task
            .items
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        lines.push(format!("items     {total}: {}", items.join(", ")));
    }
    lines.join("\n")
}

/// `2 of 5`. An attempt that was given back is none of those that a task may have, so their number can be passed.
fn attempt_of(task: &Task) -> String {
    match task.attempt > task.max_attempts {
        true => format!("{} ({} may fail; those that were released do not count)", task.attempt, task.max_attempts),
        false => format!("{} of {}", task.attempt, task.max_attempts),
    }
}

fn attempts(attempts: &[Attempt], now: Timestamp) -> Table {
    let has_rounds = attempts.iter().any(|attempt| attempt.round.is_some());
    let columns = ["ROUND", "ATTEMPT", "OUTCOME", "TOOK", "WORKER", "STOPPED", "ERROR"];
    let mut table = Table::new(&columns[usize::from(!has_rounds)..]);
    for attempt in attempts {
        let round = has_rounds.then(|| Cell::from(attempt.round.map_or_else(String::new, |round| round.to_string())));
        table.row(
            round
                .into_iter()
                .chain([
                    attempt.attempt.to_string().into(),
                    Cell::state(attempt.outcome.as_deref().unwrap_or("running")),
                    between(attempt.started_at.as_deref(), attempt.finished_at.as_deref(), now).into(),
                    attempt.worker.as_deref().unwrap_or_default().into(),
                    stopped(attempt).into(),
                    attempt.error.as_ref().map(in_words).unwrap_or_default().into(),
                ])
                .collect(),
        );
    }
    table
}

/// Time from the end of the attempt until its worker was known to have stopped; empty as long as it is not.
fn stopped(attempt: &Attempt) -> String {
    let Some(stopped) = &attempt.stopped_at else { return String::new() };
    format!("after {}", between(attempt.finished_at.as_deref(), Some(stopped), Timestamp(0)))
}

async fn steer(context: &Context, which: SelectedTasks, verb: &str, done: &str) -> Result<Exit, Failure> {
    if which.bulk.filter.is_some() {
        return bulk::by_filter(context, verb, "tasks", &which.bulk).await;
    }
    let tasks = &which.tasks;
    // All addresses are read before anything is done.
    for address in tasks {
        split(address)?;
    }
    let http = &context.http()?;
    let act = |address: String| async move {
        let (job, task) = address.split_once('/').unwrap_or((&address, ""));
        http.steer_task(job, task, verb).await
    };
    steer::each(context, tasks, done, act).await
}

fn split(address: &str) -> Result<(&str, &str), Failure> {
    address.split_once('/').filter(|(job, task)| !job.is_empty() && !task.is_empty()).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{address:?} is no task"))
            .hint("write JOB/TASK, or JOB/TASK.INDEX for an item")
    })
}
