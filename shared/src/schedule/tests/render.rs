//! The job of a tick.

use crate::id::ScheduleName;
use crate::job::SubmitContext;
use crate::limits::Limits;
use crate::schedule::{ScheduleSpec, TickScope, parse};

fn rendered(spec: &ScheduleSpec, run: u32) -> (String, String) {
    let tick = super::at("2026-11-30T02:00:00Z");
    let scope =
        TickScope { name: &spec.name, tick, local: spec.plan.zone.local(tick), number: 7, last_success: None, run };
    let (id, job) = spec.job.render(&scope, &Limits::DEFAULT).expect("it renders");
    let job = String::from_utf8(job).expect("it is text");
    crate::job::parse(job.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT).expect("it is a sound job");
    (id.to_string(), job)
}

#[test]
fn the_input_knows_the_tick_and_the_rest_stays_as_it_came() {
    let text = r#"{"name": "nightly", "cron": "0 3 * * *", "zone": "Europe/Berlin", "job": {"labels": {"team": "x"},
        "input": {"day": "${{ schedule.local }}", "text": "run ${{ schedule.number }}", "before": "${{ schedule.last_success }}",
                  "big": 1e400}, "tasks": {"a": {"kind": "b", "input": "${{ input.day }}"}}}}"#;
    let spec = parse(text.as_bytes(), &Limits::DEFAULT).expect("it is sound");
    let (id, job) = rendered(&spec, 1);
    assert_eq!(id, "nightly:20261130T020000Z");
    for part in [
        r#""id":"nightly:20261130T020000Z""#,
        r#""day": "2026-11-30T03:00:00+01:00""#,
        r#""text": "run 7""#,
        r#""before": null"#,
        r#""big": 1e400"#,
        r#"{"a": {"kind": "b", "input": "${{ input.day }}"}}"#,
        r#""labels":{"team":"x","schedule":"nightly","tick":"2026-11-30T02:00:00Z"}"#,
    ] {
        assert!(job.contains(part), "{part} in {job}");
    }
    assert_eq!(rendered(&spec, 2).0, "nightly:20261130T020000Z:2");
}

#[test]
fn the_longest_name_leaves_room_for_the_tick() {
    let name = "n".repeat(80);
    let text = format!(r#"{{"name": "{name}", "every": "1h", "job": {{"kind": "a"}}}}"#);
    let spec = parse(text.as_bytes(), &Limits::DEFAULT).expect("it is sound");
    assert_eq!(rendered(&spec, 99).0.len(), 80 + 20);
    assert!(ScheduleName::new(&"n".repeat(81)).is_err());
}
