`if`: judged once, when `run_on` holds.

# True runs, false skips
job: {input: {n: 3}, tasks: {a: {kind: k, if: "input.n > 2"}, b: {kind: k, if: "input.n > 3"}}}
t=0   submit               | b skipped, dispatch a#1

# It may be written in braces
job: {input: {n: 3}, tasks: {a: {kind: k, if: "${{ input.n == 3 }}"}}}
t=0   submit               | dispatch a#1

# It sees how its needs ended
job:
  fail_fast: false
  tasks:
    a: {kind: k, retry: 0}
    b: {kind: k, run_on: done, if: "tasks.a.status == 'failed' and tasks.a.error.code == 'oom' and tasks.a.attempts == 1"}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a failed oom, dispatch b#1, dead letter a

# It is not judged if `run_on` does not hold
job: {fail_fast: false, tasks: {a: {kind: k, retry: 0}, b: {kind: k, if: "tasks.a.output.x"}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a failed oom, b skipped upstream_failed, job failed oom of a#1, dead letter a

# Anything but a boolean fails the task, without retry and without a dead letter
job: {tasks: {a: {kind: k, if: "1"}}}
t=0   submit               | a failed expression_error, job failed expression_error of a

# So does a value that does not exist
job: {input: {}, tasks: {a: {kind: k, if: "input.x == 1"}}}
t=0   submit               | a failed expression_error, job failed expression_error of a

# An input that cannot be evaluated fails the task when it would go out
job: {input: {}, tasks: {a: {kind: k, input: {x: "${{ input.x }}"}}}}
t=0   submit               | a failed expression_error, job failed expression_error of a

# A task skipped by `if` is neutral, so what needs it alone is skipped too
job: {tasks: {a: {kind: k}, b: {kind: k, if: "tasks.a.output"}, c: {kind: k, needs: b}, d: {kind: k, needs: [a, b]}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded false  | a succeeded, b skipped, c skipped, dispatch d#1
