Leaving a task or an item out by hand: it counts as ok, with no output.

# Whatever state it is in, as long as it is open
room: 2
job: {tasks: {a: {kind: k}, b: {kind: k, retry: {delay: 10s, backoff: fixed}}, c: {kind: k}, d: {kind: k, needs: [a, b, c]}, e: {kind: k, needs: d}}}
t=0   submit               | c ready, dispatch a#1, dispatch b#1
t=1   b#1 failed x         | b retrying until 11 (x), dispatch c#1
t=2   skip b               | b skipped
t=3   skip a               | a skipped, stop a#1
t=4   skip e               | e skipped
t=5   a#1 succeeded 1      | ignored
t=6   c#1 succeeded 3      | c succeeded, dispatch d#1
t=7   skip c               | -
t=8   d#1 succeeded 4      | d succeeded, job succeeded {"e":null}

# A task that waits for room
room: 1
job: {tasks: {a: {kind: k}, b: {kind: k}}}
t=0   submit               | b ready, dispatch a#1
t=1   skip b               | b skipped
t=2   a#1 succeeded 1      | a succeeded, job succeeded {"a":1,"b":null}

# A mapped task with its items, or one of them
job: {tasks: {m: {kind: k, for_each: [1, 2, 3]}, n: {kind: k, needs: m, input: "${{ tasks.m.output }}"}}}
t=0   submit               | m has 3 items, dispatch m.0#1, dispatch m.1#1, dispatch m.2#1
t=1   skip m.1             | m.1 skipped, stop m.1#1
t=2   m.0#1 succeeded 10   | m.0 succeeded
t=3   m.2#1 succeeded 30   | m.2 succeeded, m succeeded, dispatch n#1 [10,null,30]
t=4   n#1 succeeded 1      | n succeeded, job succeeded {"n":1}
