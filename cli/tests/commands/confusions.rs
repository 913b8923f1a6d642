//! What `warrener validate` says to somebody who has not read everything.

use std::fmt::Write as _;

use crate::server::run;

/// `WARRENER_TEST_GOLDEN=write` writes the file anew; look at what has changed before you commit it.
#[test]
fn every_confusion_is_answered_with_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = String::new();
    for (name, text) in FILES {
        let path = folder.path().join(format!("{name}.yaml"));
        std::fs::write(&path, text).unwrap();
        let path = path.display().to_string();
        let ran = run(&["validate", &path], "");
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (if name.starts_with("warning") { 0 } else { 5 }, ""),
            "{name}: {}",
            ran.err
        );
        let said = ran.err.replace(&path, &format!("{name}.yaml"));
        write!(all, "{}\n$ warrener validate {name}.yaml\n{said}\n", text.trim_end()).unwrap();
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/confusions.txt");
    if std::env::var("WARRENER_TEST_GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(file, &all).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let differs = all.lines().zip(kept.lines()).find(|(now, kept)| now != kept);
    assert!(all == kept, "answers differ from {file} (WARRENER_TEST_GOLDEN=write takes them over): {differs:?}");
}

const FILES: &[(&str, &str)] = &[
    ("state", "tasks:\n  a: {kind: k}\n  b: {kind: k, if: tasks.a.status == 'Succeeded'}\n"),
    ("whole-task", "tasks:\n  a: {kind: k}\n  b: {kind: k, if: tasks.a == 'failed'}\n"),
    ("constant", "tasks:\n  a:\n    kind: k\n    for_each: {items: [1, 2], max_parallel: \"${{ input.n }}\"}\n"),
    (
        "outer-task",
        "tasks:\n  a: {kind: k}\n  s:\n    kind: warrener.job\n    input:\n      job:\n        tasks:\n          \
         b: {kind: k, input: \"$${{ tasks.a.output }}\"}\n",
    ),
    (
        "inner-task",
        "tasks:\n  s:\n    kind: warrener.job\n    input:\n      job:\n        tasks:\n          b: {kind: k}\n          \
         c: {kind: k, input: \"${{ tasks.b.output }}\"}\n",
    ),
    (
        "early-if",
        "tasks:\n  s:\n    kind: warrener.job\n    for_each: [{ok: true}]\n    input:\n      job:\n        tasks:\n          \
         b: {kind: k, if: \"${{ item.ok }}\"}\n",
    ),
    (
        "sub-job",
        "tasks:\n  s:\n    kind: warrener.job\n    for_each: [1]\n    input:\n      job:\n        input: \"${{ item }}\"\n        \
         tasks:\n          b: {kindd: k}\n          c: {kind: k, needs: nope}\n",
    ),
    ("no-input", "kind: warrener.job\n"),
    ("no-input-in-a-graph", "tasks:\n  s: {kind: warrener.job}\n"),
    ("operators", "tasks:\n  a: {kind: k, if: input.a && !input.b}\n"),
    ("flow-style", "tasks:\n  a: {kind: k, input: ${{ input.x }}}\n"),
    ("brackets", "tasks:\n  a: {kind: k, if: input.list[0] == 1}\n"),
    ("elsewhere", "tasks:\n  a: {kind: k, withItems: [1], retryStrategy: {limit: 3}, when: x, run_on: always}\n"),
    ("list-of-tasks", "tasks:\n  - {name: a, kind: k}\n"),
    ("function", "tasks:\n  a: {kind: k, if: success() and len(input) > 1}\n"),
    (
        "template-circle",
        "jobs:\n  a: {tasks: {x: {kind: warrener.job, input: {use: b}}}}\n  b: {tasks: {x: {kind: warrener.job, \
         input: {use: a}}}}\ntasks:\n  s: {kind: warrener.job, input: {use: a}}\n",
    ),
    (
        "template-from-data",
        "jobs:\n  a: {tasks: {x: {kind: k}}}\ntasks:\n  s:\n    kind: warrener.job\n    for_each: [a]\n    \
         input: {use: \"${{ item }}\"}\n",
    ),
    (
        "template-name",
        "jobs:\n  build: {tasks: {x: {kind: k}}}\ntasks:\n  s: {kind: warrener.job, input: {use: biuld}}\n",
    ),
    ("warning-alone", "tasks:\n  a: {kind: k}\n  b: {kind: k, run_on: done}\n  c: {kind: k, run_on: failure}\n"),
    ("warning-braces", "tasks:\n  a: {kind: k, input: \"{{inputs.parameters.x}}\"}\n"),
    ("not-in", "tasks:\n  a: {kind: k, if: \"not in(input.t, [1])\"}\n"),
    ("codes", "tasks:\n  a: {kind: k, retry: {only_on: [ConnectionError, States.Timeout]}}\n"),
    ("warning-unused", "jobs:\n  build: {tasks: {x: {kind: k}}}\ntasks:\n  a: {kind: k}\n"),
];
