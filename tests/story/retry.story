When an attempt does not succeed.

# By default there are five attempts, 1, 2, 4 and 8 seconds apart
job: {kind: k}
t=0   submit               | dispatch task#1
t=0   task#1 failed x      | task retrying until 1 (x)
t=1   time                 | dispatch task#2
t=1   task#2 failed x      | task retrying until 3 (x)
t=3   time                 | dispatch task#3
t=3   task#3 failed x      | task retrying until 7 (x)
t=7   time                 | dispatch task#4
t=7   task#4 failed x      | task retrying until 15 (x)
t=15  time                 | dispatch task#5
t=16  task#5 failed y      | task failed y, job failed y of task#5, dead letter task
t=16  history task         | #1 failed 0-0, #2 failed 1-1, #3 failed 3-3, #4 failed 7-7, #5 failed 15-16

# Jitter draws at least half of the delay
job: {kind: k, retry: {delay: 10s}}
dice: 0
t=0   submit               | dispatch task#1
t=0   task#1 failed x      | task retrying until 5 (x)

# Jitter can be switched off
job: {kind: k, retry: {delay: 10s, jitter: false}}
dice: 0
t=0   submit               | dispatch task#1
t=0   task#1 failed x      | task retrying until 10 (x)

# `retry: n` is n more attempts
job: {kind: k, retry: 1}
t=0   submit               | dispatch task#1
t=0   task#1 failed x      | task retrying until 1 (x)
t=1   time                 | dispatch task#2
t=1   task#2 failed x      | task failed x, job failed x of task#2, dead letter task

# A fixed back-off
job: {kind: k, retry: {max_attempts: 3, backoff: fixed, delay: 10s}}
t=0   submit               | dispatch task#1
t=0   task#1 failed x      | task retrying until 10 (x)
t=10  time                 | dispatch task#2
t=10  task#2 failed x      | task retrying until 20 (x)

# A linear back-off, at most max_delay
job: {kind: k, retry: {backoff: linear, delay: 10s, max_delay: 25s}}
t=0   submit               | dispatch task#1
t=0   task#1 failed x      | task retrying until 10 (x)
t=10  time                 | dispatch task#2
t=10  task#2 failed x      | task retrying until 30 (x)
t=30  time                 | dispatch task#3
t=30  task#3 failed x      | task retrying until 55 (x)

# An exponential back-off with a factor of its own
job: {kind: k, retry: {delay: 1s, factor: 3, max_delay: 8s}}
t=0   submit               | dispatch task#1
t=0   task#1 failed x      | task retrying until 1 (x)
t=1   time                 | dispatch task#2
t=1   task#2 failed x      | task retrying until 4 (x)
t=4   time                 | dispatch task#3
t=4   task#3 failed x      | task retrying until 12 (x)

# No back-off is at once
job: {kind: k, retry: {max_attempts: 2, backoff: none}}
t=0   submit               | dispatch task#1
t=3   task#1 failed x      | task retrying (x), dispatch task#2

# A task's policy is merged field by field over the defaults
job: {defaults: {retry: {delay: 7s, backoff: fixed}}, tasks: {a: {kind: k, retry: {max_attempts: 2}}}}
t=0   submit               | dispatch a#1
t=0   a#1 failed x         | a retrying until 7 (x)
t=7   time                 | dispatch a#2
t=7   a#2 failed x         | a failed x, job failed x of a#2, dead letter a

# Only these codes are tried again
job: {defaults: {retry: {only_on: [busy, timed_out]}}, tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k}}, fail_fast: false}
t=0   submit               | dispatch a#1, dispatch b#1, dispatch c#1
t=1   a#1 failed busy      | a retrying until 2 (busy)
t=1   b#1 failed timed_out | b retrying until 2 (timed_out)
t=1   c#1 failed other     | c failed other, dead letter c

# Not these, and that wins
job: {defaults: {retry: {only_on: [busy, lost], not_on: [busy]}}, tasks: {a: {kind: k}, b: {kind: k}}, fail_fast: false}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed busy      | a failed busy, dead letter a
t=1   b#1 silent           | b retrying until 2 (lost), stop b#1

# The worker says: never again
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 failed x retry false | task failed x, job failed x of task#1, dead letter task

# The worker says when, beyond any cap and without jitter
job: {kind: k, retry: {max_delay: 10s}}
dice: 0
t=0   submit               | dispatch task#1
t=1   task#1 failed x retry 1h | task retrying until 3601 (x)

# But the budget and the codes hold
job: {defaults: {retry: {max_attempts: 2, not_on: [never]}}, tasks: {a: {kind: k}, b: {kind: k}}, fail_fast: false}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   b#1 failed never retry 5s | b failed never, dead letter b
t=1   a#1 failed x retry 0s | a retrying (x), dispatch a#2
t=2   a#2 failed x retry 5s | a failed x, job failed never of b#1, dead letter a

# Failed, timed out and lost count alike
job: {kind: k, retry: {max_attempts: 3, backoff: none}}
t=0   submit               | dispatch task#1
t=1   task#1 failed x      | task retrying (x), dispatch task#2
t=2   task#2 failed timed_out | task retrying (timed_out), dispatch task#3
t=3   task#3 silent        | task failed lost, job failed lost of task#3, dead letter task, stop task#3
t=3   history task         | #1 failed 0-1, #2 timed_out 1-2, #3 failed 2-3

# Whoever is retried joins the back of the line
job: {tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k}}}
room: 1
t=0   submit               | b ready, c ready, dispatch a#1
t=0.5 a#1 failed x         | a retrying until 1.5 (x), dispatch b#1
t=1.5 time                 | a ready
t=2   b#1 succeeded 1      | b succeeded, dispatch c#1
t=3   c#1 succeeded 1      | c succeeded, dispatch a#2

# Jitter draws evenly between half and all of the delay
job: {kind: k, retry: {delay: 10s}}
dice: 50
t=0   submit               | dispatch task#1
t=0   task#1 failed x      | task retrying until 7.5 (x)
