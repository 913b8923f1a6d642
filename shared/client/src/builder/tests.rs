use serde_json::json;

use super::*;

fn value(document: &JobDocument) -> serde_json::Value {
    serde_json::from_slice(document.bytes()).unwrap()
}

#[test]
fn a_single_carries_its_policy() {
    let job = Job::single("email.send").id("mail-7").input(&json!({"to": "a"})).timeout(Duration::from_secs(90));
    let job = job.queue("mail").priority(9).retry(2).build().unwrap();
    assert_eq!(job.id(), Some("mail-7"));
    let expected = json!({"kind": "email.send", "id": "mail-7", "input": {"to": "a"}, "timeout": "90000ms",
        "queue": "mail", "priority": 9, "retry": 2});
    assert_eq!(value(&job), expected);
}

#[test]
fn a_graph_keeps_the_order_of_its_tasks_and_names_its_needs() {
    let mut job = Job::graph("g");
    job.label("team", "growth").label("tier", "1").input(&[1, 2]).output(&"${{ tasks.b.output }}");
    let z = job.task("z", "k.z").add();
    let a = job.task("a", "k.a").input(&z.output("parts[0]")).add();
    let each = job.task("b", "k.b").for_each(&a.output("")).needs([&z, &a, &z]).run_on(On::Done).when("true");
    each.allow_failure().heartbeat(Duration::from_secs(5)).add();
    let job = job.build().unwrap();
    let text = std::str::from_utf8(job.bytes()).unwrap();
    assert!(text.find("\"z\":{").unwrap() < text.find("\"a\":{").unwrap(), "{text}");
    let expected = json!({"name": "g", "labels": {"team": "growth", "tier": "1"}, "input": [1, 2],
        "output": "${{ tasks.b.output }}", "tasks": {
            "z": {"kind": "k.z"},
            "a": {"kind": "k.a", "input": "${{ tasks.z.output.parts[0] }}"},
            "b": {"kind": "k.b", "for_each": "${{ tasks.a.output }}", "run_on": "done", "if": "true",
                "allow_failure": true, "heartbeat": "5000ms", "needs": ["z", "a"]}}});
    assert_eq!(value(&job), expected);
}

#[test]
fn a_graph_has_limits_rounds_and_failures_that_are_allowed() {
    let mut job = Job::graph("g");
    job.max_parallel(3);
    let poll =
        job.task("poll", "k").repeat("output.done", 9, Duration::from_secs(2)).allow_failures(["not_reached"]).add();
    job.task("join", "k").needs([&poll]).run_on(On::UnlessFailed).add();
    let expected = json!({"name": "g", "max_parallel": 3, "tasks": {
        "poll": {"kind": "k", "repeat": {"until": "output.done", "max": 9, "delay": "2000ms"}, "allow_failure": ["not_reached"]},
        "join": {"kind": "k", "needs": ["poll"], "run_on": "unless_failed"}}});
    assert_eq!(value(&job.build().unwrap()), expected);
}

#[test]
fn all_slips_are_reported_at_once() {
    let stranger = Job::graph("other").task("x", "k").add();
    let mut job = Job::graph("g");
    job.task("a", "k").add();
    job.task("a", "k").add();
    job.task("bad-name", "k").needs([&stranger]).add();
    let BuildError(problems) = job.build().unwrap_err();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].contains("two tasks are named a"));
    assert!(problems[1].contains("bad-name"));
    assert!(problems[2].contains("another graph"));
    assert!(Job::graph("empty").build().unwrap_err().to_string().contains("at least one task"));
    assert!(Job::single("no space").build().is_err());
}

#[test]
fn a_key_debounces_or_throttles() {
    let replace = UniqueKey::new("k").replace().max_delay(Duration::from_secs(60));
    let job = Job::single("k").delay(Duration::from_secs(5)).unique(&replace).build().unwrap();
    let expected = json!({"kind": "k", "delay": "5000ms",
        "unique": {"key": "k", "on_conflict": "replace", "max_delay": "60000ms"}});
    assert_eq!(value(&job), expected);
    let mut job = Job::graph("g");
    job.task("a", "k").add();
    job.unique(&UniqueKey::new("k").return_existing().hold_for(Duration::from_secs(30)));
    let unique = json!({"key": "k", "on_conflict": "return_existing", "until": "30000ms"});
    assert_eq!(value(&job.build().unwrap())["unique"], unique);
    let words = UniqueKey::new("k").cancel_existing().until_started();
    let unique = json!({"key": "k", "on_conflict": "cancel_existing", "until": "started"});
    assert_eq!(value(&Job::single("k").unique(&words).build().unwrap())["unique"], unique);
}

#[test]
fn a_task_names_its_limits() {
    let job = Job::single("k").limit("gpu").limit_cost("openai", 40).build().unwrap();
    assert_eq!(value(&job), json!({"kind": "k", "limits": ["gpu", {"name": "openai", "cost": 40}]}));
    let mut job = Job::graph("g");
    job.task("a", "k").limit("gpu").add();
    assert_eq!(value(&job.build().unwrap())["tasks"]["a"]["limits"], json!(["gpu"]));
}
