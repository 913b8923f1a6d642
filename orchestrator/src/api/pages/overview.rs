//! The first page: how everything goes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::shown;
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::health::Readiness;
use super::super::overview::{EndedBar, FailingKind, FailingTask, LOOKS, OverviewResource, Quantiles, WorkerTotal};
use super::super::problem::Problem;
use super::super::queues::QueueResource;
use super::super::workers;
use super::encoding::percent;
use super::frame::{Sheet, show};
use super::visit::Visit;
use super::{badge, when};

/// Queues that wait, of which so many are named.
const NAMED: usize = 8;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
) -> Result<Response, Problem> {
    let numbers = OverviewResource::lately(&app, &caller).await?;
    let body = html! {
        h1 data-again="5" { "Overview" }
        (health(&numbers.health))
        @for note in workers::wandering(&workers::resources(&app)) { div.notice { (shown::text(&note)) } }
        (states(&visit, &numbers))
        (charts(&numbers, visit.now))
        div.columns {
            (waiting(&visit, &numbers.queues))
            (failing(&visit, &numbers.failing, &numbers.failing_tasks))
            (slots(&visit, &numbers.workers))
        }
    };
    Ok(show(&visit, &Sheet { title: "Overview", place: "overview", body }))
}

/// The checks of readiness, and what a person should look at.
fn health(report: &Readiness) -> Markup {
    html! {
        ul.chips aria-label="Health" {
            @for check in &report.checks {
                li.check.bad[!check.ready] {
                    span aria-hidden="true" { (if check.ready { "✓" } else { "✗" }) } " " (check.name)
                    @if let Some(reason) = &check.reason { ": " (shown::line(reason)) }
                }
            }
        }
        @for note in &report.notes { div.notice { (shown::text(note)) } }
    }
}

/// Counts of jobs by state, each leading to them.
fn states(visit: &Visit, numbers: &OverviewResource) -> Markup {
    html! {
        ul.tiles {
            @for state in JobState::ALL {
                @let url = format!("{}?q=state:{state}", visit.to(&["jobs"]));
                @let count = numbers.jobs.get(state.as_str()).copied().unwrap_or_default();
                li { a.tile href=(url) {
                    (badge::state(state.as_str()))
                    strong { (count) @if numbers.cut && state.is_final() { "+" } }
                } }
            }
        }
        p.muted {
            @if numbers.cut { "What has ended, and all below: of the " (LOOKS) " jobs that ended last." }
            @else { "What has ended, and all below: of the jobs that ended in the last 24 hours." }
        }
    }
}

/// Ended jobs over time, and how long they waited and ran.
fn charts(numbers: &OverviewResource, now: Timestamp) -> Markup {
    html! {
        div.columns {
            section.panel.wide {
                h2 { "Ended jobs" span.muted { " a bar is " (when::span(numbers.bar_seconds * 1_000)) } }
                (bar_chart(&numbers.ended, now, numbers.bar_seconds))
            }
            section.panel {
                h2 { "Times" }
                dl.facts.tight {
                    (quantiles("From due to begun", &numbers.waited))
                    (quantiles("From begun to ended", &numbers.ran))
                }
            }
        }
    }
}

fn quantiles(name: &str, of: &Quantiles) -> Markup {
    let words = |span: Option<u64>| span.map_or_else(|| "–".to_owned(), when::span);
    html! {
        div { dt { (name) } dd { "p50 " strong { (words(of.p50_ms)) } ", p95 " strong { (words(of.p95_ms)) } } }
    }
}

/// Bars of what went well with what did not upon it, and the same in words.
fn bar_chart(bars: &[EndedBar], now: Timestamp, seconds: u64) -> Markup {
    const HEIGHT: f64 = 100.0;
    let width = i64::try_from(seconds * 1_000).unwrap_or(i64::MAX);
    let most = bars.iter().map(|bar| bar.succeeded + bar.failed).max().unwrap_or(0).max(1);
    let tall = |count: u32| f64::from(count) * HEIGHT / f64::from(most);
    let (good, bad) = bars.iter().fold((0, 0), |all, bar| (all.0 + bar.succeeded, all.1 + bar.failed));
    let words = format!("{good} succeeded and {bad} did not, at most {most} in one bar");
    html! {
        svg.chart viewBox=(format!("0 0 {} {HEIGHT}", bars.len() * 10)) preserveAspectRatio="none" role="img"
            aria-label=(words) {
            @for (at, EndedBar { succeeded: good, failed: bad }) in bars.iter().enumerate() {
                @let begin = Timestamp(now.0 - width * i64::try_from(bars.len() - at).unwrap_or(0));
                g {
                    title { (begin.to_rfc3339()) ": " (good) " succeeded, " (bad) " did not" }
                    rect.back x=(at * 10) y="0" width="9" height=(HEIGHT) {}
                    rect.succeeded x=(at * 10) y=(format!("{:.1}", HEIGHT - tall(*good))) width="9"
                        height=(format!("{:.1}", tall(*good))) {}
                    rect.failed x=(at * 10) y=(format!("{:.1}", HEIGHT - tall(*good) - tall(*bad))) width="9"
                        height=(format!("{:.1}", tall(*bad))) {}
                }
            }
        }
        p.muted { (words) "." }
    }
}

/// Queues in which something waits, the longest first.
fn waiting(visit: &Visit, queues: &[QueueResource]) -> Markup {
    html! {
        section.panel {
            h2 { a href=(visit.to(&["queues"])) { "Queues that wait" } }
            @if queues.is_empty() { p.muted { "Nothing waits for a worker." } }
            ul.plain {
                @for queue in queues.iter().take(NAMED) {
                    li {
                        strong { (queue.name) } " " (queue.ready) " ready"
                        @if queue.paused { " " (badge::state("paused")) }
                        @if queue.workers == 0 { " " span.bad { "no worker" } }
                        @if queue.oldest_ready_at.is_some() {
                            span.muted { ", since " (when::ago(queue.oldest_ready_at.as_deref(), visit.now)) }
                        }
                    }
                }
            }
        }
    }
}

/// Kinds or names of jobs that failed, the most first, and of the tasks for which graphs did.
fn failing(visit: &Visit, kinds: &[FailingKind], tasks: &[FailingTask]) -> Markup {
    html! {
        section.panel {
            h2 { "What fails" }
            @if kinds.is_empty() { p.muted { "Nothing failed." } }
            ul.plain {
                @for one in kinds {
                    @let (term, text) = failing_term(one);
                    @let url = format!("{}?q={}", visit.to(&["jobs"]), percent(&term));
                    li { a href=(url) { (shown::line(&text)) } " " (one.failed) span.muted { " of " (one.ended) } }
                }
            }
            @if !tasks.is_empty() {
                h3 { "Tasks for which graphs failed" }
                ul.plain {
                    @for one in tasks {
                        @let url = visit.to(&["jobs", &one.job, "tasks", &one.task]);
                        li {
                            code { (shown::line(&one.kind)) } " " (one.failed) ", latest "
                            a href=(url) { (one.task) }
                        }
                    }
                }
            }
        }
    }
}

/// Filter that finds the jobs of a kind or name that failed, and the words for them.
fn failing_term(one: &FailingKind) -> (String, String) {
    let (key, text) = match (&one.kind, &one.name) {
        (Some(kind), _) => ("kind", kind),
        (None, Some(name)) => ("name", name),
        (None, None) => {
            return ("state:failed,timed_out -kind:* -name:*".to_owned(), "graphs without a name".to_owned());
        }
    };
    (format!("state:failed,timed_out {key}:\"{}\"", text.replace('"', "\"*\"")), text.clone())
}

fn slots(visit: &Visit, all: &WorkerTotal) -> Markup {
    html! {
        section.panel {
            h2 { a href=(visit.to(&["workers"])) { "Workers" } }
            p {
                strong { (all.workers) } " workers, " strong { (all.running) } " of " strong { (all.slots) }
                " slots in use"
            }
        }
    }
}
