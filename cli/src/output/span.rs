//! Times as people tell them.

use warrener_shared::time::{Millis, Timestamp};

/// Age of a time, in its largest unit: `5s`, `12m`, `3h`, `9d`. Empty for none.
pub(crate) fn age(time: Option<&str>, now: Timestamp) -> String {
    read(time).map(|time| in_largest_unit(now.since(time))).unwrap_or_default()
}

/// The span between two times, the second being now if it is not known: `250ms`, `4.2s`, `12m3s`. Empty
/// without a start.
pub(crate) fn between(start: Option<&str>, end: Option<&str>, now: Timestamp) -> String {
    let Some(start) = read(start) else { return String::new() };
    let span = read(end).unwrap_or(now).since(start);
    match span.0 {
        0..1000 => format!("{}ms", span.0),
        1000..60_000 => format!("{:.1}s", span.to_std().as_secs_f64()),
        _ => Millis::from_secs(span.0 / 1000).to_string(),
    }
}

fn in_largest_unit(span: Millis) -> String {
    let seconds = span.0 / 1000;
    let (size, unit) = match seconds {
        0..60 => (1, "s"),
        60..3600 => (60, "m"),
        3600..86_400 => (3600, "h"),
        _ => (86_400, "d"),
    };
    format!("{}{unit}", seconds / size)
}

fn read(time: Option<&str>) -> Option<Timestamp> {
    time.and_then(Timestamp::parse_rfc3339)
}
