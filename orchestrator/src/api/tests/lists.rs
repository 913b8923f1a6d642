use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use warrener_shared::error::ErrorObject;
use warrener_shared::wire::result::{Report, RetryAdvice};

use super::world::World;

fn names(list: &Value, field: &str) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

pub(super) fn fields(resource: &Value) -> Vec<String> {
    let mut fields: Vec<String> = resource.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    fields
}

pub(super) fn contract(text: &str) -> Vec<String> {
    let mut fields: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    fields.sort();
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_paged_and_filtered() {
    let world = World::new();
    for no in 1..=5 {
        let queue = if no % 2 == 0 { "even" } else { "odd" };
        world.submit(&format!(r#"{{"id":"j{no}","kind":"k.{no}","queue":"{queue}"}}"#)).await;
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(&format!("/api/v1/jobs?limit=2{cursor}")).await.ok();
        seen.extend(names(&page, "id"));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["j5", "j4", "j3", "j2", "j1"]);
    let find = async |q: &str| names(&world.get(&format!("/api/v1/jobs?q={q}")).await.ok(), "id");
    assert_eq!(find("queue:even").await, ["j4", "j2"]);
    assert_eq!(find("kind:k.*%20-id:j3,j4%20created:%3C1h").await, ["j5", "j2", "j1"]);
    assert_eq!(find("state:succeeded").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_paused_resumed_and_cancelled() {
    let world = World::new();
    let id = world.submit(r#"{"kind":"k"}"#).await;
    assert_eq!(world.post(&format!("/api/v1/jobs/{id}/pause"), "").await.ok()["paused"], true);
    assert_eq!(world.post(&format!("/api/v1/jobs/{id}/resume"), "").await.ok()["paused"], false);
    let job = world.post(&format!("/api/v1/jobs/{id}/cancel"), "").await.ok();
    assert_eq!((&job["state"], &job["cancelling"]), (&"cancelled".into(), &false.into()));
    assert_eq!(job["error"]["code"], "cancelled");
    assert_eq!(job["tasks"]["cancelled"], 1);
    let problem = world.post(&format!("/api/v1/jobs/{id}/cancel"), "").await.problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("cancelled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_whose_cleanup_runs_is_cancelling() {
    let world = World::new();
    let id = world.submit(r#"{"tasks":{"a":{"kind":"k"},"z":{"kind":"k","needs":"a","run_on":"done"}}}"#).await;
    let job = world.post(&format!("/api/v1/jobs/{id}/cancel"), "").await.ok();
    assert_eq!((&job["state"], &job["cancelling"]), (&"running".into(), &true.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_paged_by_sequence() {
    let mut world = World::new();
    let id = world.submit(r#"{"kind":"k"}"#).await;
    let attempt = world.dispatch().await;
    world.succeed(&attempt, "null").await;
    let all = world.get(&format!("/api/v1/jobs/{id}/events")).await.ok();
    let kinds = names(&all, "type");
    assert_eq!(kinds, ["job.running", "task.ready", "task.dispatched", "task.succeeded", "job.succeeded"]);
    assert_eq!(fields(&all["items"][0]), contract("sequence time type task index attempt state error"));
    let part = world.get(&format!("/api/v1/jobs/{id}/events?cursor=2&limit=2")).await.ok();
    assert_eq!(names(&part, "type"), kinds[2..4]);
    assert_eq!(part["next_cursor"], "4");
    let rest = world.get(&format!("/api/v1/jobs/{id}/events?cursor=4")).await.ok();
    assert_eq!((names(&rest, "type"), rest["next_cursor"].is_null()), (kinds[4..].to_vec(), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_are_listed_paused_and_measured() {
    let mut world = World::new();
    world.submit(r#"{"id":"a","kind":"k","queue":"gpu"}"#).await;
    let attempt = world.dispatch().await;
    assert_eq!(world.post("/api/v1/queues/gpu/pause", "").await.ok()["paused"], true);
    world.submit(r#"{"id":"b","kind":"k","queue":"gpu"}"#).await;
    let each =
        r#"{"id":"c","tasks":{"m":{"kind":"k","queue":"gpu","for_each":{"items":[1,2,3,4,5],"max_parallel":3}}}}"#;
    world.submit(each).await;
    world.hear(&["gpu", "cpu"], &["k"]);
    let queues = world.get("/api/v1/queues").await.ok();
    let gpu = &queues["items"][0];
    assert_eq!(fields(gpu), contract("name address paused ready dispatched workers oldest_ready_at"));
    assert_eq!((&gpu["name"], &gpu["address"]), (&"gpu".into(), &"warrener.tasks.gpu".into()));
    assert_eq!((&gpu["ready"], &gpu["dispatched"], &gpu["workers"]), (&4.into(), &1.into(), &1.into()));
    assert!(gpu["oldest_ready_at"].is_string());
    let scaling = world.get("/api/v1/queues/gpu/scaling").await.ok();
    assert_eq!(scaling, serde_json::json!({"waiting": 5, "running": 0, "demand": 1}));
    world.report(&attempt, Report::Progress(Default::default())).await;
    assert_eq!(world.post("/api/v1/queues/gpu/resume", "").await.ok()["paused"], false);
    for _ in 0..4 {
        world.dispatch().await;
    }
    let scaling = world.get("/api/v1/queues/gpu/scaling").await.ok();
    assert_eq!(scaling, serde_json::json!({"waiting": 4, "running": 1, "demand": 5}));
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_listed() {
    let world = World::new();
    assert_eq!(world.get("/api/v1/workers").await.ok(), serde_json::json!({"items": [], "next_cursor": null}));
    world.hear(&["default"], &["k"]);
    let workers = world.get("/api/v1/workers?limit=1").await.ok();
    let worker = &workers["items"][0];
    assert_eq!(fields(worker), contract("id version queues kinds slots running draining refused seen_at"));
    assert_eq!(
        (&worker["id"], &worker["slots"], &worker["seen_at"]),
        (&"w1".into(), &4.into(), &"2027-01-15T08:00:00.000Z".into())
    );
    assert!(world.get("/api/v1/workers?cursor=w1").await.ok()["items"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_is_a_dead_letter_with_its_input() {
    let mut world = World::new();
    let id = world.submit(r#"{"kind":"k","input":"hi","retry":0}"#).await;
    let attempt = world.dispatch().await;
    let error = ErrorObject::new("bad_input", "no");
    world.report(&attempt, Report::Failed { error, retry: RetryAdvice::Policy }).await;
    let letters = world.get("/api/v1/dead").await.ok();
    let letter = &letters["items"][0];
    assert_eq!(fields(letter), contract("id from code message job task received_at size"));
    assert_eq!((&letter["from"], &letter["code"], &letter["job"]), (&"task".into(), &"bad_input".into(), &id.into()));
    let no = letter["id"].as_str().unwrap();
    let detail = world.get(&format!("/api/v1/dead/{no}")).await.ok();
    assert_eq!(fields(&detail), contract("id from code message job task received_at size body headers evidence"));
    assert_eq!(detail["body"], "ImhpIg==");
    assert_eq!(detail["headers"]["kind"], "k");
    assert_eq!(detail["evidence"]["code"], "bad_input");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_waits() {
    let world = World::new();
    world.submit(r#"{"kind":"k","queue":"metered","delay":"1h"}"#).await;
    let answer = world.get("/metrics").await;
    for line in
        ["warrener_jobs{state=\"", "warrener_queue_ready{queue=\"metered\"} 0", "warrener_ready{check=\"store\"} 1"]
    {
        assert!(answer.text.contains(line), "{line} is missing in {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_counts_what_there_is() {
    let mut world = World::new();
    world.submit(r#"{"id":"good","kind":"a"}"#).await;
    let attempt = world.dispatch().await;
    world.succeed(&attempt, "1").await;
    world.submit(r#"{"id":"bad","kind":"b","retry":{"max_attempts":1}}"#).await;
    let attempt = world.dispatch().await;
    let error = ErrorObject::new("no", "it is broken");
    world.report(&attempt, Report::Failed { error, retry: RetryAdvice::Never }).await;
    world.submit(r#"{"id":"later","kind":"a","delay":"1h"}"#).await;
    world.submit(r#"{"id":"waits","kind":"a","queue":"lonely"}"#).await;
    world.hear(&["default"], &["a"]);
    let seen = world.get("/api/v1/overview").await.ok();
    for (state, count) in [("succeeded", 1), ("failed", 1), ("scheduled", 1), ("running", 1), ("cancelled", 0)] {
        assert_eq!(seen["jobs"][state], count, "{state}: {seen}");
    }
    let ended = seen["ended"].as_array().unwrap();
    assert_eq!((ended.len(), seen["cut"].as_bool()), (60, Some(false)), "{seen}");
    assert_eq!((&ended[59]["succeeded"], &ended[59]["failed"]), (&1.into(), &1.into()), "{seen}");
    assert_eq!((&seen["failing"][0]["kind"], &seen["failing"][0]["failed"]), (&"b".into(), &1.into()), "{seen}");
    assert_eq!(seen["failing"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!((&seen["workers"]["slots"], &seen["workers"]["running"]), (&4.into(), &0.into()), "{seen}");
    assert!(seen["ran"]["p50_ms"].is_u64() && seen["health"]["checks"].is_array(), "{seen}");
    let page = world.send(Request::get("/").header("accept", "text/html").body(Body::empty()).unwrap()).await;
    assert!(page.text.contains("1 succeeded, 1 did not"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_of_graphs_without_a_name_too() {
    let mut world = World::new();
    for no in 0..2 {
        let only = r#"{"kind":"score","retry":{"max_attempts":1}}"#;
        world.submit(&format!(r#"{{"id":"graph-{no}","tasks":{{"only":{only}}}}}"#)).await;
        let attempt = world.dispatch().await;
        let error = ErrorObject::new("no", "it is broken");
        world.report(&attempt, Report::Failed { error, retry: RetryAdvice::Never }).await;
    }
    let seen = world.get("/api/v1/overview").await.ok();
    let (all, task) = (&seen["failing"][0], &seen["failing_tasks"][0]);
    assert!(all["kind"].is_null() && all["name"].is_null() && all["failed"] == 2, "{seen}");
    assert!(task["kind"] == "score" && task["failed"] == 2 && task["job"] == "graph-1", "{seen}");
    let page = world.send(Request::get("/").header("accept", "text/html").body(Body::empty()).unwrap()).await.text;
    assert!(page.contains("graphs without a name") && page.contains("./jobs/graph-1/tasks/only"), "{page}");
    let found = world.get("/api/v1/jobs?q=state:failed,timed_out+-kind:*+-name:*").await.ok();
    assert_eq!(found["items"].as_array().unwrap().len(), 2, "the link finds them: {found}");
    // Many who look at once cost one reading.
    let mut times = Vec::new();
    for _ in 0..4 {
        times.push(world.get("/api/v1/overview").await.ok()["time"].clone());
    }
    assert!(times.windows(2).any(|pair| pair[0] == pair[1]), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fits_no_limit_any_more_hides_no_other() {
    let mut world = World::new();
    let outer = r#"{"id":"o","tasks":{"run":{"kind":"warrener.job","input":{"job":{"kind":"k"}}},
        "each":{"kind":"k","for_each":{"items":[1,2,3],"max_parallel":1}}}}"#;
    world.submit(outer).await;
    world.dispatch().await;
    world.dispatch().await;
    let keep = |body: String| {
        let connection = rusqlite::Connection::open(world.file()).unwrap();
        let statement = "UPDATE submits SET body = ?1 WHERE job = (SELECT no FROM jobs WHERE id = 'o')";
        assert_eq!(connection.execute(statement, [body.as_bytes()]).unwrap(), 1);
        world.shared.specs.clear();
    };
    // Larger than what is taken now, and no larger than what is usual.
    keep(format!("{}{outer}", " ".repeat(world.shared.limits.submit_bytes)));
    assert_eq!(world.get("/api/v1/jobs/o/tasks").await.ok()["items"].as_array().unwrap().len(), 2);
    keep(r#"{"id":"o","tasks":{}}"#.to_owned());
    let problem = world.get("/api/v1/jobs/o/tasks").await.problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("was a limit lowered?"), "{problem}");
    let jobs = world.get("/api/v1/jobs").await.ok();
    assert_eq!(jobs["items"].as_array().unwrap().len(), 2, "{jobs}");
    assert!(!world.get("/api/v1/queues").await.ok()["items"].as_array().unwrap().is_empty());
}
