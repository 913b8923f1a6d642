Whoever echoes the ticket of an open attempt may report on it; nobody else.

# A result that comes twice is applied once
job: {tasks: {a: {kind: k}, b: {kind: k, needs: a}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 1      | a succeeded, dispatch b#1
t=1   a#1 succeeded 1      | ignored
t=2   a#1 failed x         | ignored
t=3   b#1 succeeded 2      | b succeeded, job succeeded {"b":2}

# Even in one batch
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 succeeded 1; task#1 succeeded 2 | task succeeded, job succeeded 1, ignored

# A late result of an earlier attempt changes nothing
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 silent        | task retrying until 2 (lost), stop task#1
t=1.5 task#1 succeeded 1   | ignored
t=2   time                 | dispatch task#2
t=3   task#1 succeeded 1   | ignored
t=4   task#2 succeeded 2   | task succeeded, job succeeded 2

# A forged ticket changes nothing, whatever it says
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1! succeeded 1  | ignored
t=1   task#1! failed x     | ignored
t=1   task#1! released     | ignored
t=1   task#1! claimed 30s by w9 | ignored
t=1   task#1! progress 1 by w9 | ignored
t=1   task#1! started by w9 | -
t=1   task#1! silent       | -
t=1   task#1! rejected     | -
t=2   show task            | dispatched attempt 1 failures 0 ready 0 dispatched 0 started never finished never

# So does one for a task that does not exist
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   nobody#1 succeeded 1 | ignored
t=1   nobody#1 started     | -
t=1   nobody#1 silent      | -
t=1   nobody#1 given-up    | -

# Signs of life for an attempt that is over are ignored
job: {kind: k}
t=0   submit               | dispatch task#1
t=1   task#1 succeeded 1   | task succeeded, job succeeded 1
t=2   task#1 progress 1; task#1 claimed 30s; task#1 started | ignored, ignored

# The latest worker is remembered
job: {kind: k, retry: 0}
t=0   submit               | dispatch task#1
t=1   task#1 started by w1 | -
t=2   task#1 progress 1 by w2 | -
t=3   cancel               | task cancelled, job cancelled cancelled, stop task#1 of w2
