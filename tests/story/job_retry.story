Trying a final job again.

# What did not succeed is done again, attempt numbers go on, the budget starts afresh
job: {tasks: {a: {kind: k}, b: {kind: k, needs: a, retry: 1}, c: {kind: k, needs: b}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 7      | a succeeded, dispatch b#1
t=2   b#1 failed x         | b retrying until 3 (x)
t=3   time                 | dispatch b#2
t=4   b#2 failed x         | b failed x, c skipped upstream_failed, job failed x of b#2, dead letter b
t=9   retry                | job running, dispatch b#3
t=10  b#3 failed x         | b retrying until 11 (x)
t=11  time                 | dispatch b#4
t=12  b#4 succeeded 1      | b succeeded, dispatch c#1
t=13  c#1 succeeded 2      | c succeeded, job succeeded {"c":2}
t=14  history b            | #1 failed 1-2, #2 failed 3-4, #3 failed 9-10, #4 succeeded 11-12

# A mapped task that succeeded stays as it is, tolerated failures included
job: {tasks: {m: {kind: k, for_each: {items: [5, 6, 7], max_parallel: 1, max_failures: 2}, retry: 0, input: "${{ item }}"}, n: {kind: k, needs: m, retry: 0}}}
t=0   submit               | m has 3 items, dispatch m.0#1 5
t=1   m.0#1 failed x       | m.0 failed x, dispatch m.1#1 6
t=2   m.1#1 succeeded 6    | m.1 succeeded, dispatch m.2#1 7
t=3   m.2#1 failed x       | m.2 failed x, m succeeded, dispatch n#1
t=4   n#1 failed y         | n failed y, job failed y of n#1, dead letter n
t=5   retry                | job running, dispatch n#2

# One that failed keeps its list and its succeeded items, and as few items at once as before
job: {tasks: {m: {kind: k, for_each: {items: [5, 6, 7], max_parallel: 1}, retry: 0, input: "${{ item }}"}}, output: "${{ tasks.m.output }}"}
t=0   submit               | m has 3 items, dispatch m.0#1 5
t=1   m.0#1 succeeded 50   | m.0 succeeded, dispatch m.1#1 6
t=2   m.1#1 failed x       | m.1 failed x, m failed too_many_failures, job failed too_many_failures of m, dead letter m.1
t=3   retry                | job running, m has 3 items, dispatch m.1#2 6
t=4   m.1#2 succeeded 60   | m.1 succeeded, dispatch m.2#1 7
t=5   m.2#1 succeeded 70   | m.2 succeeded, m succeeded, job succeeded [50,60,70]

# A cancelled job can be tried again, one that succeeded cannot
job: {tasks: {a: {kind: k}}}
t=0   submit               | dispatch a#1
t=1   cancel               | a cancelled, job cancelled cancelled, stop a#1
t=2   retry                | job running, dispatch a#2
t=3   a#2 succeeded 1      | a succeeded, job succeeded {"a":1}
t=4   retry                | -

# A mapped task that does not run the second time ends with the items that were to be tried again
job:
  fail_fast: false
  defaults: {retry: 0}
  tasks:
    a: {kind: k}
    m: {kind: k, needs: a, run_on: failure, for_each: [1, 2]}
t=0   submit               | dispatch a#1
t=1   a#1 failed x         | a failed x, m has 2 items, dispatch m.0#1, dispatch m.1#1, dead letter a
t=2   m.0#1 failed x       | m.0 failed x, m failed too_many_failures, m.1 cancelled, job failed x of a#1,
                           | dead letter m.0, stop m.1#1
t=3   retry                | job running, dispatch a#2
t=4   a#2 succeeded 1      | a succeeded, m skipped, m.0 cancelled, m.1 cancelled, job succeeded {"m":null}

# A retried mapped task can be paused while it waits for what it needs
job: {defaults: {retry: 0}, tasks: {a: {kind: k}, m: {kind: k, needs: a, run_on: done, for_each: [1, 2, 3]}}}
room: 1
t=0   submit               | dispatch a#1
t=1   a#1 failed x         | a failed x, m has 3 items, dispatch m.0#1, dead letter a
t=2   m.0#1 failed x       | m.0 failed x, m failed too_many_failures, job failed x of a#1, dead letter m.0
t=3   retry                | job running, dispatch a#2
t=4   pause                | -
t=5   a#2 succeeded 1      | a succeeded, m has 3 items, m.0 ready
t=6   resume               | dispatch m.1#1

# A deadline starts afresh
job: {deadline: 10s, tasks: {a: {kind: k, retry: 0, allow_failure: true}, b: {kind: k}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed timed_out | a timed_out
t=10  time                 | b cancelled, job timed_out timed_out, stop b#1
t=20  retry                | job running, dispatch a#2, dispatch b#2
t=21  b#2 succeeded 1      | b succeeded
t=30  time                 | a cancelled, job timed_out timed_out, stop a#2

# start_within starts afresh for the items that never went out
job: {tasks: {m: {kind: k, retry: 0, start_within: 10s, for_each: [1, 2]}}}
room: 1
t=0   submit               | m has 2 items, dispatch m.0#1
t=1   m.0#1 failed x       | m.0 failed x, m failed too_many_failures, job failed too_many_failures of m, dead letter m.0
t=20  room 0               | -
t=20  retry                | job running, m has 2 items, m.0 ready
t=30  time                 | m.1 timed_out not_started, m failed too_many_failures, m.0 cancelled, job failed too_many_failures of m
