the content of a scheduled job, replaced by a later submit with its key.

# A later submit takes the place of the content, and the delay starts anew
job: {kind: k, delay: 10s, unique: {key: x, on_conflict: replace}}
t=0   submit               | job scheduled for 10
t=4   replace {kind: l, queue: slow, delay: 10s, unique: {key: x, on_conflict: replace}} | job scheduled for 14
t=10  time                 | -
t=14  time                 | job running, dispatch task#1
t=15  task#1 succeeded 2   | task succeeded, job succeeded 2

# However often it is replaced, it starts at the latest max_delay after the first submit
job: {kind: k, delay: 10s, unique: {key: x, on_conflict: replace, max_delay: 15s}}
t=0   submit               | job scheduled for 10
t=9   replace {kind: k, delay: 10s, unique: {key: x, on_conflict: replace, max_delay: 15s}} | job scheduled for 15
t=14  replace {kind: k, delay: 10s, unique: {key: x, on_conflict: replace, max_delay: 15s}} | job scheduled for 15
t=15  time                 | job running, dispatch task#1

# The latest submit says how late that is, and one that is later than that starts at once
job: {kind: k, delay: 10s, unique: {key: x, on_conflict: replace, max_delay: 1m}}
t=0   submit               | job scheduled for 10
t=6   replace {kind: k, delay: 5s, unique: {key: x, on_conflict: replace, max_delay: 5s}} | job running, dispatch task#1

# The new content may have other tasks, and the old ones are gone
job: {tasks: {a: {kind: k}, b: {kind: k, needs: a}}, delay: 10s, unique: {key: x, on_conflict: replace}}
t=0   submit               | job scheduled for 10
t=1   replace {tasks: {c: {kind: k}}, delay: 2s, unique: {key: x, on_conflict: replace}} | job scheduled for 3
t=3   time                 | job running, dispatch c#1
t=4   c#1 succeeded 1      | c succeeded, job succeeded {"c":1}

# It stays paused
job: {tasks: {a: {kind: k}, b: {kind: k}}, delay: 10s, unique: {key: x, on_conflict: replace}}
t=0   submit               | job scheduled for 10
t=1   pause                | -
t=2   replace {tasks: {a: {kind: k}}, delay: 10s, unique: {key: x, on_conflict: replace}} | job scheduled for 12
t=12  time                 | job running, a ready
t=13  resume               | dispatch a#1

# Both in one batch
job: {kind: k, delay: 10s, unique: {key: x, on_conflict: replace}}
t=0   submit               | job scheduled for 10
t=1   replace {kind: l, delay: 10s, unique: {key: x, on_conflict: replace}}; replace {kind: m, delay: 3s, unique: {key: x, on_conflict: replace}} | job scheduled for 4, job scheduled for 4
t=4   time                 | job running, dispatch task#1

# One that has begun or ended keeps its content, whoever asks
job: {kind: k, delay: 1s, unique: {key: x, on_conflict: replace}}
t=0   submit               | job scheduled for 1
t=1   time                 | job running, dispatch task#1
t=2   replace {kind: l, delay: 1s, unique: {key: x, on_conflict: replace}} | -
t=3   task#1 succeeded 1   | task succeeded, job succeeded 1
