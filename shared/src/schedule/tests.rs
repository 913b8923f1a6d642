//! What a schedule may be, and when it ticks.

mod golden;
mod render;
mod schema;
mod sound;
mod unsound;

use super::{ScheduleSpec, parse};
use crate::limits::Limits;
use crate::time::Timestamp;

/// A schedule with these fields beside name and job.
fn schedule(fields: &str) -> ScheduleSpec {
    let text = format!(r#"{{"name": "s", "job": {{"kind": "demo.echo"}}, {fields}}}"#);
    parse(text.as_bytes(), &Limits::DEFAULT).unwrap_or_else(|problems| panic!("{fields}: {problems:#?}"))
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap_or_else(|| panic!("{text} is a moment"))
}

/// The ticks after a moment, as text.
fn ticks(spec: &ScheduleSpec, after: &str, most: usize) -> Vec<String> {
    let next = |tick: &Timestamp| spec.plan.next(*tick);
    let all = std::iter::successors(spec.plan.next(at(after)), next).take(most);
    all.map(|tick| tick.to_rfc3339().replace(".000Z", "Z")).collect()
}
