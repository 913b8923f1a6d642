The state of a job, judged in this order: failed, timed_out, cancelled, succeeded.

# A failure counts even if its handler succeeded
job: {tasks: {a: {kind: k, retry: 0}, h: {kind: k, needs: a, run_on: failure}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed x         | a failed x, dispatch h#1, dead letter a
t=2   h#1 succeeded 1      | h succeeded, job failed x of a#1

# A single whose task timed out is failed, with code timed_out
job: {kind: k, retry: 0}
t=0   submit               | dispatch task#1
t=1   task#1 failed timed_out | task timed_out, job failed timed_out of task#1, dead letter task

# Failed comes before timed_out
job: {deadline: 10s, fail_fast: false, tasks: {a: {kind: k, retry: 0}, b: {kind: k}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed x         | a failed x, dead letter a
t=10  time                 | b cancelled, job failed x of a#1, stop b#1

# Failed comes before cancelled
job: {fail_fast: false, tasks: {a: {kind: k, retry: 0}, b: {kind: k}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed x         | a failed x, dead letter a
t=2   cancel               | b cancelled, job failed x of a#1, stop b#1

# A failure of what still runs after the deadline counts too
job: {deadline: 10s, tasks: {a: {kind: k}, d: {kind: k, needs: a, run_on: done, retry: 0}}}
t=0   submit               | dispatch a#1
t=10  time                 | a cancelled, dispatch d#1, stop a#1
t=11  d#1 failed x         | d failed x, job failed x of d#1, dead letter d

# The first failure that counts is the error of the job
job: {fail_fast: false, defaults: {retry: 0}, tasks: {a: {kind: k, allow_failure: true}, b: {kind: k}, c: {kind: k}}}
t=0   submit               | dispatch a#1, dispatch b#1, dispatch c#1
t=1   a#1 failed x         | a failed x
t=2   c#1 failed y         | c failed y, dead letter c
t=3   b#1 failed z         | b failed z, job failed y of c#1, dead letter b

# Everything skipped is a success
job: {tasks: {a: {kind: k, if: "false"}}}
t=0   submit               | a skipped, job succeeded {"a":null}

# An allowed failure is a success
job: {tasks: {a: {kind: k, retry: 0, allow_failure: true}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed x         | a failed x, job succeeded {"a":null}
