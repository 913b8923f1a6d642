A job whose attempts may not all be open at once.

# So many attempts are open at once; the best of what waits goes next
job: {max_parallel: 2, tasks: {a: {kind: k, priority: 1}, b: {kind: k, priority: 9}, c: {kind: k, priority: 5}, d: {kind: k, priority: 7}}}
t=0   submit               | a ready, c ready, dispatch b#1, dispatch d#1
t=1   b#1 succeeded 1      | b succeeded, dispatch c#1
t=2   d#1 succeeded 1      | d succeeded, dispatch a#1
t=3   c#1 succeeded 1; a#1 succeeded 1 | c succeeded, a succeeded, job succeeded {"a":1,"b":1,"c":1,"d":1}

# Items count, and what waits for a retry does not
job: {max_parallel: 2, tasks: {m: {kind: k, for_each: [1, 2, 3], retry: {max_attempts: 2, delay: 5s}}, a: {kind: k}}}
t=0   submit               | m has 3 items, a ready, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 failed x       | m.0 retrying until 6 (x), dispatch m.2#1
t=2   m.1#1 succeeded 1    | m.1 succeeded, dispatch a#1
t=6   time                 | m.0 ready
t=7   a#1 succeeded 1      | a succeeded, dispatch m.0#2
t=8   m.0#2 succeeded 1; m.2#1 succeeded 1 | m.0 succeeded, m.2 succeeded, m succeeded, job succeeded {"m":[1,1,1],"a":1}

# What waits in one queue does not keep others waiting, nor do they keep it
job: {max_parallel: 1, tasks: {a: {kind: k, queue: q}, b: {kind: k, queue: r}, c: {kind: k, queue: q}}}
t=0   submit               | b ready, c ready, dispatch a#1
t=1   a#1 succeeded 1      | a succeeded, dispatch c#1
t=2   c#1 succeeded 1      | c succeeded, dispatch b#1
t=3   b#1 succeeded 1      | b succeeded, job succeeded {"a":1,"b":1,"c":1}

# An end of any sort frees the place: a failure, a time limit, a release, a skip by hand
job: {max_parallel: 1, fail_fast: false, tasks: {a: {kind: k, retry: 0}, b: {kind: k}, c: {kind: k}, d: {kind: k}}}
t=0   submit               | b ready, c ready, d ready, dispatch a#1
t=1   a#1 failed x         | a failed x, dispatch b#1, dead letter a
t=2   skip b               | b skipped, dispatch c#1, stop b#1
t=3   c#1 released         | dispatch c#2
t=4   c#2 silent           | c retrying until 5 (lost), dispatch d#1, stop c#2

# A cancel ends what waits
job: {max_parallel: 1, tasks: {a: {kind: k}, b: {kind: k}, z: {kind: k, needs: b, run_on: done}}}
t=0   submit               | b ready, dispatch a#1
t=1   cancel               | a cancelled, b cancelled, dispatch z#1, stop a#1
t=2   z#1 succeeded 1      | z succeeded, job cancelled cancelled

# While it is paused nothing goes out; then as much as may
job: {max_parallel: 1, tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k}}}
t=0   submit               | b ready, c ready, dispatch a#1
t=1   pause                | -
t=2   a#1 succeeded 1      | a succeeded
t=3   resume               | dispatch b#1
t=4   b#1 succeeded 1      | b succeeded, dispatch c#1
t=5   c#1 succeeded 1      | c succeeded, job succeeded {"a":1,"b":1,"c":1}

# A job of its own counts its attempts itself
job: {max_parallel: 1, tasks: {a: {kind: warrener.job, input: {job: {tasks: {x: {kind: k}, y: {kind: k}}}}}, b: {kind: k}}}
t=0   submit               | b ready, a runs job-2, dispatch job-2/x#1, dispatch job-2/y#1
t=1   job-2/x#1 succeeded 1; job-2/y#1 succeeded 2 | a succeeded, dispatch b#1, job-2/x succeeded, job-2/y succeeded, job-2 succeeded {"x":1,"y":2}
t=2   b#1 succeeded 1      | b succeeded, job succeeded {"a":{"x":1,"y":2},"b":1}

# What waits for a place can be late for its start
job: {max_parallel: 1, tasks: {a: {kind: k}, b: {kind: k, start_within: 5s}}, fail_fast: false}
t=0   submit               | b ready, dispatch a#1
t=5   time                 | b timed_out not_started
