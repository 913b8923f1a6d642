Trying one task again by hand, and with it everything downstream of it.

# What is downstream is done again, succeeded or not; what is beside it stays
job: {tasks: {a: {kind: k, input: "${{ input }}"}, b: {kind: k, needs: a}, c: {kind: k}, d: {kind: k, needs: [b, c]}}}
t=0   submit               | dispatch a#1, dispatch c#1
t=1   a#1 succeeded 1      | a succeeded, dispatch b#1
t=2   c#1 succeeded 3      | c succeeded
t=3   b#1 succeeded 2      | b succeeded, dispatch d#1
t=4   d#1 succeeded 4      | d succeeded, job succeeded {"d":4}
t=5   retry b              | job running, dispatch b#2
t=6   b#2 succeeded 22     | b succeeded, dispatch d#2
t=7   d#2 succeeded 44     | d succeeded, job succeeded {"d":44}
t=8   history d            | #1 succeeded 3-4, #2 succeeded 6-7

# A task of a running job; what was at work downstream is stopped
job: {fail_fast: false, tasks: {a: {kind: k, retry: 0, allow_failure: true}, b: {kind: k, needs: a}, c: {kind: k}}}
t=0   submit               | dispatch a#1, dispatch c#1
t=1   a#1 failed x         | a failed x, dispatch b#1
t=2   retry a              | b cancelled, dispatch a#2, stop b#1
t=3   b#1 succeeded 2      | ignored
t=4   a#2 succeeded 1      | a succeeded, dispatch b#2
t=5   b#2 succeeded 2; c#1 succeeded 3 | b succeeded, c succeeded, job succeeded {"b":2,"c":3}

# What is open cannot be tried again, nor what a stopped job left
job: {tasks: {a: {kind: k}, z: {kind: k, needs: a, run_on: done}}}
t=0   submit               | dispatch a#1
t=1   retry a              | -
t=2   cancel               | a cancelled, dispatch z#1, stop a#1
t=3   retry a              | -
t=4   z#1 succeeded 0      | z succeeded, job cancelled cancelled
t=5   retry a              | job running, dispatch a#2
t=6   a#2 succeeded 1      | a succeeded, dispatch z#2
t=7   z#2 succeeded 0      | z succeeded, job succeeded {"z":0}

# A failure elsewhere still counts
job: {fail_fast: false, tasks: {a: {kind: k, retry: 0}, b: {kind: k, retry: 0}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed x         | a failed x, dead letter a
t=2   b#1 failed y         | b failed y, job failed x of a#1, dead letter b
t=3   retry b              | job running, dispatch b#2
t=4   b#2 succeeded 1      | b succeeded, job failed x of a#1

# A mapped task keeps its list and its succeeded items; what is downstream gets a new list
job:
  tasks:
    m: {kind: k, for_each: [1, 2], input: "${{ item }}", retry: 0}
    n: {kind: k, for_each: "${{ tasks.m.output }}", input: "${{ item }}"}
  output: ${{ tasks.n.output }}
t=0   submit               | m has 2 items, dispatch m.0#1 1, dispatch m.1#1 2
t=1   m.0#1 succeeded 10; m.1#1 succeeded 20 | m.0 succeeded, m.1 succeeded, m succeeded, n has 2 items,
      | dispatch n.0#1 10, dispatch n.1#1 20
t=2   n.0#1 succeeded 100  | n.0 succeeded
t=3   retry m.1            | n cancelled, n.1 cancelled, m has 2 items, dispatch m.1#2 2, stop n.1#1
t=4   m.1#2 succeeded 21   | m.1 succeeded, m succeeded, n has 2 items, dispatch n.0#1 10, dispatch n.1#1 21
t=5   n.0#1 succeeded 1; n.1#1 succeeded 2 | n.0 succeeded, n.1 succeeded, n succeeded, job succeeded [1,2]
t=6   retry m              | job running, m has 2 items, dispatch m.0#2 1, dispatch m.1#3 2

# Of items that ended without success the others still count when one is tried again, and no further item begins
job: {tasks: {m: {kind: k, retry: 0, for_each: {items: [1, 2, 3], max_parallel: 2}}}}
t=0   submit               | m has 3 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 failed x       | m.0 failed x, m failed too_many_failures, m.1 cancelled, job failed too_many_failures of m, dead letter m.0,
      | stop m.1#1
t=2   retry m.1            | job running, m has 3 items, dispatch m.1#2
t=3   m.1#2 succeeded 1    | m.1 succeeded, m failed too_many_failures, job failed too_many_failures of m
t=4   retry m.0            | job running, m has 3 items, dispatch m.2#1, dispatch m.0#2
t=5   m.0#2 succeeded 1; m.2#1 succeeded 1 | m.0 succeeded, m.2 succeeded, m succeeded, job succeeded {"m":[1,1,1]}

# So do those that were stopped with their task
job: {tasks: {m: {kind: k, retry: 0, for_each: [1, 2]}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 failed x       | m.0 failed x, m failed too_many_failures, m.1 cancelled, job failed too_many_failures of m, dead letter m.0,
      | stop m.1#1
t=2   retry m.0            | job running, m has 2 items, dispatch m.0#2
t=3   m.0#2 succeeded 1    | m.0 succeeded, m failed too_many_failures, job failed too_many_failures of m
t=3   show m               | failed attempt 0 failures 0 ready 2 dispatched 2 started never finished 3 (1 of 2 items ended without success)
t=4   retry m              | job running, m has 2 items, dispatch m.1#2
t=5   m.1#2 succeeded 2    | m.1 succeeded, m succeeded, job succeeded {"m":[1,2]}

# Jobs that items of a list ran are stopped with it
job: {tasks: {a: {kind: k}, m: {kind: warrener.job, needs: a, for_each: [1], input: {job: {kind: k}}}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 1      | a succeeded, m has 1 items, m.0 runs job-2, dispatch job-2/task#1
t=2   retry a              | m cancelled, m.0 cancelled, dispatch a#2, job-2/task cancelled, job-2 cancelled cancelled, stop job-2/task#1
t=3   a#2 succeeded 1      | a succeeded, m has 1 items, m.0 runs job-3, dispatch job-3/task#1
