//! `warrener job get`.

use warrener_client::http::resource::{JobDetails, Task};
use warrener_shared::shown;
use warrener_shared::state::TaskState;
use warrener_shared::time::Timestamp;

use super::list::shown_state;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::in_words;
use crate::options::OutputFormat;
use crate::output::{Cell, Table, age, between, document};
use crate::talk;

pub(super) async fn get(context: &Context, id: &str) -> Result<Exit, Failure> {
    let http = context.http()?;
    let answer = http.job(id).await?;
    if let Some(text) = document(context.globals.output, &answer.text)? {
        return talk::document(&text).map(|()| Exit::Ok);
    }
    if context.globals.output == OutputFormat::Name {
        return talk::words(&shown::line(&answer.value.id)).map(|()| Exit::Ok);
    }
    let (tasks, _) = super::all_tasks(&http, id).await?;
    talk::words(&details(&answer.value, context.now()))?;
    talk::exact(&format!("\n{}", context.render(&table(&tasks, context.now()))))?;
    Ok(Exit::Ok)
}

fn details(job: &JobDetails, now: Timestamp) -> String {
    let mut lines = vec![format!("job       {}", shown::line(&job.id)), format!("state     {}", shown_state(job))];
    lines.extend(job.name.as_ref().map(|name| format!("name      {}", shown::line(name))));
    lines.extend(job.kind.as_ref().map(|kind| format!("kind      {}", shown::line(kind))));
    lines.extend(job.parent.as_ref().map(|parent| format!("parent    {}", shown::line(&parent.address()))));
    let labels: Vec<String> = job.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !labels.is_empty() {
        lines.push(format!("labels    {}", shown::line(&labels.join(", "))));
    }
    let created = job.created_at.as_deref();
    lines.extend(created.map(|time| format!("created   {} ({} ago)", shown::line(time), age(created, now))));
    let took = between(job.started_at.as_deref(), job.finished_at.as_deref(), now);
    if !took.is_empty() {
        lines.push(format!("took      {took}"));
    }
    lines.extend(job.error.as_ref().map(|error| format!("error     {}", in_words(error))));
    lines.join("\n")
}

fn table(tasks: &[Task], now: Timestamp) -> Table {
    let mut table = Table::new(&["TASK", "STATE", "KIND", "ATTEMPT", "TOOK", "WHY"]);
    for task in tasks {
        // That a task was skipped because of another says more with the name of that one.
        let reason = task.reason.clone().filter(|_| task.state == TaskState::Skipped);
        let why = reason.or_else(|| task.error.as_ref().map(in_words)).or_else(|| task.reason.clone());
        table.row(vec![
            task.address().into(),
            Cell::state(task.state.as_str()),
            task.kind.as_str().into(),
            // Attempts that were given back are not among those that a task may have.
            format!("{}/{}", task.attempt, task.max_attempts.max(task.attempt)).into(),
            between(task.started_at.as_deref(), task.finished_at.as_deref(), now).into(),
            why.unwrap_or_default().into(),
        ]);
    }
    table
}
