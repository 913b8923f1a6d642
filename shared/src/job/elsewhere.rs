//! Words of other systems, and what does here what they do there.

/// The place of a field that does not exist there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Beside `tasks` or `kind`: a job, or a template.
    Job,
    /// In a task, or in a policy.
    Task,
    /// In `for_each`.
    ForEach,
    /// In `retry`.
    Retry,
    /// In `repeat`.
    Repeat,
    /// In the input of `warrener.sleep`.
    Sleep,
    /// In the input of `warrener.wait`.
    Wait,
    /// In the input of `warrener.fail`.
    Fail,
}

/// The words or the idiom for a field that somebody brought from elsewhere.
pub(crate) fn hint(field: &str, place: Place) -> Option<&'static str> {
    let word: String = field.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    match place {
        Place::Retry => in_retry(&word),
        Place::Repeat => in_repeat(&word),
        Place::Sleep => in_sleep(&word),
        Place::Wait => in_wait(&word),
        Place::Fail => in_fail(&word),
        Place::ForEach => in_for_each(&word).or_else(|| anywhere(&word)),
        Place::Job => in_job(&word).or_else(|| anywhere(&word)),
        Place::Task => in_task(&word).or_else(|| anywhere(&word)),
    }
}

fn in_retry(word: &str) -> Option<&'static str> {
    Some(match word {
        "limit" | "count" | "retries" | "maxretries" | "attempts" | "maximumattempts" | "maxattempts" | "max" => {
            "write `max_attempts`, the first one included: a limit of 3 retries is `max_attempts: 4`"
        }
        "duration" | "interval" | "intervalseconds" | "initialinterval" | "retrydelay" => "write `delay: 1s`",
        "backoffrate" | "backoffcoefficient" | "multiplier" => "write `factor: 2`, with `backoff: exponential`",
        "cap" | "maxdelayseconds" | "maximuminterval" | "maxduration" | "maxinterval" => "write `max_delay: 10m`",
        "retrypolicy" | "when" | "expression" | "errorequals" | "on" | "onerrors" | "retryon" => {
            "write the codes of the errors: `only_on: [lost, timed_out]`, or `not_on: [bad_input]`"
        }
        "nonretryableerrortypes" | "nonretryable" | "except" => "write `not_on: [bad_input]`",
        "jitterstrategy" => "write `jitter: true` or `jitter: false`",
        _ => return None,
    })
}

fn in_repeat(word: &str) -> Option<&'static str> {
    Some(match word {
        "while" | "loopwhile" | "if" | "when" | "condition" | "loopcondition" | "breakif" | "untilcondition" => {
            "write `until: output.done`, which holds at the end: what holds as long as it goes on is `until: not …`"
        }
        "times" | "count" | "limit" | "maxiterations" | "maxrounds" | "maxattempts" => {
            "write `max: 100`; so many times in any case is `until: false`"
        }
        "interval" | "sleep" | "wait" | "every" | "pause" | "seconds" => "write `delay: 10s`, between two rounds",
        "state" | "vars" | "variables" | "input" | "previous" | "init" | "initial" => {
            "write it in the task's `input`: `previous` is the output of the round before, none in the first: \
             `n: \"${{ previous.n | default(0) }}\"`"
        }
        "timeout" | "deadline" => "write `timeout: 10m` in the task for each round, `deadline: 1h` for the whole job",
        _ => return None,
    })
}

fn in_sleep(word: &str) -> Option<&'static str> {
    Some(match word {
        "seconds" | "duration" | "delay" | "span" | "time" | "interval" | "timeout" | "minutes" | "ms" | "hours" => {
            "write `for: 5m`, or a number of seconds: `for: 300`"
        }
        "timestamp" | "at" | "runat" | "date" | "datetime" | "when" => "write `until: \"2026-11-24T15:00:00Z\"`",
        _ => return None,
    })
}

fn in_wait(word: &str) -> Option<&'static str> {
    Some(match word {
        "signal" | "name" | "topic" | "type" | "message" | "channel" => "write `event: approval`",
        "id" | "token" | "tasktoken" | "correlation" | "correlationid" | "correlationkey" => {
            "write `key: order-17`: whoever answers names the event and the key"
        }
        "timeout" | "deadline" | "expires" | "for" => "write `timeout: 1h` beside the `input`",
        _ => return None,
    })
}

fn in_fail(word: &str) -> Option<&'static str> {
    Some(match word {
        "error" | "errortype" | "type" | "reason" | "errorcode" | "exception" | "status" => {
            "write `code: out_of_stock`, by which others tell it"
        }
        "cause" | "text" | "description" | "detail" | "title" | "msg" => "write `message: none is left`",
        "data" | "context" | "payload" | "info" => "write `details: {…}`, any JSON",
        _ => return None,
    })
}

fn in_for_each(word: &str) -> Option<&'static str> {
    Some(match word {
        "in" | "list" | "over" | "values" | "itemspath" | "collection" | "range" => {
            "write `items: [1, 2, 3]` or `items: \"${{ tasks.list.output }}\"`"
        }
        "parallelism" | "concurrency" | "maxconcurrency" | "limit" | "parallel" | "batchsize" => {
            "write `max_parallel: 4`, the items that may be open at once"
        }
        "failfast" | "toleratedfailurecount" | "toleratedfailurepercentage" | "continueonerror" => {
            "write `max_failures: 3` or `max_failures: \"5%\"`"
        }
        "include" => "write all combinations as `items: [{…}, {…}]`, or leave some of a `matrix` out by `exclude`",
        _ => return None,
    })
}

fn in_job(word: &str) -> Option<&'static str> {
    Some(match word {
        "concurrency" | "mutex" | "synchronization" | "semaphore" => {
            "one job at a time is `unique: {key: …, on_conflict: cancel_existing}`, or a limit with `per = \"job\"`; \
             the open attempts of one job are `max_parallel: 4`"
        }
        "parallelism" | "maxactivetasks" => {
            "write `max_parallel: 4`, the attempts of this job that may be open at once"
        }
        "onexit" | "finally" | "onfailure" | "onerror" | "always" | "hooks" | "catch" => {
            "write a task with `run_on: done` (whatever happened) or `run_on: failure` that needs the others"
        }
        "onsuccess" | "oncomplete" => "write a task that needs the others: it runs if they succeeded",
        "needs" => {
            "a job waits for no other job: make both tasks of one, or submit the second from a task of the first"
        }
        "steps" | "states" | "stages" | "activities" | "nodes" | "dag" | "workflow" | "spec" => {
            "write `tasks: {first: {kind: …}, second: {kind: …, needs: first}}`"
        }
        "entrypoint" | "startat" | "start" => "leave it out: all tasks without `needs` begin at once",
        "activedeadlineseconds" | "executiontimeout" | "workflowtimeout" | "timeoutseconds" => {
            "write `deadline: 1h` for the whole job, or `defaults: {timeout: 10m}` for each attempt"
        }
        "arguments" | "parameters" | "inputs" | "params" => {
            "write `input: {…}`; expressions see it as `${{ input.name }}`"
        }
        "outputs" => "write `output: {…}` with expressions: `output: {total: \"${{ tasks.sum.output }}\"}`",
        "on" | "trigger" | "triggers" => "a job begins when it is submitted; `delay` and `run_at` let it wait",
        "jobs" => "`jobs` holds templates; what a job does stands under `tasks`",
        _ => return None,
    })
}

fn in_task(word: &str) -> Option<&'static str> {
    Some(match word {
        "maxparallel" | "parallelism" | "concurrency" | "maxconcurrency" => {
            "items at once are `for_each: {items: …, max_parallel: 4}`; attempts of the whole job `max_parallel: 4` \
             beside `tasks`"
        }
        "exclude" | "maxfailures" | "minsuccesses" | "items" => {
            "it belongs into `for_each: {items: …}` or `{matrix: …}`"
        }
        "catch" | "rescue" | "fallback" => {
            "write `allow_failure: [oom]` here, and another task with `if: tasks.<name> is failed` (or, for one error, \
             `and tasks.<name>.error.code == 'oom'`); with `run_on: failure` instead the job still fails"
        }
        "onfailure" | "onerror" | "linkerror" | "errorhandler" => {
            "write a task with `needs` of this one, `run_on: failure`, and for one error alone \
             `if: tasks.<name>.error.code == 'oom'`"
        }
        "ratelimit" | "rate" | "throttle" | "semaphore" | "mutex" | "synchronization" => {
            "name a limit: `limits: [api]`; how many of a key run at once, and how many in a minute, stands in \
             `[limits.api]` of the orchestrator's configuration"
        }
        "heartbeatseconds" => "write `heartbeat: 30s`",
        "comment" => "write `description: …`",
        "itemspath" | "iterator" | "itemprocessor" | "itemselector" => {
            "write `for_each: \"${{ tasks.list.output }}\"`; each item is `item` in the `input`"
        }
        "onsuccess" | "link" | "next" | "then" | "transition" | "callback" => {
            "write `needs` of this task in the one that follows: it runs if this one succeeded"
        }
        "onexit" | "always" | "finally" | "ensure" => "write a task with `needs` of this one and `run_on: done`",
        "triggerrule" => "write `run_on: success`, `failure`, `done` or `unless_failed`",
        "end" => "leave it out: a job ends with its last task",
        "depends" => "write `needs: [a, b]`; how they ended is asked by `run_on: failure` or `if: tasks.b is failed`",
        "outputs" => "leave it out: the output of a task is what its worker returns, `${{ tasks.<name>.output.x }}`",
        "output" | "resultpath" | "resultselector" | "outputpath" | "inputpath" | "register" => {
            "leave it out: take what is wanted where it is used, `${{ tasks.<name>.output.x }}`"
        }
        "runson" | "nodeselector" | "executor" | "pool" => "write `queue: gpu`, and let workers serve that queue",
        "expires" | "scheduletostarttimeout" => "write `start_within: 5m`",
        "softtimelimit"
        | "timelimit"
        | "timeoutminutes"
        | "timeoutseconds"
        | "activedeadlineseconds"
        | "starttoclosetimeout" => "write `timeout: 30m`, for each attempt",
        "maxretries" | "retries" | "retrypolicy" | "retrystrategy" | "autoretryfor" | "retrybackoff" => {
            "write `retry: 3`, or `retry: {max_attempts: 4, backoff: exponential, delay: 1s}`"
        }
        "delay" | "runat" | "deadline" | "unique" => {
            "it belongs to the job; a task that waits is one of `kind: warrener.sleep`, with `input: {for: 5m}`"
        }
        "defaults" | "failfast" | "tasks" => {
            "it belongs beside the `tasks` of a job; one inside of this job is `kind: warrener.job`, `input: {job: …}`"
        }
        "use" => "it stands in the input: `kind: warrener.job`, `input: {use: build}`",
        _ => return None,
    })
}

/// Words that mean the same wherever they stand.
fn anywhere(word: &str) -> Option<&'static str> {
    Some(match word {
        "withitems" | "withparam" | "withsequence" | "foreach" | "map" | "forall" => {
            "write `for_each: [1, 2, 3]`, `for_each: \"${{ tasks.list.output }}\"` or \
             `for_each: {items: …, max_parallel: 4}`; each item is `item`"
        }
        "loop" => {
            "over a list write `for_each: \"${{ tasks.list.output }}\"`; until something holds \
             `repeat: {until: output.done, max: 100}`"
        }
        "until" | "while" | "dowhile" | "loopuntil" | "repeatuntil" => {
            "write `repeat: {until: output.done, max: 100, delay: 10s}` in the task; its input may use `previous`"
        }
        "when" | "condition" | "conditions" | "onlyif" => "write `if: input.n > 3`, a bare expression",
        "retrystrategy" => "write `retry: {max_attempts: 4, backoff: exponential, delay: 1s}`",
        "limit" => "write `retry: {max_attempts: 4}` for attempts, `for_each: {max_parallel: 4}` for items at once",
        "continueon" | "continueonerror" | "ignoreerrors" | "optional" => {
            "write `allow_failure: true`, or the codes that may be: `allow_failure: [lost]`"
        }
        "templates" | "template" | "templateref" | "subworkflow" | "workflowtemplateref" => {
            "write `jobs: {build: {tasks: {…}}}` beside `tasks`, and run it by `kind: warrener.job`, \
             `input: {use: build}`"
        }
        "switch" | "choice" | "choices" | "branch" | "case" | "cases" | "decision" | "router" => {
            "write a task with an `if` for each case; what follows them all takes `coalesce(tasks.a.output, \
             tasks.b.output)` and `run_on: unless_failed`"
        }
        "suspend" | "approval" | "waitforsignal" | "manual" | "pause" => {
            "write a task of `kind: warrener.wait` with `input: {event: approval, key: order-17}`; a span is \
             `kind: warrener.sleep`"
        }
        "sleep" | "wait" => {
            "write a task of `kind: warrener.sleep` with `input: {for: 5m}`, or of `kind: warrener.wait`"
        }
        "parallel" | "branches" | "group" => "leave it out: tasks that do not need each other run side by side",
        "steps" | "stages" | "chain" | "sequence" => "write tasks side by side, and `needs: first` in the second",
        "chord" => "write a task with `for_each`, and one that needs it and takes `${{ tasks.<name>.output }}`",
        "cron" | "crontab" | "schedule" | "schedules" | "timetable" | "beatschedule" => {
            "a job runs once; `run_at` and `delay` say when. A schedule is a file of its own, \
             `{name: nightly, cron: 0 5 * * *, job: {…}}`: `warrener schedule apply FILE`"
        }
        "apiversion" => {
            "it is a manifest of Kubernetes: what stands under `spec.templates[].dag.tasks` becomes `tasks`"
        }
        "env" | "environment" | "envfrom" | "vars" | "variables" => {
            "hand values in by `input`; the environment of a program is the worker's, in its configuration"
        }
        "with" => "write `input: {…}`",
        "uses" | "run" | "script" | "command" | "image" | "container" | "resource" | "function" | "cmd" | "plugin" => {
            "write `kind: video.transcode`; the program behind a kind stands in the worker's configuration"
        }
        "matrix" | "strategy" => "write `for_each: {matrix: {os: [a, b], version: [1, 2]}}`",
        "secrets" | "volumes" | "resources" | "serviceaccountname" => {
            "leave it out: a worker has what its machine gives it, and `queue` chooses the worker"
        }
        _ => return None,
    })
}

/// The word of `run_on` for one of another system.
pub(crate) fn run_on(word: &str) -> Option<&'static str> {
    let word: String = word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Some(match word.as_str() {
        "always" | "alldone" | "any" | "finally" | "complete" | "completed" | "exit" => "done",
        "failed" | "error" | "onfailure" | "onefailed" | "fail" | "onerror" => "failure",
        "succeeded" | "allsuccess" | "onsuccess" | "ok" => "success",
        "nonefailed" | "notfailed" | "skipped" | "nonefailedminonesuccess" => "unless_failed",
        _ => return None,
    })
}

/// The words for an error as another system names it.
pub(crate) fn error_code(text: &str) -> Option<&'static str> {
    Some(match text {
        "States.ALL" | "States.TaskFailed" | "Exception" | "*" => {
            "leave it out: without `only_on` every error is tried again; in `allow_failure` write `true`"
        }
        "States.Timeout" | "TimeoutError" | "SoftTimeLimitExceeded" => "write `timed_out`",
        "WorkerLostError" => "write `lost`",
        _ => return None,
    })
}

/// The words for a text with an expression, where a constant has to stand.
pub(crate) const CONSTANT: &str = "an expression can stand in `input`, `if`, `for_each` and `output` alone; to decide \
    this while the job runs, write it into the job of a `warrener.job`, whose whole input is evaluated before";

#[cfg(all(test, feature = "yaml"))]
mod tests;
