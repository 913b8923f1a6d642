Stopping a job.

# What is open ends, workers are told, the job is cancelled
job: {tasks: {a: {kind: k}, b: {kind: k, needs: a}, c: {kind: k}}}
t=0   submit               | dispatch a#1, dispatch c#1
t=1   c#1 succeeded 1      | c succeeded
t=2   cancel               | a cancelled, b cancelled, job cancelled cancelled, stop a#1
t=3   a#1 succeeded 1      | ignored

# What runs always still runs, then the job is over
job: {tasks: {a: {kind: k}, clean: {kind: k, needs: a, run_on: done, input: "${{ tasks.a.status }}"}, after: {kind: k, needs: clean}}}
t=0   submit               | dispatch a#1
t=1   cancel               | a cancelled, after cancelled, dispatch clean#1 "cancelled", stop a#1
t=2   clean#1 succeeded 1  | clean succeeded, job cancelled cancelled

# It is tried again like any other
job: {tasks: {a: {kind: k}, clean: {kind: k, needs: a, run_on: done}}}
t=0   submit               | dispatch a#1
t=1   cancel               | a cancelled, dispatch clean#1, stop a#1
t=2   clean#1 failed x     | clean retrying until 3 (x)
t=3   time                 | dispatch clean#2
t=4   clean#2 succeeded 1  | clean succeeded, job cancelled cancelled

# If it fails, the job failed
job: {tasks: {a: {kind: k}, clean: {kind: k, needs: a, run_on: done, retry: 0}}}
t=0   submit               | dispatch a#1
t=1   cancel               | a cancelled, dispatch clean#1, stop a#1
t=2   clean#1 failed x     | clean failed x, job failed x of clean#1, dead letter clean

# A second cancel stops that too
job: {tasks: {a: {kind: k}, clean: {kind: k, needs: a, run_on: done}, last: {kind: k, needs: clean, run_on: done}}}
t=0   submit               | dispatch a#1
t=1   cancel               | a cancelled, dispatch clean#1, stop a#1
t=2   cancel               | clean cancelled, last cancelled, job cancelled cancelled, stop clean#1

# So does a cancel after a passed deadline; it was the deadline that ended the job
job: {deadline: 10s, tasks: {a: {kind: k}, clean: {kind: k, needs: a, run_on: done}}}
t=0   submit               | dispatch a#1
t=10  time                 | a cancelled, dispatch clean#1, stop a#1
t=11  cancel               | clean cancelled, job timed_out timed_out, stop clean#1

# A deadline during cancelling changes nothing
job: {deadline: 10s, tasks: {a: {kind: k}, clean: {kind: k, needs: a, run_on: done}}}
t=0   submit               | dispatch a#1
t=1   cancel               | a cancelled, dispatch clean#1, stop a#1
t=10  time                 | -
t=11  clean#1 succeeded 1  | clean succeeded, job cancelled cancelled

# A scheduled job is cancelled whole
job: {delay: 10s, tasks: {a: {kind: k}, clean: {kind: k, needs: a, run_on: done}}}
t=0   submit               | job scheduled for 10
t=5   cancel               | a cancelled, clean cancelled, job cancelled cancelled
t=10  time                 | -

# A job that is over cannot be cancelled
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 succeeded 1   | task succeeded, job succeeded 1
t=2   cancel               | -

# Tasks that are ready, back off or wait for room end too
job: {tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k, needs: a}}}
room: 1
t=0   submit               | b ready, dispatch a#1
t=1   a#1 failed x         | a retrying until 2 (x), dispatch b#1
t=1.5 cancel               | a cancelled, b cancelled, c cancelled, job cancelled cancelled, stop b#1

# Of a mapped task, open items end; those that never went out need no row
job: {tasks: {m: {kind: k, for_each: {items: [1, 2, 3, 4], max_parallel: 2}}}}
t=0   submit               | m has 4 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 succeeded 1    | m.0 succeeded, dispatch m.2#1
t=2   cancel               | m cancelled, m.1 cancelled, m.2 cancelled, job cancelled cancelled, stop m.1#1, stop m.2#1

# A mapped task that runs always is expanded, and its items run
job: {tasks: {a: {kind: k}, m: {kind: k, needs: a, run_on: done, for_each: {items: [1, 2], max_parallel: 1}}}}
t=0   submit               | dispatch a#1
t=1   cancel               | a cancelled, m has 2 items, dispatch m.0#1, stop a#1
t=2   m.0#1 succeeded 1    | m.0 succeeded, dispatch m.1#1
t=3   m.1#1 succeeded 1    | m.1 succeeded, m succeeded, job cancelled cancelled

# A failure while cancelling does not start fail_fast again
job: {tasks: {a: {kind: k}, x: {kind: k, needs: a, run_on: done, retry: 0}, y: {kind: k, needs: a, run_on: done}}}
t=0   submit               | dispatch a#1
t=1   cancel               | a cancelled, dispatch x#1, dispatch y#1, stop a#1
t=2   x#1 failed oom       | x failed oom, dead letter x
t=3   y#1 succeeded 1      | y succeeded, job failed oom of x#1

# Cancel after fail_fast stops what is left of K, except what runs always
job:
  defaults: {retry: 0}
  tasks: {a: {kind: k}, h: {kind: k, needs: a, run_on: failure}, d: {kind: k, needs: h, run_on: done}}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a failed oom, dispatch h#1, dead letter a
t=2   cancel               | h cancelled, dispatch d#1, stop h#1
t=3   d#1 succeeded 1      | d succeeded, job failed oom of a#1
