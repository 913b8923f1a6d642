//! What is refused, with what is said of it; in bounded time, whatever it is.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::limits::Limits;
use crate::schedule::parse;

/// The pointers, codes and hints of a schedule that is refused.
fn refused(text: &str) -> Vec<(String, String, String)> {
    let shown = &text[..text.len().min(200)];
    let start = Instant::now();
    let problems = parse(text.as_bytes(), &Limits::DEFAULT).err().unwrap_or_else(|| panic!("{shown} is taken"));
    assert!(start.elapsed() < Duration::from_secs(5), "{shown} took {:?}", start.elapsed());
    problems.into_iter().map(|problem| (problem.pointer, problem.code, problem.hint.unwrap_or_default())).collect()
}

/// A schedule with these fields has this one problem, with a hint that holds these words.
#[track_caller]
fn one(fields: &str, pointer: &str, code: &str, hint: &str) {
    let text = format!(r#"{{"name": "s", "job": {{"kind": "demo.echo"}}, {fields}}}"#);
    let problems = refused(&text);
    let [(at, word, help)] = &problems[..] else { panic!("{fields}: {problems:#?}") };
    assert_eq!((at.as_str(), word.as_str()), (pointer, code), "{fields}");
    assert!(help.contains(hint), "{fields}: {help}");
}

#[test]
fn all_problems_are_told_at_once() {
    let problems = refused(
        r#"{"name": "-", "cron": "61 * * * *", "zone": "Europe/Berln", "overlap": "Forbid", "jobb": 1, "times": 0,
            "job": {"kind": "task.x", "input": {"a": "${{ schedule.tock }}"}}}"#,
    );
    let mut places: Vec<&str> = problems.iter().map(|(pointer, ..)| pointer.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["/cron", "/job/input/a", "/job/kind", "/jobb", "/name", "/overlap", "/times", "/zone"]);
}

#[test]
fn wrong_moments_are_refused_with_a_hint() {
    one(r#""cron": "0 0 30 2 *""#, "/cron", "invalid_value", "`L`");
    one(r#""cron": "0 0 31 2,4,6,9,11 *""#, "/cron", "invalid_value", "`L`");
    one(r#""cron": "* * * *""#, "/cron", "invalid_value", "write 5");
    one(r#""cron": "0 0 1 1 * 2027 7""#, "/cron", "invalid_value", "write 5");
    one(r#""cron": "60 * * * *""#, "/cron", "invalid_value", "0-59");
    one(r#""cron": "* * * * FUNDAY""#, "/cron", "invalid_value", "SUN-SAT");
    one(r#""cron": "@evry""#, "/cron", "invalid_value", "@hourly");
    one(r#""cron": "@every 5m""#, "/cron", "invalid_value", "every");
    one(r#""cron": "0 0 * * *\u0000""#, "/cron", "invalid_value", "");
    one(r#""cron": """#, "/cron", "invalid_value", "write 5");
    one(r#""cron": []"#, "/cron", "too_few", "");
    one(r#""cron": 5"#, "/cron", "wrong_type", "");
    one(r#""every": 0"#, "/every", "out_of_range", "");
    one(r#""every": "500ms""#, "/every", "out_of_range", "whole seconds");
    one(r#""every": "10s", "phase": "10s""#, "/phase", "out_of_range", "");
    one(r#""every": "10s", "dst": {}"#, "/dst", "contradiction", "");
    one(r#""cron": "@daily", "every": "1h""#, "/every", "contradiction", "two schedules");
    one(r#""at": "tomorrow""#, "/at", "invalid_value", "RFC 3339");
    one(r#""at": ["2026-12-01T00:00:00.5Z"]"#, "/at/0", "out_of_range", "");
    one(r#""overlap": "skip""#, "", "missing_field", "cron");
    one(
        r#""cron": "@daily", "from": "2026-12-02T00:00:00Z", "until": "2026-12-01T00:00:00Z""#,
        "/until",
        "contradiction",
        "",
    );
    one(r#""cron": "@daily", "zone": "Berlin""#, "/zone", "invalid_value", "Europe/Berlin");
    one(r#""cron": "@daily", "zone": "europe/berln""#, "/zone", "invalid_value", "Europe/Berlin");
    one(r#""cron": "@daily", "zone": "../etc/passwd""#, "/zone", "invalid_value", "IANA");
    one(r#""cron": "@daily", "timezone": "UTC""#, "/timezone", "unknown_field", "zone");
    one(r#""cron": "@daily", "overlap": "Replace""#, "/overlap", "invalid_value", "`cancel`");
    one(
        r#""cron": "@daily", "exclude": [{"from": "2026-12-02", "to": "2026-12-01"}]"#,
        "/exclude/0/to",
        "contradiction",
        "",
    );
    one(r#""cron": "@daily", "window": "32d""#, "/window", "out_of_range", "");
    one(r#""cron": "@daily", "jitter": "-1s""#, "/jitter", "invalid_duration", "");
    one(r#""cron": "@daily", "cron": "@hourly""#, "/cron", "duplicate_key", "");
}

#[test]
fn wrong_jobs_are_refused_where_they_are_wrong() {
    let one = |job: &str, pointer: &str, code: &str| {
        let problems = refused(&format!(r#"{{"name": "s", "cron": "@daily", "job": {job}}}"#));
        assert_eq!(problems.len(), 1, "{job}: {problems:#?}");
        assert_eq!((problems[0].0.as_str(), problems[0].1.as_str()), (pointer, code), "{job}");
    };
    one(r#"{"kind": "a", "id": "x"}"#, "/job/id", "contradiction");
    one(r#"{"kind": "a", "run_at": "2026-12-01T00:00:00Z"}"#, "/job/run_at", "contradiction");
    one(r#"{"kind": "a", "labels": {"tick": "x"}}"#, "/job/labels/tick", "contradiction");
    one(r#"{"tasks": {"a": {"kind": "b", "needs": "c"}}}"#, "/job/tasks/a/needs", "unknown_task");
    one(r#"{"kind": "a", "input": ["${{ input.x }}"]}"#, "/job/input/0", "unknown_name");
    one(r#"{"kind": "warrener.nope"}"#, "/job/kind", "unknown_kind");
    one(
        r#"{"kind": "warrener.wait", "input": {"event": "${{ schedule.name }}", "key": "x", "keys": 1}}"#,
        "/job/input/keys",
        "unknown_field",
    );
    one("[]", "/job", "wrong_type");
}

#[test]
fn hostile_input_is_refused_in_bounded_time() {
    let with = |cron: &str| format!(r#"{{"name": "s", "cron": "{cron}", "job": {{"kind": "a"}}}}"#);
    refused(&with(&"1,".repeat(500_000)));
    refused(&with(&format!("{} * * * *", "0-59,".repeat(200))));
    refused(&with("1-1000000000 * * * *"));
    refused(&with("*/99999999999999999999 * * * *"));
    refused(&with("0-59/0 * * * *"));
    refused(&with("0 0 31W 2 *"));
    let mut list = String::new();
    for minute in 0..101 {
        write!(list, r#""{} * * * *","#, minute % 60).expect("a String takes all");
    }
    refused(&format!(r#"{{"name": "s", "cron": [{}], "job": {{"kind": "a"}}}}"#, list.trim_end_matches(',')));
    refused(&format!(r#"{{"name": "{}", "cron": "@daily", "job": {{"kind": "a"}}}}"#, "n".repeat(1_000_000)));
    refused(&format!(
        r#"{{"name": "s", "cron": "@daily", "zone": "{}", "job": {{"kind": "a"}}}}"#,
        "Z".repeat(1_000_000)
    ));
    let never = r#""0 0 30 2 *","#.repeat(100);
    refused(&format!(r#"{{"name": "s", "cron": [{}], "job": {{"kind": "a"}}}}"#, never.trim_end_matches(',')));
}
