//! Limits and fair queues: what runs and waits by key, and the settings of a key.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;
use warrener_engine::limit::Limit;
use warrener_shared::job::parse_duration;
use warrener_shared::shown;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::limits::{self, KeyDefinition, KeyResource, KeysWanted, LimitResource, written, written_key};
use super::super::parameter::QueryParameter;
use super::super::path::PathText;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::shape::List;
use super::action::go_to;
use super::encoding::percent;
use super::form::FormFields;
use super::frame::{Sheet, show};
use super::job::crumbs;
use super::list::{self, pages};
use super::visit::Visit;
use super::{badge, when};

/// Begin of the name under which a queue that is shared by keys is listed.
const QUEUE: &str = "queue:";
/// Pause that is offered.
const PAUSE: &str = "10m";

/// Key of a limit.
pub(super) const KEY: &QueryParameter = &QueryParameter {
    name: "key",
    about: "Key of the limit.",
    schema: || json!({ "type": "string" }),
    example: || json!("acme"),
};

pub(super) async fn list(State(app): State<Arc<App>>, visit: Visit) -> Result<Response, Problem> {
    app.read(move |app, snapshot| {
        let all = limits::all(app, snapshot)?;
        let queues: Vec<&String> = app.shared.limit_register.fair.keys().collect();
        let body = html! {
            h1 data-again="5" { "Limits" }
            @if all.is_empty() {
                p.empty { "There is none. " code { "warrener limit set NAME --concurrency 5" } " makes one." }
            } @else { (table(&visit, &all)) }
            @if !queues.is_empty() {
                h2 { "Queues that are shared by keys" }
                ul.plain {
                    @for queue in queues {
                        li { a href=(visit.to(&["limits", &format!("{QUEUE}{queue}")])) { (shown::line(queue)) } }
                    }
                }
            }
        };
        Ok(show(&visit, &Sheet { title: "Limits", place: "limits", body }))
    })
    .await
}

fn table(visit: &Visit, limits: &[LimitResource]) -> Markup {
    let columns = ["Limit", "Counts", "Key", "At once", "Rate", "Set by"];
    let code = |text: Option<&str>, without: &str| {
        html! { @if let Some(text) = text { code { (shown::line(text)) } } @else { span.muted { (without) } } }
    };
    list::table(
        &columns,
        &html! {
            @for one in limits {
                tr {
                    td.main data-label="Limit" { a href=(visit.to(&["limits", &one.name])) { (one.name) } }
                    td data-label="Counts" { (code(one.on.as_deref(), "tasks that name it")) }
                    td data-label="Key" { (code(one.key.as_deref(), "one for all")) }
                    td.number data-label="At once" {
                        @if let Some(most) = one.concurrency { (most) } @else { span.muted { "–" } }
                    }
                    td data-label="Rate" { (rate(one)) }
                    td data-label="Set by" { (if one.configured { "configuration" } else { "API" }) }
                }
            }
        },
    )
}

fn rate(one: &LimitResource) -> Markup {
    html! {
        @if let Some(rate) = &one.rate {
            (shown::line(rate))
            @if let Some(burst) = one.burst { span.muted { ", burst " (burst) } }
            @if let Some(cost) = &one.cost { " " code { (shown::line(cost)) } }
        } @else { span.muted { "–" } }
    }
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    visit: Visit,
    PathText(name): PathText<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = KeysWanted::of(&parameters)?;
    app.read(move |app, snapshot| {
        let keys = wanted.read(app, &name)?;
        let limit = limits::limit_or_queue(app, &name)?;
        let written = limits::all(app, snapshot)?.into_iter().find(|one| one.name == name);
        let body = html! {
            (crumbs(&[("Limits", visit.to(&["limits"]))], &name))
            h1 data-again="5" { (shown::line(&name)) }
            @if let Some(one) = &written { (facts(one)) }
            h2 { "Keys" }
            (list::search(&visit, &["limits", &name], "key:acme*"))
            @if keys.items.is_empty() {
                p.empty { "No key fits. One is there while something of it runs, waits or is set." }
            } @else { (key_table(&visit, &name, &limit, &keys)) }
            (pages(&visit, keys.next_cursor.as_deref()))
        };
        Ok(show(&visit, &Sheet { title: &name, place: "limits", body }))
    })
    .await
}

fn facts(one: &LimitResource) -> Markup {
    html! {
        dl.facts {
            div { dt { "Counts" } dd {
                @if let Some(on) = &one.on { code { (shown::line(on)) } } @else { "tasks that name it" }
            } }
            div { dt { "Key" } dd {
                @if let Some(key) = &one.key { code { (shown::line(key)) } } @else { "one for all" }
            } }
            @if let Some(most) = one.concurrency { div { dt { "At once" } dd { (most) } } }
            @if one.rate.is_some() { div { dt { "Rate" } dd { (rate(one)) } } }
            div { dt { "Set by" } dd { (if one.configured { "configuration" } else { "API" }) } }
        }
    }
}

fn key_table(visit: &Visit, name: &str, limit: &Limit, keys: &List<KeyResource>) -> Markup {
    let is_queue = name.starts_with(QUEUE);
    let columns: &[&str] = match is_queue {
        true => &["Key", "Waiting", "Weight", ""],
        false => &["Key", "Running", "Waiting", "Rate used", "Paused until", ""],
    };
    list::table(
        columns,
        &html! {
            @for key in &keys.items {
                tr {
                    td.main data-label="Key" {
                        (shown::line(&key.key))
                        @if key.paused_until.is_some() { " " (badge::state("paused")) }
                    }
                    @if !is_queue { td.number data-label="Running" { (running(limit, key)) } }
                    td.number data-label="Waiting" { (key.waiting) }
                    @if is_queue { td.number data-label="Weight" { (key.weight) } }
                    @else {
                        td.number data-label="Rate used" { (rate_used(limit, key)) }
                        td data-label="Paused" { (when::ago(key.paused_until.as_deref(), visit.now)) }
                    }
                    td data-label="" {
                        @if visit.may_operate_all() { a.button href=(url_of(visit, name, &key.key)) { "Change" } }
                    }
                }
            }
        },
    )
}

fn running(limit: &Limit, key: &KeyResource) -> Markup {
    html! {
        (key.running)
        @if let Some(most) = key.concurrency.or(limit.concurrency) { span.muted { " of " (most) } }
    }
}

fn rate_used(limit: &Limit, key: &KeyResource) -> Markup {
    html! {
        @if let Some(used) = key.rate_used {
            (used)
            @if let Some(rate) = limit.rate { span.muted { " of " (rate.burst) } }
        } @else { span.muted { "–" } }
    }
}

fn url_of(visit: &Visit, name: &str, key: &str) -> String {
    format!("{}?key={}", visit.to(&["limits", name, "key"]), percent(key))
}

pub(super) async fn key(
    State(app): State<Arc<App>>,
    visit: Visit,
    PathText(name): PathText<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let limit = limits::limit_or_queue(&app, &name)?;
    let key = KeyResource::read(&app, &written_key(&name, parameters.get("key").unwrap_or_default())?, &limit);
    let body = html! {
        (crumbs(&[("Limits", visit.to(&["limits"])), (&name, visit.to(&["limits", &name]))], &key.key))
        h1 {
            (shown::line(&key.key)) span.muted { " of " (shown::line(&name)) }
            @if key.paused_until.is_some() { " " (badge::state("paused")) }
        }
        dl.facts {
            @if !name.starts_with(QUEUE) { div { dt { "Running" } dd { (running(&limit, &key)) } } }
            div { dt { "Waiting" } dd { (key.waiting) } }
            @if key.rate_used.is_some() { div { dt { "Rate used" } dd { (rate_used(&limit, &key)) } } }
            @if key.paused_until.is_some() {
                div { dt { "Paused until" } dd { (when::at(key.paused_until.as_deref(), visit.now)) } }
            }
        }
        @if visit.may_operate_all() { (forms(&visit, &name, &limit, &key)) }
    };
    Ok(show(&visit, &Sheet { title: &name, place: "limits", body }))
}

/// Forms that change a key. Each sends what is to be done, the key, and what belongs to it.
fn forms(visit: &Visit, name: &str, limit: &Limit, key: &KeyResource) -> Markup {
    let form = |what: &str, inner: Markup| {
        html! {
            form.narrow method="post" action=(visit.to(&["limits", name, "key"])) {
                input type="hidden" name="do" value=(what);
                input type="hidden" name="key" value=(key.key);
                (inner)
            }
        }
    };
    let field = |id: &str, label: &str, value: String, usual: String| {
        html! {
            label for=(id) { (label) }
            input id=(id) name=(id) value=(value) placeholder=(usual) autocomplete="off" maxlength="30";
        }
    };
    let own = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
    html! {
        @if name.starts_with(QUEUE) {
            h2 { "Share" }
            (form("weight", html! {
                label for="weight" { "Weight, from 1 to 1000; what waits is shared by it at once" }
                input #weight name="weight" type="number" min="1" max="1000" required value=(key.weight);
                div.actions { button.first type="submit" { "Set" } }
            }))
        } @else {
            h2 { "Pause" }
            @if key.paused_until.is_some() {
                (form("resume", html! { div.actions { button.first type="submit" { "Resume" } } }))
            }
            (form("pause", html! {
                label for="for" { "Nothing of it goes out for (such as 30s, 10m, 1d)" }
                input #for name="for" value=(PAUSE) required autocomplete="off" maxlength="20";
                div.actions { button type="submit" { "Pause" } }
            }))
            h2 { "Settings of its own" }
            (form("settings", html! {
                @let most = (own(key.concurrency), own(limit.concurrency));
                (field("concurrency", "At once; empty for that of the limit", most.0, most.1))
                (field("rate", "Rate; empty for that of the limit", key.rate.clone().unwrap_or_default(),
                    limit.rate.map(written).unwrap_or_default()))
                div.actions { button type="submit" { "Set" } }
            }))
        }
    }
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    PathText(name): PathText<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let fields = FormFields::receive(&app, request).await?;
    let key = written_key(&name, fields.get("key"))?;
    let set: Box<dyn FnOnce(&mut KeyDefinition) + Send> = match fields.get("do") {
        "pause" => {
            let span = parse_duration(fields.get("for").trim()).map_err(|why| Problem::parameter("for", why))?;
            let until = (app.shared.now() + span).to_rfc3339();
            Box::new(|definition| definition.paused_until = Some(until))
        }
        "resume" => Box::new(|definition| definition.paused_until = None),
        "weight" => {
            let weight = number(&fields, "weight")?;
            Box::new(move |definition| definition.weight = weight)
        }
        "settings" => {
            let (concurrency, rate) = (number(&fields, "concurrency")?, fields.filled("rate").map(str::to_owned));
            Box::new(move |definition| (definition.concurrency, definition.rate) = (concurrency, rate))
        }
        _ => return Err(Problem::not_found("a key can be paused, resumed and set, nothing else".to_owned())),
    };
    limits::change_key(&app, &caller, &key, set).await?;
    Ok(go_to(&url_of(&visit, &name, key.key())))
}

/// Number of a field; `None` if it is left empty.
fn number(fields: &FormFields, name: &str) -> Result<Option<u32>, Problem> {
    let read = |text: &str| text.parse().map_err(|_| Problem::parameter(name, "not a number"));
    fields.filled(name).map(read).transpose()
}
