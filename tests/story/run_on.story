Whether a task runs, by how its needs ended: ok, neutral (skipped, and nobody is to blame) or failed.

# `success`, the default, does not run after a failure, and that counts as a failure further down
job: {fail_fast: false, defaults: {retry: 0}, tasks: {a: {kind: k}, b: {kind: k, needs: a}, c: {kind: k, needs: b}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a failed oom, b skipped upstream_failed, c skipped upstream_failed,
                           | job failed oom of a#1, dead letter a

# `success` waits for all needs before it is skipped
job: {fail_fast: false, defaults: {retry: 0}, tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k, needs: [a, b]}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed oom       | a failed oom, dead letter a
t=2   b#1 succeeded 1      | b succeeded, c skipped upstream_failed, job failed oom of a#1

# `success` runs if one need is ok and the others are neutral
job: {tasks: {a: {kind: k}, b: {kind: k, if: "false"}, c: {kind: k, needs: [a, b]}}}
t=0   submit               | b skipped, dispatch a#1
t=1   a#1 succeeded 1      | a succeeded, dispatch c#1

# `success` does not run if all needs are neutral, and is neutral itself
job: {tasks: {a: {kind: k, if: "false"}, b: {kind: k, needs: a}, c: {kind: k, needs: b}}}
t=0   submit               | a skipped, b skipped, c skipped, job succeeded {"c":null}

# `failure` runs if one need failed, whatever the others did
job:
  fail_fast: false
  defaults: {retry: 0}
  tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k, needs: [a, b], run_on: failure}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed oom       | a failed oom, dead letter a
t=2   b#1 succeeded 1      | b succeeded, dispatch c#1
t=3   c#1 succeeded 1      | c succeeded, job failed oom of a#1

# `failure` is skipped if none failed, and nobody is to blame
job: {tasks: {a: {kind: k}, b: {kind: k, needs: a, run_on: failure}, c: {kind: k, needs: [a, b]}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 1      | a succeeded, b skipped, dispatch c#1
t=2   c#1 succeeded 2      | c succeeded, job succeeded {"c":2}

# `failure` is skipped after a neutral need
job: {tasks: {a: {kind: k, if: "false"}, b: {kind: k, needs: a, run_on: failure}}}
t=0   submit               | a skipped, b skipped, job succeeded {"b":null}

# `failure` runs after a need that was skipped because of a failure
job:
  fail_fast: false
  defaults: {retry: 0}
  tasks: {a: {kind: k}, b: {kind: k, needs: a}, c: {kind: k, needs: b, run_on: failure}}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a failed oom, b skipped upstream_failed, dispatch c#1, dead letter a

# `done` runs after ok, failed and neutral needs alike
job:
  fail_fast: false
  defaults: {retry: 0}
  tasks:
    a: {kind: k}
    b: {kind: k}
    c: {kind: k, if: "false"}
    after_ok: {kind: k, needs: a, run_on: done}
    after_failure: {kind: k, needs: b, run_on: done}
    after_neutral: {kind: k, needs: c, run_on: done}
t=0   submit               | c skipped, dispatch a#1, dispatch b#1, dispatch after_neutral#1
t=1   a#1 succeeded 1      | a succeeded, dispatch after_ok#1
t=2   b#1 failed oom       | b failed oom, dispatch after_failure#1, dead letter b

# A timed out need failed
job: {fail_fast: false, tasks: {a: {kind: k, retry: 0}, b: {kind: k, needs: a, run_on: failure}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed timed_out | a timed_out, dispatch b#1, dead letter a

# An allowed failure is ok, its output is null
job:
  tasks:
    a: {kind: k, retry: 0, allow_failure: true}
    b: {kind: k, needs: a, input: {out: "${{ tasks.a.output }}", status: "${{ tasks.a.status }}"}}
    c: {kind: k, needs: a, run_on: failure}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a failed oom, c skipped, dispatch b#1 {"out":null,"status":"failed"}
t=2   b#1 succeeded 1      | b succeeded, job succeeded {"b":1,"c":null}

# So is an allowed time-out
job: {tasks: {a: {kind: k, retry: 0, allow_failure: true}, b: {kind: k, needs: a}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed timed_out | a timed_out, dispatch b#1

# An allowed failure does not make the task run that only runs after a failure: it is skipped by rule
job: {tasks: {a: {kind: k, if: "1 / 0 == 1", allow_failure: true}, b: {kind: k, needs: a}}}
t=0   submit               | a failed expression_error, dispatch b#1
t=1   b#1 succeeded 1      | b succeeded, job succeeded {"b":1}

# Allowing a failure does not allow being skipped because of another's
job:
  fail_fast: false
  defaults: {retry: 0}
  tasks: {a: {kind: k}, b: {kind: k, needs: a, allow_failure: true}, c: {kind: k, needs: b}}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a failed oom, b skipped upstream_failed, c skipped upstream_failed,
                           | job failed oom of a#1, dead letter a

# `failure` and `done` without needs
job: {tasks: {a: {kind: k, run_on: failure}, b: {kind: k, run_on: done}}}
t=0   submit               | a skipped, dispatch b#1

# What runs unless something failed runs even if all of its needs were skipped
job: {tasks: {a: {kind: k, if: "false"}, b: {kind: k, needs: a}, join: {kind: k, needs: [a, b], run_on: unless_failed}}}
t=0   submit               | a skipped, b skipped, dispatch join#1
t=1   join#1 succeeded 1   | join succeeded, job succeeded {"join":1}

# It does not run after a failure
job: {fail_fast: false, tasks: {a: {kind: k, retry: 0}, b: {kind: k, if: "false"}, join: {kind: k, needs: [a, b], run_on: unless_failed}, after: {kind: k, needs: join, run_on: unless_failed}}}
t=0   submit               | b skipped, dispatch a#1
t=1   a#1 failed x         | a failed x, join skipped upstream_failed, after skipped upstream_failed, job failed x of a#1, dead letter a

# A failure that is allowed is none
job: {tasks: {a: {kind: k, retry: 0, allow_failure: true}, join: {kind: k, needs: a, run_on: unless_failed}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed x         | a failed x, dispatch join#1
t=2   join#1 succeeded 1   | join succeeded, job succeeded {"join":1}

# It is no handler: fail_fast stops it, and a cancel does
job: {tasks: {a: {kind: k, retry: 0}, b: {kind: k}, join: {kind: k, needs: b, run_on: unless_failed}, end: {kind: k, needs: a, run_on: unless_failed}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed x         | a failed x, b cancelled, join cancelled, end skipped upstream_failed, job failed x of a#1, dead letter a, stop b#1

# A cancel ends it
job: {tasks: {a: {kind: k}, join: {kind: k, needs: a, run_on: unless_failed}}}
t=0   submit               | dispatch a#1
t=1   cancel               | a cancelled, join cancelled, job cancelled cancelled, stop a#1
