//! The list of jobs.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::shown;
use warrener_shared::state::JobState;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::job::JobResource;
use super::super::jobs::JobsWanted;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::shape::List;
use super::badge;
use super::columns::{self, COLUMNS, JobColumn};
use super::encoding::percent;
use super::frame::{Sheet, show};
use super::list::{self, pages};
use super::visit::Visit;
use crate::access::Scope;
use crate::store::view::{JobOrder, Snapshot};

/// Sizes of a page that are offered.
const SIZES: [usize; 4] = [25, 50, 100, 500];
/// Value of the parameter `sort` for the other order than the usual one.
const OLDEST: &str = "oldest";
/// Queues and kinds that are offered while somebody types.
const OFFERED: usize = 200;

/// Actions on jobs, with the text of each.
pub(super) const ACTIONS: [(&str, &str); 5] =
    [("retry", "Retry"), ("cancel", "Cancel"), ("pause", "Pause"), ("resume", "Resume"), ("delete", "Delete")];

pub(super) async fn list(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
) -> Result<Response, Problem> {
    // A form sends a field that is left empty too.
    let wanted = JobsWanted::of(&caller, &parameters)?;
    let (limit, columns) = (parameters.limit()?, columns::chosen(&visit)?);
    app.read(move |app, snapshot| {
        let list = wanted.read(app, snapshot)?;
        let offered = offered(app, snapshot)?;
        Ok(show(
            &visit,
            &Sheet {
                title: "Jobs",
                place: "jobs",
                body: body(&visit, &list, &columns, limit, search(&visit, &offered, limit, wanted.order)),
            },
        ))
    })
    .await
}

/// Terms of a filter that can be known beforehand.
fn offered(app: &App, snapshot: &Snapshot<'_>) -> Result<Vec<String>, Problem> {
    let states = JobState::ALL.iter().map(|state| format!("state:{state}"));
    let queues = snapshot.queues()?.into_iter().map(|queue| format!("queue:{}", queue.name));
    let mut kinds: Vec<String> = app.shared.workers.all().into_iter().flat_map(|seen| seen.heartbeat.kinds).collect();
    kinds.sort();
    kinds.dedup();
    let kinds = kinds.into_iter().map(|kind| format!("kind:{kind}"));
    let keys = ["name:", "id:", "label.", "created:<1h", "created:>1d", "parent:none"].map(str::to_owned);
    Ok(states.chain(keys).chain(queues.take(OFFERED)).chain(kinds.take(OFFERED)).collect())
}

fn body(visit: &Visit, list: &List<JobResource>, columns: &[JobColumn], limit: usize, search: Markup) -> Markup {
    let filter = visit.get("q").unwrap_or("");
    html! {
        h1 { "Jobs" }
        (search)
        (states(visit, filter))
        (links(visit, filter))
        @if visit.get("cursor").is_none() && visit.get("sort") != Some(OLDEST) {
            div data-stream=(stream(visit, filter)) data-follow="pill" {
                button.pill type="button" data-pill hidden aria-live="polite" {}
            }
        }
        @if list.items.is_empty() {
            p.empty {
                @if filter.is_empty() { "There is no job yet." }
                @else if list.next_cursor.is_some() { "No job fits this filter among those that were looked at." }
                @else { "No job fits this filter." }
            }
        } @else {
            (columns::choice(visit, columns))
            (picked(visit))
            (table_of(visit, &list.items, columns, visit.may(Scope::Operate)))
        }
        @if list.items.len() < limit && list.next_cursor.is_some() {
            p.muted { "The list stops here so that it answers at once. What else fits is on the next pages." }
        }
        (pages(visit, list.next_cursor.as_deref()))
    }
}

/// Links to act on all jobs that a filter finds, for those who may.
fn links(visit: &Visit, filter: &str) -> Markup {
    html! {
        @if visit.may(Scope::Operate) && !filter.trim().is_empty() {
            p.options {
                span.muted { "All jobs that fit: " }
                @for (word, text) in ACTIONS {
                    @let query = format!("?action={word}&q={}", percent(filter));
                    a href=(format!("{}{query}", visit.to(&["bulk", "new"]))) { (text) } " "
                }
            }
        }
    }
}

/// The stream that tells of jobs which belong on the list: new ones, or those that come into the state that is shown.
fn stream(visit: &Visit, filter: &str) -> String {
    let (states, others): (Vec<&str>, Vec<&str>) =
        filter.split_whitespace().partition(|term| term.starts_with("state:"));
    let types: Vec<String> = match states.first().and_then(|term| term.strip_prefix("state:")) {
        Some(states) => states.split(',').map(|state| format!("job.{state}")).collect(),
        None => vec!["job.scheduled".to_owned(), "job.running".to_owned()],
    };
    let filter = format!("type:{} {}", types.join(","), others.join(" "));
    format!("{}?q={}", visit.to(&["api", "v1", "events"]), percent(filter.trim()))
}

fn search(visit: &Visit, offered: &[String], limit: usize, order: JobOrder) -> Markup {
    let filter = visit.get("q").unwrap_or("");
    html! {
        form.search method="get" action=(visit.to(&["jobs"])) role="search" {
            label for="q" { "Filter" }
            input #q name="q" type="search" value=(filter) autocomplete="off" spellcheck="false" list="terms"
                placeholder="state:failed kind:ml.* label.team:growth created:<1h" maxlength="2000" data-terms;
            datalist #terms { @for term in offered { option value=(shown::line(term)) {} } }
            label.visually-hidden for="limit" { "Jobs on a page" }
            select #limit name="limit" {
                @for size in SIZES.into_iter().chain((!SIZES.contains(&limit)).then_some(limit)) {
                    option value=(size) selected[size == limit] { (size) }
                }
            }
            label.visually-hidden for="sort" { "Order" }
            select #sort name="sort" {
                option value="newest" selected[order == JobOrder::Newest] { "newest first" }
                option value=(OLDEST) selected[order == JobOrder::Oldest] { "oldest first" }
            }
            @if let Some(columns) = visit.get(COLUMNS) { input type="hidden" name=(COLUMNS) value=(columns); }
            button type="submit" { "Show" }
        }
    }
}

/// Links to the jobs of each state.
fn states(visit: &Visit, filter: &str) -> Markup {
    let others: Vec<&str> = filter.split_whitespace().filter(|term| !term.starts_with("state:")).collect();
    let others = others.join(" ");
    let link = |term: &str, inner: Markup, is_on: bool| {
        let filter = format!("{term} {others}");
        let url = visit.with(&[("q", filter.trim()), ("cursor", "")]);
        html! { li { a href=(url) aria-current=[is_on.then_some("true")] { (inner) } } }
    };
    let now = filter.split_whitespace().find(|term| term.starts_with("state:"));
    html! {
        ul.chips aria-label="States" {
            (link("", html! { "all" }, now.is_none()))
            @for state in JobState::ALL {
                @let term = format!("state:{state}");
                (link(&term, badge::state(state.as_str()), now == Some(&term)))
            }
        }
    }
}

/// Buttons for the jobs that are marked, which a script shows as soon as one is.
fn picked(visit: &Visit) -> Markup {
    html! {
        @if visit.may(Scope::Operate) {
            div.actions.picked data-picked=(visit.to(&["bulk", "new"])) role="group" aria-label="Marked jobs" hidden {
                span data-count aria-live="polite" {}
                @for (word, text) in ACTIONS { button type="button" data-bulk=(word) { (text) } }
            }
        }
    }
}

/// A table of jobs with these columns beside their state and name.
pub(super) fn table(visit: &Visit, jobs: &[JobResource], columns: &[JobColumn]) -> Markup {
    table_of(visit, jobs, columns, false)
}

/// The same, with rows that can be marked if `can_pick`.
fn table_of(visit: &Visit, jobs: &[JobResource], columns: &[JobColumn], can_pick: bool) -> Markup {
    let headings = ["State", "Job"].into_iter().chain(columns.iter().map(|column| columns::heading(*column)));
    let headings: Vec<&str> = headings.collect();
    let all = html! {
        @if can_pick {
            th.pick data-pick hidden { input type="checkbox" data-pick-all aria-label="Mark all on this page"; }
        }
    };
    html! {
        (list::table_after(&all, &headings, &html! {
            @for job in jobs { (row(visit, job, columns, can_pick)) }
        }))
    }
}

fn row(visit: &Visit, job: &JobResource, columns: &[JobColumn], can_pick: bool) -> Markup {
    let id = job.id.as_deref().unwrap_or_default();
    let title = job.name.as_deref().or(job.kind.as_deref());
    html! {
        tr {
            @if can_pick {
                td.pick data-label="Mark" data-pick hidden {
                    input type="checkbox" value=(id) autocomplete="off" aria-label=(format!("Mark {id}"));
                }
            }
            td data-label="State" { (badge::job(job.state, job.paused, job.cancelling)) }
            td.main data-label="Job" {
                a href=(visit.to(&["jobs", id])) {
                    @if let Some(title) = title { (shown::line(title)) } @else { (id) }
                }
                @if title.is_some() { " " code.id { (id) } }
            }
            @for column in columns { (columns::cell(visit, job, *column)) }
        }
    }
}
