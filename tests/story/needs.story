What a task waits for.

# A task starts when what it needs succeeded
job: {tasks: {a: {kind: k}, b: {kind: k, needs: a}}}
t=0   submit               | dispatch a#1
t=5   a#1 succeeded 7      | a succeeded, dispatch b#1
t=6   b#1 succeeded 8      | b succeeded, job succeeded {"b":8}

# It waits for all of them, in whatever order they end
job: {tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k, needs: [a, b]}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   b#1 succeeded 2      | b succeeded
t=2   a#1 succeeded 1      | a succeeded, dispatch c#1

# Two that end in the same batch are one step
job: {tasks: {a: {kind: k}, b: {kind: k}, c: {kind: k, needs: [a, b]}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 succeeded 1; b#1 succeeded 2 | a succeeded, b succeeded, dispatch c#1

# A diamond runs its sides at the same time
job: {tasks: {top: {kind: k}, left: {kind: k, needs: top}, right: {kind: k, needs: top}, end: {kind: k, needs: [left, right]}}}
t=0   submit               | dispatch top#1
t=1   top#1 succeeded 1    | top succeeded, dispatch left#1, dispatch right#1
t=2   right#1 succeeded 1  | right succeeded
t=3   left#1 succeeded 1   | left succeeded, dispatch end#1
t=4   end#1 succeeded 9    | end succeeded, job succeeded {"end":9}

# A reference in an input is a need
job: {tasks: {a: {kind: k}, b: {kind: k, input: {from: "${{ tasks.a.output.n }}"}}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded {"n":7} | a succeeded, dispatch b#1 {"from":7}

# So is one in an `if`, and one in a `for_each`
job: {tasks: {a: {kind: k}, b: {kind: k, if: "tasks.a.output > 1"}, c: {kind: k, for_each: "${{ tasks.b.output }}"}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 2      | a succeeded, dispatch b#1
t=2   b#1 succeeded [1]    | b succeeded, c has 1 items, dispatch c.0#1

# A need given twice, once by name and once by reference, is one need
job: {tasks: {a: {kind: k}, b: {kind: k, needs: a, input: "${{ tasks.a.output }}"}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 7      | a succeeded, dispatch b#1 7

# A retrying need is not over
job: {tasks: {a: {kind: k}, b: {kind: k, needs: a}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed oom       | a retrying until 2 (oom)
t=2   time                 | dispatch a#2
t=3   a#2 succeeded 1      | a succeeded, dispatch b#1
