An attempt handed back unstarted costs nothing.

# A released task goes out again at once, as a new attempt
job: {kind: k, retry: 0}
t=0   submit               | dispatch task#1
t=1   task#1 released by w1 | dispatch task#2
t=2   task#2 released draining | dispatch task#3
t=3   task#3 failed x      | task failed x, job failed x of task#3, dead letter task
t=3   show task            | failed attempt 3 failures 1 ready 0 dispatched 2 started 2 finished 3 (it broke)
t=3   history task         | #1 released 0-1 by w1, #2 released 1-2, #3 failed 2-3

# It keeps its place in the line
job: {tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k}}}
room: 1
t=0   submit               | b ready, c ready, dispatch a#1
t=5   a#1 released         | dispatch a#2
t=6   a#2 succeeded 1      | a succeeded, dispatch b#1

# No worker knows the kind: it waits 1, 2, 4 … 30 seconds
job: {kind: k, retry: 0}
t=0   submit               | dispatch task#1
t=0   task#1 released unknown_kind | task retrying until 1 (unknown_kind)
t=1   time                 | dispatch task#2
t=1   task#2 released unknown_kind | task retrying until 3 (unknown_kind)
t=3   time                 | dispatch task#3
t=3   task#3 released unknown_kind | task retrying until 7 (unknown_kind)
t=7   time                 | dispatch task#4
t=7   task#4 released unknown_kind | task retrying until 15 (unknown_kind)
t=15  time                 | dispatch task#5
t=15  task#5 released unknown_kind | task retrying until 31 (unknown_kind)
t=31  time                 | dispatch task#6
t=31  task#6 released unknown_kind | task retrying until 61 (unknown_kind)
t=61  time                 | dispatch task#7
t=61  task#7 released unknown_kind | task retrying until 91 (unknown_kind)
t=91  time                 | dispatch task#8
t=92  task#8 succeeded 1   | task succeeded, job succeeded 1
t=92  show task            | succeeded attempt 8 failures 0 ready 91 dispatched 91 started 91 finished 92

# The waiting begins anew once somebody knew it
job: {kind: k}
t=0   submit               | dispatch task#1
t=0   task#1 released unknown_kind | task retrying until 1 (unknown_kind)
t=1   time                 | dispatch task#2
t=1   task#2 released unknown_kind | task retrying until 3 (unknown_kind)
t=3   time                 | dispatch task#3
t=3   task#3 released      | dispatch task#4
t=3   task#4 released unknown_kind | task retrying until 4 (unknown_kind)

# So it does after a failure
job: {kind: k, retry: {max_attempts: 3, backoff: none}}
t=0   submit               | dispatch task#1
t=0   task#1 released unknown_kind | task retrying until 1 (unknown_kind)
t=1   time                 | dispatch task#2
t=1   task#2 failed x      | task retrying (x), dispatch task#3
t=1   task#3 released unknown_kind | task retrying until 2 (unknown_kind)

# An item that is released goes out again in its place
job: {tasks: {m: {kind: k, for_each: {items: [1, 2, 3], max_parallel: 1}}}}
t=0   submit               | m has 3 items, dispatch m.0#1
t=1   m.0#1 released       | dispatch m.0#2
t=2   m.0#2 succeeded 1    | m.0 succeeded, dispatch m.1#1

# A report on the attempt that was handed back comes too late
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 released      | dispatch task#2
t=2   task#1 succeeded 1   | ignored
t=3   task#2 succeeded 2   | task succeeded, job succeeded 2
