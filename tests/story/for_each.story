Mapped tasks: one item per element.

# A literal list, its strings evaluated like any input
job: {input: {x: 9}, tasks: {m: {kind: k, for_each: [1, "two", "${{ input.x }}"], input: "${{ item }}"}}}
t=0   submit               | m has 3 items, dispatch m.0#1 1, dispatch m.1#1 "two", dispatch m.2#1 9
t=1   m.0#1 succeeded 1; m.1#1 succeeded 2 | m.0 succeeded, m.1 succeeded
t=2   m.2#1 succeeded 3    | m.2 succeeded, m succeeded, job succeeded {"m":[1,2,3]}

# An expression
job: {tasks: {a: {kind: k}, m: {kind: k, for_each: "${{ tasks.a.output.list }}", input: {item: "${{ item.id }}", index: "${{ index }}", total: "${{ total }}"}}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded {"list":[{"id":"x"},{"id":"y"}]} | a succeeded, m has 2 items,
                           | dispatch m.0#1 {"item":"x","index":0,"total":2}, dispatch m.1#1 {"item":"y","index":1,"total":2}

# A matrix: keys as written, the last changes fastest, exclude drops, index counts what remains
job:
  tasks:
    m:
      kind: k
      for_each: {matrix: {os: [linux, mac], version: [1, 2]}, exclude: [{os: mac, version: 1}]}
      input: ["${{ index }}", "${{ item.os }}", "${{ item.version }}", "${{ total }}"]
t=0   submit               | m has 3 items, dispatch m.0#1 [0,"linux",1,3], dispatch m.1#1 [1,"linux",2,3], dispatch m.2#1 [2,"mac",2,3]

# An exclude with some of the keys drops all that match those
job: {tasks: {m: {kind: k, for_each: {matrix: {a: [1, 2], b: [1, 2]}, exclude: [{a: 2}]}, input: "${{ item }}"}}}
t=0   submit               | m has 2 items, dispatch m.0#1 {"a":1,"b":1}, dispatch m.1#1 {"a":1,"b":2}

# A matrix over outputs
job: {tasks: {a: {kind: k}, m: {kind: k, for_each: {matrix: {x: "${{ tasks.a.output }}", y: [0]}}, input: "${{ item.x }}"}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded [5,6]  | a succeeded, m has 2 items, dispatch m.0#1 5, dispatch m.1#1 6

# An empty list succeeds with an empty list
job: {tasks: {a: {kind: k}, m: {kind: k, for_each: "${{ tasks.a.output }}"}, z: {kind: k, input: ["${{ tasks.m.output }}", "${{ tasks.m.results }}"]}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded []     | a succeeded, m succeeded, dispatch z#1 [[],[]]

# Anything but a list fails the task
job: {tasks: {a: {kind: k}, m: {kind: k, for_each: "${{ tasks.a.output }}"}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 7      | a succeeded, m failed expression_error, job failed expression_error of m

# So does one that is too long
job: {tasks: {a: {kind: k}, m: {kind: k, for_each: "${{ tasks.a.output }}"}}}
most items: 3
t=0   submit               | dispatch a#1
t=1   a#1 succeeded [1,2,3,4] | a succeeded, m failed too_large, job failed too_large of m

# As long as allowed is not too long
job: {tasks: {a: {kind: k}, m: {kind: k, for_each: "${{ tasks.a.output }}"}}}
most items: 3
t=0   submit               | dispatch a#1
t=1   a#1 succeeded [1,2,3] | a succeeded, m has 3 items, dispatch m.0#1, dispatch m.1#1, dispatch m.2#1

# max_parallel lets so many be open; an item that backs off is open
job: {tasks: {m: {kind: k, for_each: {items: [1, 2, 3, 4], max_parallel: 2}}}}
t=0   submit               | m has 4 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 failed x       | m.0 retrying until 2 (x)
t=1.5 m.1#1 succeeded 1    | m.1 succeeded, dispatch m.2#1
t=2   time                 | dispatch m.0#2
t=3   m.0#2 succeeded 1; m.2#1 succeeded 1 | m.0 succeeded, m.2 succeeded, dispatch m.3#1
t=4   m.3#1 succeeded 1    | m.3 succeeded, m succeeded, job succeeded {"m":[1,1,1,1]}

# Items go out as there is room, in order; a retried one joins the line
job: {tasks: {m: {kind: k, for_each: [1, 2, 3]}}}
room: 1
t=0   submit               | m has 3 items, dispatch m.0#1
t=1   m.0#1 failed x       | m.0 retrying until 2 (x), dispatch m.1#1
t=2   time                 | m.0 ready
t=3   m.1#1 succeeded 1    | m.1 succeeded, dispatch m.2#1
t=4   m.2#1 succeeded 1    | m.2 succeeded, dispatch m.0#2

# `if` is judged once, and false skips the whole task
job: {tasks: {m: {kind: k, if: "false", for_each: [1, 2]}}}
t=0   submit               | m skipped, job succeeded {"m":null}

# Items of two mapped tasks keep apart
job: {tasks: {m: {kind: k, for_each: [1]}, n: {kind: k, for_each: [2], input: "${{ item }}"}}}
t=0   submit               | m has 1 items, n has 1 items, dispatch m.0#1, dispatch n.0#1 2
t=1   n.0#1 succeeded 2    | n.0 succeeded, n succeeded
t=2   m.0#1 succeeded 1    | m.0 succeeded, m succeeded, job succeeded {"m":[1],"n":[2]}

# A mapped task feeds another
job: {tasks: {m: {kind: k, for_each: [1, 2]}, n: {kind: k, for_each: "${{ tasks.m.output }}", input: "${{ item }}"}}}
t=0   submit               | m has 2 items, dispatch m.0#1, dispatch m.1#1
t=1   m.0#1 succeeded 10; m.1#1 succeeded 20 | m.0 succeeded, m.1 succeeded, m succeeded, n has 2 items,
                           | dispatch n.0#1 10, dispatch n.1#1 20
