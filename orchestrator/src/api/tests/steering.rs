use axum::http::{Method, StatusCode};
use serde_json::json;

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn one_task_is_tried_again_with_what_is_downstream() {
    let mut world = World::new();
    world.submit(r#"{"id":"j","tasks":{"a":{"kind":"k"},"b":{"kind":"k","needs":"a"}}}"#).await;
    for output in ["1", "2"] {
        let attempt = world.dispatch().await;
        world.succeed(&attempt, output).await;
    }
    assert_eq!(world.get("/api/v1/jobs/j").await.ok()["state"], "succeeded");
    world.post("/api/v1/jobs/j/retry", "").await.problem(409);
    let task = world.post("/api/v1/tasks/j/a/retry", "").await.ok();
    assert_eq!((&task["state"], &task["attempt"], &task["output"]), (&json!("dispatched"), &json!(2), &json!(null)));
    assert_eq!(world.get("/api/v1/tasks/j/b").await.ok()["state"], "waiting");
    let problem = world.post("/api/v1/tasks/j/a/retry", "").await.problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("it is dispatched"), "{problem}");
    for output in ["10", "20"] {
        let attempt = world.dispatch().await;
        world.succeed(&attempt, output).await;
    }
    let job = world.get("/api/v1/jobs/j").await.ok();
    assert_eq!((&job["state"], &job["output"]), (&json!("succeeded"), &json!({"b": 20})));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_task_is_left_out() {
    let mut world = World::new();
    world.submit(r#"{"id":"j","tasks":{"a":{"kind":"k"},"b":{"kind":"k","needs":"a"}}}"#).await;
    world.dispatch().await;
    let task = world.post("/api/v1/tasks/j/a/skip", "").await.ok();
    assert_eq!((&task["state"], &task["output"]), (&json!("skipped"), &json!(null)));
    assert_eq!(world.dispatch().await.message.header_text("task"), Some("b"));
    world.post("/api/v1/tasks/j/a/skip", "").await.problem(409);
    for path in ["/api/v1/tasks/j/c/skip", "/api/v1/tasks/j/a.3/skip", "/api/v1/tasks/other/a/retry"] {
        world.post(path, "").await.problem(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_task_is_answered() {
    let world = World::new();
    let wait = r#"{"id":"w","kind":"warrener.wait","input":{"event":"approval","key":"order 17"}}"#;
    world.submit(wait).await;
    let task = world.get("/api/v1/tasks/w/task").await.ok();
    assert_eq!(task["reason"], "waits for event approval with key order 17; answer it at /api/v1/events");
    world.post("/api/v1/events/approval/other", "1").await.problem(404);
    world.post("/api/v1/events/approval/order%2017", "{not json").await.problem(400);
    let answer = world.post("/api/v1/events/approval/order%2017", r#"{"by": 1e400}"#).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), json!({"answered": 1, "kept_until": null}));
    let job = world.get("/api/v1/jobs/w").await;
    assert!(job.text.contains(r#""output":{"by": 1e400}"#), "{}", job.text);
    world.post("/api/v1/events/approval/order%2017", "1").await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_inside_of_a_job() {
    let mut world = World::new();
    let inner = r#"{"name":"inner","tasks":{"x":{"kind":"k","input":"$${{ input }}"}},"input":5,"output":"$${{ tasks.x.output }}"}"#;
    world
        .submit(&format!(r#"{{"id":"o","tasks":{{"run":{{"kind":"warrener.job","input":{{"job":{inner}}}}}}}}}"#))
        .await;
    let attempt = world.dispatch().await;
    assert_eq!(attempt.message.body, b"5");
    let task = world.get("/api/v1/tasks/o/run").await.ok();
    let id = task["sub_job"].as_str().unwrap().to_owned();
    assert_eq!(task["reason"], format!("waits for job {id}, which it started"));
    assert_eq!(task["progress"], json!(null));
    let job = world.get(&format!("/api/v1/jobs/{id}")).await.ok();
    assert_eq!((&job["name"], &job["state"]), (&json!("inner"), &json!("running")));
    assert_eq!(job["parent"], json!({"job": "o", "task": "run", "index": null, "attempt": 1}));
    for (filter, ids) in [
        ("parent:none", vec!["o"]),
        ("parent:o", vec![id.as_str()]),
        ("-parent:none", vec![id.as_str()]),
        ("-parent:o", vec!["o"]),
        ("parent:o,none", vec![id.as_str(), "o"]),
        ("parent:nobody", vec![]),
    ] {
        let list = world.get(&format!("/api/v1/jobs?q={filter}")).await.ok();
        let found: Vec<_> = list["items"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect();
        assert_eq!(found, ids, "{filter}");
    }
    world.get("/api/v1/jobs?q=parent:a*").await.problem(400);
    world.succeed(&attempt, "\"done\"").await;
    let job = world.get("/api/v1/jobs/o").await.ok();
    assert_eq!((&job["state"], &job["output"]), (&json!("succeeded"), &json!({"run": "done"})));
    assert_eq!(job["parent"], json!(null));
    let task = world.get("/api/v1/tasks/o/run").await.ok();
    assert_eq!((&task["sub_job"], &task["reason"]), (&json!(id), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sleep_at_once() {
    let world = World::new();
    let items = (0..3000).map(|_| "0").collect::<Vec<_>>().join(",");
    let job = format!(
        r#"{{"id":"m","tasks":{{"m":{{"kind":"warrener.sleep","for_each":[{items}],"input":{{"for":"1ms"}}}}}}}}"#
    );
    let answer = world.post("/api/v1/jobs?wait=20s", job).await.ok();
    assert_eq!(answer["state"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_job_is_deleted_and_its_id_free_again() {
    let world = World::new();
    let delete = |id: &'static str| {
        let world = &world;
        async move { world.ask(&Method::DELETE, &format!("/api/v1/jobs/{id}"), "none").await }
    };
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    world.submit(r#"{"id":"b","kind":"k"}"#).await;
    let problem = delete("a").await.problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("the job is running"), "{problem}");
    world.post("/api/v1/jobs/a/cancel", "").await.ok();
    let gone = delete("a").await;
    assert_eq!((gone.status, gone.text.as_str()), (StatusCode::NO_CONTENT, ""));
    delete("a").await.problem(404);
    for path in ["/api/v1/jobs/a", "/api/v1/jobs/a/events", "/api/v1/tasks/a/task"] {
        world.get(path).await.problem(404);
    }
    world.submit(r#"{"id":"a","kind":"other"}"#).await;
    assert_eq!(world.get("/api/v1/jobs/a").await.ok()["kind"], "other");
    assert_eq!(world.get("/api/v1/jobs/b").await.ok()["state"], "running");
    let audit = world.get("/api/v1/audit?q=verb:job.delete").await.ok();
    let outcomes = audit["items"].as_array().unwrap().iter().map(|row| row["outcome"].clone()).collect::<Vec<_>>();
    assert_eq!(outcomes, ["done", "refused"]);
}
