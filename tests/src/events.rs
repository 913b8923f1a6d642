//! The events of a job, read as a stranger would.

use std::collections::BTreeMap;

use serde_json::Value;

/// Everything that is wrong with the events of one job, in the order in which they came: gaps, tasks that ended twice,
/// a job that ended twice or not last.
pub fn faults(events: &[Value], tasks: usize) -> Vec<String> {
    let mut faults = Vec::new();
    for (place, event) in events.iter().enumerate() {
        if event["sequence"].as_u64() != u64::try_from(place + 1).ok() {
            faults.push(format!("event {} has the number {}", place + 1, event["sequence"]));
        }
    }
    let mut ends: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for event in events {
        let kind = event["type"].as_str().unwrap_or_default();
        if ENDS.contains(&kind.split_once('.').map_or(kind, |(_, state)| state)) {
            ends.entry(format!("{}.{}", event["task"], event["index"])).or_default().push(kind);
        }
    }
    let twice = ends.iter().filter(|(_, kinds)| kinds.len() != 1);
    faults.extend(twice.map(|(task, kinds)| format!("{task} ended more than once: {kinds:?}")));
    if ends.len() != tasks + 1 {
        faults.push(format!("{} of {tasks} tasks and the job ended", ends.len()));
    }
    match events.last().and_then(|event| event["type"].as_str()) {
        Some(last) if last.starts_with("job.") => {}
        last => faults.push(format!("the last event is {last:?}")),
    }
    faults
}

const ENDS: [&str; 5] = ["succeeded", "failed", "cancelled", "skipped", "timed_out"];
