//! Bulk operations: what would be met, how far one is, and the way to stop it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;
use warrener_shared::shown;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::bulk::{self, BulkForecast, BulkResource, Started, Wished};
use super::super::parameter::QueryParameter;
use super::super::path::BulkPath;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::action::go_to;
use super::dead::LETTER_ACTIONS;
use super::encoding::percent;
use super::form::FormFields;
use super::frame::{Sheet, show};
use super::job::crumbs;
use super::jobs::ACTIONS;
use super::list::{self, pages};
use super::visit::Visit;
use super::{badge, when};
use crate::access::{Caller, Scope};

/// Refusals that are shown.
const ERRORS: usize = 100;

/// Action that is wished for.
pub(super) const ACTION: &QueryParameter = &QueryParameter {
    name: "action",
    about: "Action on each job or dead letter that fits.",
    schema: || json!({ "type": "string" }),
    example: || json!("retry"),
};

/// Things that an action is about: dead letters, or jobs.
struct About {
    target: &'static str,
    /// Words for one of them, and for several.
    words: [&'static str; 2],
    /// First part of the paths of their pages.
    place: &'static str,
    /// Actions on them, with the text of each.
    actions: &'static [(&'static str, &'static str)],
}

const JOBS: About = About { target: "jobs", words: ["job", "jobs"], place: "jobs", actions: &ACTIONS };
const LETTERS: About =
    About { target: "dead", words: ["dead letter", "dead letters"], place: "dead", actions: &LETTER_ACTIONS };

impl About {
    fn of(action: &str) -> &'static Self {
        if LETTERS.actions.iter().any(|(word, _)| *word == action) { &LETTERS } else { &JOBS }
    }
}

fn wished(action: &str, filter: &str, rate: &str, reason: &str, dry_run: bool) -> Result<Wished, Problem> {
    let optional = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let document = json!({
        "action": action,
        "filter": filter,
        "target": About::of(action).target,
        "rate": optional(rate),
        "reason": optional(reason),
        "dry_run": dry_run,
    });
    serde_json::from_value(document).map_err(|_| Problem::parameter("action", "there is no such action"))
}

/// Asks before everything that fits is acted on, with how much that is now.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let (action, filter) = (parameters.get("action").unwrap_or_default(), parameters.get("q").unwrap_or_default());
    let wish = wished(action, filter, "", "", true)?;
    let Started::Looked(preview) = bulk::start(&app, &caller, wish).await? else {
        return Err(Problem::internal("a dry run began something"));
    };
    let body = question(&visit, action, filter, &preview);
    Ok(show(&visit, &Sheet { title: "Bulk operation", place: "bulk", body }))
}

fn question(visit: &Visit, action: &str, filter: &str, preview: &BulkForecast) -> Markup {
    let about = About::of(action);
    let text = about.actions.iter().find(|(word, _)| *word == action).map_or(action, |(_, text)| *text);
    html! {
        h1 { (text) " " (preview.matched) " " (about.words[usize::from(preview.matched != 1)]) "?" }
        p { "Those that fit " code { (shown::line(filter)) } " now. Each is looked at again in its turn." }
        ul.chips aria-label="States" {
            @for (state, count) in &preview.by { li { (badge::state(state)) " " strong { (count) } } }
        }
        @if !preview.sample.is_empty() {
            p.muted { "Such as " @for id in &preview.sample { a href=(visit.to(&[about.place, id])) { (id) } " " } }
        }
        form.narrow method="post" action=(visit.to(&["bulk", "new"])) {
            input type="hidden" name="action" value=(action);
            input type="hidden" name="filter" value=(filter);
            label for="rate" { "Most at a time (such as 100/s; empty for as fast as others allow)" }
            input #rate name="rate" autocomplete="off" maxlength="20";
            label for="reason" { "Reason, for the audit" }
            input #reason name="reason" autocomplete="off" maxlength="500";
            div.actions {
                button.danger type="submit" disabled[preview.matched == 0] { (text) " them" }
                @let back = match about.place {
                    "jobs" => format!("{}?q={}", visit.to(&["jobs"]), percent(filter)),
                    place => visit.to(&[place]),
                };
                a.button href=(back) { "No, go back" }
            }
        }
    }
}

pub(super) async fn begin(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let fields = FormFields::receive(&app, request).await?;
    let field = |name| fields.get(name);
    let wish = wished(field("action"), field("filter"), field("rate"), field("reason"), false)?;
    match bulk::start(&app, &caller, wish).await? {
        Started::Begun(no) => Ok(go_to(&visit.to(&["bulk", &no.to_string()]))),
        Started::Looked(_) => Err(Problem::internal("nothing was begun")),
    }
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let (limit, before) = (parameters.limit()?, bulk::before(&parameters)?);
    app.read(move |_, snapshot| {
        let list = bulk::read(snapshot, &caller, before, limit)?;
        let body = html! {
            h1 data-again="10" { "Bulk operations" }
            @if list.items.is_empty() {
                p.empty { "There is none. The list of jobs, once it is filtered, offers to act on all that fit." }
            } @else { (table(&visit, &list.items)) }
            (pages(&visit, list.next_cursor.as_deref()))
        };
        Ok(show(&visit, &Sheet { title: "Bulk operations", place: "bulk", body }))
    })
    .await
}

fn table(visit: &Visit, operations: &[BulkResource]) -> Markup {
    html! {
        (list::table(&["State", "Operation", "Filter", "Done", "By", "Began"], &html! {
            @for one in operations {
                    tr {
                        td data-label="State" { (badge::state(one.state)) }
                        td.main data-label="Operation" {
                            a href=(visit.to(&["bulk", &one.id])) { (one.action) " " (one.target) }
                        }
                        td.why data-label="Filter" { code { (shown::line(&one.filter)) } }
                        td.number data-label="Done" { (one.done) "/" (one.matched) }
                        td data-label="By" { (shown::line(&one.by)) }
                        td data-label="Began" { (when::ago(one.created_at.as_deref(), visit.now)) }
                    }
                }
        }))
    }
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    BulkPath(no): BulkPath,
) -> Result<Response, Problem> {
    let caller: Arc<Caller> = caller;
    app.read(move |_, snapshot| {
        let one = bulk::resource(snapshot, no, &caller)?;
        Ok(show(&visit, &Sheet { title: "Bulk operation", place: "bulk", body: body(&visit, &one) }))
    })
    .await
}

fn body(visit: &Visit, one: &BulkResource) -> Markup {
    let passed = one.done + one.skipped + one.failed;
    let is_running = one.finished_at.is_none();
    html! {
        (crumbs(&[("Bulk operations", visit.to(&["bulk"]))], &one.id))
        div.head data-again=[is_running.then_some("2")] {
            h1 { (one.action) " " (one.target) " " (badge::state(one.state)) }
            @if is_running && visit.may(Scope::Operate) {
                div.actions {
                    form method="post" action=(visit.to(&["bulk", &one.id, "cancel"])) {
                        button type="submit" { "Stop it" }
                    }
                }
            }
        }
        p {
            progress max=(one.matched.max(1)) value=(passed) aria-label="Members that had their turn" {}
            " " (passed) " of " (one.matched)
        }
        dl.facts {
            div { dt { "Filter" } dd { code { (shown::line(&one.filter)) } } }
            div { dt { "Done" } dd { (one.done) } }
            div { dt { "Skipped, since they no longer fit" } dd { (one.skipped) } }
            div { dt { "Refused" } dd { (one.failed) } }
            div { dt { "By" } dd { (shown::line(&one.by)) } }
            @if let Some(rate) = &one.rate { div { dt { "Rate" } dd { (shown::line(rate)) } } }
            @if let Some(reason) = &one.reason { div { dt { "Reason" } dd { (shown::text(reason)) } } }
            div { dt { "Began" } dd { (when::at(one.created_at.as_deref(), visit.now)) } }
            @if !is_running { div { dt { "Over" } dd { (when::at(one.finished_at.as_deref(), visit.now)) } } }
        }
        @if !one.errors.is_empty() {
            h2 { "Refusals" }
            ul {
                @for error in one.errors.iter().take(ERRORS) {
                    li { (shown::line(&error.id)) ": " code { (error.code) } " " (shown::text(&error.detail)) }
                }
            }
        }
    }
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    BulkPath(no): BulkPath,
) -> Result<Response, Problem> {
    bulk::stop(&app, &caller, no).await?;
    Ok(go_to(&visit.to(&["bulk", &no.to_string()])))
}
