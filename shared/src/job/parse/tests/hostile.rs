//! Jobs that must be refused, and exactly why.

use super::*;

/// Name, body, and code and pointer of everything wrong with it.
type Row = (&'static str, &'static [u8], &'static [(&'static str, &'static str)]);

#[test]
fn every_hostile_submit_is_refused_for_exactly_its_reasons() {
    let mut failures = Vec::new();
    for (name, body, expected) in ROWS {
        let mut expected: Vec<_> = expected.iter().map(|(c, p)| ((*c).to_owned(), (*p).to_owned())).collect();
        expected.sort();
        let found = wrong(body);
        if found != expected || found.is_empty() {
            failures.push(format!("{name}: {}\n  found    {found:?}\n  expected {expected:?}", body.escape_ascii()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(ROWS.len() >= 80);
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // The document.
    ("empty body", b"", &[("invalid_json", "")]),
    ("white space only", b" \n\t ", &[("invalid_json", "")]),
    ("YAML", b"kind: demo.echo", &[("invalid_json", "")]),
    ("cut short", br#"{"kind": "a""#, &[("invalid_json", "")]),
    ("trailing comma", br#"{"kind": "a",}"#, &[("invalid_json", "")]),
    ("two documents", br#"{"kind": "a"}{"kind": "b"}"#, &[("invalid_json", "")]),
    ("comment", br#"{"kind": "a"} // hello"#, &[("invalid_json", "")]),
    ("single quotes", b"{'kind': 'a'}", &[("invalid_json", "")]),
    ("NaN", br#"{"kind": "a", "input": NaN}"#, &[("invalid_json", "")]),
    ("leading zero", br#"{"kind": "a", "priority": 07}"#, &[("invalid_json", "")]),
    ("byte order mark", b"\xEF\xBB\xBF{\"kind\": \"a\"}", &[("invalid_json", "")]),
    ("not UTF-8", b"{\"kind\": \"\xff\xfe\"}", &[("invalid_json", "")]),
    ("UTF-16", b"\xff\xfe{\0\"\0", &[("invalid_json", "")]),
    ("raw control character", b"{\"kind\": \"a\x01\"}", &[("invalid_json", "")]),
    ("gzip", b"\x1f\x8b\x08\x00\x00", &[("invalid_json", "")]),
    ("a list", br#"[{"kind": "a"}]"#, &[("wrong_type", "")]),
    ("a text", br#""kind""#, &[("wrong_type", "")]),
    ("null", b"null", &[("wrong_type", "")]),
    ("a number", b"30", &[("wrong_type", "")]),
    // Shape.
    ("nothing in it", b"{}", &[("missing_field", "")]),
    ("neither shape, one typo", br#"{"kinds": "a"}"#, &[("missing_field", ""), ("unknown_field", "/kinds")]),
    ("both shapes", br#"{"kind": "a", "tasks": {"b": {"kind": "c"}}}"#, &[("contradiction", "/kind")]),
    ("unknown field", br#"{"kind": "a", "foo": 1}"#, &[("unknown_field", "/foo")]),
    ("unknown field with a slash", br#"{"kind": "a", "a/b~c": 1}"#, &[("unknown_field", "/a~1b~0c")]),
    ("single with needs", br#"{"kind": "a", "needs": ["b"]}"#, &[("unknown_field", "/needs")]),
    ("single with if", br#"{"kind": "a", "if": "true"}"#, &[("unknown_field", "/if")]),
    ("single with defaults", br#"{"kind": "a", "defaults": {}}"#, &[("unknown_field", "/defaults")]),
    ("single with description", br#"{"kind": "a", "description": "b"}"#, &[("unknown_field", "/description")]),
    ("graph with policy", br#"{"retry": 1, "tasks": {"a": {"kind": "b"}}}"#, &[("unknown_field", "/retry")]),
    ("graph with needs", br#"{"needs": [], "tasks": {"a": {"kind": "b"}}}"#, &[("unknown_field", "/needs")]),
    // Duplicate keys, at every level.
    ("duplicate at the top", br#"{"kind": "a", "kind": "a"}"#, &[("duplicate_key", "/kind")]),
    ("duplicate by escape", br#"{"kind": "a", "k\u0069nd": "a"}"#, &[("duplicate_key", "/kind")]),
    ("duplicate task", br#"{"tasks": {"a": {"kind": "b"}, "a": {"kind": "c"}}}"#, &[("duplicate_key", "/tasks/a")]),
    ("duplicate in a task", br#"{"tasks": {"a": {"kind": "b", "kind": "b"}}}"#, &[("duplicate_key", "/tasks/a/kind")]),
    ("duplicate in retry", br#"{"kind": "a", "retry": {"delay": 1, "delay": 2}}"#, &[("duplicate_key", "/retry/delay")]),
    ("duplicate in a payload", br#"{"kind": "a", "input": [{"x": [{"y": 1, "y": 2}]}]}"#, &[("duplicate_key", "/input/0/x/0/y")]),
    // Identity.
    ("id empty", br#"{"kind": "a", "id": ""}"#, &[("invalid_name", "/id")]),
    ("id with a space", br#"{"kind": "a", "id": "a b"}"#, &[("invalid_name", "/id")]),
    ("id a number", br#"{"kind": "a", "id": 7}"#, &[("wrong_type", "/id")]),
    ("id null", br#"{"kind": "a", "id": null}"#, &[("wrong_type", "/id")]),
    ("id with a character beyond ASCII", "{\"kind\": \"a\", \"id\": \"é\"}".as_bytes(), &[("invalid_name", "/id")]),
    ("name empty", br#"{"kind": "a", "name": ""}"#, &[("invalid_value", "/name")]),
    ("name with U+0000", br#"{"kind": "a", "name": "a\u0000b"}"#, &[("invalid_value", "/name")]),
    ("schema a number", br#"{"kind": "a", "$schema": 1}"#, &[("wrong_type", "/$schema")]),
    ("labels no texts", br#"{"kind": "a", "labels": {"b": 1, "c": null}}"#, &[("wrong_type", "/labels/b"), ("wrong_type", "/labels/c")]),
    ("labels a list", br#"{"kind": "a", "labels": ["b"]}"#, &[("wrong_type", "/labels")]),
    // Kinds and queues.
    ("kind empty", br#"{"kind": ""}"#, &[("invalid_name", "/kind")]),
    ("kind a number", br#"{"kind": 1}"#, &[("wrong_type", "/kind")]),
    ("kind with a slash", br#"{"kind": "a/b"}"#, &[("invalid_name", "/kind")]),
    ("kind with a newline", br#"{"kind": "a\n"}"#, &[("invalid_name", "/kind")]),
    ("kind reserved", br#"{"kind": "task.succeeded"}"#, &[("reserved_kind", "/kind")]),
    ("kind not built in", br#"{"kind": "warrener.slep"}"#, &[("unknown_kind", "/kind")]),
    ("queue with a star", br#"{"kind": "a", "queue": "*"}"#, &[("invalid_name", "/queue")]),
    ("queue null", br#"{"kind": "a", "queue": null}"#, &[("wrong_type", "/queue")]),
    // Numbers.
    ("priority 10", br#"{"kind": "a", "priority": 10}"#, &[("out_of_range", "/priority")]),
    ("priority -1", br#"{"kind": "a", "priority": -1}"#, &[("out_of_range", "/priority")]),
    ("priority text", br#"{"kind": "a", "priority": "5"}"#, &[("wrong_type", "/priority")]),
    ("priority 5.0", br#"{"kind": "a", "priority": 5.0}"#, &[("wrong_type", "/priority")]),
    ("priority 1e400", br#"{"kind": "a", "priority": 1e400}"#, &[("wrong_type", "/priority")]),
    ("priority of 30 digits", br#"{"kind": "a", "priority": 123456789012345678901234567890}"#, &[("out_of_range", "/priority")]),
    ("retry -1", br#"{"kind": "a", "retry": -1}"#, &[("out_of_range", "/retry")]),
    ("retry 1001", br#"{"kind": "a", "retry": 1001}"#, &[("out_of_range", "/retry")]),
    ("retry true", br#"{"kind": "a", "retry": true}"#, &[("wrong_type", "/retry")]),
    ("retry of no attempts", br#"{"kind": "a", "retry": {"max_attempts": 0}}"#, &[("out_of_range", "/retry/max_attempts")]),
    ("retry factor", br#"{"kind": "a", "retry": {"factor": 0.5}}"#, &[("out_of_range", "/retry/factor")]),
    ("retry factor infinite", br#"{"kind": "a", "retry": {"factor": 1e999}}"#, &[("out_of_range", "/retry/factor")]),
    ("retry backoff", br#"{"kind": "a", "retry": {"backoff": "exponentail"}}"#, &[("invalid_value", "/retry/backoff")]),
    ("retry codes", br#"{"kind": "a", "retry": {"only_on": "lost", "not_on": [1]}}"#, &[("wrong_type", "/retry/only_on"), ("wrong_type", "/retry/not_on/0")]),
    ("retry jitter", br#"{"kind": "a", "retry": {"jitter": 1}}"#, &[("wrong_type", "/retry/jitter")]),
    ("retry unknown field", br#"{"kind": "a", "retry": {"max_retries": 1}}"#, &[("unknown_field", "/retry/max_retries")]),
    // Durations and times.
    ("timeout 0", br#"{"kind": "a", "timeout": 0}"#, &[("out_of_range", "/timeout")]),
    ("timeout negative", br#"{"kind": "a", "timeout": -1}"#, &[("out_of_range", "/timeout")]),
    ("timeout without unit", br#"{"kind": "a", "timeout": "90"}"#, &[("invalid_duration", "/timeout")]),
    ("timeout smallest first", br#"{"kind": "a", "timeout": "30m1h"}"#, &[("invalid_duration", "/timeout")]),
    ("timeout unit twice", br#"{"kind": "a", "timeout": "1h1h"}"#, &[("invalid_duration", "/timeout")]),
    ("timeout empty", br#"{"kind": "a", "timeout": ""}"#, &[("invalid_duration", "/timeout")]),
    ("timeout too long", br#"{"kind": "a", "timeout": "366d"}"#, &[("out_of_range", "/timeout")]),
    ("timeout endless", br#"{"kind": "a", "timeout": 1e400}"#, &[("out_of_range", "/timeout")]),
    ("timeout a list", br#"{"kind": "a", "timeout": [1]}"#, &[("wrong_type", "/timeout")]),
    ("other clocks", br#"{"kind": "a", "heartbeat": "0s", "start_within": "x"}"#, &[("out_of_range", "/heartbeat"), ("invalid_duration", "/start_within")]),
    ("deadline 0", br#"{"kind": "a", "deadline": "PT0S"}"#, &[("out_of_range", "/deadline")]),
    ("delay and run_at", br#"{"kind": "a", "delay": 1, "run_at": "2026-11-24T15:00:00Z"}"#, &[("contradiction", "/run_at")]),
    ("run_at without offset", br#"{"kind": "a", "run_at": "2026-11-24T15:00:00"}"#, &[("invalid_value", "/run_at")]),
    ("run_at on no day", br#"{"kind": "a", "run_at": "2026-02-30T15:00:00Z"}"#, &[("invalid_value", "/run_at")]),
    ("run_at a number", br#"{"kind": "a", "run_at": 1700000000}"#, &[("wrong_type", "/run_at")]),
    ("unique a text", br#"{"kind": "a", "unique": "b"}"#, &[("wrong_type", "/unique")]),
    ("unique without key", br#"{"kind": "a", "unique": {}}"#, &[("missing_field", "/unique")]),
    ("replace without a delay", br#"{"kind": "a", "unique": {"key": "k", "on_conflict": "replace"}}"#, &[("missing_field", "")]),
    ("replace with all that does not go with it",
        br#"{"kind": "a", "delay": "5s", "unique": {"key": "k", "on_conflict": "replace", "until": "1h", "max_delay": "4s"}}"#,
        &[("out_of_range", "/unique/max_delay"), ("contradiction", "/unique/until")]),
    ("replace of nothing that waits", br#"{"kind": "a", "delay": 0, "unique": {"key": "k", "on_conflict": "replace"}}"#,
        &[("out_of_range", "/delay")]),
    ("max_delay of another mode", br#"{"kind": "a", "delay": 5, "unique": {"key": "k", "max_delay": "1m"}}"#,
        &[("contradiction", "/unique/max_delay")]),
    ("until that is no span", br#"{"kind": "a", "unique": {"key": "k", "until": "30"}}"#, &[("invalid_duration", "/unique/until")]),
    ("until that is too long", br#"{"kind": "a", "unique": {"key": "k", "until": "366d"}}"#, &[("out_of_range", "/unique/until")]),
    ("unique words", br#"{"kind": "a", "unique": {"key": "", "on_conflict": "wait", "until": true, "x": 2}}"#,
        &[("invalid_value", "/unique/key"), ("invalid_value", "/unique/on_conflict"), ("wrong_type", "/unique/until"), ("unknown_field", "/unique/x")]),
    // Tasks.
    ("tasks a list", br#"{"tasks": [{"kind": "a"}]}"#, &[("wrong_type", "/tasks")]),
    ("tasks empty", br#"{"tasks": {}}"#, &[("too_few", "/tasks")]),
    ("task a text", br#"{"tasks": {"a": "b"}}"#, &[("wrong_type", "/tasks/a")]),
    ("task without kind", br#"{"tasks": {"a": {}}}"#, &[("missing_field", "/tasks/a")]),
    ("task name with hyphen", br#"{"tasks": {"a-b": {"kind": "c"}}}"#, &[("invalid_name", "/tasks/a-b")]),
    ("task name in capitals", br#"{"tasks": {"A": {"kind": "c"}, "b": {"kind": "c", "needs": "A"}}}"#, &[("invalid_name", "/tasks/A")]),
    ("task name empty", br#"{"tasks": {"": {"kind": "c"}}}"#, &[("invalid_name", "/tasks/")]),
    ("task unknown field", br#"{"tasks": {"a": {"kind": "b", "depends_on": "c"}}}"#, &[("unknown_field", "/tasks/a/depends_on")]),
    ("task words", br#"{"tasks": {"a": {"kind": "b", "run_on": "always", "allow_failure": "yes", "description": 1}}}"#,
        &[("invalid_value", "/tasks/a/run_on"), ("wrong_type", "/tasks/a/allow_failure"), ("wrong_type", "/tasks/a/description")]),
    ("defaults", br#"{"defaults": {"kind": "a", "priority": 11}, "fail_fast": 0, "tasks": {"a": {"kind": "b"}}}"#,
        &[("unknown_field", "/defaults/kind"), ("out_of_range", "/defaults/priority"), ("wrong_type", "/fail_fast")]),
    ("defaults a list", br#"{"defaults": [], "tasks": {"a": {"kind": "b"}}}"#, &[("wrong_type", "/defaults")]),
    // Needs.
    ("needs unknown", br#"{"tasks": {"a": {"kind": "b", "needs": ["c"]}}}"#, &[("unknown_task", "/tasks/a/needs/0")]),
    ("needs unknown text", br#"{"tasks": {"a": {"kind": "b", "needs": "c"}}}"#, &[("unknown_task", "/tasks/a/needs")]),
    ("needs itself", br#"{"tasks": {"a": {"kind": "b", "needs": ["a"]}}}"#, &[("self_reference", "/tasks/a/needs/0")]),
    ("needs twice", br#"{"tasks": {"a": {"kind": "b"}, "c": {"kind": "b", "needs": ["a", "a"]}}}"#, &[("duplicate_need", "/tasks/c/needs/1")]),
    ("needs an object", br#"{"tasks": {"a": {"kind": "b", "needs": {"c": 1}}}}"#, &[("wrong_type", "/tasks/a/needs")]),
    ("needs a number", br#"{"tasks": {"a": {"kind": "b", "needs": [1]}}}"#, &[("wrong_type", "/tasks/a/needs/0")]),
    ("needs a bad name", br#"{"tasks": {"a": {"kind": "b", "needs": ["c-d"]}}}"#, &[("invalid_name", "/tasks/a/needs/0")]),
    ("cycle of two", br#"{"tasks": {"a": {"kind": "x", "needs": "b"}, "b": {"kind": "x", "needs": "a"}}}"#, &[("cycle", "/tasks/a")]),
    ("two cycles", br#"{"tasks": {"a": {"kind": "x", "needs": "b"}, "b": {"kind": "x", "needs": "a"}, "c": {"kind": "x", "needs": ["d", "a"]}, "d": {"kind": "x", "needs": "c"}}}"#,
        &[("cycle", "/tasks/a"), ("cycle", "/tasks/c")]),
    ("cycle of a task without kind", br#"{"tasks": {"a": {"needs": "b"}, "b": {"kind": "x", "needs": "a"}}}"#, &[("missing_field", "/tasks/a"), ("cycle", "/tasks/a")]),
    ("cycle by expressions", br#"{"tasks": {"a": {"kind": "x", "input": "${{ tasks.b.output }}"}, "b": {"kind": "x", "if": "tasks.a.output"}}}"#, &[("cycle", "/tasks/a")]),
    // Expressions.
    ("unknown task in input", br#"{"tasks": {"a": {"kind": "x", "input": {"y": [1, "${{ tasks.b.output }}"]}}}}"#, &[("unknown_task", "/tasks/a/input/y/1")]),
    ("unknown task in if", br#"{"tasks": {"a": {"kind": "x", "if": "tasks.b.output == 1"}}}"#, &[("unknown_task", "/tasks/a/if")]),
    ("unknown task in for_each", br#"{"tasks": {"a": {"kind": "x", "for_each": "${{ tasks.b.output }}"}}}"#, &[("unknown_task", "/tasks/a/for_each")]),
    ("unknown task in output", br#"{"output": {"z": "${{ tasks.b.output }}"}, "tasks": {"a": {"kind": "x"}}}"#, &[("unknown_task", "/output/z")]),
    ("itself in input", br#"{"tasks": {"a": {"kind": "x", "input": "${{ tasks.a.output }}"}}}"#, &[("self_reference", "/tasks/a/input")]),
    ("itself in if", br#"{"tasks": {"a": {"kind": "x", "if": "tasks.a.attempts > 1"}}}"#, &[("self_reference", "/tasks/a/if")]),
    ("if a boolean", br#"{"tasks": {"a": {"kind": "x", "if": true}}}"#, &[("wrong_type", "/tasks/a/if")]),
    ("if empty", br#"{"tasks": {"a": {"kind": "x", "if": ""}}}"#, &[("invalid_expression", "/tasks/a/if")]),
    ("if broken", br#"{"tasks": {"a": {"kind": "x", "if": "1 +"}}}"#, &[("invalid_expression", "/tasks/a/if")]),
    ("input broken", br#"{"tasks": {"a": {"kind": "x", "input": ["${{ 1 + }}", "${{ input"]}}}"#, &[("invalid_expression", "/tasks/a/input/0"), ("invalid_expression", "/tasks/a/input/1")]),
    ("item outside of a mapped task", br#"{"tasks": {"a": {"kind": "x", "input": "${{ item }}"}}}"#, &[("unknown_name", "/tasks/a/input")]),
    ("item in if", br#"{"tasks": {"a": {"kind": "x", "for_each": [1], "if": "item == 1"}}}"#, &[("unknown_name", "/tasks/a/if")]),
    ("unknown root", br#"{"tasks": {"a": {"kind": "x", "input": "${{ env.HOME }}"}}}"#, &[("unknown_name", "/tasks/a/input")]),
    // for_each.
    ("for_each a number", br#"{"tasks": {"a": {"kind": "x", "for_each": 3}}}"#, &[("wrong_type", "/tasks/a/for_each")]),
    ("for_each plain text", br#"{"tasks": {"a": {"kind": "x", "for_each": "input.list"}}}"#, &[("invalid_expression", "/tasks/a/for_each")]),
    ("for_each two expressions", br#"{"tasks": {"a": {"kind": "x", "for_each": "${{ input.a }}${{ input.b }}"}}}"#, &[("invalid_expression", "/tasks/a/for_each")]),
    ("for_each empty object", br#"{"tasks": {"a": {"kind": "x", "for_each": {}}}}"#, &[("missing_field", "/tasks/a/for_each")]),
    ("for_each items and matrix", br#"{"tasks": {"a": {"kind": "x", "for_each": {"items": [], "matrix": {"b": []}}}}}"#, &[("contradiction", "/tasks/a/for_each")]),
    ("for_each exclude without matrix", br#"{"tasks": {"a": {"kind": "x", "for_each": {"items": [], "exclude": []}}}}"#, &[("contradiction", "/tasks/a/for_each/exclude")]),
    ("for_each matrix empty", br#"{"tasks": {"a": {"kind": "x", "for_each": {"matrix": {}}}}}"#, &[("too_few", "/tasks/a/for_each/matrix")]),
    ("for_each matrix of numbers", br#"{"tasks": {"a": {"kind": "x", "for_each": {"matrix": {"b": 1}}}}}"#, &[("wrong_type", "/tasks/a/for_each/matrix/b")]),
    ("for_each exclude", br#"{"tasks": {"a": {"kind": "x", "for_each": {"matrix": {"lr": [1]}, "exclude": [1, {"rl": 1}]}}}}"#,
        &[("wrong_type", "/tasks/a/for_each/exclude/0"), ("unknown_name", "/tasks/a/for_each/exclude/1/rl")]),
    ("for_each bounds", br#"{"tasks": {"a": {"kind": "x", "for_each": {"items": [], "max_parallel": 0, "max_failures": -1}}}}"#,
        &[("out_of_range", "/tasks/a/for_each/max_parallel"), ("out_of_range", "/tasks/a/for_each/max_failures")]),
    ("for_each share over 100", br#"{"tasks": {"a": {"kind": "x", "for_each": {"items": [], "max_failures": "101%"}}}}"#, &[("invalid_value", "/tasks/a/for_each/max_failures")]),
    ("for_each share with a fraction", br#"{"tasks": {"a": {"kind": "x", "for_each": {"items": [], "max_failures": "1.5%"}}}}"#, &[("invalid_value", "/tasks/a/for_each/max_failures")]),
    ("for_each wants none", br#"{"tasks": {"a": {"kind": "x", "for_each": {"items": [1], "min_successes": 0}}}}"#, &[("out_of_range", "/tasks/a/for_each/min_successes")]),
    ("for_each wants more than it has", br#"{"tasks": {"a": {"kind": "x", "for_each": {"items": [1, "${{ input }}"], "min_successes": 3}}}}"#, &[("contradiction", "/tasks/a/for_each/min_successes")]),
    ("a matrix wants more than it has", br#"{"tasks": {"a": {"kind": "x", "for_each": {"matrix": {"b": [1, 2], "c": [1]}, "min_successes": 3}}}}"#, &[("contradiction", "/tasks/a/for_each/min_successes")]),
    ("repeat of nothing", br#"{"tasks": {"a": {"kind": "x", "repeat": {}}}}"#, &[("missing_field", "/tasks/a/repeat"), ("missing_field", "/tasks/a/repeat")]),
    ("repeat a number", br#"{"tasks": {"a": {"kind": "x", "repeat": 3}}}"#, &[("wrong_type", "/tasks/a/repeat")]),
    ("repeat out of bounds", br#"{"tasks": {"a": {"kind": "x", "repeat": {"until": "true", "max": 0}}, "b": {"kind": "x", "repeat": {"until": "true", "max": 1000000, "delay": -1}}}}"#,
        &[("out_of_range", "/tasks/a/repeat/max"), ("out_of_range", "/tasks/b/repeat/max"), ("out_of_range", "/tasks/b/repeat/delay")]),
    ("until no expression", br#"{"tasks": {"a": {"kind": "x", "repeat": {"until": true, "max": 1}}, "b": {"kind": "x", "repeat": {"until": "output ==", "max": 1}}}}"#,
        &[("wrong_type", "/tasks/a/repeat/until"), ("invalid_expression", "/tasks/b/repeat/until")]),
    ("until of itself and of nobody", br#"{"tasks": {"a": {"kind": "x", "repeat": {"until": "tasks.a.output and tasks.b.output", "max": 1}}}}"#,
        &[("self_reference", "/tasks/a/repeat/until"), ("unknown_task", "/tasks/a/repeat/until")]),
    ("rounds elsewhere", br#"{"tasks": {"a": {"kind": "x", "input": ["${{ previous }}", "${{ round }}"], "if": "round == 1"}, "b": {"kind": "x", "repeat": {"until": "previous == 1 and item", "max": 1}, "input": "${{ output }}"}}}"#,
        &[("unknown_name", "/tasks/a/input/0"), ("unknown_name", "/tasks/a/input/1"), ("unknown_name", "/tasks/a/if"), ("unknown_name", "/tasks/b/repeat/until"), ("unknown_name", "/tasks/b/input")]),
    ("max_parallel of nothing", br#"{"max_parallel": 0, "tasks": {"a": {"kind": "x"}}}"#, &[("out_of_range", "/max_parallel")]),
    ("max_parallel of a single", br#"{"kind": "x", "max_parallel": 2}"#, &[("unknown_field", "/max_parallel")]),
    ("allow_failure a text", br#"{"tasks": {"a": {"kind": "x", "allow_failure": "oom"}}}"#, &[("wrong_type", "/tasks/a/allow_failure")]),
    ("allow_failure of nothing", br#"{"tasks": {"a": {"kind": "x", "allow_failure": []}}}"#, &[("too_few", "/tasks/a/allow_failure")]),
    ("allow_failure of what is no code", br#"{"tasks": {"a": {"kind": "x", "allow_failure": ["OOM", "oom", 7, ""]}}}"#,
        &[("invalid_value", "/tasks/a/allow_failure/0"), ("wrong_type", "/tasks/a/allow_failure/2"), ("invalid_value", "/tasks/a/allow_failure/3")]),
    ("for_each in for_each", br#"{"tasks": {"a": {"kind": "x", "for_each": {"for_each": [1]}}}}"#, &[("missing_field", "/tasks/a/for_each"), ("unknown_field", "/tasks/a/for_each/for_each")]),
];

fn of(code: &str, pointer: &str) -> Vec<(String, String)> {
    vec![(code.to_owned(), pointer.to_owned())]
}

#[test]
fn texts_that_are_too_long_are_counted_in_characters() {
    let body = |field: &str, length: usize| format!(r#"{{"kind": "a", {}}}"#, field.replace('@', &"é".repeat(length)));
    for (field, most, pointer) in [
        (r#""name": "@""#, 200, "/name"),
        (r#""labels": {"b": "@"}"#, 256, "/labels/b"),
        (r#""unique": {"key": "@"}"#, 200, "/unique/key"),
    ] {
        assert_eq!(wrong(body(field, most).as_bytes()), []);
        assert_eq!(wrong(body(field, most + 1).as_bytes()), of("too_long", pointer));
    }
    let condition = |spaces| format!(r#"{{"tasks": {{"a": {{"kind": "b", "if": "{}true"}}}}}}"#, " ".repeat(spaces));
    assert_eq!(wrong(condition(4092).as_bytes()), []);
    assert_eq!(wrong(condition(4093).as_bytes()), of("too_long", "/tasks/a/if"));
    let labels: Vec<String> = (0..33).map(|n| format!(r#""l{n}": "x""#)).collect();
    assert_eq!(
        wrong(format!(r#"{{"kind": "a", "labels": {{{}}}}}"#, labels.join(",")).as_bytes()),
        of("too_many", "/labels")
    );
}

#[test]
fn limits_are_named_in_the_message() {
    let tight = Limits { submit_bytes: 200, tasks: 2, needs: 2, json_depth: 4, ..Limits::DEFAULT };
    let first = |body: &str| parse(body.as_bytes(), &SubmitContext::default(), &tight).unwrap_err().remove(0);
    let large = first(&format!(r#"{{"kind": "{}"}}"#, "a".repeat(200)));
    assert_eq!((&*large.code, &*large.detail), ("too_large", "212 bytes, the limit on a submit is 200"));
    let many = first(r#"{"tasks": {"a": {"kind": "x"}, "b": {"kind": "x"}, "c": {"kind": "x"}}}"#);
    assert_eq!((&*many.pointer, &*many.detail), ("/tasks", "3 tasks, the limit is 2"));
    let deep = first(r#"{"kind": "a", "input": [[[[1]]]]}"#);
    assert_eq!((&*deep.code, deep.detail.contains("nested deeper than 4 levels")), ("too_deep", true));
}

#[test]
fn items_combinations_and_needs_are_limited() {
    let tight = Limits { tasks: 4, needs: 2, ..Limits::DEFAULT };
    let with = |body: &str| wrong_with(body.as_bytes(), &SubmitContext::default(), &tight);
    let items = |list: &str| with(&format!(r#"{{"tasks": {{"a": {{"kind": "x", "for_each": {list}}}}}}}"#));
    assert_eq!(items("[1, 2, 3, 4]"), []);
    assert_eq!(items("[1, 2, 3, 4, 5]"), of("too_many", "/tasks/a/for_each"));
    assert_eq!(items(r#"{"matrix": {"a": [1, 2], "b": [1, 2]}}"#), []);
    assert_eq!(items(r#"{"matrix": {"a": [1, 2], "b": [1, 2, 3]}}"#), of("too_many", "/tasks/a/for_each/matrix"));
    assert_eq!(items(r#"{"matrix": {"a": [1, 2], "b": [1, 2, 3]}, "exclude": [{"a": 1}]}"#), []);
    let needs = r#"{"tasks": {"a": {"kind": "x"}, "b": {"kind": "x"}, "d": {"kind": "x", "needs": "c"},
        "c": {"kind": "x", "needs": ["a"], "input": ["${{ tasks.b.output }}"]}}}"#;
    assert_eq!(with(needs), of("too_many", "/tasks"));
}

#[test]
fn problems_beyond_a_hundred_are_counted_only() {
    let fields: String = (0..250).map(|n| format!(r#", "wrong_field_{n}": {n}"#)).collect();
    let body = format!(r#"{{"kind": "a"{fields}}}"#);
    let problems = parse(body.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT).unwrap_err();
    assert_eq!((problems.len(), &*problems[100].detail), (101, "150 more problems are not listed"));
}

#[test]
fn the_message_id_must_be_an_id_and_agree_with_the_body() {
    let with = |id: &'static str, body: &str| {
        wrong_with(
            body.as_bytes(),
            &SubmitContext { message_id: Some(id), ..SubmitContext::default() },
            &Limits::DEFAULT,
        )
    };
    assert_eq!(with("a b", r#"{"kind": "a"}"#), of("invalid_name", "/id"));
    assert_eq!(with("", "{"), [of("invalid_json", ""), of("invalid_name", "/id")].concat());
    assert_eq!(with("x", r#"{"kind": "a", "id": "y"}"#), of("contradiction", "/id"));
    assert_eq!(with("x", r#"{"kind": "a", "id": "x"}"#), []);
}

#[test]
fn hints_say_how_to_put_it_right() {
    assert_eq!(hint(r#"{"kind": "a", "timeuot": 1}"#), "did you mean `timeout`?");
    assert_eq!(hint(r#"{"tasks": {"a": {"kind": "b", "depends_on": []}}}"#), "did you mean `needs`?");
    let near = r#"{"tasks": {"prepare": {"kind": "b"}, "c": {"kind": "b", "needs": "prepair"}}}"#;
    assert_eq!(hint(near), "did you mean `prepare`?");
    assert_eq!(hint(r#"{"kind": "warrener.slep"}"#), "did you mean `warrener.sleep`?");
    assert!(hint(r#"{"tasks": {"a-b": {"kind": "c"}}}"#).starts_with("write `a_b`"));
    assert!(hint(r#"{"kind": "a", "if": "true"}"#).contains(r#"{"tasks": {"a": {"kind": …, "if": …}}}"#));
    assert!(hint(r#"{"retry": 1, "tasks": {"a": {"kind": "b"}}}"#).contains("under `defaults`"));
    assert!(hint(r#"{"kind": "a", "timeout": "90"}"#).contains("\"90s\""));
    assert_eq!(hint(r#"{"kind": "a", "priority": "5"}"#), "write it without quotes");
    assert_eq!(hint(r#"{"kind": "a", "name": 5}"#), "put it in quotes: \"5\"");
    assert_eq!(hint(r#"{"tasks": {"a": {"kind": "x", "for_each": "input.list"}}}"#), "write \"${{ input.list }}\"");
}

#[test]
fn a_cycle_is_printed() {
    let body = r#"{"tasks": {"z": {"kind": "x"}, "a": {"kind": "x", "needs": ["z", "b"]}, "b": {"kind": "x", "needs": "c"},
        "c": {"kind": "x", "needs": "a"}}}"#;
    let problems = parse(body.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT).unwrap_err();
    assert_eq!(problems[0].detail, "these tasks wait for each other: a -> b -> c -> a");
}
