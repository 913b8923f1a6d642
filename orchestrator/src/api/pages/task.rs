//! A task or an item, with its attempts and what they wrote.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::shown;

use super::super::app::App;
use super::super::job;
use super::super::logs::{self, LogResource};
use super::super::path::TaskPath;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::shape::{List, Raw};
use super::super::task::{AttemptResource, TaskDetail, TaskResource};
use super::frame::{Sheet, show};
use super::job::{attempt_of, crumbs, error, shown_state};
use super::list::pages;
use super::visit::Visit;
use super::{action, answer, badge, log, value, when};
use crate::rows::message;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    visit: Visit,
    TaskPath(id, address): TaskPath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let (limit, after) = (parameters.limit()?, logs::after(&parameters)?);
    app.read(move |app, snapshot| {
        let detail = TaskDetail::read(app, snapshot, &id, &address)?;
        let lines = logs::read(app, snapshot, &id, &address, after, limit)?;
        let entry = job::entry(app, snapshot, &id)?;
        let is_open = !entry.row.state.is_final();
        let row = message::find(snapshot, &entry, &address)?;
        let name = address.to_string();
        let part = |title: &str, part: &str, raw: &Raw| {
            value::shown(title, raw, &visit.to(&["jobs", id.as_str(), "tasks", &name, "values", part]))
        };
        let task = &detail.task;
        let body = html! {
            (head(&visit, task, &name, is_open, lines.items.last()))
            @if let Some(row) = &row { (answer::form(&visit, row, &id, &name)) }
            (facts(&visit, task))
            (attempts(&visit, &detail.attempts))
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

/// The stream that tells what a task writes from a piece on, until it is final.
fn stream(visit: &Visit, task: &TaskResource, name: &str, last: Option<&LogResource>) -> Option<String> {
    let url = visit.to(&["api", "v1", "tasks", &task.job, name, "logs"]);
    let cursor = last.map_or_else(String::new, |piece| format!("&cursor={}.{}", piece.attempt, piece.no));
    (!task.state.is_final()).then(|| format!("{url}?follow=true{cursor}"))
}

fn head(visit: &Visit, task: &TaskResource, name: &str, is_open: bool, last: Option<&LogResource>) -> Markup {
    let job = task.job.as_str();
    let way = [("Jobs", visit.to(&["jobs"])), (job, visit.to(&["jobs", job]))];
    html! {
        (crumbs(&way, name))
        div.head data-stream=[stream(visit, task, name, last)] data-follow="log" {
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
                    a href=(format!("{}?items=true", visit.to(&["jobs", &task.job]))) { "show them" }
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

/// All attempts, the newest first.
fn attempts(visit: &Visit, attempts: &[AttemptResource]) -> Markup {
    html! {
        @if !attempts.is_empty() {
            h2 { "Attempts" }
            table.list {
                thead { tr {
                    th scope="col" { "Attempt" } th scope="col" { "Outcome" } th scope="col" { "Worker" }
                    th scope="col" { "Dispatched" } th scope="col" { "Waited" } th scope="col" { "Ran" }
                    th scope="col" { "Error" }
                } }
                tbody { @for attempt in attempts.iter().rev() { (attempt_row(visit, attempt)) } }
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
        section.value {
            h2 { "Log" @if !lines.items.is_empty() { " " a.small href=(url) download { "Download" } } }
            @if lines.items.is_empty() { p.muted { "Nothing was written." } }
            @else { (log::shown(&lines.items)) (pages(visit, lines.next_cursor.as_deref())) }
        }
    }
}
