//! The JSON Schema that is shipped beside the parser agrees with it.

use super::*;

const SCHEMA: &str = include_str!("../../../../job.schema.json");

#[rustfmt::skip]
const SOUND: &[&str] = &[
    r#"{"kind": "a"}"#,
    r#"{"kind": "a", "input": null}"#,
    r#"{"kind": "a", "retry": 0, "timeout": "30s", "priority": 0}"#,
    r#"{"kind": "a", "retry": {"max_attempts": 1001, "backoff": "none", "delay": 0, "max_delay": "PT5M", "factor": 1, "jitter": false, "only_on": [], "not_on": ["lost"]}}"#,
    r#"{"kind": "a", "timeout": "1d2h3m4s5ms", "heartbeat": "1.5h", "start_within": 0.25, "deadline": "P1DT2H3M4.5S", "delay": "0s"}"#,
    r#"{"kind": "a", "run_at": "2026-11-24T15:00:00Z", "unique": {"key": "k", "on_conflict": "reject", "until": "finished"}}"#,
    r#"{"kind": "a", "unique": {"key": "k", "until": "30s"}}"#,
    r#"{"kind": "a", "unique": {"key": "k", "until": "PT5M", "on_conflict": "return_existing"}}"#,
    r#"{"kind": "a", "unique": {"key": "k", "until": 30, "on_conflict": "cancel_existing"}}"#,
    r#"{"kind": "a", "delay": "5s", "unique": {"key": "k", "on_conflict": "replace"}}"#,
    r#"{"kind": "a", "delay": 5, "unique": {"key": "k", "on_conflict": "replace", "until": "started", "max_delay": "1m"}}"#,
    r#"{"kind": "a", "id": "A.b_c:d-1", "name": "n", "labels": {"": ""}, "$schema": "x"}"#,
    r#"{"tasks": {"a": {"kind": "b"}}}"#,
    r#"{"tasks": {"a": {"kind": "b"}, "c": {"kind": "b", "needs": "a", "if": "true", "run_on": "done", "allow_failure": true, "description": "", "labels": {}}}, "defaults": {}, "fail_fast": false, "input": [], "output": null}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": "${{ input }}"}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": []}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {"items": [1], "max_parallel": 1, "max_failures": 0}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {"matrix": {"x": [1], "y": "${{ input }}"}, "exclude": [{"x": 1}], "max_failures": "100%"}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {"items": "${{ input }}", "max_failures": "5%"}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {"items": "${{ input }}", "min_successes": 3}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "run_on": "unless_failed", "allow_failure": ["lost", "a.b_1"]}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "allow_failure": false}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "input": "${{ previous }}", "repeat": {"until": "output.done", "max": 10000, "delay": "1s"}}}}"#,
    r#"{"max_parallel": 1, "tasks": {"a": {"kind": "b"}}}"#,
    r#"{"tasks": {"a": {"kind": "tasks.x", "needs": []}}}"#,
    r#"{"jobs": {"t": {"input": 1, "defaults": {"retry": 1}, "fail_fast": false, "tasks": {"a": {"kind": "b"}}, "output": 2}}, "tasks": {"a": {"kind": "warrener.job", "input": {"use": "t", "input": 3}}}}"#,
    r#"{"jobs": {"t": {"tasks": {"a": {"kind": "b"}}}}, "kind": "warrener.job", "input": {"use": "t"}}"#,
    r#"{"jobs": {}, "kind": "a"}"#,
];

#[rustfmt::skip]
const UNSOUND: &[&str] = &[
    "[]",
    "{}",
    r#"{"kind": "a", "tasks": {"b": {"kind": "c"}}}"#,
    r#"{"kind": "task.x"}"#,
    r#"{"kind": "-a"}"#,
    r#"{"kind": ""}"#,
    r#"{"kind": null}"#,
    r#"{"kind": "a", "x": 1}"#,
    r#"{"kind": "a", "needs": []}"#,
    r#"{"kind": "a", "description": "x"}"#,
    r#"{"kind": "a", "output": 1}"#,
    r#"{"kind": "a", "id": "_"}"#,
    r#"{"kind": "a", "name": ""}"#,
    r#"{"kind": "a", "labels": {"a": 1}}"#,
    r#"{"kind": "a", "delay": 1, "run_at": "2026-11-24T15:00:00Z"}"#,
    r#"{"kind": "a", "run_at": "tomorrow"}"#,
    r#"{"kind": "a", "deadline": "1h 30m"}"#,
    r#"{"kind": "a", "deadline": "1.5ms"}"#,
    r#"{"kind": "a", "deadline": "P"}"#,
    r#"{"kind": "a", "deadline": "PT"}"#,
    r#"{"kind": "a", "deadline": "P1W"}"#,
    r#"{"kind": "a", "deadline": "P1DT"}"#,
    r#"{"kind": "a", "deadline": "P1.5D"}"#,
    r#"{"kind": "a", "deadline": "1s2m"}"#,
    r#"{"kind": "a", "deadline": ".5h"}"#,
    r#"{"kind": "a", "deadline": "5.h"}"#,
    r#"{"kind": "a", "deadline": "-5s"}"#,
    r#"{"kind": "a", "deadline": "5S"}"#,
    r#"{"kind": "a", "timeout": -1}"#,
    r#"{"kind": "a", "priority": 10}"#,
    r#"{"kind": "a", "priority": 1.5}"#,
    r#"{"kind": "a", "retry": 1001}"#,
    r#"{"kind": "a", "retry": null}"#,
    r#"{"kind": "a", "retry": {"factor": 0.9}}"#,
    r#"{"kind": "a", "retry": {"attempts": 3}}"#,
    r#"{"kind": "a", "unique": {}}"#,
    r#"{"kind": "a", "unique": {"key": "x", "until": "done"}}"#,
    r#"{"kind": "a", "unique": {"key": "x", "until": null}}"#,
    r#"{"kind": "a", "unique": {"key": "x", "until": "30"}}"#,
    r#"{"kind": "a", "unique": {"key": "x", "max_delay": "1m"}}"#,
    r#"{"kind": "a", "unique": {"key": "x", "on_conflict": "replace"}}"#,
    r#"{"kind": "a", "run_at": "2026-11-24T15:00:00Z", "unique": {"key": "x", "on_conflict": "replace"}}"#,
    r#"{"kind": "a", "delay": "5s", "unique": {"key": "x", "on_conflict": "replace", "until": "30s"}}"#,
    r#"{"kind": "a", "delay": "5s", "unique": {"key": "x", "on_conflict": "replace", "max_delay": true}}"#,
    r#"{"tasks": {}}"#,
    r#"{"tasks": {"A": {"kind": "b"}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "if": ""}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "if": true}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "needs": ["A"]}}}"#,
    r#"{"tasks": {"b": {"kind": "b"}, "a": {"kind": "b", "needs": ["b", "b"]}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "run_on": "always"}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "delay": 1}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": "input"}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": " ${{ input }}"}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {"items": [], "matrix": {"x": []}}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {"items": [], "exclude": []}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {"matrix": {}}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {"items": [], "max_failures": "101%"}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {"items": [], "max_failures": "005%"}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {"items": [], "max_parallel": 0}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "for_each": {"items": [1], "min_successes": 0}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "allow_failure": []}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "repeat": {"until": "output.done"}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "repeat": {"max": 3}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "repeat": {"until": "output.done", "max": 0}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "repeat": {"until": "output.done", "max": 10001}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "repeat": {"until": true, "max": 3}}}}"#,
    r#"{"tasks": {"a": {"kind": "b", "repeat": {"until": "true", "max": 3, "while": "false"}}}}"#,
    r#"{"kind": "b", "repeat": {"until": "true", "max": 3}}"#,
    r#"{"max_parallel": 0, "tasks": {"a": {"kind": "b"}}}"#,
    r#"{"kind": "a", "max_parallel": 2}"#,
    r#"{"tasks": {"a": {"kind": "b", "allow_failure": ["Lost"]}}}"#,
    r#"{"tasks": {"a": {"kind": "b"}}, "queue": "x"}"#,
    r#"{"jobs": [], "kind": "a"}"#,
    r#"{"jobs": {"T": {"tasks": {"a": {"kind": "b"}}}}, "kind": "a"}"#,
    r#"{"jobs": {"t": {"kind": "b"}}, "kind": "a"}"#,
    r#"{"jobs": {"t": {}}, "kind": "a"}"#,
    r#"{"jobs": {"t": {"tasks": {"a": {"kind": "b"}}, "deadline": 1}}, "kind": "a"}"#,
    r#"{"jobs": {"t": {"tasks": {"a": {"kind": "b"}}, "jobs": {}}}, "kind": "a"}"#,
    r#"{"tasks": {"a": {"kind": "b"}}, "defaults": {"x": 1}}"#,
    r#"{"tasks": {"a": {"kind": "b"}}, "fail_fast": null}"#,
];

/// Where the parser is stricter, with the reason that a schema cannot say.
#[rustfmt::skip]
const STRICTER: &[(&str, &str)] = &[
    (r#"{"kind": "a", "timeout": 0}"#, "only delays can be 0"),
    (r#"{"kind": "a", "unique": {"key": "x", "until": "0s"}}"#, "only delays can be 0"),
    (r#"{"kind": "a", "delay": 0, "unique": {"key": "x", "on_conflict": "replace"}}"#, "nothing would be scheduled"),
    (r#"{"kind": "a", "delay": "5s", "unique": {"key": "x", "on_conflict": "replace", "max_delay": "4s"}}"#, "not below `delay`"),
    (r#"{"kind": "a", "timeout": "366d"}"#, "at most 365 days"),
    (r#"{"kind": "a", "priority": 4.0}"#, "integers are written without a fraction"),
    (r#"{"kind": "warrener.x"}"#, "built-in kinds are a closed list"),
    (r#"{"kind": "a", "name": "\u0000"}"#, "not every store can hold U+0000"),
    (r#"{"tasks": {"a": {"kind": "b", "needs": "c"}}}"#, "needs exist"),
    (r#"{"tasks": {"a": {"kind": "b", "if": "1 +"}}}"#, "expressions compile"),
    (r#"{"kind": "warrener.job", "input": {"use": "t"}}"#, "templates exist"),
    (r#"{"kind": "warrener.job", "input": {"job": {"kind": "a", "id": "b"}}}"#, "sub-jobs have no id"),
    (r#"{"tasks": {"a": {"kind": "b", "for_each": {"matrix": {"x": []}, "exclude": [{"y": 1}]}}}}"#, "excludes name a list"),
];

#[test]
fn the_schema_and_the_parser_agree() {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let allows = |text: &str| schema.is_valid(&serde_json::from_str(text).unwrap());
    let takes = |text: &str| wrong(text.as_bytes()).is_empty();
    let sound = SOUND.iter().map(|text| (*text, (true, true)));
    let unsound = UNSOUND.iter().map(|text| (*text, (false, false)));
    let stricter = STRICTER.iter().map(|(text, _)| (*text, (true, false)));
    for (text, expected) in sound.chain(unsound).chain(stricter) {
        assert_eq!((allows(text), takes(text)), expected, "(schema, parser) on {text}: {:?}", wrong(text.as_bytes()));
    }
}
