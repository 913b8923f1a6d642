The kinds that the orchestrator works on itself.

# A sleep ends by itself; its output is null
job: {tasks: {a: {kind: warrener.sleep, input: {for: 5s}}, b: {kind: k, needs: a}}}
t=0   submit               | a sleeps until 5
t=5   time                 | a succeeded, dispatch b#1
t=6   b#1 succeeded 1      | b succeeded, job succeeded {"b":1}

# One that is over before it begins takes no time; an input that makes no sense fails for good
job: {fail_fast: false, tasks: {a: {kind: warrener.sleep, input: {until: "2020-01-01T00:00:00Z"}}, b: {kind: warrener.sleep, input: {for: "${{ input }}"}, retry: 3}}}
t=0   submit               | a succeeded, b failed bad_input, job failed bad_input of b#1, dead letter b

# A wait ends with its answer
job: {tasks: {a: {kind: warrener.wait, input: {event: approval, key: "17"}}, b: {kind: k, input: "${{ tasks.a.output.by }}"}}}
t=0   submit               | a waits for event approval with key 17
t=3   answer approval 18 7 | -
t=4   answer approval 17 {"by":"Ada"} | a succeeded, dispatch b#1 "Ada"
t=5   answer approval 17 7 | -

# Its time limit is its own, and so are its attempts
job: {tasks: {a: {kind: warrener.wait, input: {event: e, key: k}, timeout: 10s, retry: {max_attempts: 2, delay: 1s}}}}
t=0   submit               | a waits for event e with key k
t=10  time                 | a retrying until 11 (timed_out)
t=11  time                 | a waits for event e with key k
t=21  time                 | a timed_out, job failed timed_out of a#2, dead letter a
t=22  history a            | #1 timed_out 0-10, #2 timed_out 11-21

# Cancel and skip end what waits
job: {tasks: {a: {kind: warrener.sleep, input: {for: 1h}}, b: {kind: warrener.wait, input: {event: e, key: k}}}}
t=0   submit               | a sleeps until 3600, b waits for event e with key k
t=1   skip b               | b skipped
t=2   answer e k 1         | -
t=3   cancel               | a cancelled, job cancelled cancelled

# A sub-job is a job of its own; its output is the task's
job: {tasks: {a: {kind: warrener.job, input: {job: {kind: k, input: 5}}}, b: {kind: k, input: "${{ tasks.a.output }}"}}}
t=0   submit               | a runs job-2, dispatch job-2/task#1 5
t=1   job-2/task#1 succeeded 7 | a succeeded, dispatch b#1 7, job-2/task succeeded, job-2 succeeded 7
t=2   b#1 succeeded 8      | b succeeded, job succeeded {"b":8}

# Sub-jobs name no more queues than there may be
most queues: 2
job: {tasks: {m: {kind: warrener.job, for_each: {items: [a, b, c], max_failures: 1}, input: {job: {kind: k, queue: "${{ item }}"}}}}}
t=0   submit               | m has 3 items, m.0 runs job-2, m.1 runs job-3, m.2 failed bad_input,
      | dispatch job-2/task#1, dispatch job-3/task#1

# Its failure is the task's; another attempt is another job
job: {tasks: {a: {kind: warrener.job, retry: {max_attempts: 2, delay: 1s}, input: {job: {kind: k, retry: 0}}}}}
t=0   submit               | a runs job-2, dispatch job-2/task#1
t=1   job-2/task#1 failed x | a retrying until 2 (x), job-2/task failed x, job-2 failed x of task#1
t=2   time                 | a runs job-3, dispatch job-3/task#1
t=3   job-3/task#1 failed y | a failed y, job failed y of a/task#2, job-3/task failed y, job-3 failed y of task#1, dead letter a
t=4   show a               | failed attempt 2 failures 2 ready 2 dispatched 2 started 2 finished 3 (it broke)

# Cancel goes down, clean-up of the sub-job included
job: {tasks: {a: {kind: warrener.job, input: {job: {tasks: {x: {kind: k}, z: {kind: k, needs: x, run_on: done}}}}}}}
t=0   submit               | a runs job-2, dispatch job-2/x#1
t=1   cancel               | a cancelled, job cancelled cancelled, job-2/x cancelled, dispatch job-2/z#1, stop job-2/x#1
t=2   job-2/z#1 succeeded 1 | job-2/z succeeded, job-2 cancelled cancelled

# Items sleep side by side, as many at once as their task allows
job: {tasks: {m: {kind: warrener.sleep, for_each: {items: [3, 1, 2], max_parallel: 2}, input: {for: "${{ item }}"}}}}
t=0   submit               | m has 3 items, m.0 sleeps until 3, m.1 sleeps until 1
t=1   time                 | m.1 succeeded, m.2 sleeps until 3
t=3   time                 | m.0 succeeded, m.2 succeeded, m succeeded, job succeeded {"m":[null,null,null]}

# A paused job begins nothing; what sleeps goes on
job: {tasks: {a: {kind: warrener.sleep, input: {for: 5s}}, b: {kind: warrener.sleep, needs: a, input: {for: 5s}}}}
t=0   submit               | a sleeps until 5
t=1   pause                | -
t=5   time                 | a succeeded, b ready
t=9   resume               | b sleeps until 14

# What a job decides to fail fails for good at once, whatever its policy says; nobody has to look into it
job: {tasks: {check: {kind: k}, stop: {kind: warrener.fail, retry: 5, input: {code: out_of_stock, message: "none of ${{ tasks.check.output }}", details: {left: "${{ tasks.check.output }}"}}}, ship: {kind: k, needs: stop}}}
t=0   submit               | dispatch check#1
t=1   check#1 succeeded 0  | check succeeded, stop failed out_of_stock, ship skipped upstream_failed, job failed out_of_stock of stop#1
t=2   show stop            | failed attempt 1 failures 0 ready 1 dispatched 1 started 1 finished 1 (none of 0)
t=3   history stop         | #1 failed 1-1

# Its failure can be allowed, and be handled like any other
job: {tasks: {a: {kind: warrener.fail, allow_failure: true, input: {code: x}}, b: {kind: warrener.pass, needs: a, input: "${{ tasks.a.error.code }}"}, c: {kind: warrener.pass, needs: a, run_on: failure}}}
t=0   submit               | a failed x, c skipped, b succeeded, job succeeded {"b":"x","c":null}

# A code that no code can be is a bad input
job: {tasks: {a: {kind: warrener.fail, input: {code: "${{ 'Not A Code' }}"}}}}
t=0   submit               | a failed bad_input, job failed bad_input of a#1, dead letter a

# Alone it is a job that fails; tried again, it fails again
job: {kind: warrener.fail, input: {code: x}}
t=0   submit               | task failed x, job failed x of task#1
t=1   retry                | job running, task failed x, job failed x of task#2

# A pass makes its input its output, byte by byte
job: {input: {n: 123456789012345678901234567890, x: [1.50, 1e400]}, tasks: {a: {kind: warrener.pass, input: "${{ input }}"}, b: {kind: warrener.pass, input: {n: "${{ tasks.a.output.n }}"}}, none: {kind: warrener.pass}}}
t=0   submit               | a succeeded, none succeeded, b succeeded,
      | job succeeded {"b":{"n":123456789012345678901234567890},"none":null}

# Mapped, it makes a list out of another
job: {tasks: {m: {kind: warrener.pass, for_each: [1, 2], input: {at: "${{ index }}", of: "${{ item }}"}}}}
t=0   submit               | m has 2 items, m.0 succeeded, m.1 succeeded, m succeeded, job succeeded {"m":[{"at":0,"of":1},{"at":1,"of":2}]}

# What failed far inside is named by the way to it; one dead letter is enough
job: {tasks: {a: {kind: warrener.job, input: {job: {tasks: {b: {kind: warrener.job, input: {job: {tasks: {c: {kind: k, retry: 0}}}}}}}}}}}
t=0   submit               | a runs job-2, job-2/b runs job-3, dispatch job-3/c#1
t=1   job-3/c#1 failed x   | a failed x, job failed x of a/b/c#1, job-2/b failed x, job-2 failed x of b/c#1, job-3/c failed x, job-3 failed x of c#1, dead letter a
t=2   show a               | failed attempt 1 failures 1 ready 0 dispatched 0 started 0 finished 1 (it broke)

# A failure inside that the task allows is no dead letter
job: {tasks: {a: {kind: warrener.job, allow_failure: [x], input: {job: {kind: k, retry: 0}}}, b: {kind: k, needs: a, input: "${{ tasks.a.error }}"}}}
t=0   submit               | a runs job-2, dispatch job-2/task#1
t=1   job-2/task#1 failed x | a failed x, dispatch b#1 {"code":"x","message":"it broke","task":"task"}, job-2/task failed x, job-2 failed x of task#1
t=2   b#1 succeeded 1      | b succeeded, job succeeded {"b":1}

# A template runs by its name, as often as it is used, with the input that it is given or its own
job: {jobs: {one: {input: 1, tasks: {x: {kind: k, input: "${{ input }}"}}, output: "${{ tasks.x.output }}"}}, tasks: {a: {kind: warrener.job, input: {use: one, input: "${{ input.n }}"}}, b: {kind: warrener.job, needs: a, input: {use: one}}}, input: {n: 5}}
t=0   submit               | a runs job-2, dispatch job-2/x#1 5
t=1   job-2/x#1 succeeded 7 | a succeeded, b runs job-3, job-2/x succeeded, job-2 succeeded 7, dispatch job-3/x#1 1
t=2   job-3/x#1 succeeded 8 | b succeeded, job succeeded {"b":8}, job-3/x succeeded, job-3 succeeded 8

# Templates are handed down to the jobs of templates, and to those that are written
job: {jobs: {outer: {tasks: {y: {kind: warrener.job, input: {use: inner}}}}, inner: {tasks: {z: {kind: k}}}}, tasks: {a: {kind: warrener.job, input: {use: outer}}, b: {kind: warrener.job, needs: a, input: {job: {kind: warrener.job, input: {use: inner}}}}}}
t=0   submit               | a runs job-2, job-2/y runs job-3, dispatch job-3/z#1
t=1   job-3/z#1 succeeded 1 | a succeeded, b runs job-4, job-2/y succeeded, job-2 succeeded {"y":{"z":1}}, job-3/z succeeded,
      | job-3 succeeded {"z":1}, job-4/task runs job-5, dispatch job-5/z#1

# A name that comes from data is none: it fails for good
job: {jobs: {one: {tasks: {x: {kind: k}}}}, input: {use: one}, tasks: {a: {kind: warrener.job, input: "${{ input }}", retry: 3}}}
t=0   submit               | a failed bad_input, job failed bad_input of a#1, dead letter a
