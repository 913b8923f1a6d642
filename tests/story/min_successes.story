Mapped tasks that want so many successes, and not all.

# As soon as so many items succeeded the task does; the others are cancelled, and their outputs are null
job: {tasks: {m: {kind: k, for_each: {items: [1, 2, 3, 4], min_successes: 2}}, b: {kind: k, needs: m, input: "${{ tasks.m.output }}"}}}
t=0   submit               | m has 4 items, dispatch m.0#1, dispatch m.1#1, dispatch m.2#1, dispatch m.3#1
t=1   m.2#1 succeeded 3    | m.2 succeeded
t=2   m.0#1 succeeded 1    | m.0 succeeded, m succeeded, m.1 cancelled, m.3 cancelled, dispatch b#1 [1,null,3,null], stop m.1#1, stop m.3#1
t=3   m.1#1 succeeded 2    | ignored
t=4   b#1 succeeded 1      | b succeeded, job succeeded {"b":1}

# Items that never went out need no row
job: {tasks: {m: {kind: k, for_each: {items: [1, 2, 3, 4], max_parallel: 1, min_successes: 1}}}}
t=0   submit               | m has 4 items, dispatch m.0#1
t=1   m.0#1 succeeded 1    | m.0 succeeded, m succeeded, job succeeded {"m":[1,null,null,null]}

# Others may fail as long as enough are left, and are no dead letters
job: {tasks: {m: {kind: k, retry: 0, for_each: {items: [1, 2, 3], min_successes: 1}}}}
t=0   submit               | m has 3 items, dispatch m.0#1, dispatch m.1#1, dispatch m.2#1
t=1   m.0#1 failed x       | m.0 failed x
t=2   m.1#1 failed x       | m.1 failed x
t=3   m.2#1 succeeded 3    | m.2 succeeded, m succeeded, job succeeded {"m":[null,null,3]}

# Once too few are left, it fails at once
job: {tasks: {m: {kind: k, retry: 0, for_each: {items: [1, 2, 3], min_successes: 2}}}}
t=0   submit               | m has 3 items, dispatch m.0#1, dispatch m.1#1, dispatch m.2#1
t=1   m.0#1 failed x       | m.0 failed x
t=2   m.1#1 failed y       | m.1 failed y, m failed too_many_failures, m.2 cancelled, job failed too_many_failures of m, dead letter m.1, stop m.2#1
t=3   show m               | failed attempt 0 failures 0 ready 0 dispatched 0 started never finished 2
      | (2 of 3 items ended without success, the last of them item 1: y: it broke; 2 were to succeed (min_successes))

# It may allow fewer failures than that
job: {tasks: {m: {kind: k, retry: 0, for_each: {items: [1, 2, 3], min_successes: 1, max_failures: 0}}}}
t=0   submit               | m has 3 items, dispatch m.0#1, dispatch m.1#1, dispatch m.2#1
t=1   m.0#1 failed x       | m.0 failed x, m failed too_many_failures, m.1 cancelled, m.2 cancelled, job failed too_many_failures of m,
      | dead letter m.0, stop m.1#1, stop m.2#1

# A list that is too short for it fails by name
job: {input: [1, 2], tasks: {m: {kind: k, for_each: {items: "${{ input }}", min_successes: 3}}}}
t=0   submit               | m failed too_few, job failed too_few of m

# So does an empty one
job: {input: [], tasks: {m: {kind: k, for_each: {items: "${{ input }}", min_successes: 1}}}}
t=0   submit               | m failed too_few, job failed too_few of m

# An item that is left out by hand counts as ok
job: {tasks: {m: {kind: k, for_each: {items: [1, 2], min_successes: 1}}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   skip m.0             | m.0 skipped, m succeeded, m.1 cancelled, job succeeded {"m":[null,null]}, stop m.0#1, stop m.1#1

# What the orchestrator works on itself stops at so many
job: {tasks: {m: {kind: warrener.pass, for_each: {items: [1, 2, 3], min_successes: 2}, input: "${{ item }}"}}}
t=0   submit               | m has 3 items, m.0 succeeded, m.1 succeeded, m succeeded, job succeeded {"m":[1,2,null]}

# Tried again, all of it is
job: {tasks: {m: {kind: k, for_each: {items: [1, 2, 3], min_successes: 1}}}}
t=0   submit               | m has 3 items, dispatch m.0#1, dispatch m.1#1, dispatch m.2#1
t=1   m.1#1 succeeded 2    | m.1 succeeded, m succeeded, m.0 cancelled, m.2 cancelled, job succeeded {"m":[null,2,null]}, stop m.0#1, stop m.2#1
t=2   retry m              | job running, m has 3 items, dispatch m.0#2, dispatch m.1#2, dispatch m.2#2
t=3   m.2#2 succeeded 9    | m.2 succeeded, m succeeded, m.0 cancelled, m.1 cancelled, job succeeded {"m":[null,null,9]}, stop m.0#2, stop m.1#2

# Two that succeed at once: the second comes too late
job: {tasks: {m: {kind: k, for_each: {items: [1, 2], min_successes: 1}}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 succeeded 1; m.1#1 succeeded 2 | m.0 succeeded, m succeeded, m.1 cancelled, job succeeded {"m":[1,null]}, stop m.1#1, ignored
