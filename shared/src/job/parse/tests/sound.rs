//! Jobs that must be taken, and what they mean.

use super::*;
use crate::job::{ForEach, MaxFailures, OnConflict, Source, Start, Until};
use crate::retry::{Backoff, RetryPolicy};
use crate::time::{Millis, Timestamp};

fn names(job: &JobSpec, positions: &[u32]) -> Vec<String> {
    positions.iter().map(|at| job.tasks[*at as usize].name.to_string()).collect()
}

#[test]
fn the_smallest_job_has_all_defaults() {
    let job = job(r#"{"kind": "demo.echo"}"#);
    let [task] = &job.tasks[..] else { panic!("one task") };
    assert_eq!((job.shape, task.name.as_str(), task.kind.as_str()), (Shape::Single, "task", "demo.echo"));
    assert_eq!((job.start, job.deadline, job.fail_fast), (Start::Now, None, true));
    assert_eq!(job.input.bytes(), b"null");
    assert!(task.input.is_none());
    assert_eq!(task.policy.queue.as_str(), "default");
    assert_eq!((task.policy.priority, task.policy.timeout), (4, Some(Millis::from_secs(1800))));
    assert_eq!(task.policy.retry, RetryPolicy::default());
}

#[test]
fn payload_bytes_stay_as_they_came() {
    let input = r#"{ "z": 123456789012345678901234567890, "a":1e400,"n": "\u0000", "s":"${{ no }}", "d": 1.0 }"#;
    let job = job(&format!(r#"{{"kind": "a", "input": {input} }}"#));
    assert_eq!(job.input.bytes(), input.as_bytes());
}

#[test]
fn all_of_a_single_is_data() {
    let job = job(r#"{"kind": "a", "input": "${{ this is no expression", "name": "${{ x }}"}"#);
    assert_eq!(job.input.bytes(), br#""${{ this is no expression""#);
}

#[test]
fn everything_a_single_can_say() {
    let job = job(
        r#"{"$schema": "urn:warrener:job", "kind": "a.b", "input": 1, "id": "x:1", "name": "n", "labels": {"team": "growth"},
            "run_at": "2026-11-24T15:00:00.5+01:00", "deadline": "6h", "queue": "gpu", "priority": 9, "timeout": "1h30m",
            "unique": {"key": "k", "on_conflict": "cancel_existing", "until": "started"},
            "heartbeat": 60, "start_within": 0.5, "retry": 0}"#,
    );
    assert_eq!(job.id.as_ref().map(JobId::as_str), Some("x:1"));
    assert_eq!((job.name.as_deref(), &*job.labels["team"]), (Some("n"), "growth"));
    assert_eq!(job.start, Start::At(Timestamp::parse_rfc3339("2026-11-24T14:00:00.5Z").unwrap()));
    assert_eq!(job.deadline, Some(Millis::from_secs(6 * 3600)));
    let unique = job.unique.as_ref().unwrap();
    assert_eq!((&*unique.key, unique.on_conflict, unique.until), ("k", OnConflict::CancelExisting, Until::Started));
    let policy = &job.tasks[0].policy;
    assert_eq!((policy.queue.as_str(), policy.priority, policy.timeout), ("gpu", 9, Some(Millis::from_secs(5400))));
    assert_eq!((policy.heartbeat, policy.start_within), (Some(Millis::from_secs(60)), Some(Millis(500))));
    assert_eq!(policy.retry.max_attempts, 1);
}

#[test]
fn a_key_says_how_often_and_how_late() {
    let unique = |text: &str| job(&format!(r#"{{"kind": "a", "delay": "2m", "unique": {text}}}"#)).unique.unwrap();
    let replace = |minutes: u64| OnConflict::Replace { max_delay: Millis::from_secs(minutes * 60) };
    assert_eq!(unique(r#"{"key": "k", "on_conflict": "replace"}"#).on_conflict, replace(20));
    assert_eq!(unique(r#"{"key": "k", "on_conflict": "replace", "max_delay": "5m"}"#).on_conflict, replace(5));
    assert_eq!(unique(r#"{"key": "k", "until": "30s"}"#).until, Until::For(Millis::from_secs(30)));
    let yearly = job(r#"{"kind": "a", "delay": "300d", "unique": {"key": "k", "on_conflict": "replace"}}"#);
    assert_eq!(yearly.unique.unwrap().on_conflict, replace(365 * 24 * 60), "at most 365 d");
}

#[test]
fn policies_merge_field_by_field() {
    let job = job(
        r#"{"defaults": {"queue": "cpu", "retry": {"max_attempts": 3, "backoff": "fixed", "not_on": ["bad_input"]}},
            "tasks": {"a": {"kind": "x"}, "b": {"kind": "x", "retry": 7, "queue": "gpu"},
                      "c": {"kind": "x", "retry": {"delay": 0, "jitter": false}}, "d": {"kind": "x"}}}"#,
    );
    let [a, b, c, d] = &job.tasks[..] else { panic!("four tasks") };
    assert_eq!((a.policy.queue.as_str(), a.policy.retry.max_attempts), ("cpu", 3));
    let retry = &b.policy.retry;
    assert_eq!((b.policy.queue.as_str(), retry.max_attempts, retry.backoff), ("gpu", 8, Backoff::Fixed));
    let retry = &c.policy.retry;
    assert_eq!((retry.delay, retry.jitter, retry.max_attempts), (Millis(0), false, 3));
    assert_eq!(retry.not_on, ["bad_input"]);
    assert!(Arc::ptr_eq(&a.policy, &d.policy), "tasks that say the same share one policy");
}

#[test]
fn the_priority_of_the_message_fills_in_for_defaults() {
    let parsed = |body: &str, priority: u8| {
        let context = SubmitContext { priority: Some(priority), ..SubmitContext::default() };
        parse(body.as_bytes(), &context, &Limits::DEFAULT).unwrap().tasks[0].policy.priority
    };
    assert_eq!(parsed(r#"{"kind": "a"}"#, 7), 7);
    assert_eq!(parsed(r#"{"kind": "a"}"#, 200), 9);
    assert_eq!(parsed(r#"{"kind": "a", "priority": 1}"#, 7), 1);
    assert_eq!(parsed(r#"{"tasks": {"a": {"kind": "b"}}}"#, 7), 7);
    assert_eq!(parsed(r#"{"defaults": {"priority": 2}, "tasks": {"a": {"kind": "b"}}}"#, 7), 2);
    assert_eq!(parsed(r#"{"tasks": {"a": {"kind": "b", "priority": 3}}}"#, 7), 3);
}

#[test]
fn built_in_kinds_have_one_attempt_and_no_time_limit_unless_given() {
    let policy = |body: &str| {
        let policy = Arc::clone(&job(body).tasks[0].policy);
        (policy.timeout, policy.retry.max_attempts)
    };
    assert_eq!(policy(r#"{"kind": "warrener.sleep", "input": {"for": "1h"}}"#), (None, 1));
    assert_eq!(
        policy(r#"{"kind": "warrener.wait", "timeout": "2d", "input": {"event": "e", "key": "k"}}"#),
        (Some(Millis::from_secs(172_800)), 1)
    );
    assert_eq!(policy(r#"{"kind": "warrener.job", "retry": 2, "input": {"job": {"kind": "a"}}}"#), (None, 3));
}

#[test]
fn needs_come_from_lists_and_from_expressions() {
    let job = job(r#"{"tasks": {"a": {"kind": "x"}, "b": {"kind": "x"}, "c": {"kind": "x"},
            "d": {"kind": "x", "needs": ["b", "a"], "if": "tasks.c.output == 1", "input": {"y": "${{ tasks.a.output }}"}},
            "e": {"kind": "x", "needs": "d", "for_each": {"items": "${{ tasks.b.output }}"}}},
            "output": "${{ tasks.a.output }}"}"#);
    assert_eq!(names(&job, &job.tasks[3].needs), ["a", "b", "c"]);
    assert_eq!(names(&job, &job.tasks[4].needs), ["b", "d"]);
    assert_eq!(names(&job, &job.tasks[1].dependents), ["d", "e"]);
    assert_eq!(names(&job, &job.tasks[3].dependents), ["e"]);
    assert!(job.output.is_some());
}

#[test]
fn for_each_has_four_forms() {
    let for_each = |text: &str| -> ForEach {
        let task = format!(r#"{{"kind": "x", "input": "${{{{ item }}}}", "for_each": {text}}}"#);
        let job = job(&format!(r#"{{"tasks": {{"a": {task}}}}}"#));
        *job.tasks[0].for_each.clone().unwrap()
    };
    assert!(matches!(for_each(r#""${{ input.list }}""#).source, Source::Items(_)));
    assert!(matches!(for_each(r#"[1, "${{ input.x }}"]"#).source, Source::Items(_)));
    let bounded = for_each(r#"{"items": [], "max_parallel": 3, "max_failures": "5%"}"#);
    assert_eq!((bounded.max_parallel, bounded.max_failures), (Some(3), MaxFailures::Percent(5)));
    let matrix = for_each(r#"{"matrix": {"z": [1], "a": "${{ input.x }}"}, "exclude": [{"z": 1}], "max_failures": 2}"#);
    assert_eq!(matrix.max_failures, MaxFailures::Count(2));
    let Source::Matrix { axes, exclude } = matrix.source else { panic!("a matrix") };
    assert_eq!(axes.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["z", "a"]);
    assert!(exclude.is_some());
}
