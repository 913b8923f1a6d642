timeout, start_within, deadline and silence.

# The time limit counts from the start of the work; the orchestrator closes the attempt 10 seconds after it
job: {kind: k, timeout: 60s, retry: 0}
t=0   submit               | dispatch task#1
t=100 task#1 started by w1 | -
t=169.9 time               | -
t=170 time                 | task timed_out, job failed timed_out of task#1, dead letter task, stop task#1 of w1
t=170 show task            | timed_out attempt 1 failures 1 ready 0 dispatched 0 started 100 finished 170 (no result within its time limit)

# The worker's own report of it comes first
job: {kind: k, timeout: 60s, retry: 0}
t=0   submit               | dispatch task#1
t=5   task#1 started       | -
t=65  task#1 failed timed_out | task timed_out, job failed timed_out of task#1, dead letter task

# A claim and progress start the clock too, and only the first sign does
job: {tasks: {a: {kind: k, timeout: 60s, retry: 0}, b: {kind: k, timeout: 60s, retry: 0}}, fail_fast: false}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 progress 0.1 by w1 | -
t=2   b#1 claimed 30s by w2 | -
t=50  a#1 started; a#1 progress 0.5; b#1 started; b#1 claimed 30s | -
t=71  time                 | a timed_out, dead letter a, stop a#1 of w1
t=72  time                 | b timed_out, job failed timed_out of a#1, dead letter b, stop b#1 of w2

# A timed out attempt is retried, and the next has its own time
job: {kind: k, timeout: 60s}
t=0   submit               | dispatch task#1
t=0   task#1 started       | -
t=70  time                 | task retrying until 71 (timed_out), stop task#1
t=71  time                 | dispatch task#2
t=80  task#2 started       | -
t=80  show task            | dispatched attempt 2 failures 1 ready 71 dispatched 71 started 80 finished never (no result within its time limit)
t=150 time                 | task retrying until 152 (timed_out), stop task#2

# An attempt that nobody saw at work has no time limit, and counts as started when it was dispatched
job: {kind: k, timeout: 1s}
t=0   submit               | dispatch task#1
t=500 task#1 succeeded 1   | task succeeded, job succeeded 1
t=500 show task            | succeeded attempt 1 failures 0 ready 0 dispatched 0 started 0 finished 500

# A worker that is silent for too long is lost, and told to stop
job: {kind: k, heartbeat: 5s}
t=0   submit               | dispatch task#1
t=1   task#1 progress 0.1 by w1 | -
t=7   task#1 silent        | task retrying until 8 (lost), stop task#1 of w1
t=8   time                 | dispatch task#2

# start_within runs from ready; passed, the task is over without retry
job: {kind: k, start_within: 10s}
t=0   submit               | dispatch task#1
t=10  time                 | task timed_out not_started, job failed not_started of task#1, stop task#1

# It also runs while there is no room
job: {tasks: {a: {kind: k}, b: {kind: k, start_within: 10s}}, fail_fast: false}
room: 1
t=0   submit               | b ready, dispatch a#1
t=10  time                 | b timed_out not_started

# It ends with the first start, even if a retry waits longer
job: {kind: k, start_within: 10s, retry: {delay: 1h, jitter: false, max_delay: 1h}}
t=0   submit               | dispatch task#1
t=9   task#1 started       | -
t=9   task#1 failed x      | task retrying until 3609 (x)
t=3609 time                | dispatch task#2

# Once started it is over, and only the time limit counts
job: {kind: k, start_within: 10s, timeout: 60s, retry: 0}
t=0   submit               | dispatch task#1
t=9   task#1 started       | -
t=10  time                 | -
t=79  time                 | task timed_out, job failed timed_out of task#1, dead letter task, stop task#1

# Even if the started attempt is handed back
job: {kind: k, start_within: 10s}
room: 1
t=0   submit               | dispatch task#1
t=9   task#1 started       | -
t=9   room 0               | -
t=9   task#1 released      | task ready
t=60  room 1               | dispatch task#2

# A released attempt does not start it anew
job: {kind: k, start_within: 10s}
t=0   submit               | dispatch task#1
t=5   task#1 released      | dispatch task#2
t=10  time                 | task timed_out not_started, job failed not_started of task#2, stop task#2

# Nor do releases because nobody knows the kind: it ends in the middle of the wait
job: {kind: k, start_within: 2s}
t=0   submit               | dispatch task#1
t=0   task#1 released unknown_kind | task retrying until 1 (unknown_kind)
t=1   time                 | dispatch task#2
t=1   task#2 released unknown_kind | task retrying until 2 (unknown_kind)
t=2   time                 | task timed_out not_started, job failed not_started of task#2

# Each item has its own; those that never went out are over too
job: {tasks: {m: {kind: k, for_each: {items: [1, 2, 3, 4], max_failures: 4}, start_within: 10s}}}
room: 2
t=0   submit               | m has 4 items, dispatch m.0#1, dispatch m.1#1
t=5   m.0#1 started        | -
t=10  time                 | m.2 timed_out not_started, m.3 timed_out not_started, m.1 timed_out not_started, stop m.1#1
t=11  m.0#1 succeeded 1    | m.0 succeeded, m succeeded, job succeeded {"m":[1,null,null,null]}

# If more items did not start than may fail, the task is over at once
job: {tasks: {m: {kind: k, for_each: {items: [1, 2, 3, 4], max_failures: 1}, start_within: 10s}}}
room: 1
t=0   submit               | m has 4 items, dispatch m.0#1
t=5   m.0#1 started        | -
t=10  time                 | m.1 timed_out not_started, m.2 timed_out not_started, m failed too_many_failures, m.0 cancelled,
                           | job failed too_many_failures of m, stop m.0#1

# Items beyond max_parallel wait, so it does not run for them
job: {tasks: {m: {kind: k, for_each: {items: [1, 2], max_parallel: 1}, start_within: 10s}}}
t=0   submit               | m has 2 items, dispatch m.0#1
t=1   m.0#1 started        | -
t=60  m.0#1 succeeded 1    | m.0 succeeded, dispatch m.1#1
t=70  time                 | m.1 timed_out not_started, m failed too_many_failures, job failed too_many_failures of m, stop m.1#1

# But it runs for items that could go out and find no room
job: {tasks: {m: {kind: k, for_each: {items: [1, 2], max_parallel: 1}, start_within: 10s}}}
room: 0
t=0   submit               | m has 2 items, m.0 ready
t=10  time                 | m.0 timed_out not_started, m failed too_many_failures, job failed too_many_failures of m

# The deadline ends the job; what runs always still runs
job: {deadline: 60s, tasks: {a: {kind: k}, b: {kind: k, needs: a}, clean: {kind: k, needs: a, run_on: done}}}
t=0   submit               | dispatch a#1
t=60  time                 | a cancelled, b cancelled, dispatch clean#1, stop a#1
t=61  clean#1 succeeded 1  | clean succeeded, job timed_out timed_out

# It counts from the end of the delay
job: {kind: k, delay: 10s, deadline: 60s}
t=0   submit               | job scheduled for 10
t=10  time                 | job running, dispatch task#1
t=70  time                 | task cancelled, job timed_out timed_out, stop task#1

# Even if the orchestrator was late to begin
job: {kind: k, delay: 10s, deadline: 60s}
t=0   submit               | job scheduled for 10
t=20  late                 | job running, dispatch task#1
t=70  time                 | task cancelled, job timed_out timed_out, stop task#1

# A pause does not stop it
job: {kind: k, deadline: 60s}
room: 0
t=0   submit               | task ready
t=1   pause                | -
t=60  time                 | task cancelled, job timed_out timed_out

# A deadline after a failure that counts leaves the job failed
job: {deadline: 60s, fail_fast: false, tasks: {a: {kind: k, retry: 0}, b: {kind: k}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed oom       | a failed oom, dead letter a
t=60  time                 | b cancelled, job failed oom of a#1, stop b#1
