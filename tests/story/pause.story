Holding a job.

# Nothing more goes out; what is out goes on
job: {tasks: {a: {kind: k}, b: {kind: k, needs: a}}}
t=0   submit               | dispatch a#1
t=1   pause                | -
t=2   a#1 succeeded 1      | a succeeded, b ready
t=3   resume               | dispatch b#1

# Pausing twice is pausing once, resuming too
job: {kind: k}
room: 0
t=0   submit               | task ready
t=1   pause; pause         | -
t=2   room 1               | -
t=3   resume; resume       | dispatch task#1

# A retry waits for the end of the pause
job: {kind: k}
t=0   submit               | dispatch task#1
t=0   pause                | -
t=0   task#1 failed x      | task retrying until 1 (x)
t=1   time                 | task ready
t=5   resume               | dispatch task#2

# So does a released attempt
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   pause                | -
t=2   task#1 released      | task ready
t=5   resume               | dispatch task#2

# Items stay where they are
job: {tasks: {m: {kind: k, for_each: {items: [1, 2, 3], max_parallel: 1}}}}
t=0   submit               | m has 3 items, dispatch m.0#1
t=1   pause                | -
t=2   m.0#1 succeeded 1    | m.0 succeeded
t=3   resume               | dispatch m.1#1
t=4   pause                | -
t=5   m.1#1 released       | m.1 ready
t=6   resume               | dispatch m.1#2

# A job can be paused before it starts
job: {kind: k, delay: 10s}
t=0   submit               | job scheduled for 10
t=1   pause                | -
t=10  time                 | job running, task ready
t=11  resume               | dispatch task#1

# Cancel lifts a pause, so that what runs always can run
job: {tasks: {a: {kind: k, run_on: done}, b: {kind: k}, m: {kind: k, run_on: done, for_each: [1]}}}
room: 0
t=0   submit               | a ready, b ready, m has 1 items
t=1   pause                | -
t=2   room 9               | -
t=3   cancel               | b cancelled, dispatch a#1, dispatch m.0#1
t=4   a#1 succeeded 1      | a succeeded
t=4   m.0#1 succeeded 1    | m.0 succeeded, m succeeded, job cancelled cancelled

# A paused job can be resumed after its deadline
job: {deadline: 10s, tasks: {a: {kind: k}, clean: {kind: k, needs: a, run_on: done}}}
t=0   submit               | dispatch a#1
t=1   pause                | -
t=10  time                 | a cancelled, clean ready, stop a#1
t=11  resume               | dispatch clean#1
t=12  clean#1 succeeded 1  | clean succeeded, job timed_out timed_out

# A job that is being cancelled cannot be paused
job: {tasks: {a: {kind: k}, clean: {kind: k, needs: a, run_on: done}}}
room: 1
t=0   submit               | dispatch a#1
t=1   cancel; pause        | a cancelled, dispatch clean#1, stop a#1
