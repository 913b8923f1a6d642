How many items may end without success.

# By default none: the first that does fails the task, and the open ones are cancelled
job: {tasks: {m: {kind: k, retry: 0, for_each: [1, 2, 3]}}}
t=0   submit               | m has 3 items, dispatch m.0#1, dispatch m.1#1, dispatch m.2#1
t=1   m.2#1 succeeded 1    | m.2 succeeded
t=2   m.1#1 failed x       | m.1 failed x, m failed too_many_failures, m.0 cancelled,
                           | job failed too_many_failures of m, dead letter m.1, stop m.0#1
t=2   show m               | failed attempt 0 failures 0 ready 0 dispatched 0 started never finished 2 (1 of 3 items ended without success, the last of them item 1: x: it broke)

# Each item has the policy of the task: its own attempts
job: {tasks: {m: {kind: k, retry: {max_attempts: 2, backoff: none}, for_each: [1]}}}
t=0   submit               | m has 1 items, dispatch m.0#1
t=1   m.0#1 failed x       | m.0 retrying (x), dispatch m.0#2
t=2   m.0#2 failed x       | m.0 failed x, m failed too_many_failures, job failed too_many_failures of m, dead letter m.0

# A tolerated failure is null in the output, and no dead letter
job: {tasks: {m: {kind: k, retry: 0, for_each: {items: [1, 2], max_failures: 1}}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 failed x       | m.0 failed x
t=2   m.1#1 succeeded 5    | m.1 succeeded, m succeeded, job succeeded {"m":[null,5]}

# One more is not tolerated
job: {tasks: {m: {kind: k, retry: 0, for_each: {items: [1, 2, 3], max_failures: 1}}}}
t=0   submit               | m has 3 items, dispatch m.0#1, dispatch m.1#1, dispatch m.2#1
t=1   m.0#1 failed x       | m.0 failed x
t=2   m.1#1 failed timed_out | m.1 timed_out, m failed too_many_failures, m.2 cancelled,
                           | job failed too_many_failures of m, dead letter m.1, stop m.2#1

# All may fail, and the task still succeeds
job: {tasks: {m: {kind: k, retry: 0, for_each: {items: [1, 2], max_failures: 2}}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 failed x; m.1#1 failed x | m.0 failed x, m.1 failed x, m succeeded, job succeeded {"m":[null,null]}

# A percentage is of all items, unrounded: half of three is one
job: {tasks: {m: {kind: k, retry: 0, for_each: {items: [1, 2, 3], max_failures: "50%"}}}}
t=0   submit               | m has 3 items, dispatch m.0#1, dispatch m.1#1, dispatch m.2#1
t=1   m.0#1 failed x       | m.0 failed x
t=2   m.1#1 failed x       | m.1 failed x, m failed too_many_failures, m.2 cancelled,
                           | job failed too_many_failures of m, dead letter m.1, stop m.2#1

# Items never start fail_fast themselves, the task does
job: {tasks: {m: {kind: k, retry: 0, for_each: {items: [1, 2], max_failures: 1}}, other: {kind: k}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1, dispatch other#1
t=1   m.0#1 failed x       | m.0 failed x
t=2   m.1#1 failed x       | m.1 failed x, m failed too_many_failures, other cancelled,
                           | job failed too_many_failures of m, dead letter m.1, stop other#1

# An allowed failure of a mapped task is ok for those that need it
job: {tasks: {m: {kind: k, retry: 0, for_each: [1], allow_failure: true}, z: {kind: k, input: "${{ tasks.m.output }}"}}}
t=0   submit               | m has 1 items, dispatch m.0#1
t=1   m.0#1 failed x       | m.0 failed x, m failed too_many_failures, dispatch z#1

# Two failures in one batch: the first is one too many, the second comes too late
job: {tasks: {m: {kind: k, retry: 0, for_each: [1, 2]}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.1#1 failed x; m.0#1 failed x | m.1 failed x, m failed too_many_failures, m.0 cancelled,
                           | job failed too_many_failures of m, dead letter m.1, stop m.0#1, ignored

# An item whose input fails to evaluate fails, without a dead letter; no further item begins
job: {tasks: {m: {kind: k, for_each: [{}, {x: 1}, {}], input: "${{ item.x }}"}}}
t=0   submit               | m has 3 items, m.0 failed expression_error, m failed too_many_failures,
                           | job failed too_many_failures of m

# If that is tolerated the others go on
job: {tasks: {m: {kind: k, for_each: {items: [{}, {x: 1}], max_failures: 1}, input: "${{ item.x }}"}}}
t=0   submit               | m has 2 items, m.0 failed expression_error, dispatch m.1#1 1
t=1   m.1#1 succeeded 1    | m.1 succeeded, m succeeded, job succeeded {"m":[null,1]}

# Tolerated failures of all items at once end the task at once
job: {tasks: {m: {kind: k, for_each: {items: [{}, {}], max_failures: 2, max_parallel: 1}, input: "${{ item.x }}"}}}
t=0   submit               | m has 2 items, m.0 failed expression_error, m.1 failed expression_error, m succeeded,
                           | job succeeded {"m":[null,null]}

# A rejected item that is not tolerated is a dead letter, a tolerated one is not
job: {tasks: {m: {kind: k, for_each: {items: [1, 2], max_failures: 1}}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 rejected       | m.0 failed rejected
t=2   m.1#1 rejected       | m.1 failed rejected, m failed too_many_failures, job failed too_many_failures of m, dead letter m.1
