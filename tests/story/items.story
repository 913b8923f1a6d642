Items have the life of tasks: attempts, clocks, releases, crashes.

# An item that times out is tried again
job: {tasks: {m: {kind: k, timeout: 60s, for_each: [1, 2]}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=0   m.0#1 started by w1  | -
t=70  time                 | m.0 retrying until 71 (timed_out), stop m.0#1 of w1
t=71  time                 | dispatch m.0#2
t=72  m.0#2 succeeded 1; m.1#1 succeeded 2 | m.0 succeeded, m.1 succeeded, m succeeded, job succeeded {"m":[1,2]}
t=72  history m.0          | #1 timed_out 0-70 by w1, #2 succeeded 71-72

# A lost item is tried again, and fails with that code
job: {tasks: {m: {kind: k, retry: 1, for_each: [1]}}}
t=0   submit               | m has 1 items, dispatch m.0#1
t=1   m.0#1 silent         | m.0 retrying until 2 (lost), stop m.0#1
t=2   time                 | dispatch m.0#2
t=3   m.0#2 silent         | m.0 failed lost, m failed too_many_failures, job failed too_many_failures of m,
                           | dead letter m.0, stop m.0#2

# No worker knows the kind: each item waits for itself
job: {tasks: {m: {kind: k, for_each: [1, 2]}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=0   m.0#1 released unknown_kind | m.0 retrying until 1 (unknown_kind)
t=0.5 m.1#1 released unknown_kind | m.1 retrying until 1.5 (unknown_kind)
t=1   time                 | dispatch m.0#2
t=1.5 time                 | dispatch m.1#2

# An item that kills workers is worked on alone, and then given up
job: {tasks: {m: {kind: k, for_each: {items: [1, 2], max_failures: 1}}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.1#1 released suspect 2 by w1 | dispatch m.1#2 deliveries 2
t=2   m.1#2 progress 0 by w2 | -
t=3   m.1#2 released suspect 1 by w3 | m.1 failed crashed
t=4   m.0#1 succeeded 1    | m.0 succeeded, m succeeded, job succeeded {"m":[1,null]}

# A report on an item comes too late when the task is over
job: {tasks: {m: {kind: k, retry: 0, for_each: [1, 2]}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 failed x       | m.0 failed x, m failed too_many_failures, m.1 cancelled,
                           | job failed too_many_failures of m, dead letter m.0, stop m.1#1
t=2   m.1#1 succeeded 1    | ignored

# A worker says of one item: never again
job: {tasks: {m: {kind: k, for_each: {items: [1, 2], max_failures: 1}}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 failed x retry false | m.0 failed x
t=1   m.1#1 failed x retry 5s | m.1 retrying until 6 (x)
t=6   time                 | dispatch m.1#2

# Items of an urgent task go before plain tasks
job: {tasks: {plain: {kind: k}, m: {kind: k, priority: 9, for_each: [1, 2]}}}
room: 1
t=0   submit               | plain ready, m has 2 items, dispatch m.0#1
t=1   m.0#1 succeeded 1    | m.0 succeeded, dispatch m.1#1
t=2   m.1#1 succeeded 2    | m.1 succeeded, m succeeded, dispatch plain#1

# A deadline ends items too, and a mapped task that runs always goes on
job: {deadline: 10s, tasks: {m: {kind: k, for_each: [1, 2]}, n: {kind: k, run_on: done, for_each: [1]}}}
t=0   submit               | m has 2 items, n has 1 items, dispatch m.0#1, dispatch m.1#1, dispatch n.0#1
t=10  time                 | m cancelled, m.0 cancelled, m.1 cancelled, stop m.0#1, stop m.1#1
t=11  n.0#1 succeeded 1    | n.0 succeeded, n succeeded, job timed_out timed_out

# A second cancel ends the items of what runs always
job: {tasks: {n: {kind: k, run_on: done, for_each: {items: [1, 2, 3], max_parallel: 2}}}}
t=0   submit               | n has 3 items, dispatch n.0#1, dispatch n.1#1
t=1   cancel               | -
t=2   n.0#1 succeeded 1    | n.0 succeeded, dispatch n.2#1
t=3   cancel               | n cancelled, n.1 cancelled, n.2 cancelled, job cancelled cancelled, stop n.1#1, stop n.2#1
