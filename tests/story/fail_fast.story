A failure that counts stops the rest. K is: tasks that run on failure or always, and everything downstream of them.

# What is downstream of the failure is skipped, all else is cancelled
job: {defaults: {retry: 0}, tasks: {a: {kind: k}, b: {kind: k, needs: a}, c: {kind: k}, d: {kind: k, needs: c}}}
t=0   submit               | dispatch a#1, dispatch c#1
t=1   a#1 failed oom       | a failed oom, b skipped upstream_failed, c cancelled, d cancelled,
                           | job failed oom of a#1, dead letter a, stop c#1

# Without fail_fast the others go on
job: {fail_fast: false, defaults: {retry: 0}, tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k, needs: b}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed oom       | a failed oom, dead letter a
t=2   b#1 succeeded 1      | b succeeded, dispatch c#1
t=3   c#1 succeeded 1      | c succeeded, job failed oom of a#1

# An attempt that may be tried again is no failure yet
job: {tasks: {a: {kind: k, retry: 1}, b: {kind: k}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed oom       | a retrying until 2 (oom)
t=2   time                 | dispatch a#2
t=3   a#2 failed oom       | a failed oom, b cancelled, job failed oom of a#2, dead letter a, stop b#1

# An allowed failure does not count
job: {defaults: {retry: 0}, tasks: {a: {kind: k, allow_failure: true}, b: {kind: k}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed oom       | a failed oom
t=2   b#1 succeeded 1      | b succeeded, job succeeded {"a":null,"b":1}

# A failure handler runs, and its downstream too
job:
  defaults: {retry: 0}
  tasks:
    a: {kind: k}
    handler: {kind: k, needs: a, run_on: failure}
    after: {kind: k, needs: handler}
    other: {kind: k}
t=0   submit               | dispatch a#1, dispatch other#1
t=1   a#1 failed oom       | a failed oom, other cancelled, dispatch handler#1, dead letter a, stop other#1
t=2   handler#1 succeeded 1 | handler succeeded, dispatch after#1
t=3   after#1 succeeded 1  | after succeeded, job failed oom of a#1

# A handler of something else stays with the ordinary rules: it is skipped, or runs, when its needs are over
job:
  defaults: {retry: 0}
  tasks:
    a: {kind: k}
    b: {kind: k}
    of_b: {kind: k, needs: b, run_on: failure}
    always: {kind: k, needs: b, run_on: done}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed oom       | a failed oom, b cancelled, dispatch of_b#1, dispatch always#1, dead letter a, stop b#1

# A task in K that waits for one outside is told how that ended
job:
  defaults: {retry: 0}
  tasks:
    a: {kind: k}
    b: {kind: k, needs: a}
    clean: {kind: k, needs: [a, b], run_on: done, input: "${{ tasks.b.error.code }}"}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a failed oom, b skipped upstream_failed, dispatch clean#1 "upstream_failed", dead letter a
t=2   clean#1 succeeded 1  | clean succeeded, job failed oom of a#1

# A task downstream of a handler that is not yet decided is not touched
job:
  defaults: {retry: 0}
  tasks:
    a: {kind: k}
    first: {kind: k}
    handler: {kind: k, needs: [a, first], run_on: done}
    after: {kind: k, needs: [handler]}
t=0   submit               | dispatch a#1, dispatch first#1
t=1   a#1 failed oom       | a failed oom, first cancelled, dispatch handler#1, dead letter a, stop first#1
t=2   handler#1 succeeded 1 | handler succeeded, dispatch after#1

# A second failure, inside K, stops nothing more: the first one did
job:
  defaults: {retry: 0}
  tasks:
    a: {kind: k}
    h1: {kind: k, needs: a, run_on: failure}
    h2: {kind: k, needs: a, run_on: failure}
    after: {kind: k, needs: h1}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a failed oom, dispatch h1#1, dispatch h2#1, dead letter a
t=2   h1#1 failed disk     | h1 failed disk, after skipped upstream_failed, dead letter h1
t=3   h2#1 succeeded 1     | h2 succeeded, job failed oom of a#1

# Two failures in one batch: the first stops the second
job: {defaults: {retry: 0}, tasks: {a: {kind: k}, b: {kind: k}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   b#1 failed disk; a#1 failed oom | b failed disk, a cancelled, job failed disk of b#1,
                           | dead letter b, stop a#1, ignored

# A chain of handlers
job:
  defaults: {retry: 0}
  tasks:
    a: {kind: k}
    h1: {kind: k, needs: a, run_on: failure}
    h2: {kind: k, needs: h1, run_on: failure}
    h3: {kind: k, needs: h2, run_on: failure}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a failed oom, dispatch h1#1, dead letter a
t=2   h1#1 failed oom      | h1 failed oom, dispatch h2#1, dead letter h1
t=3   h2#1 succeeded 1     | h2 succeeded, h3 skipped, job failed oom of a#1

# Tasks that wait, are ready, wait for their back-off, or are at work all end
job:
  tasks:
    a: {kind: k, retry: 0}
    at_work: {kind: k}
    backing_off: {kind: k}
    waits: {kind: k, needs: at_work}
    no_room: {kind: k, priority: 0}
room: 3
t=0   submit               | no_room ready, dispatch a#1, dispatch at_work#1, dispatch backing_off#1
t=1   room 2               | -
t=1   backing_off#1 failed x | backing_off retrying until 2 (x)
t=1.5 a#1 failed oom       | a failed oom, at_work cancelled, backing_off cancelled, waits cancelled, no_room cancelled,
                           | job failed oom of a#1, dead letter a, stop at_work#1

# A mapped task is stopped with its items
job: {tasks: {a: {kind: k, retry: 0}, m: {kind: k, for_each: {items: [1, 2, 3], max_parallel: 2}}}}
t=0   submit               | m has 3 items, dispatch a#1, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 succeeded 1    | m.0 succeeded, dispatch m.2#1
t=2   a#1 failed oom       | a failed oom, m cancelled, m.1 cancelled, m.2 cancelled, job failed oom of a#1,
                           | dead letter a, stop m.1#1, stop m.2#1

# An expression that fails counts like any failure
job: {input: {}, tasks: {a: {kind: k, input: "${{ input.x }}"}, b: {kind: k}}}
t=0   submit               | a failed expression_error, b cancelled, job failed expression_error of a
