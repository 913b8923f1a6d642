//! A job: its tasks, its events, its data.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::error::ErrorObject;
use warrener_shared::id::JobId;
use warrener_shared::shown;
use warrener_shared::state::TaskState;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::events::{self, EventResource};
use super::super::job::{self, JobResource};
use super::super::jobs::JobsWanted;
use super::super::path::JobPath;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::shape::{List, Raw};
use super::super::some_tasks::SomeTasks;
use super::super::task::TaskResource;
use super::super::tasks::TasksWanted;
use super::encoding::percent;
use super::frame::{Sheet, show};
use super::list::{self, pages};
use super::visit::Visit;
use super::{action, badge, columns, jobs, value, when, why};
use crate::access::Caller;
use crate::store::view::Snapshot;

/// Sub-jobs that are shown.
const SUB_JOBS: usize = 20;

/// The pages of a job, by the last part of their path.
const TABS: [(&str, &str); 5] =
    [("", "Tasks"), ("graph", "Graph"), ("timeline", "Timeline"), ("events", "Events"), ("data", "Input and output")];

pub(super) async fn tasks(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    JobPath(id): JobPath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let some = SomeTasks::of(&parameters)?;
    let wanted = if some.is_none() { Some(TasksWanted::of(&parameters)?) } else { None };
    app.read(move |app, snapshot| {
        let job = job::shown(app, snapshot, &id)?;
        let (list, mapped) = match (&some, wanted) {
            (Some(some), _) => some.read(app, snapshot, &id)?,
            (None, Some(wanted)) => (wanted.read(app, snapshot, &id)?, None),
            (None, None) => unreachable!("one of them is asked for"),
        };
        let held_up = why::held_up(app, snapshot, &id)?;
        let inside = sub_jobs(app, snapshot, &caller, &id)?;
        let body = html! {
            (why::told(&visit, &job, &held_up))
            (states(&visit, &job, mapped.as_ref()))
            (task_table(&visit, &job, &list))
            @if !inside.items.is_empty() {
                h2 { "Jobs that it started" }
                (jobs::table(&visit, &inside.items, columns::USUAL))
            }
        };
        Ok(show(&visit, &sheet(&visit, &job, "", body)))
    })
    .await
}

pub(super) async fn events(
    State(app): State<Arc<App>>,
    visit: Visit,
    JobPath(id): JobPath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let (limit, after) = (parameters.limit()?, events::after(&parameters)?);
    app.read(move |app, snapshot| {
        let job = job::shown(app, snapshot, &id)?;
        let list = events::read(snapshot, &id, after, limit)?;
        Ok(show(&visit, &sheet(&visit, &job, "events", event_table(&visit, &list))))
    })
    .await
}

pub(super) async fn data(State(app): State<Arc<App>>, visit: Visit, JobPath(id): JobPath) -> Result<Response, Problem> {
    app.read(move |app, snapshot| {
        let job = job::shown(app, snapshot, &id)?;
        let part = |title: &str, name: &str, raw: &Raw| {
            value::shown(title, raw, &visit.to(&["jobs", id.as_str(), "values", name]))
        };
        let body = html! {
            (part("Input", "input", &job.input))
            (part("Output", "output", &job.output))
            @if job.error.is_some() { (part("Error", "error", &job.error)) }
        };
        Ok(show(&visit, &sheet(&visit, &job, "data", body)))
    })
    .await
}

/// The sub-jobs of a job that exist for the caller, the newest first.
fn sub_jobs(app: &App, snapshot: &mut Snapshot<'_>, caller: &Caller, id: &JobId) -> Result<List<JobResource>, Problem> {
    JobsWanted::newest(caller, &format!("parent:\"{id}\""), SUB_JOBS)?.read(app, snapshot)
}

/// A page of a job: what it is and how it goes, above one of its tabs.
pub(super) fn sheet<'a>(visit: &Visit, job: &'a JobResource, tab: &str, inner: Markup) -> Sheet<'a> {
    let id = job.id.as_deref().unwrap_or_default();
    let title = job.name.as_deref().or(job.kind.as_deref()).unwrap_or(id);
    let body = html! {
        (crumbs(&[("Jobs", visit.to(&["jobs"]))], id))
        div.head data-stream=[stream(visit, job)] data-follow="page" data-again=[again(job)] {
            h1 { (shown::line(title)) " " (badge::job(job.state, job.paused, job.cancelling)) }
            (action::buttons_of_job(visit, job))
        }
        (failure(visit, job))
        (facts(visit, job))
        ul.tabs {
            @for (part, name) in TABS {
                @let url = if part.is_empty() { visit.to(&["jobs", id]) } else { visit.to(&["jobs", id, part]) };
                li { a href=(url) aria-current=[(part == tab).then_some("page")] { (name) } }
            }
        }
        (inner)
    };
    Sheet { title, place: "jobs", body }
}

/// The stream that tells of the changes of a job, until it is final.
fn stream(visit: &Visit, job: &JobResource) -> Option<String> {
    let id = job.id.as_deref().filter(|_| !job.state.is_final())?;
    Some(format!("{}?q={}", visit.to(&["api", "v1", "events"]), percent(&format!("id:\"{id}\""))))
}

/// Seconds after which a job is looked at again whatever happens: that a worker began with a task is no event.
fn again(job: &JobResource) -> Option<&'static str> {
    (!job.state.is_final() && job.tasks.0.get(TaskState::Dispatched) > 0).then_some("3")
}

/// The way down to a thing.
pub(super) fn crumbs(way: &[(&str, String)], here: &str) -> Markup {
    html! {
        nav.crumbs aria-label="Way here" {
            @for (name, url) in way { a href=(url) { (shown::line(name)) } " / " }
            code { (shown::line(here)) }
            button.copy type="button" data-copy=(here) hidden { "Copy" }
        }
    }
}

fn failure(visit: &Visit, job: &JobResource) -> Markup {
    let id = job.id.as_deref().unwrap_or_default();
    html! {
        @if let Some(error) = error(&job.error) {
            div.notice.bad {
                p {
                    code { (error.code) } " " (shown::text(&error.message))
                    @if let Some(task) = &error.task {
                        " – task " a href=(visit.to(&["jobs", id, "tasks", task])) { (shown::line(task)) }
                    }
                }
            }
        }
    }
}

fn facts(visit: &Visit, job: &JobResource) -> Markup {
    let ran = when::between(job.started_at.as_deref(), job.finished_at.as_deref(), visit.now);
    let optional = [("Scheduled for", &job.scheduled_at), ("Deadline", &job.deadline_at)];
    html! {
        dl.facts {
            div { dt { "Tasks" } dd { (badge::bar(job.tasks.0)) } }
            @if let Some(kind) = &job.kind { div { dt { "Kind" } dd { code { (shown::line(kind)) } } } }
            div { dt { "Created" } dd { (when::at(job.created_at.as_deref(), visit.now)) } }
            @for (name, time) in optional {
                @if time.is_some() { div { dt { (name) } dd { (when::at(time.as_deref(), visit.now)) } } }
            }
            @if job.started_at.is_some() {
                div { dt { "Started" } dd { (when::at(job.started_at.as_deref(), visit.now)) } }
            }
            @if job.finished_at.is_some() {
                div { dt { "Finished" } dd { (when::at(job.finished_at.as_deref(), visit.now)) } }
            }
            @if let Some(ran) = ran { div { dt { "Ran" } dd { (ran) } } }
            @if let Some(labels_json) = job.labels.as_deref().filter(|labels| labels.get() != "{}") {
                div { dt { "Labels" } dd { (badge::labels(visit, labels_json.get())) } }
            }
            @if let Some(parent) = &job.parent {
                @let task = address(&parent.task, parent.index);
                div { dt { "Started by" } dd {
                    a href=(visit.to(&["jobs", &parent.job])) { (shown::line(&parent.job)) } ", task "
                    a href=(visit.to(&["jobs", &parent.job, "tasks", &task])) { (task) }
                    ", attempt " (parent.attempt)
                } }
            }
        }
    }
}

/// Ways to the tasks in each state; of a mapped task to its items.
fn states(visit: &Visit, job: &JobResource, mapped: Option<&TaskResource>) -> Markup {
    let counts = mapped.map_or(Some(&job.tasks), |task| task.items.as_ref());
    let chosen = visit.get("state").unwrap_or("");
    let link = |state: &str, inner: Markup| {
        let url = visit.with(&[("state", state), ("cursor", ""), ("items", "")]);
        html! { li { a href=(url) aria-current=[(state == chosen).then_some("true")] { (inner) } } }
    };
    html! {
        @if let Some(task) = mapped {
            p.options {
                "Items of " a href=(visit.to(&["jobs", &task.job, "tasks", &task.task])) { (task.task) } ". "
                a href=(visit.to(&["jobs", &task.job])) { "All tasks" }
            }
        }
        ul.chips aria-label="States" {
            (link("", html! { "all" }))
            @for state in TaskState::ALL {
                @let count = counts.map_or(0, |counts| counts.0.get(*state));
                @if count > 0 || state.as_str() == chosen {
                    (link(state.as_str(), html! { (badge::state(state.as_str())) " " (count) }))
                }
            }
        }
    }
}

fn task_table(visit: &Visit, job: &JobResource, list: &List<TaskResource>) -> Markup {
    let id = job.id.as_deref().unwrap_or_default();
    let has_items = visit.get("items").is_some_and(|value| value != "false");
    let is_mapped = list.items.iter().any(|task| task.items.is_some());
    html! {
        @if list.items.is_empty() { p.empty { "There is none." } }
        @if (is_mapped || has_items) && visit.get("state").is_none() {
            p.options {
                @if has_items { a href=(visit.with(&[("items", ""), ("cursor", "")])) { "Hide items of mapped tasks" } }
                @else { a href=(visit.with(&[("items", "true"), ("cursor", "")])) { "Show items of mapped tasks" } }
            }
        }
        (list::table(&["State", "Task", "Kind", "Attempt", "Ran", "Why"], &html! {
            @for task in &list.items { (task_row(visit, id, task)) }
        }))
        (pages(visit, list.next_cursor.as_deref()))
    }
}

fn task_row(visit: &Visit, id: &str, task: &TaskResource) -> Markup {
    let name = task.address();
    let ran = when::between(task.started_at.as_deref(), task.finished_at.as_deref(), visit.now);
    html! {
        tr {
            td data-label="State" { (badge::state(shown_state(task))) }
            td.main data-label="Task" {
                a href=(visit.to(&["jobs", id, "tasks", &name])) { (name) }
                @if let Some(items) = &task.items {
                    @let url = format!("{}?task={}", visit.to(&["jobs", id]), percent(&task.task));
                    " " a.plain href=(url) { (badge::bar(items.0)) span.visually-hidden { " items" } }
                }
            }
            td data-label="Kind" { code { (shown::line(&task.kind)) } }
            td data-label="Attempt" {
                (attempt_of(task))
                @if let Some(round) = task.round.filter(|_| task.attempt > 0) { ", round " (round) }
            }
            td data-label="Ran" { (ran.unwrap_or_else(|| "–".to_owned())) }
            td.why data-label="Why" { (excuse(task)) }
        }
    }
}

/// The latest attempt, and of how many; after a retry by hand there may be more than were planned.
pub(super) fn attempt_of(task: &TaskResource) -> String {
    match task.attempt {
        0 => "–".to_owned(),
        attempt if attempt > task.max_attempts => attempt.to_string(),
        attempt => format!("{attempt} of {}", task.max_attempts),
    }
}

/// The word for the state of a task; one that a worker was seen at runs.
pub(super) fn shown_state(task: &TaskResource) -> &'static str {
    if task.state == TaskState::Dispatched && task.started_at.is_some() { "running" } else { task.state.as_str() }
}

/// Reason why a task does not run, or what went wrong with it.
fn excuse(task: &TaskResource) -> Markup {
    html! {
        @if let Some(reason) = &task.reason { (shown::text(reason)) }
        @else if let Some(error) = error(&task.error) { code { (error.code) } " " (shown::text(&error.message)) }
    }
}

/// An error object, read.
pub(super) fn error(raw: &Raw) -> Option<ErrorObject> {
    ErrorObject::from_json(raw.as_deref()?.get().as_bytes())
}

/// The address of a task or item.
pub(super) fn address(task: &str, index: Option<u32>) -> String {
    index.map_or_else(|| task.to_owned(), |index| format!("{task}.{index}"))
}

fn event_table(visit: &Visit, list: &List<EventResource>) -> Markup {
    html! {
        @if list.items.is_empty() { p.empty { "Nothing happened yet." } }
        table.list {
            thead { tr {
                th scope="col" { "No." } th scope="col" { "Time" } th scope="col" { "Event" }
                th scope="col" { "Task" } th scope="col" { "Error" }
            } }
            tbody { @for event in &list.items {
                tr {
                    td data-label="No." { (event.sequence) }
                    td data-label="Time" { (when::at(Some(&event.time), visit.now)) }
                    td data-label="Event" { (badge::state(&event.state)) " " span.muted { (event.kind) } }
                    td data-label="Task" {
                        @if let Some(task) = &event.task { (address(task, event.index)) }
                        @if let Some(attempt) = event.attempt { span.muted { " attempt " (attempt) } }
                    }
                    td.why data-label="Error" {
                        @if let Some(error) = error(&event.error) {
                            code { (error.code) } " " (shown::text(&error.message))
                        }
                    }
                }
            } }
        }
        (pages(visit, list.next_cursor.as_deref()))
    }
}
