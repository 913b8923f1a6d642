use axum::body::Body;
use axum::http::Request;
use warrener_shared::limits::Limits;

use super::law::letter;
use super::world::World;
use crate::api::pages::PAGES;
use crate::api::routes::ROUTES;
use crate::driver::Input;
use crate::store::DeadLetter;

const JOB: &str = "/api/v1/jobs";

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_job_names_all_its_problems() {
    let world = World::new();
    let problem = world.post(JOB, r#"{"tasks":{"a":{"kind":"k","needs":"b"},"c":{"knd":"k"}}}"#).await.problem(422);
    assert_eq!(problem["code"], "invalid_job");
    let errors = problem["errors"].as_array().unwrap();
    assert!(errors.len() >= 2, "{problem}");
    assert!(errors.iter().all(|e| e["pointer"].is_string() && e["code"].is_string() && e["detail"].is_string()));
    world.post(JOB, "not json").await.problem(422);
    world.post(JOB, vec![0xff, 0xfe]).await.problem(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_or_encoded_body_is_refused() {
    let world = World::new();
    let large = format!(r#"{{"kind":"k","input":"{}"}}"#, "x".repeat(100_000));
    let problem = world.post(JOB, large.clone()).await.problem(413);
    assert!(problem["detail"].as_str().unwrap().contains("limits.submit_bytes"));
    let patient = Request::post(JOB).header("expect", "100-continue").header("content-length", large.len());
    world.send(patient.body(Body::from(large)).unwrap()).await.problem(413);
    let zipped = Request::post(JOB).header("content-encoding", "gzip").body(Body::from("x")).unwrap();
    assert_eq!(world.send(zipped).await.problem(415)["code"], "content_encoding");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_a_problem_too() {
    let world = World::new();
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    for path in [
        "/api/v1/jobs/b",
        "/api/v1/jobs/%ff",
        "/api/v1/jobs/b%20b",
        "/api/v1/jobs/b/tasks",
        "/api/v1/jobs/b/events",
        "/api/v1/tasks/b/task",
        "/api/v1/tasks/a/other",
        "/api/v1/tasks/a/task.0",
        "/api/v1/tasks/a/task.x",
        "/api/v1/tasks/a/T",
        "/api/v1/queues/none/scaling",
        "/api/v1/dead/1",
        "/api/v1/dead/x",
        "/api/v1/dead/%2B1",
    ] {
        assert_eq!(world.get(path).await.problem(404)["code"], "not_found", "{path}");
    }
    for path in ["/api/v1/jobs/b/cancel", "/api/v1/jobs/b/pause", "/api/v1/jobs/b/resume", "/api/v1/queues/none/pause"]
    {
        assert_eq!(world.post(path, "").await.problem(404)["code"], "not_found", "{path}");
    }
    assert_eq!(world.get("/api/v2/jobs").await.problem(404)["code"], "unknown_path");
    assert_eq!(world.get("/api/v1/jobs/a/picture").await.problem(404)["code"], "unknown_path");
    assert_eq!(world.post("/api/v1/jobs/a", "").await.problem(405)["code"], "method_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_query_names_its_parameter() {
    let world = World::new();
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    for (path, parameter) in [
        ("/api/v1/jobs?limit=0", "limit"),
        ("/api/v1/jobs?limit=1001", "limit"),
        ("/api/v1/jobs?limit=x", "limit"),
        ("/api/v1/jobs?cursor=!", "cursor"),
        ("/api/v1/jobs?q=stat:failed", "q"),
        ("/api/v1/jobs?page=2", "page"),
        ("/api/v1/jobs?limit=1&limit=2", "limit"),
        ("/api/v1/jobs/a?x=1", "x"),
        ("/api/v1/jobs/a/tasks?items=maybe", "items"),
        ("/api/v1/jobs/a/tasks?cursor=1.2.3", "cursor"),
        ("/api/v1/jobs/a/events?cursor=-1", "cursor"),
        ("/api/v1/dead?cursor=x", "cursor"),
    ] {
        let problem = world.get(path).await.problem(400);
        assert_eq!(problem["parameter"], parameter, "{path}: {problem}");
    }
    let unknown = world.get("/api/v1/jobs?q=stat:failed").await.problem(400);
    assert!(unknown["detail"].as_str().unwrap().contains("state, kind, queue"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written_is_said_so() {
    let world = World::new();
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    world.shared.health.not_ready("store", "the disk is full");
    for (path, body) in [(JOB, r#"{"kind":"k"}"#), ("/api/v1/jobs/a/cancel", ""), ("/api/v1/queues/default/pause", "")]
    {
        let answer = world.post(path, body).await;
        assert!(!answer.header("retry-after").is_empty(), "{path}");
        assert_eq!(answer.problem(503)["detail"], "the disk is full", "{path}");
    }
    assert_eq!(world.get("/readyz").await.status, 503);
    assert_eq!(world.get("/livez").await.status, 200);
    assert_eq!(world.get("/api/v1/jobs/a").await.ok()["id"], "a");
    world.shared.health.ready("store");
    assert_eq!(world.get("/readyz").await.status, 200);
    assert_eq!(world.post("/api/v1/jobs/a/cancel", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_changes_nothing() {
    let world = World::new();
    let request = |site: &str| {
        let request = Request::post(JOB).header("sec-fetch-site", site).header("content-type", "text/plain");
        request.body(Body::from(r#"{"kind":"k"}"#)).unwrap()
    };
    assert_eq!(world.send(request("cross-site")).await.problem(403)["code"], "cross_site");
    assert_eq!(world.send(request("same-origin")).await.status, 202);
    assert_eq!(world.get(JOB).await.ok()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_no_text_names_nothing() {
    let world = World::new();
    let mut seen = 0;
    for route in ROUTES.iter().chain(PAGES) {
        let places: Vec<&str> = route.path.split('/').filter(|part| part.starts_with('{')).collect();
        for place in &places {
            let others = |part| if part == *place { "%FF" } else { "1" };
            let parts = route.path.split('/').map(|part| if part.starts_with('{') { others(part) } else { part });
            let path = parts.collect::<Vec<_>>().join("/");
            let request = Request::builder().method(&route.method).uri(&path).body(Body::empty()).unwrap();
            let answer = world.send(request).await;
            let what = format!("{} {path}: {}", route.method, answer.text);
            assert_eq!(answer.status, 404, "{what}");
            assert_eq!(answer.problem(404)["code"], "not_found", "{what}");
            seen += 1;
        }
    }
    assert!(seen > 60, "only {seen} places vary");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_not_taken_for_an_object() {
    let world = World::new();
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    let schedule = r#"{"cron":"0 3 * * *","job":{"kind":"k"}}"#;
    world.put("/api/v1/schedules/s", schedule).await.ok();
    let days = r#"["2026-11-24T00:00:00Z","2026-11-25T00:00:00Z"]"#;
    for (path, body) in [
        ("/api/v1/bulk", r#"["cancel","state:running",null,null,null]"#),
        ("/api/v1/schedules/s/backfill", days),
        ("/api/v1/schedules/s/backfill?dry_run=true", days),
        ("/api/v1/jobs", r#"["k"]"#),
    ] {
        let answer = world.post(path, format!(" \n{body}")).await;
        assert!(matches!(answer.status.as_u16(), 400 | 422), "{path}: {} {}", answer.status, answer.text);
    }
    for (path, body) in [
        ("/api/v1/limits/x", "[null,null,1,null,null,null,null,null]"),
        ("/api/v1/limits/api/keys/k", "[1,null,2,null]"),
        ("/api/v1/schedules/t", r#"["0 3 * * *"]"#),
    ] {
        let answer = world.put(path, body).await;
        assert!(matches!(answer.status.as_u16(), 400 | 422), "{path}: {} {}", answer.status, answer.text);
    }
    let problem = world.post("/api/v1/bulk", "[]").await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("an object"), "{problem}");
    assert_eq!(world.get("/api/v1/jobs/a").await.ok()["state"], "running");
    world.get("/api/v1/limits/x").await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_names_its_own_bound() {
    let world = World::new();
    let detail = |answer: super::world::Answer| answer.problem(413)["detail"].as_str().unwrap().to_owned();
    let constant = detail(world.put("/api/v1/limits/x", " ".repeat(70_000)).await);
    assert!(constant.contains("65536 bytes") && !constant.contains("limits."), "{constant}");
    let output = detail(world.post("/api/v1/events/e/k", " ".repeat(Limits::DEFAULT.output_bytes + 1)).await);
    assert!(output.contains("limits.output_bytes"), "{output}");
    let job = detail(world.post(JOB, " ".repeat(100_001)).await);
    assert!(job.contains("limits.submit_bytes") && job.contains("100000 bytes"), "{job}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_replayed_while_the_broker_is_away() {
    let world = World::new();
    let headers = r#"{"exchange":"","routing_key":"warrener.submit","headers":{}}"#.to_owned();
    world.input(Input::Dead(DeadLetter { from: "submit", headers, ..letter() })).await;
    world.shared.health.not_ready("broker", "the broker is away");
    let problem = world.post("/api/v1/dead/1/replay", "").await.problem(503);
    assert_eq!(problem["detail"], "the broker is away");
    world.shared.health.ready("broker");
    assert_eq!(world.post("/api/v1/dead/1/replay", "").await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_wrong_is_told_where() {
    let world = World::new();
    let error = |answer: super::world::Answer| {
        let problem = answer.problem(422);
        let errors = problem["errors"].as_array().unwrap().clone();
        assert_eq!(errors.len(), 1, "{problem}");
        let text = |name: &str| errors[0][name].as_str().unwrap_or("-").to_owned();
        [text("pointer"), text("code"), text("hint")]
    };
    for (path, body, expected) in [
        ("/api/v1/limits/x", r#"{"concurency":1}"#, ["/concurency", "unknown_field", "did you mean `concurrency`?"]),
        (
            "/api/v1/limits/x",
            r#"{"concurrency":1,"zzzzzz":1}"#,
            ["/zzzzzz", "unknown_field", "the fields are on, key, concurrency, rate, burst, cost, per and when_full"],
        ),
        ("/api/v1/limits/x", r#"{"concurrency":"1"}"#, ["/concurrency", "wrong_type", "-"]),
        ("/api/v1/limits/api/keys/k", r#"{"wieght":1}"#, ["/wieght", "unknown_field", "did you mean `weight`?"]),
        ("/api/v1/limits/api/keys/k", r#"{"weight":-1}"#, ["/weight", "wrong_type", "-"]),
        ("/api/v1/limits/x", r#"{"rate":"5/s","cost":"5"}"#, ["/cost", "invalid_value", "-"]),
        ("/api/v1/limits/x", r#"{"rate":"5/s","cost":"${{ -1 }}"}"#, ["/cost", "invalid_value", "-"]),
    ] {
        assert_eq!(error(world.put(path, body).await), expected, "{body}");
    }
    world.put("/api/v1/limits/x", r#"{"rate":"5/s","cost":"${{ 2 * 3 }}"}"#).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interface_is_described_from_where_its_description_is() {
    let document = World::new().get("/api/v1/openapi.json").await.ok();
    assert_eq!(document["servers"][0]["url"], "../../");
}
