Every state that a task or the job enters is an event, numbered from 1 without gaps.

# The events of a retry
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 failed x      | task retrying until 2 (x)
t=2   time                 | dispatch task#2
t=3   task#2 succeeded 1   | task succeeded, job succeeded 1
t=3   log                  | 1 job.running, 2 task.ready task, 3 task.dispatched task#1, 4 task.retrying task#1,
                           | 5 task.ready task#1, 6 task.dispatched task#2, 7 task.succeeded task#2, 8 job.succeeded

# Those of a scheduled job begin with that
job: {kind: k, delay: 1s}
t=0   submit               | job scheduled for 1
t=1   time                 | job running, dispatch task#1
t=2   cancel               | task cancelled, job cancelled cancelled, stop task#1
t=2   log                  | 1 job.scheduled, 2 job.running, 3 task.ready task, 4 task.dispatched task#1, 5 task.cancelled task#1, 6 job.cancelled

# Items have their own
job: {tasks: {m: {kind: k, for_each: {items: [1, 2], max_parallel: 1}}}}
t=0   submit               | m has 2 items, dispatch m.0#1
t=1   m.0#1 succeeded 1    | m.0 succeeded, dispatch m.1#1
t=2   m.1#1 succeeded 1    | m.1 succeeded, m succeeded, job succeeded {"m":[1,1]}
t=2   log                  | 1 job.running, 2 task.dispatched m, 3 task.ready m.0, 4 task.dispatched m.0#1, 5 task.succeeded m.0#1,
                           | 6 task.ready m.1, 7 task.dispatched m.1#1, 8 task.succeeded m.1#1, 9 task.succeeded m, 10 job.succeeded
