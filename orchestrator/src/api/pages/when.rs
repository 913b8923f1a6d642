//! Times and spans for people.

use maud::{Markup, html};
use warrener_shared::time::Timestamp;

/// A time as it is seen from now, with the time itself for whoever asks. Nothing is a dash.
pub(super) fn ago(time: Option<&str>, now: Timestamp) -> Markup {
    let Some(text) = time else { return html! { span.muted { "–" } } };
    let Some(at) = Timestamp::parse_rfc3339(text) else { return html! { (text) } };
    html! { time datetime=(text) title=(text) data-ago { (distance(at, now)) } }
}

/// A time as it is written, and how long ago that was.
pub(super) fn at(time: Option<&str>, now: Timestamp) -> Markup {
    let Some(text) = time else { return html! { span.muted { "–" } } };
    let Some(at) = Timestamp::parse_rfc3339(text) else { return html! { (text) } };
    // Whole seconds are enough to read; the rest is there for whoever asks.
    let shown = format!("{}Z", text.get(..19).unwrap_or(text).replacen('T', " ", 1));
    html! { time datetime=(text) title=(text) { (shown) } " " span.muted { "(" (distance(at, now)) ")" } }
}

/// Span between two times, or up to now while the second has not come.
pub(super) fn between(from: Option<&str>, to: Option<&str>, now: Timestamp) -> Option<String> {
    let from = Timestamp::parse_rfc3339(from?)?;
    let to = match to {
        Some(to) => Timestamp::parse_rfc3339(to)?,
        None => now,
    };
    Some(span(to.since(from).0))
}

/// Distance of a time from now, in words.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    let passed = now.0.saturating_sub(at.0);
    match passed {
        0..1_000 => "now".to_owned(),
        1_000.. => format!("{} ago", rough(passed)),
        _ => format!("in {}", rough(passed.saturating_neg())),
    }
}

/// Span in one unit, rounded down: as much as one reads at a glance.
fn rough(ms: i64) -> String {
    let s = ms / 1_000;
    match s {
        ..60 => format!("{s} s"),
        60..3_600 => format!("{} min", s / 60),
        3_600..172_800 => format!("{} h", s / 3_600),
        _ => format!("{} d", s / 86_400),
    }
}

/// A span in two units at most.
pub(super) fn span(ms: u64) -> String {
    let s = ms / 1_000;
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", s, ms % 1_000 / 100),
        60_000..3_600_000 => two(s / 60, "min", s % 60, "s"),
        3_600_000..86_400_000 => two(s / 3_600, "h", s / 60 % 60, "min"),
        _ => two(s / 86_400, "d", s / 3_600 % 24, "h"),
    }
}

fn two(large: u64, unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {small_unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_units_that_matter() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_250, "1.2 s"),
            (59_999, "59.9 s"),
            (60_000, "1 min"),
            (61_000, "1 min 1 s"),
            (3_660_000, "1 h 1 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(span(ms), text);
        }
    }

    #[test]
    fn times_are_seen_from_now() {
        let now = Timestamp(1_000_000_000);
        for (passed, text) in [
            (0, "now"),
            (999, "now"),
            (-1, "in 0 s"),
            (61_000, "1 min ago"),
            (-7_200_000, "in 2 h"),
            (172_800_000, "2 d ago"),
        ] {
            assert_eq!(distance(Timestamp(now.0 - passed), now), text);
        }
        assert!(!distance(Timestamp(i64::MIN), Timestamp(i64::MAX)).is_empty());
    }
}
