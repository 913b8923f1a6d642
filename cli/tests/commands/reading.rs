//! Reading what the API knows.

use serde_json::json;

use crate::documents::{job, list, lost, task};
use crate::server::Server;

#[test]
fn jobs_are_listed_in_every_format() {
    let one = job(
        "j1",
        "failed",
        json!({"error": lost(), "labels": {"team": "growth"}, "tasks": {"succeeded": 3, "failed": 1}}),
    );
    let two = job(
        "j2",
        "running",
        json!({"name": "nightly", "paused": true, "kind": null, "finished_at": "2026-11-24T11:00:01.000Z"}),
    );
    let page = format!(r#"{{"items":[{one},{two}],"next_cursor":null}}"#);
    let server = Server::with(&[("GET /api/v1/jobs", &[(200, page.clone())])]);
    let table = server.run(&["job", "list", "-f", "-state:succeeded", "--limit", "7"]);
    // The age changes while we look.
    let rows: Vec<Vec<&str>> = table.out.lines().map(|line| line.split_whitespace().collect()).collect();
    let rows: Vec<Vec<&str>> = rows.into_iter().map(|row| [&row[..4], &row[5..]].concat()).collect();
    assert_eq!(rows[0], ["ID", "STATE", "NAME", "TASKS", "TOOK"]);
    assert_eq!(rows[1], ["j1", "failed", "demo.echo", "4/4", "4.2s"]);
    assert_eq!(rows[2], ["j2", "paused", "nightly", "1/1", "1h1s"]);
    assert_eq!(server.asked()[0], "GET /api/v1/jobs?q=-state%3Asucceeded&limit=7");
    assert!(server.run(&["job", "list", "-o", "wide"]).out.contains("team=growth  lost"));
    assert_eq!(server.run(&["job", "list", "-o", "name"]).out, "j1\nj2\n");
    assert_eq!(server.run(&["job", "list", "-o", "jsonl"]).out, format!("{one}\n{two}\n"));
    let json: serde_json::Value = serde_json::from_str(&server.run(&["job", "list", "-o", "json"]).out).unwrap();
    assert_eq!(json, serde_json::from_str::<serde_json::Value>(&page).unwrap());
    assert!(server.run(&["job", "list", "-o", "yaml"]).out.starts_with("items:\n  - cancelling: false\n"));
    assert_eq!(server.run(&["job", "list", "--no-headers"]).out.lines().count(), 2);
}

#[test]
fn every_page_is_fetched_when_all_are_wanted() {
    let page = |id: &str, next: serde_json::Value| {
        let item: serde_json::Value = serde_json::from_str(&job(id, "running", json!({}))).unwrap();
        (200, json!({"items": [item], "next_cursor": next}).to_string())
    };
    let pages = [page("j1", json!("c2")), page("j2", json!(null))];
    let server = Server::with(&[("GET /api/v1/jobs", &pages)]);
    assert_eq!(server.run(&["job", "list", "--all", "-o", "name"]).out, "j1\nj2\n");
    assert_eq!(server.asked()[1], "GET /api/v1/jobs?cursor=c2&limit=1000");
}

#[test]
fn a_job_is_shown_with_its_tasks_its_graph_and_its_events() {
    let reason = json!({"reason": "waits for b", "attempt": 0, "started_at": null, "finished_at": null});
    let tasks = [
        task("c", "waiting", &["b", "a"], reason),
        task("a", "succeeded", &[], json!({})),
        task("b", "failed", &["a"], json!({"error": lost()})),
    ];
    let event = |sequence: u32, task: serde_json::Value, state: &str, error: serde_json::Value| {
        json!({"sequence": sequence, "time": "2026-11-24T10:00:00.000Z", "type": "x", "task": task,
            "index": null, "attempt": 1, "state": state, "error": error})
    };
    let server = Server::with(&[
        ("GET /api/v1/jobs/j1", &[(200, job("j1", "failed", json!({"error": lost(), "name": "n", "kind": null})))]),
        ("GET /api/v1/jobs/j1/tasks", &[(200, list(&tasks))]),
        (
            "GET /api/v1/jobs/j1/events",
            &[(200, list(&[event(1, json!("a"), "succeeded", json!(null)), event(2, json!(null), "failed", lost())]))],
        ),
    ]);
    let got = server.run(&["job", "get", "j1"]).out;
    let expected = "\
TASK  STATE      KIND  ATTEMPT  TOOK  WHY
c     waiting    k.c   0/5            waits for b
a     succeeded  k.a   1/5      1.5s
b     failed     k.b   1/5      1.5s  lost: no heartbeat (task b, attempt 5)
";
    assert!(
        got.starts_with("job       j1\nstate     failed\nname      n\ncreated   2026-11-24T10:00:00.000Z ("),
        "{got}"
    );
    assert!(
        got.ends_with(&format!("took      4.2s\nerror     lost: no heartbeat (task b, attempt 5)\n\n{expected}")),
        "{got}"
    );
    let graph =
        "TASK  STATE      KIND  NEEDS\na     succeeded  k.a\nb     failed     k.b   a\nc     waiting    k.c   b, a\n";
    assert_eq!(server.run(&["job", "graph", "j1"]).out, graph);
    let events = "\
#  TIME                      TASK  STATE      ATTEMPT  ERROR
1  2026-11-24T10:00:00.000Z  a     succeeded  1
2  2026-11-24T10:00:00.000Z        failed     1        lost: no heartbeat (task b, attempt 5)
";
    assert_eq!(server.run(&["job", "events", "j1"]).out, events);
}

#[test]
fn job_output_exits_by_state() {
    for (state, code) in [("succeeded", 0), ("failed", 10), ("cancelled", 11), ("timed_out", 12), ("running", 1)] {
        let output = if code == 0 { json!({"output": [1]}) } else { json!({}) };
        let server = Server::with(&[("GET /api/v1/jobs/j1", &[(200, job("j1", state, output))])]);
        let ran = server.run(&["job", "output", "j1"]);
        assert_eq!((ran.code, ran.out.as_str()), (code, if code == 0 { "[1]\n" } else { "" }), "{state}");
    }
}

#[test]
fn the_other_nouns_are_listed() {
    let queue = json!({"name": "gpu", "address": "warrener.tasks.gpu", "paused": true,
        "ready": 3, "dispatched": 2, "workers": 1, "oldest_ready_at": null});
    let worker = json!({"id": "w1", "version": "0.1.0", "queues": ["a", "b"], "kinds": ["k"],
        "slots": 8, "running": 2, "draining": false, "seen_at": null});
    let dead = json!({"id": "7", "from": "task", "code": "lost", "message": "gone", "job": "j1",
        "task": "t.3", "received_at": null, "size": 12});
    let attempts = json!({"attempts": [{"attempt": 1, "outcome": "lost", "worker": "w1", "dispatched_at": null,
        "started_at": "2026-11-24T10:00:00.000Z", "finished_at": "2026-11-24T10:00:00.250Z",
        "stopped_at": "2026-11-24T10:00:04.750Z", "error": lost()}]});
    let mapped = json!({"total": 3, "items": {"waiting": 0, "ready": 1, "succeeded": 2}});
    let server = Server::with(&[
        ("GET /api/v1/queues", &[(200, list(&[queue]))]),
        ("GET /api/v1/workers", &[(200, list(&[worker]))]),
        ("GET /api/v1/dead", &[(200, list(std::slice::from_ref(&dead)))]),
        ("GET /api/v1/dead/7", &[(200, dead.to_string())]),
        ("GET /api/v1/tasks/j1/m", &[(200, task("m", "dispatched", &[], mapped).to_string())]),
        ("GET /api/v1/tasks/j1/b", &[(200, task("b", "retrying", &[], attempts).to_string())]),
    ]);
    let cases: [(&[&str], &str); 6] = [
        (
            &["task", "get", "j1/m"],
            "task      j1/m\nkind      k.m\nstate     dispatched\nattempt   1 of 5\nqueue     default\n\
             items     3: 1 ready, 2 succeeded\n",
        ),
        (
            &["queue", "list"],
            "NAME  STATE   READY  DISPATCHED  WORKERS  OLDEST  ADDRESS\n\
             gpu   paused  3      2           1                warrener.tasks.gpu\n",
        ),
        (
            &["worker", "list"],
            "ID  STATE  RUNNING  QUEUES  KINDS  VERSION  SEEN\nw1  ready  2/8      a,b     k      0.1.0\n",
        ),
        (&["dead", "list"], "ID  FROM  CODE  JOB  TASK  AGE  MESSAGE\n7   task  lost  j1   t.3        gone\n"),
        (
            &["dead", "get", "7"],
            "code: lost\nfrom: task\nid: \"7\"\njob: j1\nmessage: gone\nreceived_at: null\nsize: 12\ntask: t.3\n",
        ),
        (
            &["task", "get", "j1/b"],
            "task      j1/b\nkind      k.b\nstate     retrying\nattempt   1 of 5\nqueue     default\n\n\
             ATTEMPT  OUTCOME  TOOK   WORKER  STOPPED     ERROR\n\
             1        lost     250ms  w1      after 4.5s  lost: no heartbeat (task b, attempt 5)\n",
        ),
    ];
    for (command, expected) in cases {
        let ran = server.run(command);
        assert_eq!((ran.code, ran.out.as_str()), (0, expected), "{command:?}: {}", ran.err);
    }
}
