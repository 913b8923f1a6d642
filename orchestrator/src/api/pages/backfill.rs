//! Backfill of a schedule: which ticks of the past it would start, and the way to start them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;
use warrener_engine::schedule::Backfill;
use warrener_shared::shown;
use warrener_shared::time::Timestamp;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::backfill::{BackfillForecast, BackfillWish};
use super::super::parameter::QueryParameter;
use super::super::path::SchedulePath;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::schedules;
use super::action::go_to;
use super::form::FormFields;
use super::frame::{Sheet, show_as};
use super::job::crumbs;
use super::visit::Visit;

/// Span that is offered: the last day.
const DAY_MS: i64 = 86_400_000;

const fn text(name: &'static str, about: &'static str) -> QueryParameter {
    QueryParameter { name, about, schema: || json!({ "type": "string" }), example: || json!("") }
}

const FROM: QueryParameter = text("from", "First moment of the span.");
const TO: QueryParameter = text("to", "Last moment of the span.");
const OVERLAP: QueryParameter = text("overlap", "`queue` or `allow`.");
const RATE: QueryParameter = text("rate", "Starts in a span of time.");
const AGAIN: QueryParameter = text("again", "Ticks that were started, too.");

/// Fields of the form.
pub(super) const FIELDS: &[&QueryParameter] = &[&FROM, &TO, &OVERLAP, &RATE, &AGAIN];

/// The wish that the fields of a form make.
fn wish<'a>(field: impl Fn(&str) -> &'a str) -> Result<Backfill, String> {
    let optional = |name: &str| Some(field(name).trim()).filter(|value| !value.is_empty());
    let document = json!({
        "from": field("from").trim(),
        "to": field("to").trim(),
        "overlap": optional("overlap"),
        "rate": optional("rate"),
        "again": optional("again").is_some(),
    });
    BackfillWish::read(document.to_string().as_bytes()).map(|(work, _)| work)
}

/// The form; once a span is given, with what it would start.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    SchedulePath(name): SchedulePath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = parameters.get("from").map(|_| wish(|field| parameters.get(field).unwrap_or_default()));
    app.read(move |app, snapshot| {
        schedules::find(app, &caller, snapshot, &name)?;
        let (status, verdict) = match wanted {
            None => (StatusCode::OK, html! {}),
            Some(Err(why)) => {
                let notice = html! { div.notice.bad role="alert" { p { (shown::text(&why)) } } };
                (StatusCode::BAD_REQUEST, notice)
            }
            Some(Ok(work)) => {
                let forecast = schedules::forecast(app, &caller, snapshot, &name, &work)?;
                (StatusCode::OK, question(&visit, name.as_str(), &forecast))
            }
        };
        let body = html! {
            (crumbs(&[
                ("Schedules", visit.to(&["schedules"])),
                (name.as_str(), visit.to(&["schedules", name.as_str()])),
            ], "backfill"))
            h1 { "Backfill " code { (name) } }
            p { "Starts jobs of past ticks that were not started: missed, skipped, refused, or before its time." }
            (form(&visit))
            (verdict)
        };
        Ok(show_as(status, &visit, &Sheet { title: "Backfill", place: "schedules", body }))
    })
    .await
}

fn form(visit: &Visit) -> Markup {
    let day_ago = Timestamp(visit.now.0 - DAY_MS).to_rfc3339();
    let now = visit.now.to_rfc3339();
    let value = |name: &str, usual: &str| visit.get(name).unwrap_or(usual).to_owned();
    html! {
        form.narrow method="get" {
            label for="from" { "From (UTC)" }
            input #from name="from" value=(value("from", &day_ago)) required maxlength="40" autocomplete="off";
            label for="to" { "To (UTC)" }
            input #to name="to" value=(value("to", &now)) required maxlength="40" autocomplete="off";
            label for="overlap" { "Jobs of this backfill" }
            select #overlap name="overlap" {
                option value="queue" { "run one after another" }
                option value="allow" selected[visit.get("overlap") == Some("allow")] { "may run side by side" }
            }
            label for="rate" { "Most at a time (such as 10/s or 5/m; empty for no bound)" }
            input #rate name="rate" value=(value("rate", "")) maxlength="20" autocomplete="off";
            label.choice {
                input type="checkbox" name="again" value="true" checked[visit.get("again").is_some()];
                " those that were started, once more"
            }
            div.actions { button.first type="submit" { "What would it start?" } }
        }
    }
}

/// Ticks that would be started, and the button that starts them.
fn question(visit: &Visit, name: &str, forecast: &BackfillForecast) -> Markup {
    let kept = |field: &str| visit.get(field).filter(|value| !value.is_empty()).map(str::to_owned);
    html! {
        section.value {
            @let ticks = if forecast.matched == 1 { "tick" } else { "ticks" };
            h2 { (forecast.matched) " " (ticks) " would be started" }
            @if forecast.matched == 0 { p.muted { "There is none in this span that was not started." } }
            @else {
                ul.plain {
                    @for tick in &forecast.sample { li { time datetime=(tick) { (tick) } } }
                    @if forecast.matched > forecast.sample.len() {
                        li.muted { "and " (forecast.matched - forecast.sample.len()) " more" }
                    }
                }
                form.actions method="post" action=(visit.to(&["schedules", name, "backfill"])) {
                    @for field in FIELDS {
                        @if let Some(value) = kept(field.name) { input type="hidden" name=(field.name) value=(value); }
                    }
                    button.danger type="submit" { "Start them" }
                    a.button href=(visit.to(&["schedules", name])) { "No, go back" }
                }
            }
        }
    }
}

pub(super) async fn begin(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    SchedulePath(name): SchedulePath,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let fields = FormFields::receive(&app, request).await?;
    let work = wish(|field| fields.get(field)).map_err(Problem::body)?;
    schedules::fill_back(&app, &caller, &name, work).await?;
    Ok(go_to(&visit.to(&["schedules", name.as_str()])))
}
