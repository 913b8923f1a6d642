What tasks hand on, and what the job leaves behind.

# The outputs of the tasks nobody needs are the output of a graph
job: {tasks: {a: {kind: k}, b: {kind: k, needs: a}, c: {kind: k}}}
t=0   submit               | dispatch a#1, dispatch c#1
t=1   a#1 succeeded 1      | a succeeded, dispatch b#1
t=2   b#1 succeeded 2      | b succeeded
t=3   c#1 succeeded 3      | c succeeded, job succeeded {"b":2,"c":3}

# Null where such a task was skipped, or failed but that is allowed
job: {tasks: {a: {kind: k, if: "false"}, b: {kind: k, allow_failure: true, retry: 0}, c: {kind: k}}}
t=0   submit               | a skipped, dispatch b#1, dispatch c#1
t=1   b#1 failed x; c#1 succeeded 1 | b failed x, c succeeded, job succeeded {"a":null,"b":null,"c":1}

# An expression is the output, over any task
job:
  name: sums
  input: {n: 5}
  tasks: {a: {kind: k}, b: {kind: k, needs: a}}
  output: {sum: "${{ tasks.a.output + tasks.b.output + input.n }}", name: "${{ job.name }}", tries: "${{ tasks.a.attempts }}"}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 1      | a succeeded, dispatch b#1
t=2   b#1 succeeded 2      | b succeeded, job succeeded {"sum":8,"name":"sums","tries":1}

# An output that fails to evaluate fails the job
job: {tasks: {a: {kind: k}}, output: "${{ tasks.a.output.x }}"}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 1      | a succeeded, job failed expression_error

# An output that is too large fails the job
job: {tasks: {a: {kind: k}}, output: "${{ tasks.a.output }}"}
most output: 5
t=0   submit               | dispatch a#1
t=1   a#1 succeeded "123456" | a succeeded, job failed too_large

# So do outputs that are too large together
job: {tasks: {a: {kind: k}, b: {kind: k}}}
most output: 20
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 succeeded "12345"; b#1 succeeded "12345" | a succeeded, b succeeded, job failed too_large

# An input that is too large fails its task
job: {tasks: {a: {kind: k}, b: {kind: k, input: ["${{ tasks.a.output }}", "${{ tasks.a.output }}"]}}}
most output: 10
t=0   submit               | dispatch a#1
t=1   a#1 succeeded "123456" | a succeeded, b failed too_large, job failed too_large of b

# The output is made only if the job succeeds
job: {fail_fast: false, tasks: {a: {kind: k, retry: 0}, b: {kind: k}}, output: "${{ tasks.a.output.x }}"}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 failed x         | a failed x, dead letter a
t=2   b#1 succeeded 1      | b succeeded, job failed x of a#1

# Status, error and attempts of a task that failed
job:
  fail_fast: false
  tasks:
    a: {kind: k, retry: {max_attempts: 2, backoff: none}}
    b: {kind: k, needs: a, run_on: failure, input: ["${{ tasks.a.status }}", "${{ tasks.a.error.code }}", "${{ tasks.a.output }}", "${{ tasks.a.attempts }}"]}
t=0   submit               | dispatch a#1
t=1   a#1 failed x         | a retrying (x), dispatch a#2
t=2   a#2 failed y         | a failed y, dispatch b#1 ["failed","y",null,2], dead letter a

# A task that succeeded at last has no error
job: {tasks: {a: {kind: k}, b: {kind: k, input: ["${{ tasks.a.error }}", "${{ tasks.a.attempts }}"]}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed x         | a retrying until 2 (x)
t=2   time                 | dispatch a#2
t=3   a#2 succeeded 1      | a succeeded, dispatch b#1 [null,2]

# Numbers that no other program would keep stay as they came
job: {tasks: {a: {kind: k}, b: {kind: k, input: "${{ tasks.a.output }}"}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded {"z":123456789012345678901234567890,"a":1e400} | a succeeded,
                           | dispatch b#1 {"z":123456789012345678901234567890,"a":1e400}

# The output of a mapped task is the list of the outputs of its items
job: {tasks: {m: {kind: k, for_each: [a, b]}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.1#1 succeeded 2    | m.1 succeeded
t=2   m.0#1 succeeded 1    | m.0 succeeded, m succeeded, job succeeded {"m":[1,2]}

# Results say of each item how it ended
job: {tasks: {m: {kind: k, retry: 0, for_each: {items: [a, b], max_failures: 1}}, z: {kind: k, input: {all: "${{ tasks.m.results }}", ok: "${{ tasks.m.output }}", tries: "${{ tasks.m.attempts }}"}}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 failed x       | m.0 failed x
t=2   m.1#1 succeeded 5    | m.1 succeeded, m succeeded, dispatch z#1
                           | {"all":[{"status":"failed","output":null,"error":{"code":"x","message":"it broke"},"attempts":1},{"status":"succeeded","output":5,"error":null,"attempts":1}],"ok":[null,5],"tries":0}

# A mapped task that was never expanded has no results
job: {tasks: {m: {kind: k, if: "false", for_each: [1]}, z: {kind: k, run_on: done, input: ["${{ tasks.m.results }}", "${{ tasks.m.output }}", "${{ tasks.m.attempts }}"]}}}
t=0   submit               | m skipped, dispatch z#1 [[],null,0]

# A mapped task that failed keeps its results, not its output
job:
  fail_fast: false
  tasks:
    m: {kind: k, retry: 0, for_each: {items: [1, 2, 3], max_parallel: 1}}
    z: {kind: k, run_on: failure, needs: m, input: {out: "${{ tasks.m.output }}", first: "${{ tasks.m.results[0].status }}", last: "${{ tasks.m.results[2].status }}", code: "${{ tasks.m.error.code }}"}}
t=0   submit               | m has 3 items, dispatch m.0#1
t=1   m.0#1 failed x       | m.0 failed x, m failed too_many_failures,
                           | dispatch z#1 {"out":null,"first":"failed","last":"cancelled","code":"too_many_failures"}, dead letter m.0
