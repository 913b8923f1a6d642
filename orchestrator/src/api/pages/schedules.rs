//! Schedules: when each ticks next, what became of its ticks, and the ways to steer it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;
use warrener_shared::id::ScheduleName;
use warrener_shared::schedule::{DstMark, Moments, Plan, ScheduleSpec, Tick};
use warrener_shared::shown;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::path::{PathText, SchedulePath, no_schedule};
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::schedule_resource::{ScheduleResource, TickResource};
use super::super::schedules::{self, TicksWanted};
use super::super::shape::List;
use super::action::{self, Verb, buttons, go_to, plain};
use super::encoding::percent;
use super::frame::{Sheet, show};
use super::job::crumbs;
use super::list::{self, pages};
use super::tree::tree;
use super::visit::Visit;
use super::{badge, when};
use crate::access::Scope;
use crate::driver::Precondition;

/// Ticks to come that are shown.
const NEXT: usize = 5;
/// Ticks to come among which those that daylight saving time touches are looked for: more than a year of daily ones.
const LOOKED: usize = 370;

const VERBS: [Verb; 3] = [plain("pause", "Pause"), plain("resume", "Resume"), plain("trigger", "Run now")];

pub(super) async fn list(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let limit = parameters.limit()?;
    let after = parameters.get("cursor").unwrap_or_default().to_owned();
    app.read(move |app, snapshot| {
        let list = schedules::read_page(app, &caller, snapshot, after, limit)?;
        let body = html! {
            h1 data-again="10" { "Schedules" }
            @if list.items.is_empty() {
                p.empty { "There is none. " code { "warrener schedule apply FILE" } " makes one." }
            } @else { (table(&visit, &list.items)) }
            (pages(&visit, list.next_cursor.as_deref()))
        };
        Ok(show(&visit, &Sheet { title: "Schedules", place: "schedules", body }))
    })
    .await
}

fn table(visit: &Visit, schedules: &[ScheduleResource]) -> Markup {
    let columns = ["Schedule", "When", "Next", "Last tick", "Running", "Queued", "Failures in a row", ""];
    list::table(&columns, &html! { @for one in schedules { (row(visit, one)) } })
}

fn row(visit: &Visit, one: &ScheduleResource) -> Markup {
    html! {
        tr {
            td.main data-label="Schedule" {
                a href=(visit.to(&["schedules", &one.name])) { (one.name) }
                @if one.paused { " " (badge::state("paused")) }
            }
            td data-label="When" { (rhythm(one)) }
            td data-label="Next" { (when::ago(one.next_at.as_deref(), visit.now)) }
            td data-label="Last tick" { (when::ago(one.last_tick.as_deref(), visit.now)) }
            td.number data-label="Running" { (one.running) }
            td.number data-label="Queued" { (one.queued) }
            td.number data-label="Failures" {
                @if one.failures_in_a_row > 0 { strong.bad { (one.failures_in_a_row) } } @else { "0" }
            }
            td data-label="" { (steering(visit, one, &["pause", "resume"])) }
        }
    }
}

/// Buttons of a schedule, as far as they are named here and its state allows them.
fn steering(visit: &Visit, one: &ScheduleResource, words: &[&str]) -> Markup {
    let is_offered = |word: &str| match word {
        "pause" => !one.paused,
        "resume" => one.paused,
        _ => true,
    };
    let verbs = VERBS.iter().filter(|verb| words.contains(&verb.word) && is_offered(verb.word));
    buttons(visit, verbs, |word| visit.to(&["schedules", &one.name, "do", word]))
}

/// Words of its document on when it ticks.
fn rhythm(one: &ScheduleResource) -> Markup {
    let field = |name: &str| one.document.get(name).and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let words = |value: Value| match value {
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join("; ")
        }
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let zone = field("zone").map(words);
    html! {
        @if let Some(cron) = field("cron") { code { (shown::line(&words(cron))) } }
        @else if let Some(every) = field("every") { "every " (shown::line(&words(every))) }
        @else if let Some(at) = field("at") { "at " (shown::line(&words(at))) }
        @if let Some(zone) = zone { " " span.muted { (shown::line(&zone)) } }
    }
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    SchedulePath(name): SchedulePath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = TicksWanted::of(&parameters)?;
    app.read(move |app, snapshot| {
        let (row, spec) = schedules::find(app, &caller, snapshot, &name)?;
        let ticks = wanted.read(snapshot, &row, &spec)?;
        let open = snapshot.open_ticks(row.no)?;
        let document = row.body.clone();
        let one = ScheduleResource::new(open, row, Ok(&spec));
        let body = html! {
            (head(&visit, &one))
            (facts(&visit, &one, &spec))
            (to_come(&visit, &one, &spec))
            h2 { "Ticks that were decided" }
            (history(&visit, &ticks))
            section.value { h2 { "Its document" } (tree(&document)) }
        };
        Ok(show(&visit, &Sheet { title: name.as_str(), place: "schedules", body }))
    })
    .await
}

fn head(visit: &Visit, one: &ScheduleResource) -> Markup {
    html! {
        (crumbs(&[("Schedules", visit.to(&["schedules"]))], &one.name))
        div.head {
            h1 { (one.name) @if one.paused { " " (badge::state("paused")) } }
            div.actions {
                (steering(visit, one, &["pause", "resume", "trigger"]))
                @if visit.may(Scope::Operate) && one.backfill.is_none() {
                    a.button href=(visit.to(&["schedules", &one.name, "backfill"])) { "Backfill" }
                }
            }
        }
        @if let Some(why) = &one.paused_by { div.notice.bad { p { "Paused by itself: " (shown::text(why)) } } }
        @if let Some(work) = &one.backfill {
            div.notice {
                p {
                    "A backfill from " (when::at(Some(&work.from), visit.now)) " to "
                    (when::at(Some(&work.to), visit.now)) " is at work: " (work.started) " started, looked at up to "
                    (when::at(Some(&work.done_upto), visit.now)) "."
                }
            }
        }
    }
}

fn facts(visit: &Visit, one: &ScheduleResource, spec: &ScheduleSpec) -> Markup {
    let jobs = format!("{}?q={}", visit.to(&["jobs"]), percent(&format!("label.schedule:{}", one.name)));
    html! {
        @if let Some(text) = &spec.description { p { (shown::text(text)) } }
        dl.facts {
            div { dt { "When" } dd { (rhythm(one)) } }
            div { dt { "Next" } dd { (when::at(one.next_at.as_deref(), visit.now)) } }
            div { dt { "Last tick" } dd { (when::at(one.last_tick.as_deref(), visit.now)) } }
            div { dt { "Last success" } dd { (when::at(one.last_success.as_deref(), visit.now)) } }
            div { dt { "Jobs" } dd { a href=(jobs) { (one.running) " running, " (one.queued) " queued" } } }
            div { dt { "Failures in a row" } dd { (one.failures_in_a_row) } }
            div { dt { "Changed" } dd { (when::at(one.updated_at.as_deref(), visit.now)) } }
            div { dt { "Zones" } dd { "database " (one.zones) } }
        }
    }
}

/// The next ticks, each by the clocks of its zone, and what these do to them.
fn to_come(visit: &Visit, one: &ScheduleResource, spec: &ScheduleSpec) -> Markup {
    let looks_on = matches!(spec.plan.moments, Moments::Cron(_)) && spec.plan.zone.name() != "UTC";
    let ticks = spec.plan.to_come(visit.now, one.ticks, if looks_on { LOOKED } else { NEXT }).found;
    let shown = &ticks[..ticks.len().min(NEXT)];
    let touched = ticks.get(NEXT..).and_then(|later| later.iter().find(|tick| tick.dst.is_some()));
    html! {
        h2 { "Next" }
        @if one.paused { p.muted { "Nothing of these starts until it is resumed." } }
        @if shown.is_empty() { p.empty { "It never ticks again." } }
        @else {
            (list::table(&["Tick", "By its clocks", "Daylight saving time"], &html! {
                @for tick in shown { (tick_to_come(visit, &spec.plan, tick)) }
                @if let Some(tick) = touched { (tick_to_come(visit, &spec.plan, tick)) }
            }))
        }
        @for warning in &spec.warnings { div.notice { p { (shown::text(&warning.detail)) } } }
    }
}

fn tick_to_come(visit: &Visit, plan: &Plan, tick: &Tick) -> Markup {
    html! {
        tr {
            td.main data-label="Tick" { (when::at(Some(&tick.at.to_rfc3339()), visit.now)) }
            td data-label="By clocks" { (plan.zone.local(tick.at)) }
            td.why data-label="DST" {
                @match tick.dst {
                    None => span.muted { "–" },
                    Some(DstMark::Gap) => "gap: the clocks skip its time, so it is the first moment after",
                    Some(DstMark::Fold) => "fold: the clocks show this time twice",
                }
            }
        }
    }
}

fn history(visit: &Visit, ticks: &List<TickResource>) -> Markup {
    html! {
        @if ticks.items.is_empty() { p.empty { "None yet." } }
        @else {
            (list::table(&["Outcome", "Tick", "Job", "Decided", "Reason"], &html! {
                @for tick in &ticks.items { (tick_row(visit, tick)) }
            }))
        }
        (pages(visit, ticks.next_cursor.as_deref()))
    }
}

fn tick_row(visit: &Visit, tick: &TickResource) -> Markup {
    html! {
        tr {
            td data-label="Outcome" { (badge::state(tick.outcome)) }
            td.main data-label="Tick" {
                (when::at(Some(&tick.tick), visit.now))
                @if tick.run > 1 { " " span.muted { "run " (tick.run) } }
            }
            td data-label="Job" {
                @if let Some(job) = &tick.job { a href=(visit.to(&["jobs", job])) { (shown::line(job)) } }
            }
            td data-label="Decided" { (when::ago(Some(&tick.decided_at), visit.now)) }
            td.why data-label="Reason" { (shown::text(tick.reason.as_deref().unwrap_or_default())) }
        }
    }
}

pub(super) async fn steer(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    PathText((name, word)): PathText<(String, String)>,
) -> Result<Response, Problem> {
    let name = ScheduleName::new(&name).map_err(|_| no_schedule(&name))?;
    match action::find(&VERBS, &word)?.word {
        "trigger" => {
            let id = schedules::start_now(&app, &caller, &name).await?;
            Ok(go_to(&visit.to(&["jobs", id.as_str()])))
        }
        word => {
            schedules::steer(&app, &caller, &name, word == "pause", Precondition::None).await?;
            Ok(go_to(&visit.to(&["schedules", name.as_str()])))
        }
    }
}
