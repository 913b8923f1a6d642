Tasks that are repeated until a condition holds.

# A round after the other, until its output says that it is enough
job: {tasks: {a: {kind: k, repeat: {until: output.done, max: 5}, input: {from: "${{ previous.next | default(0) }}", round: "${{ round }}"}}, b: {kind: k, needs: a, input: "${{ tasks.a.output.next }}"}}}
t=0   submit               | dispatch a#1 {"from":0,"round":1}
t=1   a#1 succeeded {"done":false,"next":7} | dispatch a#2 {"from":7,"round":2}
t=2   a#2 succeeded {"done":true,"next":9} | a succeeded, dispatch b#1 9
t=3   b#1 succeeded 1      | b succeeded, job succeeded {"b":1}
t=4   history a            | #1 succeeded 0-1 in round 1, #2 succeeded 1-2 in round 2

# What is carried from round to round stays as it came
job: {tasks: {a: {kind: k, repeat: {until: round == 3, max: 3}, input: "${{ previous }}"}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 123456789012345678901234567890 | dispatch a#2 123456789012345678901234567890
t=2   a#2 succeeded {"x": [1.50, 1e400], "\u0000": 1} | dispatch a#3 {"x": [1.50, 1e400], "\u0000": 1}
t=3   a#3 succeeded 3      | a succeeded, job succeeded {"a":3}

# After the last round it has failed, and nobody has to look into it
job: {tasks: {a: {kind: k, repeat: {until: output > 10, max: 2}}, b: {kind: k, needs: a}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 1      | dispatch a#2
t=2   a#2 succeeded 2      | a failed not_reached, b skipped upstream_failed, job failed not_reached of a#2
t=3   show a               | failed attempt 2 failures 0 ready 1 dispatched 1 started 1 finished 2 (`until` did not hold after 2 rounds (max))
t=4   history a            | #1 succeeded 0-1 in round 1, #2 succeeded 1-2 in round 2

# Rounds wait for their delay, and a cancel ends the wait
job: {tasks: {a: {kind: k, repeat: {until: output.done, max: 9, delay: 10s}}}}
t=0   submit               | dispatch a#1
t=2   a#1 succeeded {"done":false} | a waits until 12 for its next round
t=12  time                 | dispatch a#2
t=13  a#2 succeeded {"done":false} | a waits until 23 for its next round
t=14  cancel               | a cancelled, job cancelled cancelled

# A round is no attempt of the retry policy, which starts afresh in each
job: {tasks: {a: {kind: k, retry: {max_attempts: 2, delay: 1s}, repeat: {until: output.done, max: 3}}}}
t=0   submit               | dispatch a#1
t=1   a#1 failed x         | a retrying until 2 (x)
t=2   time                 | dispatch a#2
t=3   a#2 succeeded {"done":false} | dispatch a#3
t=4   a#3 failed x         | a retrying until 5 (x)
t=5   time                 | dispatch a#4
t=6   a#4 failed x         | a failed x, job failed x of a#4, dead letter a
t=7   history a            | #1 failed 0-1 in round 1, #2 succeeded 2-3 in round 1, #3 failed 3-4 in round 2, #4 failed 5-6 in round 2

# What is handed back comes again in the same round
job: {tasks: {a: {kind: k, repeat: {until: output, max: 2}, input: "${{ round }}"}}}
t=0   submit               | dispatch a#1 1
t=1   a#1 succeeded false  | dispatch a#2 2
t=2   a#2 released         | dispatch a#3 2
t=3   a#3 succeeded true   | a succeeded, job succeeded {"a":true}

# A condition that is no boolean fails the task by name, and so does one that cannot be judged
job: {fail_fast: false, tasks: {a: {kind: k, repeat: {until: output, max: 2}}, b: {kind: k, repeat: {until: output.x.y > 1, max: 2}}}}
t=0   submit               | dispatch a#1, dispatch b#1
t=1   a#1 succeeded 1      | a failed expression_error
t=2   b#1 succeeded {}     | b failed expression_error, job failed expression_error of a#1

# It sees other tasks, which it needs then
job: {tasks: {goal: {kind: k}, a: {kind: k, repeat: {until: "output >= tasks.goal.output", max: 9}}}}
t=0   submit               | dispatch goal#1
t=1   goal#1 succeeded 5   | goal succeeded, dispatch a#1
t=2   a#1 succeeded 4      | dispatch a#2
t=3   a#2 succeeded 5      | a succeeded, job succeeded {"a":5}

# Items have rounds of their own
job: {tasks: {m: {kind: k, for_each: {items: [10, 20], max_parallel: 1}, repeat: {until: output >= item, max: 3}, input: {at: "${{ index }}", round: "${{ round }}", last: "${{ previous }}"}}}}
t=0   submit               | m has 2 items, dispatch m.0#1 {"at":0,"round":1,"last":null}
t=1   m.0#1 succeeded 9    | dispatch m.0#2 {"at":0,"round":2,"last":9}
t=2   m.0#2 succeeded 10   | m.0 succeeded, dispatch m.1#1 {"at":1,"round":1,"last":null}
t=3   m.1#1 succeeded 20   | m.1 succeeded, m succeeded, job succeeded {"m":[10,20]}

# What the orchestrator works on itself is repeated as well
job: {tasks: {a: {kind: warrener.pass, input: {n: "${{ (previous.n | default(0)) + 1 }}"}, repeat: {until: output.n == 4, max: 9}}}}
t=0   submit               | a succeeded, job succeeded {"a":{"n":4}}
t=1   show a               | succeeded attempt 4 failures 0 ready 0 dispatched 0 started 0 finished 0

# So is a job of its own
job: {tasks: {a: {kind: warrener.job, repeat: {until: output > 1, max: 2}, input: {job: {kind: k, input: "${{ previous }}"}}}}}
t=0   submit               | a runs job-2, dispatch job-2/task#1
t=1   job-2/task#1 succeeded 1 | a runs job-3, job-2/task succeeded, job-2 succeeded 1, dispatch job-3/task#1 1
t=2   job-3/task#1 succeeded 2 | a succeeded, job succeeded {"a":2}, job-3/task succeeded, job-3 succeeded 2

# All rounds of a job count to its tasks
job: {tasks: {a: {kind: k, repeat: {until: output, max: 9}}, b: {kind: k, needs: a}}}
most items: 4
t=0   submit               | dispatch a#1
t=1   a#1 succeeded false  | dispatch a#2
t=2   a#2 succeeded false  | dispatch a#3
t=3   a#3 succeeded false  | a failed too_large, b skipped upstream_failed, job failed too_large of a#3

# Tried again it begins with its first round
job: {tasks: {a: {kind: k, repeat: {until: output, max: 2}, input: "${{ previous }}"}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded false  | dispatch a#2 false
t=2   a#2 succeeded false  | a failed not_reached, job failed not_reached of a#2
t=3   retry                | job running, dispatch a#3
t=4   a#3 succeeded false  | dispatch a#4 false
t=5   a#4 succeeded true   | a succeeded, job succeeded {"a":true}
t=6   history a            | #1 succeeded 0-1 in round 1, #2 succeeded 1-2 in round 2, #3 succeeded 3-4 in round 1, #4 succeeded 4-5 in round 2

# It has to have started in time once, not in each round
job: {tasks: {a: {kind: k, start_within: 5s, repeat: {until: output, max: 2}}}}
t=0   submit               | dispatch a#1
t=4   a#1 succeeded false  | dispatch a#2
t=9   a#2 started          | -
t=10  a#2 succeeded true   | a succeeded, job succeeded {"a":true}

# A late report of an earlier round changes nothing
job: {tasks: {a: {kind: k, repeat: {until: output > 5, max: 9}, input: "${{ previous }}"}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded 1      | dispatch a#2 1
t=2   a#1 succeeded 9      | ignored
t=3   a#2 succeeded 6      | a succeeded, job succeeded {"a":6}

# A failure that is allowed can be that the condition never held
job: {tasks: {a: {kind: k, allow_failure: [not_reached], repeat: {until: output, max: 1}}, b: {kind: k, needs: a}}}
t=0   submit               | dispatch a#1
t=1   a#1 succeeded false  | a failed not_reached, dispatch b#1
t=2   b#1 succeeded 1      | b succeeded, job succeeded {"b":1}
