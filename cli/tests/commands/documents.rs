//! Documents as the API writes them.

use serde_json::json;

pub(crate) fn job(id: &str, state: &str, more: serde_json::Value) -> String {
    let mut job = json!({"id": id, "name": null, "kind": "demo.echo", "labels": {}, "state": state, "paused": false,
        "cancelling": false, "created_at": "2026-11-24T10:00:00.000Z", "scheduled_at": null,
        "started_at": "2026-11-24T10:00:00.000Z", "finished_at": "2026-11-24T10:00:04.200Z", "deadline_at": null,
        "input": null, "output": null, "error": null, "tasks": {"succeeded": 1}});
    job.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    job.to_string()
}

pub(crate) fn task(name: &str, state: &str, needs: &[&str], more: serde_json::Value) -> serde_json::Value {
    let mut task = json!({"job": "j1", "task": name, "index": null, "kind": format!("k.{name}"), "queue": "default",
        "priority": 4, "state": state, "reason": null, "attempt": 1, "max_attempts": 5, "needs": needs,
        "created_at": null, "ready_at": null, "dispatched_at": null, "started_at": "2026-11-24T10:00:00.000Z",
        "finished_at": "2026-11-24T10:00:01.500Z", "retry_at": null, "worker": "w1", "progress": null,
        "error": null, "output": null});
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task
}

pub(crate) fn list(items: &[serde_json::Value]) -> String {
    json!({"items": items, "next_cursor": null}).to_string()
}

pub(crate) fn lost() -> serde_json::Value {
    json!({"code": "lost", "message": "no heartbeat", "task": "b", "attempt": 5})
}
