//! A task or an item, with its attempts and what they wrote.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::shown;

use super::super::app::App;
use super::super::job;
use super::super::logs::LogResource;
use super::super::path::TaskPath;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::shape::{List, Raw};
use super::super::task::{AttemptResource, TaskDetail, TaskResource};
use super::encoding::percent;
use super::frame::{Sheet, show};
use super::job::{attempt_of, crumbs, error, shown_state};
use super::list::pages;
use super::log::LogWanted;
use super::visit::Visit;
use super::{action, answer, badge, log, value, when};
use crate::rows::message;

/// Attempts that are shown; a task that is repeated may have thousands.
const ATTEMPTS: usize = 100;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    visit: Visit,
    TaskPath(id, address): TaskPath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = LogWanted::of(&parameters)?;
    app.read(move |app, snapshot| {
        let detail = TaskDetail::read(app, snapshot, &id, &address)?;
        let lines = wanted.read(app, snapshot, (&id, &address))?;
        let entry = job::entry(app, snapshot, &id)?;
        let is_open = !entry.row.state.is_final();
        let row = message::find(snapshot, &entry, &address)?;
        let name = address.to_string();
        let part = |title: &str, part: &str, raw: &Raw| {
            value::shown(title, raw, &visit.to(&["jobs", id.as_str(), "tasks", &name, "values", part]))
        };
        let task = &detail.task;
        let body = html! {
            (head(&visit, task, &name, is_open, wanted.is_whole().then(|| place(&lines))))
            @if let Some(row) = &row { (answer::form(&visit, row, &id, &name)) }
            (facts(&visit, task))
            (attempts(&visit, task, &name, &detail.attempts))
            (written(&visit, task, &name, &lines))
            (part("Input", "input", &detail.input))
            (part("Output", "output", &task.output))
            @if detail.results.is_some() { (part("Results of the items", "results", &detail.results)) }
            @if task.progress.is_some() { (part("Progress", "progress", &task.progress)) }
            @if task.error.is_some() { (part("Error", "error", &task.error)) }
        };
        Ok(show(&visit, &Sheet { title: &name, place: "jobs", body }))
    })
    .await
}

/// The place after the last piece of log of a page, in the words of a stream.
fn place(lines: &List<LogResource>) -> String {
    lines.items.last().map_or_else(|| "0.0".to_owned(), |piece| format!("{}.{}", piece.attempt, piece.no))
}

/// The stream that tells what a task writes from a place on, until it is final; `None` if only a part of the log is
/// shown.
fn stream(visit: &Visit, task: &TaskResource, name: &str, place: Option<String>) -> Option<String> {
    let url = visit.to(&["api", "v1", "tasks", &task.job, name, "logs"]);
    place.filter(|_| !task.state.is_final()).map(|place| format!("{url}?follow=true&cursor={place}"))
}

/// Seconds after which an open task is looked at again: its log has a stream, what became of it has none.
fn again(task: &TaskResource) -> Option<&'static str> {
    (!task.state.is_final()).then_some("3")
}

fn head(visit: &Visit, task: &TaskResource, name: &str, is_open: bool, place: Option<String>) -> Markup {
    let job = task.job.as_str();
    let way = [("Jobs", visit.to(&["jobs"])), (job, visit.to(&["jobs", job]))];
    html! {
        (crumbs(&way, name))
        div.head data-stream=[stream(visit, task, name, place)] data-follow="log" data-again=[again(task)] {
            h1 { (name) " " (badge::state(shown_state(task))) }
            (action::buttons_of_task(visit, task, name, is_open))
        }
        @if let Some(reason) = &task.reason {
            div.notice { strong { "Why it waits" } " " (shown::text(reason)) }
        }
        @if let Some(error) = error(&task.error) {
            div.notice.bad { p { code { (error.code) } " " (shown::text(&error.message)) } }
        }
    }
}

fn facts(visit: &Visit, task: &TaskResource) -> Markup {
    let times = [
        ("Ready", &task.ready_at),
        ("Dispatched", &task.dispatched_at),
        ("Started", &task.started_at),
        ("Finished", &task.finished_at),
        ("Next attempt", &task.retry_at),
    ];
    let waited = when::between(task.ready_at.as_deref(), task.started_at.as_deref(), visit.now);
    let ran = when::between(task.started_at.as_deref(), task.finished_at.as_deref(), visit.now);
    html! {
        dl.facts {
            div { dt { "Kind" } dd { code { (shown::line(&task.kind)) } } }
            div { dt { "Queue" } dd { code { (shown::line(&task.queue)) } " priority " (task.priority) } }
            div { dt { "Attempt" } dd { (attempt_of(task)) } }
            @if let Some(round) = task.round { div { dt { "Round" } dd { (round) } } }
            @if let Some(worker) = &task.worker { div { dt { "Worker" } dd { (shown::line(worker)) } } }
            @if !task.needs.is_empty() {
                div { dt { "Needs" } dd {
                    @for need in &task.needs { a href=(visit.to(&["jobs", &task.job, "tasks", need])) { (need) } " " }
                } }
            }
            @if let Some(items) = &task.items {
                div { dt { "Items" } dd {
                    (badge::bar(items.0)) " "
                    a href=(format!("{}?task={}", visit.to(&["jobs", &task.job]), percent(&task.task))) { "show them" }
                } }
            }
            @if let Some(sub_job) = &task.sub_job {
                div { dt { "Sub-job" } dd { a href=(visit.to(&["jobs", sub_job])) { (sub_job) } } }
            }
            @for (name, time) in times {
                @if time.is_some() { div { dt { (name) } dd { (when::at(time.as_deref(), visit.now)) } } }
            }
            @if let Some(waited) = waited { div { dt { "Waited" } dd { (waited) } } }
            @if let Some(ran) = ran { div { dt { "Ran" } dd { (ran) } } }
        }
    }
}

/// The attempts, the newest first.
fn attempts(visit: &Visit, task: &TaskResource, name: &str, attempts: &[AttemptResource]) -> Markup {
    html! {
        @if !attempts.is_empty() {
            h2 { "Attempts" }
            table.list {
                thead { tr {
                    th scope="col" { "Attempt" } th scope="col" { "Outcome" } th scope="col" { "Worker" }
                    th scope="col" { "Dispatched" } th scope="col" { "Waited" } th scope="col" { "Ran" }
                    th scope="col" { "Error" }
                } }
                tbody { @for attempt in attempts.iter().rev().take(ATTEMPTS) { (attempt_row(visit, attempt)) } }
            }
            @if attempts.len() > ATTEMPTS {
                p.muted {
                    "The latest " (ATTEMPTS) " of " (attempts.len()) ". "
                    a href=(visit.to(&["api", "v1", "tasks", &task.job, name])) { "All of them as JSON" }
                }
            }
        }
    }
}

fn attempt_row(visit: &Visit, attempt: &AttemptResource) -> Markup {
    let waited = when::between(attempt.dispatched_at.as_deref(), attempt.started_at.as_deref(), visit.now);
    let ran = when::between(attempt.started_at.as_deref(), attempt.finished_at.as_deref(), visit.now);
    let outcome = match attempt.outcome {
        Some(outcome) => outcome.as_str(),
        None if attempt.started_at.is_some() => "running",
        None => "dispatched",
    };
    let dash = || "–".to_owned();
    html! {
        tr {
            td data-label="Attempt" { (attempt.attempt) @if let Some(round) = attempt.round { " (round " (round) ")" } }
            td data-label="Outcome" { (badge::state(outcome)) }
            td data-label="Worker" { (attempt.worker.as_deref().map_or_else(|| "–".into(), shown::line)) }
            td data-label="Dispatched" { (when::ago(attempt.dispatched_at.as_deref(), visit.now)) }
            td data-label="Waited" { (waited.filter(|_| attempt.started_at.is_some()).unwrap_or_else(dash)) }
            td data-label="Ran" { (ran.unwrap_or_else(dash)) }
            td.why data-label="Error" {
                @if let Some(error) = error(&attempt.error) { code { (error.code) } " " (shown::text(&error.message)) }
                @if attempt.stopped_at.is_some() {
                    span.muted { " stopped " (when::ago(attempt.stopped_at.as_deref(), visit.now)) }
                }
            }
        }
    }
}

fn written(visit: &Visit, task: &TaskResource, name: &str, lines: &List<LogResource>) -> Markup {
    let url = visit.to(&["jobs", &task.job, "tasks", name, "log"]);
    html! {
        section.value data-log {
            h2 { "Log " a.small href=(url) download { "Download" } }
            @if task.attempt > 0 { (log::form(visit, task.attempt)) }
            @if lines.items.is_empty() {
                p.muted data-nothing {
                    @if visit.get("find").is_some_and(|text| !text.is_empty()) { "No line has it." }
                    @else { "Nothing was written." }
                }
            } @else { (log::shown(&lines.items)) }
            (pages(visit, lines.next_cursor.as_deref()))
        }
    }
}
