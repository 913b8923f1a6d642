//! States, told by shape as well as by colour; how many of each; and labels.

use maud::{Markup, html};
use warrener_engine::row::Counts;
use warrener_shared::shown;
use warrener_shared::state::{JobState, TaskState};

use super::encoding::percent;
use super::visit::Visit;

/// The mark of a state, by its word.
pub(super) fn mark(state: &str) -> &'static str {
    match state {
        "succeeded" | "done" => "✓",
        "failed" | "refused" | "missed_window" => "✗",
        "cancelled" => "⊘",
        "timed_out" => "⊗",
        "skipped" | "skipped_overlap" | "skipped_excluded" => "»",
        "running" | "dispatched" | "started" => "▶",
        "retrying" => "↻",
        "scheduled" => "◷",
        "ready" | "queued" => "◎",
        "paused" | "missed_paused" => "‖",
        "lost" => "?",
        _ => "○",
    }
}

/// The mark of a state alone, with its word for whoever asks.
pub(super) fn mark_of(word: &str) -> Markup {
    html! {
        span class={ "state " (word) } title=(word.replace('_', " ")) {
            span.mark aria-hidden="true" { (mark(word)) }
            span.visually-hidden { (word.replace('_', " ")) }
        }
    }
}

/// A state by its word.
pub(super) fn state(word: &str) -> Markup {
    html! {
        span class={ "state " (word) } { span.mark aria-hidden="true" { (mark(word)) } (word.replace('_', " ")) }
    }
}

/// A job's state with what stands beside it.
pub(super) fn job(of: JobState, paused: bool, cancelling: bool) -> Markup {
    html! {
        (state(of.as_str()))
        @if paused && !of.is_final() { " " (state("paused")) }
        @if cancelling { " " span class="state cancelled" { "cancelling" } }
    }
}

/// A bar in which each state has its share, and the same in words.
pub(super) fn bar(counts: Counts) -> Markup {
    let total: u64 = TaskState::ALL.iter().map(|state| u64::from(counts.get(*state))).sum();
    let count = |state: TaskState| u64::from(counts.get(state));
    let ended: u64 = TaskState::ALL.iter().filter(|state| state.is_final()).map(|state| count(*state)).sum();
    let parts = shares(counts, total);
    let words: Vec<String> = TaskState::ALL
        .iter()
        .filter(|state| count(**state) > 0)
        .map(|state| format!("{} {}", count(*state), state.as_str().replace('_', " ")))
        .collect();
    html! {
        span.tally title=(words.join(", ")) {
            svg.bar viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
                @for (word, x, width) in &parts { rect class=(word) x=(x) y="0" width=(width) height="8" {} }
            }
            span.count { (ended) "/" (total) }
            span.visually-hidden { (words.join(", ")) }
        }
    }
}

/// Word, beginning and width of each part of a bar of 100.
fn shares(counts: Counts, total: u64) -> Vec<(&'static str, String, String)> {
    let mut parts = Vec::new();
    let mut before = 0;
    for state in ORDER {
        let count = u64::from(counts.get(state));
        if count > 0 {
            let share = |n: u64| format!("{:.2}", n as f64 * 100.0 / total as f64);
            parts.push((state.as_str(), share(before), share(count)));
            before += count;
        }
    }
    parts
}

/// From what is over to what has not begun.
const ORDER: [TaskState; 9] = [
    TaskState::Succeeded,
    TaskState::Skipped,
    TaskState::Failed,
    TaskState::TimedOut,
    TaskState::Cancelled,
    TaskState::Dispatched,
    TaskState::Retrying,
    TaskState::Ready,
    TaskState::Waiting,
];

/// Labels, each leading to the jobs that have it too.
pub(super) fn labels(visit: &Visit, json: &str) -> Markup {
    let labels: std::collections::BTreeMap<String, String> = serde_json::from_str(json).unwrap_or_default();
    html! {
        span.labels {
            @for (name, value) in &labels {
                @let term = format!("label.{name}:\"{}\"", value.replace('"', "*"));
                @let url = format!("{}?q={}", visit.to(&["jobs"]), percent(&term));
                a.label href=(url) { (shown::line(name)) "=" (shown::line(value)) }
            }
        }
    }
}
