//! The first page: how everything goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::shown;
use warrener_shared::state::JobState;
use warrener_shared::time::{Millis, Timestamp};

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::problem::Problem;
use super::super::queues::{self, QueueResource};
use super::super::workers;
use super::encoding::percent;
use super::frame::{Sheet, show};
use super::visit::Visit;
use super::{badge, when};
use crate::store::view::JobMark;
use crate::store::view::filter::Filter;

/// Jobs that are looked at: the newest, whatever their number by the minute.
const LOOKS: usize = 20_000;
/// Time that is looked back at.
const DAY: u64 = 24 * 3_600;
/// Bars of a chart.
const BARS: usize = 60;
/// Kinds that fail, and queues that wait, of which so many are named.
const NAMED: usize = 8;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
) -> Result<Response, Problem> {
    let only = caller.only.as_deref().cloned().unwrap_or_default();
    app.read(move |app, snapshot| {
        let since = Timestamp(visit.now.0 - i64::try_from(Millis::from_secs(DAY).0).unwrap_or(i64::MAX));
        let jobs = snapshot.newest_jobs(&only, since, LOOKS, visit.now)?;
        let open = if only == Filter::default() { Some(snapshot.open_jobs()?) } else { None };
        let body = html! {
            h1 { "Overview" }
            (health(app))
            (states(&visit, &jobs, open))
            (charts(&jobs, visit.now))
            div.columns {
                (waiting(&visit, &queues::resources(app, snapshot)?))
                (failing(&visit, &jobs))
                (slots(&visit, app))
            }
        };
        Ok(show(&visit, &Sheet { title: "Overview", place: "overview", body }))
    })
    .await
}

/// The checks of readiness, and what a person should look at.
fn health(app: &App) -> Markup {
    let report = app.shared.health.report();
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
fn states(visit: &Visit, jobs: &[JobMark], open: Option<Vec<(JobState, u64)>>) -> Markup {
    let recent = |state: JobState| jobs.iter().filter(|job| job.state == state).count() as u64;
    let count = |state: JobState| match &open {
        Some(open) if !state.is_final() => open.iter().find(|(one, _)| *one == state).map_or(0, |(_, count)| *count),
        _ => recent(state),
    };
    let is_cut = jobs.len() == LOOKS;
    html! {
        ul.tiles {
            @for state in JobState::ALL {
                @let url = format!("{}?q=state:{state}", visit.to(&["jobs"]));
                li { a.tile href=(url) {
                    (badge::state(state.as_str()))
                    strong { (count(*state)) @if is_cut && state.is_final() { "+" } }
                } }
            }
        }
        p.muted {
            @if is_cut { "What has ended, and all below: of the newest " (LOOKS) " jobs." }
            @else { "What has ended, and all below: of the jobs of the last 24 hours." }
        }
    }
}

/// Ended jobs over time, and how long they waited and ran.
fn charts(jobs: &[JobMark], now: Timestamp) -> Markup {
    let ended: Vec<(i64, bool)> =
        jobs.iter().filter_map(|job| Some((job.finished_at?.0, job.state == JobState::Succeeded))).collect();
    let first = jobs.iter().map(|job| job.created_at.0).min().unwrap_or(now.0);
    // Whole minutes, as many to a bar as show all that there is.
    let minutes = ((now.0 - first) / 60_000 / i64::try_from(BARS).unwrap_or(1) + 1).clamp(1, 24);
    let width = minutes * 60_000;
    let mut bars = vec![(0u32, 0u32); BARS];
    for (at, is_good) in ended {
        let back = usize::try_from((now.0 - at).max(0) / width).unwrap_or(BARS);
        if let Some(bar) = BARS.checked_sub(back + 1).and_then(|at| bars.get_mut(at)) {
            if is_good { bar.0 += 1 } else { bar.1 += 1 }
        }
    }
    let waits =
        jobs.iter().filter_map(|job| Some((job.started_at?.0 - job.scheduled_at.unwrap_or(job.created_at).0).max(0)));
    let runs = jobs.iter().filter_map(|job| Some((job.finished_at?.0 - job.started_at?.0).max(0)));
    html! {
        div.columns {
            section.panel.wide {
                h2 { "Ended jobs" span.muted { " a bar is " (when::span(width.unsigned_abs())) } }
                (bar_chart(&bars, now, width))
            }
            section.panel {
                h2 { "Times" }
                dl.facts.tight { (quantiles("From due to begun", waits)) (quantiles("From begun to ended", runs)) }
            }
        }
    }
}

fn quantiles(name: &str, spans: impl Iterator<Item = i64>) -> Markup {
    let mut spans: Vec<i64> = spans.collect();
    spans.sort_unstable();
    let at = |share: usize| {
        let place = (spans.len() * share / 100).min(spans.len().saturating_sub(1));
        spans.get(place).map_or_else(|| "–".to_owned(), |span| when::span(span.unsigned_abs()))
    };
    html! {
        div { dt { (name) } dd { "p50 " strong { (at(50)) } ", p95 " strong { (at(95)) } } }
    }
}

/// Bars of what went well with what did not upon it, and the same in words.
fn bar_chart(bars: &[(u32, u32)], now: Timestamp, width: i64) -> Markup {
    const HEIGHT: f64 = 100.0;
    let most = bars.iter().map(|(good, bad)| good + bad).max().unwrap_or(0).max(1);
    let tall = |count: u32| f64::from(count) * HEIGHT / f64::from(most);
    let (good, bad) = bars.iter().fold((0, 0), |all, bar| (all.0 + bar.0, all.1 + bar.1));
    let words = format!("{good} succeeded and {bad} did not, at most {most} in one bar");
    html! {
        svg.chart viewBox=(format!("0 0 {} {HEIGHT}", bars.len() * 10)) preserveAspectRatio="none" role="img"
            aria-label=(words) {
            @for (at, (good, bad)) in bars.iter().enumerate() {
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
    let mut queues: Vec<&QueueResource> = queues.iter().filter(|queue| queue.ready > 0 || queue.paused).collect();
    queues.sort_by(|one, other| one.oldest_ready_at.cmp(&other.oldest_ready_at));
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

/// Kinds or names of jobs that failed, the most first.
fn failing(visit: &Visit, jobs: &[JobMark]) -> Markup {
    let mut kinds: BTreeMap<(&str, &str), (u32, u32)> = BTreeMap::new();
    for job in jobs.iter().filter(|job| job.state.is_final()) {
        let key = match (&job.kind, &job.name) {
            (Some(kind), _) => ("kind", kind.as_str()),
            (None, Some(name)) => ("name", name.as_str()),
            _ => continue,
        };
        let counts = kinds.entry(key).or_default();
        counts.1 += 1;
        counts.0 += u32::from(matches!(job.state, JobState::Failed | JobState::TimedOut));
    }
    let mut kinds: Vec<_> = kinds.into_iter().filter(|(_, (bad, _))| *bad > 0).collect();
    kinds.sort_by_key(|(_, (bad, _))| std::cmp::Reverse(*bad));
    html! {
        section.panel {
            h2 { "What fails" }
            @if kinds.is_empty() { p.muted { "Nothing failed." } }
            ul.plain {
                @for ((key, text), (bad, all)) in kinds.iter().take(NAMED) {
                    @let term = format!("state:failed,timed_out {key}:\"{}\"", text.replace('"', "*"));
                    @let url = format!("{}?q={}", visit.to(&["jobs"]), percent(&term));
                    li { a href=(url) { (shown::line(text)) } " " (bad) span.muted { " of " (all) } }
                }
            }
        }
    }
}

fn slots(visit: &Visit, app: &App) -> Markup {
    let workers = workers::resources(app);
    let (used, slots) = workers.iter().fold((0, 0), |all, one| (all.0 + one.running, all.1 + one.slots as usize));
    html! {
        section.panel {
            h2 { a href=(visit.to(&["workers"])) { "Workers" } }
            p { strong { (workers.len()) } " workers, " strong { (used) } " of " strong { (slots) } " slots in use" }
        }
    }
}
