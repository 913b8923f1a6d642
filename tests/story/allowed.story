Failures that are allowed, all of them or by their codes.

# A failure with an allowed code counts as ok, and nobody has to look into it
job: {tasks: {a: {kind: k, retry: 0, allow_failure: [not_found, timed_out]}, b: {kind: k, needs: a, input: "${{ tasks.a.error.code }}"}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed not_found | a failed not_found, dispatch b#1 "not_found"
t=2   b#1 succeeded 1      | b succeeded, job succeeded {"b":1}

# One with another code counts
job: {tasks: {a: {kind: k, retry: 0, allow_failure: [not_found, timed_out]}, b: {kind: k, needs: a}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a failed oom, b skipped upstream_failed, job failed oom of a#1, dead letter a

# So it is with a time limit, and with one that did not start in time
job: {tasks: {a: {kind: k, retry: 0, timeout: 5s, allow_failure: [timed_out]}, b: {kind: k, needs: a}}}
t=0   submit               | dispatch a#1
t=1   a#1 started          | -
t=16  time                 | a timed_out, dispatch b#1, stop a#1
t=17  b#1 succeeded 1      | b succeeded, job succeeded {"b":1}

# What did not start in time has a code of its own
job: {tasks: {a: {kind: k, start_within: 5s, allow_failure: [timed_out]}, b: {kind: k, start_within: 5s, allow_failure: [not_started]}}, fail_fast: false}
room: 0
t=0   submit               | a ready, b ready
t=5   time                 | a timed_out not_started, b timed_out not_started, job failed not_started of a

# A failure that is allowed is no dead letter, whatever allows it
job: {tasks: {a: {kind: k, retry: 0, allow_failure: true}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed x         | a failed x, job succeeded {"a":null}

# Of a mapped task the code is that of the whole; its items are no dead letters then
job: {tasks: {m: {kind: k, retry: 0, for_each: [1, 2], allow_failure: [too_many_failures]}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 failed x       | m.0 failed x, m failed too_many_failures, m.1 cancelled, job succeeded {"m":null}, stop m.1#1

# Codes of its items are none of its own
job: {tasks: {m: {kind: k, retry: 0, for_each: [1, 2], allow_failure: [x]}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 failed x       | m.0 failed x, m failed too_many_failures, m.1 cancelled, job failed too_many_failures of m,
      | dead letter m.0, stop m.1#1

# What ends without having begun is judged by its code, too
job: {tasks: {a: {kind: k, input: "${{ input.nope }}", allow_failure: [expression_error]}, b: {kind: k, needs: a}}}
t=0   submit               | a failed expression_error, dispatch b#1
t=1   b#1 succeeded 1      | b succeeded, job succeeded {"b":1}

# Tried again, what is downstream counts it by its code again
job: {fail_fast: false, tasks: {a: {kind: k, retry: 0, allow_failure: [x]}, b: {kind: k, needs: a}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed y         | a failed y, b skipped upstream_failed, job failed y of a#1, dead letter a
t=2   retry                | job running, dispatch a#2
t=3   a#2 failed x         | a failed x, dispatch b#1
t=4   retry b              | -
t=5   b#1 succeeded 1      | b succeeded, job succeeded {"b":1}
t=6   retry b              | job running, dispatch b#2
t=7   b#2 succeeded 2      | b succeeded, job succeeded {"b":2}
