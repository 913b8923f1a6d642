//! Job files as people write them who come from elsewhere.

use crate::job::yaml::to_json;
use crate::job::{SubmitContext, parse};
use crate::limits::Limits;

/// All hints that somebody gets for this file, and what is wrong with it.
fn said(file: &str) -> String {
    let limits = Limits::DEFAULT;
    let json = match to_json(file.as_bytes(), &limits) {
        Ok(converted) => converted.json().to_vec(),
        Err(error) => return error.to_string(),
    };
    let problems = parse(&json, &SubmitContext::default(), &limits).expect_err(file);
    let lines = problems.iter().map(|problem| {
        format!("{}: {} -> {}", problem.pointer, problem.detail, problem.hint.as_deref().unwrap_or("NO HINT"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn words_of_other_systems_are_answered_with_ours() {
    for (file, expected) in FILES {
        let said = said(file);
        assert!(said.contains(expected) && !said.contains("NO HINT"), "{file}\n{said}");
    }
    assert!(FILES.len() >= 60);
}

#[rustfmt::skip]
const FILES: &[(&str, &str)] = &[
    // Argo Workflows
    ("tasks: {a: {kind: k, withItems: [1, 2]}}", "for_each: [1, 2, 3]"),
    ("tasks: {a: {kind: k, withParam: \"${{ input }}\"}}", "for_each:"),
    ("tasks: {a: {kind: k, withSequence: {count: 5}}}", "for_each:"),
    ("tasks: {a: {kind: k, when: input.x > 1}}", "write `if: input.n > 3`"),
    ("tasks: {a: {kind: k}, b: {kind: k, depends: a.Failed}}", "`run_on: failure` or `if: tasks.b is failed`"),
    ("tasks: {a: {kind: k, dependencies: [b]}, b: {kind: k}}", "did you mean `needs`?"),
    ("tasks: {a: {kind: k, retryStrategy: {limit: 3}}}", "retry: {max_attempts: 4"),
    ("tasks: {a: {kind: k, retry: {limit: 3}}}", "a limit of 3 retries is `max_attempts: 4`"),
    ("tasks: {a: {kind: k, continueOn: {failed: true}}}", "allow_failure: true"),
    ("tasks: {a: {kind: k}}\nonExit: cleanup", "`run_on: done`"),
    ("tasks: {a: {kind: k}}\nparallelism: 3", "`max_parallel: 4`"),
    ("tasks: {a: {kind: k}}\ntemplates: []", "jobs: {build: {tasks: {…}}}"),
    ("tasks: {a: {kind: k, template: build}}", "input: {use: build}"),
    ("tasks: {a: {kind: k}}\nentrypoint: main", "begin at once"),
    ("tasks: {a: {kind: k, suspend: {}}}", "warrener.wait"),
    ("tasks: {a: {kind: k}}\nactiveDeadlineSeconds: 5", "deadline: 1h"),
    ("tasks: {a: {kind: k}}\narguments: {parameters: []}", "write `input: {…}`"),
    ("tasks: {a: {kind: k, container: {image: alpine}}}", "the worker's configuration"),
    ("tasks: {a: {kind: k}}\nsynchronization: {mutex: {name: x}}", "unique: {key"),
    ("tasks: {a: {kind: k}}\nspec: {}", "write `tasks:"),
    // Step Functions
    ("StartAt: a\nStates: {a: {Type: Task}}", "begin at once"),
    ("tasks: {a: {kind: k, Next: b}, b: {kind: k}}", "write `needs` of this task in the one that follows"),
    ("tasks: {a: {kind: k, Catch: [{ErrorEquals: [X]}]}}", "tasks.<name>.error.code == 'oom'"),
    ("tasks: {a: {kind: k, End: true}}", "leave it out"),
    ("tasks: {a: {kind: k, Choices: []}}", "an `if` for each case"),
    ("tasks: {a: {kind: k, ResultPath: $.x}}", "take what is wanted where it is used"),
    ("tasks: {a: {kind: k, for_each: {items: [1], MaxConcurrency: 2}}}", "max_parallel: 4"),
    ("tasks: {a: {kind: k, for_each: {ItemsPath: $.list}}}", "items: [1, 2, 3]"),
    ("tasks: {a: {kind: k, retry: {IntervalSeconds: 3}}}", "write `delay: 1s`"),
    ("tasks: {a: {kind: k, retry: {BackoffRate: 2}}}", "factor: 2"),
    ("tasks: {a: {kind: k, retry: {ErrorEquals: [X]}}}", "only_on: [lost, timed_out]"),
    ("tasks: {a: {kind: k, if: \"$.x == 1\"}}", "write `input.x`"),
    // GitHub Actions
    ("jobs: {build: {tasks: {a: {kind: k}}}}", "what a job does stands under `tasks`"),
    ("tasks: {a: {kind: k, uses: actions/checkout@v4}}", "write `kind: video.transcode`"),
    ("tasks: {a: {kind: k, run: make}}", "the program behind a kind"),
    ("tasks: {a: {kind: k, with: {x: 1}}}", "write `input: {…}`"),
    ("tasks: {a: {kind: k, env: {A: 1}}}", "hand values in by `input`"),
    ("tasks: {a: {kind: k, strategy: {matrix: {os: [a]}}}}", "for_each: {matrix:"),
    ("tasks: {a: {kind: k, matrix: {os: [a]}}}", "for_each: {matrix:"),
    ("tasks: {a: {kind: k, runs-on: gpu}}", "queue: gpu"),
    ("tasks: {a: {kind: k, continue-on-error: true}}", "allow_failure: true"),
    ("tasks: {a: {kind: k, timeout-minutes: 5}}", "timeout: 30m"),
    ("tasks: {a: {kind: k}}\nconcurrency: {group: x}", "on_conflict: cancel_existing"),
    ("tasks: {a: {kind: k, if: success()}}", "run_on: success"),
    ("tasks: {a: {kind: k, if: always()}}", "run_on: done"),
    ("tasks: {a: {kind: k}, b: {kind: k, if: needs.a.result == 'success'}}", "write `tasks.<name>.output`"),
    ("tasks: {a: {kind: k}}\non: push", "a job begins when it is submitted"),
    ("steps: [{run: make}]", "write `tasks:"),
    ("tasks: [{name: a, kind: k}]", "write each with its name"),
    // Celery, Airflow, Serverless Workflow, Conductor
    ("tasks: {a: {kind: k, link_error: b}, b: {kind: k}}", "run_on: failure"),
    ("tasks: {a: {kind: k, chord: []}}", "for_each"),
    ("tasks: {a: {kind: k, soft_time_limit: 5}}", "timeout: 30m"),
    ("tasks: {a: {kind: k, trigger_rule: all_done}}", "`run_on: success`, `failure`, `done`"),
    ("tasks: {a: {kind: k, run_on: always}}", "did you mean `done`?"),
    ("tasks: {a: {kind: k, run_on: failed}}", "did you mean `failure`?"),
    ("tasks: {a: {kind: k, run_on: success()}}", "did you mean `success`?"),
    ("tasks: {a: {kind: k, forEach: {in: x}}}", "for_each:"),
    ("tasks: {a: {kind: k, foreach: [1]}}", "for_each:"),
    ("tasks: {a: {kind: k, loop: 3}}", "repeat: {until:"),
    ("tasks: {a: {kind: k, until: done}}", "repeat: {until:"),
    ("tasks: {a: {kind: k, while: busy}}", "repeat: {until:"),
    ("tasks: {a: {kind: k, catch: b}}", "error.code == 'oom'"),
    ("tasks: {a: {kind: k, on_failure: b}}", "run_on: failure"),
    ("tasks: {a: {kind: k, on_success: b}}", "it runs if this one succeeded"),
    ("tasks: {a: {kind: k, always: b}}", "run_on: done"),
    ("tasks: {a: {kind: k, switch: {}}}", "an `if` for each case"),
    ("tasks: {a: {kind: k, choice: {}}}", "unless_failed"),
    ("tasks: {a: {kind: k, parallel: [b]}}", "side by side"),
    ("tasks: {a: {kind: k, stages: []}}", "needs: first"),
    ("kind: k\ncron: 0 5 * * *", "a job runs once"),
    ("kind: k\nschedule: daily", "a job runs once"),
    ("tasks: {a: {kind: k, max_parallel: 3}}", "for_each: {items: …, max_parallel: 4}"),
    ("tasks: {a: {kind: k, for_each: {items: [1], max_parallel: \"${{ input.n }}\"}}}", "an expression can stand in"),
    ("tasks: {a: {kind: k, timeout: \"${{ input.t }}\"}}", "an expression can stand in"),
    ("tasks: {a: {kind: \"${{ input.kind }}\"}}", "an expression can stand in"),
    ("tasks: {a: {kind: k, needs: \"${{ input.t }}\"}}", "an expression can stand in"),
    ("tasks: {a: {kind: k, run_on: \"${{ input.t }}\"}}", "an expression can stand in"),
    ("kind: k\ncrontab: 0 5 * * *", "warrener schedule apply"),
    ("tasks: {a: {kind: k, rate_limit: 10/m}}", "limits: [api]"),
    ("tasks: {a: {kind: k, Catch: []}}", "allow_failure: [oom]"),
    ("tasks: {a: {kind: k, retry: {only_on: [States.Timeout]}}}", "write `timed_out`"),
    ("tasks: {a: {kind: k, retry: {not_on: [ConnectionError]}}}", "begin with a letter"),
    ("tasks: {a: {kind: k, HeartbeatSeconds: 5}}", "heartbeat: 30s"),
    ("apiVersion: argoproj.io/v1alpha1\ntasks: {a: {kind: k}}", "manifest of Kubernetes"),
    ("tasks: {a: {kind: k, retry: [{ErrorEquals: [X], MaxAttempts: 3}]}}", "one rule holds for all errors"),
    ("tasks: {a: {kind: k}, b: {kind: k, needs: [a.Failed]}}", "`run_on: failure` or `if: tasks.b is failed`"),
    ("tasks: {a: {kind: warrener.sleep, input: {seconds: 5}}}", "write `for: 5m`"),
    ("tasks: {a: {kind: warrener.sleep, input: {Timestamp: x}}}", "write `until:"),
    ("tasks: {a: {kind: warrener.wait, input: {signal: x, token: y}}}", "write `key: order-17`"),
    ("tasks: {a: {kind: warrener.fail, input: {error: X, cause: y}}}", "write `message: none is left`"),
    ("tasks: {a: {kind: k, repeat: {while: output.busy, times: 3}}}", "write `until: output.done`"),
    // Other languages in expressions
    ("tasks: {a: {kind: k, if: \"{{ input.a }} == 1\"}}", "write it without braces"),
    ("tasks: {a: {kind: k, input: {t: \"${{ self.token }}\"}}}", "warrener.wait"),
    ("tasks: {a: {kind: k, if: \"not in(input.a, [1])\"}}", "write `x in list`"),
    ("tasks: {a: {kind: k, if: sum(input.a) > 1}}", "write `x | sum`"),
    ("tasks: {a: {kind: k, if: input.a && input.b}}", "write `and`"),
    ("tasks: {a: {kind: k, if: input.a || input.b}}", "write `or`"),
    ("tasks: {a: {kind: k, if: \"!input.a\"}}", "write `not`"),
    ("tasks: {a: {kind: k, if: input.a === 1}}", "write `==`"),
    ("tasks: {a: {kind: k, if: \"input.a ? true : false\"}}", "write `b if a else c`"),
    ("tasks: {a: {kind: k, input: \"${{ input.a ?? 1 }}\"}}", "coalesce(a, b)"),
    ("tasks: {a: {kind: k, input: \"${{ input.a?.b }}\"}}", "default(none)"),
    ("tasks: {a: {kind: k, if: input.a == null}}", "write `none`"),
    ("tasks: {a: {kind: k, if: len(input.a) > 1}}", "x | length"),
    ("tasks: {a: {kind: k}, b: {kind: k, if: tasks.a.status == 'Succeeded'}}", "did you mean `succeeded`?"),
    ("tasks: {a: {kind: k, input: ${{ input.a }}}}", "an expression needs quotes"),
    ("tasks:\n  a: {kind: k, if: input.a[0] == 1}", "needs quotes"),
];
