How jobs begin, and in which order tasks go out.

# A job of one task goes out at once, and its output is the job's
job: {kind: k}
t=0   submit               | dispatch task#1
t=5   task#1 succeeded 7   | task succeeded, job succeeded 7

# The input of a single is data, even where it looks like an expression
job: {kind: k, input: {x: 1, text: "${{ input.x }}"}}
t=0   submit               | dispatch task#1 {"x":1,"text":"${{ input.x }}"}

# The tasks of a graph that need nothing go out together, in the order in which they are written
job: {tasks: {b: {kind: k}, a: {kind: k}}}
t=0   submit               | dispatch b#1, dispatch a#1

# A delayed job runs when its time has come
job: {kind: k, delay: 10s}
t=0   submit               | job scheduled for 10
t=9   time                 | -
t=10  time                 | job running, dispatch task#1
t=11  task#1 succeeded 1   | task succeeded, job succeeded 1

# A job with a start time runs then
job: {tasks: {a: {kind: k}}, run_at: "2027-01-15T08:00:30Z"}
t=0   submit               | job scheduled for 30
t=30  time                 | job running, dispatch a#1

# A start time that has passed is at once
job: {kind: k, run_at: "2000-01-01T00:00:00Z"}
t=0   submit               | dispatch task#1

# Priority 9 goes first, 4 is the default
job: {tasks: {low: {kind: k, priority: 1}, plain: {kind: k}, high: {kind: k, priority: 9}}}
room: 1
t=0   submit               | low ready, plain ready, dispatch high#1
t=1   high#1 succeeded 1   | high succeeded, dispatch plain#1
t=2   plain#1 succeeded 1  | plain succeeded, dispatch low#1

# Of the same priority, who was ready first goes first
job: {tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k, needs: a}}}
room: 1
t=0   submit               | b ready, dispatch a#1
t=1   a#1 succeeded 1      | a succeeded, c ready, dispatch b#1
t=2   b#1 succeeded 1      | b succeeded, dispatch c#1

# Each queue has room of its own
job: {tasks: {a: {kind: k, queue: slow}, b: {kind: k, queue: slow}, c: {kind: k, queue: fast}}}
room: 1
t=0   submit               | b ready, dispatch c#1, dispatch a#1

# More room lets more out
job: {tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k}}}
room: 0
t=0   submit               | a ready, b ready, c ready
t=1   room 2               | dispatch a#1, dispatch b#1
t=2   room 3               | dispatch c#1
