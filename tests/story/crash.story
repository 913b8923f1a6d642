Tasks that kill workers, and workers that vanish.

# Handed back as suspect, a task comes back to be worked on alone; that costs no attempt
job: {kind: k, retry: 0}
t=0   submit               | dispatch task#1
t=1   task#1 started       | -
t=2   task#1 released suspect 2 | dispatch task#2 deliveries 2
t=3   task#2 progress 0 by w1 | -
t=4   task#2 succeeded 1   | task succeeded, job succeeded 1

# If it kills that worker too, after a sign of life, the budget is spent: no retry
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 released suspect 2 | dispatch task#2 deliveries 2
t=2   task#2 progress 0 by w1 | -
t=3   task#2 released suspect 1 by w2 | task failed crashed, job failed crashed of task#2, dead letter task
t=3   history task         | #1 released 0-1, #2 failed 2-3 by w1

# A sign of life may come without the name of a worker
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 released suspect 2 | dispatch task#2 deliveries 2
t=2   task#2 claimed 30s   | -
t=3   task#2 released suspect 1 | task failed crashed, job failed crashed of task#2, dead letter task

# Without a sign of life it was somebody else's crash: it comes back again
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 released suspect 2 by w1 | dispatch task#2 deliveries 2
t=2   task#2 released suspect 1 by w2 | dispatch task#3 deliveries 1

# That its message left the queue is no sign of life
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 released suspect 2 by w1 | dispatch task#2 deliveries 2
t=2   task#2 started       | -
t=3   task#2 released suspect 1 by w2 | dispatch task#3 deliveries 1

# A message that a worker refuses is a failure without retry
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 rejected      | task failed rejected, job failed rejected of task#1, dead letter task

# So is one that the broker gave up on
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 given-up      | task failed crashed, job failed crashed of task#1, dead letter task

# What fell out of its queue ran nowhere: the attempt stays open, and its time limit has not begun
job: {kind: k, retry: 0, timeout: 10s}
t=0   submit               | dispatch task#1
t=1   task#1 started       | -
t=5   task#1 fell-out expired | -
t=6   task#1 fell-out expired | -
t=6   show task            | dispatched attempt 1 failures 0 ready 0 dispatched 0 started never finished never (the message of the task expired in its queue before any worker had it, and goes out again)
t=90  task#1 started by w1 | -
t=95  task#1 succeeded 1   | task succeeded, job succeeded 1

# But it must still start in time
job: {kind: k, start_within: 1m}
t=0   submit               | dispatch task#1
t=1   task#1 started       | -
t=2   task#1 fell-out maxlen | -
t=60  time                 | task timed_out not_started, job failed not_started of task#1, stop task#1

# A worker that was seen at it goes on: what fell out was another copy
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 claimed 30s by w1 | -
t=2   task#1 fell-out expired | -
t=2   show task            | dispatched attempt 1 failures 0 ready 0 dispatched 0 started 1 finished never

# If the attempt is over, that changes nothing
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 failed x      | task retrying until 2 (x)
t=1   task#1 given-up      | -
t=1   task#1 silent        | -

# A lost attempt may be retried, and is a dead letter when it is the last
job: {kind: k, retry: 1}
t=0   submit               | dispatch task#1
t=1   task#1 claimed 30s by w1 | -
t=40  task#1 silent        | task retrying until 41 (lost), stop task#1 of w1
t=41  time                 | dispatch task#2
t=80  task#2 silent        | task failed lost, job failed lost of task#2, dead letter task, stop task#2

# A failure that is allowed is no dead letter
job: {tasks: {a: {kind: k, retry: 0, allow_failure: true}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed x         | a failed x, job succeeded {"a":null}

# That a worker had no use for it does not make its deaths forgotten
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 released unknown_kind 1 | task retrying until 2 (unknown_kind)
t=2   time                 | dispatch task#2 deliveries 1

# A delivery that came again because our own session ended accuses nobody
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 released suspect 2 interrupted | dispatch task#2
t=2   task#2 released suspect 2 | dispatch task#3 deliveries 2
t=3   task#3 progress 0 by w1 | -
t=4   task#3 released suspect 3 by w2 interrupted | dispatch task#4 deliveries 3
t=5   task#4 progress 0 by w1 | -
t=6   task#4 released suspect 4 by w2 | task failed crashed, job failed crashed of task#4, dead letter task
