Whole jobs, as people write them.

# Build, test on three systems, publish; tell somebody if anything fails, clean up whatever happens
job:
  defaults: {retry: 0}
  tasks:
    build: {kind: build}
    test: {kind: test, needs: build, for_each: [linux, mac, windows], input: "${{ item }}"}
    publish: {kind: publish, needs: test}
    alarm: {kind: mail, needs: [build, test, publish], run_on: failure, input: "${{ tasks.test.error.message | default('build') }}"}
    clean: {kind: clean, needs: [build, test, publish], run_on: done}
t=0   submit               | dispatch build#1
t=9   build#1 succeeded "app" | build succeeded, test has 3 items, dispatch test.0#1 "linux", dispatch test.1#1 "mac", dispatch test.2#1 "windows"
t=20  test.0#1 succeeded 1 | test.0 succeeded
t=21  test.1#1 failed red  | test.1 failed red, test failed too_many_failures, test.2 cancelled, publish skipped upstream_failed,
                           | dispatch alarm#1 "1 of 3 items ended without success, the last of them item 1: red: it broke", dispatch clean#1,
                           | dead letter test.1, stop test.2#1
t=22  alarm#1 succeeded 1; clean#1 succeeded 1 | alarm succeeded, clean succeeded, job failed too_many_failures of test
t=60  retry                | job running, test has 3 items, dispatch test.1#2 "mac", dispatch test.2#2 "windows"
t=61  test.1#2 succeeded 1; test.2#2 succeeded 1 | test.1 succeeded, test.2 succeeded, test succeeded, dispatch publish#1
t=62  publish#1 succeeded "done" | publish succeeded, job succeeded {"alarm":1,"clean":1}

# The same on a good day
job:
  tasks:
    build: {kind: build}
    publish: {kind: publish, needs: build}
    alarm: {kind: mail, needs: [build, publish], run_on: failure}
    clean: {kind: clean, needs: [build, publish], run_on: done}
t=0   submit               | dispatch build#1
t=9   build#1 succeeded "app" | build succeeded, dispatch publish#1
t=20  publish#1 succeeded 1 | publish succeeded, alarm skipped, dispatch clean#1
t=21  clean#1 succeeded 2  | clean succeeded, job succeeded {"alarm":null,"clean":2}

# A list is fetched, each element worked on two at a time, some may fail, the rest is summed up
job:
  input: {url: "https://example.org"}
  tasks:
    list: {kind: fetch, input: "${{ input.url }}"}
    each:
      kind: work
      retry: {max_attempts: 2, delay: 5s, jitter: false}
      for_each: {items: "${{ tasks.list.output }}", max_parallel: 2, max_failures: "50%"}
      input: {id: "${{ item }}", of: "${{ total }}"}
    sum: {kind: sum, input: "${{ tasks.each.output }}"}
  output: {sum: "${{ tasks.sum.output }}", failed: "${{ tasks.each.results | selectattr('status', 'equalto', 'failed') | list | length }}"}
t=0   submit               | dispatch list#1 "https://example.org"
t=1   list#1 succeeded ["a","b","c"] | list succeeded, each has 3 items, dispatch each.0#1 {"id":"a","of":3}, dispatch each.1#1 {"id":"b","of":3}
t=2   each.0#1 failed busy | each.0 retrying until 7 (busy)
t=3   each.1#1 succeeded 2 | each.1 succeeded, dispatch each.2#1 {"id":"c","of":3}
t=4   each.2#1 succeeded 3 | each.2 succeeded
t=7   time                 | dispatch each.0#2 {"id":"a","of":3}
t=8   each.0#2 failed busy | each.0 failed busy, each succeeded, dispatch sum#1 [null,2,3]
t=9   sum#1 succeeded 5    | sum succeeded, job succeeded {"sum":5,"failed":1}

# A branch is taken by what was found, and the branches meet again
job:
  tasks:
    look: {kind: look}
    big: {kind: big, if: "tasks.look.output.size > 100"}
    small: {kind: small, if: "tasks.look.output.size <= 100"}
    join: {kind: join, needs: [big, small], input: "${{ tasks.big.output or tasks.small.output }}"}
t=0   submit               | dispatch look#1
t=1   look#1 succeeded {"size":7} | look succeeded, big skipped, dispatch small#1
t=2   small#1 succeeded "s" | small succeeded, dispatch join#1 "s"
t=3   join#1 succeeded 1   | join succeeded, job succeeded {"join":1}
