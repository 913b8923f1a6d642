use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;

use serde_json::Value;

use super::world::{Answer, World};

const JOB: &str = "/api/v1/jobs";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_taken_and_shown_exactly() {
    let world = World::new();
    let body = r#"{"kind": "k", "name": "n", "labels": {"team": "growth"}, "input": {"b": 123456789012345678901234567890, "a": 1e400}}"#;
    let answer = world.post(JOB, body).await;
    assert_eq!(answer.status, 202);
    assert!(answer.text.contains(r#""input":{"b": 123456789012345678901234567890, "a": 1e400}"#), "{}", answer.text);
    let job: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(&answer.text).unwrap();
    let fields: Vec<&str> = job.keys().map(String::as_str).collect();
    let mut contract: Vec<&str> = "id name kind labels state paused cancelling created_at scheduled_at started_at \
        finished_at deadline_at input output error tasks parent"
        .split_whitespace()
        .collect();
    contract.sort_unstable();
    assert_eq!(fields, contract);
    let id = job["id"].get().trim_matches('"');
    assert_eq!(answer.header("location"), format!("/api/v1/jobs/{id}"));
    assert_eq!(job["state"].get(), r#""running""#);
    assert_eq!(job["labels"].get(), r#"{"team":"growth"}"#);
    let again = world.get(&format!("{JOB}/{id}")).await;
    assert_eq!(again.status, 200);
    assert!(again.text.contains(r#""kind":"k""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_makes_a_submit_idempotent() {
    let world = World::new();
    let first = world.post(JOB, r#"{"id":"a","kind":"k","input":1}"#).await;
    assert_eq!(first.status, 202);
    let again = world.post(JOB, r#"{ "kind":"k", "input":1, "id":"a" }"#).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.ok()["id"], "a");
    let other = world.post(JOB, r#"{"id":"a","kind":"k","input":2}"#).await.problem(409);
    assert_eq!((&other["code"], &other["errors"][0]["pointer"]), (&"conflict".into(), &"/id".into()));
    for key in ["b", "\"b\""] {
        let request = Request::post(JOB).header("idempotency-key", key).body(Body::from(r#"{"kind":"k"}"#)).unwrap();
        assert_eq!(world.send(request).await.ok()["id"], "b", "{key}");
    }
    let request =
        Request::post(JOB).header("idempotency-key", "x").body(Body::from(r#"{"kind":"k","id":"y"}"#)).unwrap();
    world.send(request).await.problem(422);
    assert_eq!(world.get(JOB).await.ok()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_keeps_nothing() {
    let world = World::new();
    let path = format!("{JOB}?dry_run=true");
    let job = world.post(&path, r#"{"delay":"1h","tasks":{"a":{"kind":"k"},"b":{"kind":"k","needs":"a"}}}"#).await;
    assert_eq!(job.status, 200);
    let job = job.json();
    assert_eq!((&job["id"], &job["state"], &job["tasks"]["waiting"]), (&Value::Null, &"scheduled".into(), &2.into()));
    assert!(job["scheduled_at"].is_string());
    world.post(&path, r#"{"kind":7}"#).await.problem(422);
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    world.post(&path, r#"{"id":"a","kind":"other"}"#).await.problem(409);
    assert_eq!(world.post(&path, r#"{"id":"a","kind":"k"}"#).await.ok()["state"], "running");
    assert_eq!(world.get(JOB).await.ok()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_key_is_judged_alike_with_and_without_keeping() {
    let world = World::new();
    world.submit(r#"{"id":"a","kind":"k","unique":{"key":"x"}}"#).await;
    for path in [JOB.to_owned(), format!("{JOB}?dry_run=true")] {
        let refused = world.post(&path, r#"{"kind":"k","unique":{"key":"x"}}"#).await.problem(409);
        assert_eq!(refused["errors"][0]["pointer"], "/unique/key", "{path}");
        let existing = r#"{"kind":"k","unique":{"key":"x","on_conflict":"return_existing"}}"#;
        let answer = world.post(&path, existing).await;
        assert_eq!((answer.status.as_u16(), answer.ok()["id"].as_str().unwrap()), (200, "a"), "{path}");
    }
    let cancel = r#"{"kind":"k","unique":{"key":"x","on_conflict":"cancel_existing"}}"#;
    assert_eq!(world.post(&format!("{JOB}?dry_run=true"), cancel).await.ok()["id"], Value::Null);
    assert_eq!(world.get("/api/v1/jobs/a").await.ok()["state"], "running");
    assert_eq!(world.post(JOB, cancel).await.status, 202);
    assert_eq!(world.get("/api/v1/jobs/a").await.ok()["state"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submit_takes_the_place_of_a_scheduled_holder() {
    let world = World::new();
    let job = |id: &str, kind: &str| {
        let unique = r#"{"key":"x","on_conflict":"replace","max_delay":"2h"}"#;
        format!(r#"{{"id":"{id}","kind":"{kind}","labels":{{"of":"{kind}"}},"delay":"1h","unique":{unique}}}"#)
    };
    assert_eq!(world.post(JOB, job("a", "k")).await.status, 202);
    let answer = world.post(JOB, job("b", "l")).await;
    assert_eq!((answer.status.as_u16(), answer.ok()["id"].as_str().unwrap()), (200, "a"), "it keeps its id");
    let shown = world.get("/api/v1/jobs/a").await.ok();
    assert_eq!(
        (&shown["state"], &shown["kind"], &shown["labels"]["of"]),
        (&"scheduled".into(), &"l".into(), &"l".into())
    );
    world.get("/api/v1/jobs/b").await.problem(404);
    let found = |label: &'static str| {
        let world = &world;
        async move { world.get(&format!("{JOB}?q=label.of:{label}")).await.ok()["items"].as_array().unwrap().len() }
    };
    assert_eq!((found("k").await, found("l").await), (0, 1));
    // The id is that of its first content: whoever sends that again, or something else, is answered as ever.
    assert_eq!(world.post(JOB, job("a", "k")).await.ok()["id"], "a");
    world.post(JOB, job("a", "other")).await.problem(409);
    // The key of another mode is judged as ever.
    world.post(JOB, r#"{"kind":"k","unique":{"key":"x"}}"#).await.problem(409);
    let shown = world.get("/api/v1/jobs/a").await.ok();
    assert_eq!(shown["kind"], "l");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_runs_loses_its_key_to_a_submit_that_would_replace_it() {
    let world = World::new();
    let cancel = r#"{"id":"c","kind":"k","unique":{"key":"x","on_conflict":"cancel_existing"}}"#;
    world.submit(r#"{"id":"a","kind":"k","unique":{"key":"x"}}"#).await;
    let next = r#"{"id":"b","kind":"k","delay":"1h","unique":{"key":"x","on_conflict":"replace"}}"#;
    let answer = world.post(JOB, next).await;
    assert_eq!((answer.status.as_u16(), answer.json()["id"].as_str().unwrap()), (202, "b"));
    assert_eq!(world.get("/api/v1/jobs/a").await.ok()["state"], "running");
    assert_eq!(world.post(JOB, cancel).await.status, 202);
    let states = [world.get("/api/v1/jobs/a").await.ok(), world.get("/api/v1/jobs/b").await.ok()];
    assert_eq!(states.map(|job| job["state"].clone()), ["running", "cancelled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_a_span_is_held_by_a_job_that_is_over() {
    let world = World::new();
    world.submit(r#"{"id":"a","kind":"k","delay":"1h","unique":{"key":"x","until":"1h"}}"#).await;
    world.post("/api/v1/jobs/a/cancel", "").await;
    assert_eq!(world.get("/api/v1/jobs/a").await.ok()["state"], "cancelled");
    world.post(JOB, r#"{"kind":"k","unique":{"key":"x"}}"#).await.problem(409);
    let same = r#"{"kind":"k","unique":{"key":"x","on_conflict":"return_existing"}}"#;
    assert_eq!(world.post(JOB, same).await.ok()["id"], "a");
    let cancel = r#"{"id":"b","kind":"k","unique":{"key":"x","on_conflict":"cancel_existing"}}"#;
    assert_eq!(world.post(JOB, cancel).await.status, 202);
    assert_eq!(world.post(JOB, same).await.ok()["id"], "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_a_limit_cannot_count_is_refused_by_name() {
    let world = World::new();
    let limit =
        r#"{"on":"kind:llm.*","key":"${{ input.tenant }}","rate":"10/s","cost":"${{ input.tokens | default(1) }}"}"#;
    world.put("/api/v1/limits/llm", limit).await.ok();
    let job = |input: &str| format!(r#"{{"tasks":{{"ask":{{"kind":"llm.ask"}}}},"input":{input}}}"#);
    for (input, code) in [
        (r#"{"tenant":["acme"]}"#, "wrong_type"),
        (r#"{"tenant":{"name":"acme"}}"#, "wrong_type"),
        (r#"{"tenant":"acme","tokens":-1}"#, "out_of_range"),
        (r#"{"tenant":"acme","tokens":"many"}"#, "out_of_range"),
        (r#"{"tenant":"acme","tokens":2000000000}"#, "out_of_range"),
    ] {
        for path in [JOB.to_owned(), format!("{JOB}?dry_run=true")] {
            let refused = world.post(&path, job(input)).await.problem(422);
            let problem = &refused["errors"][0];
            assert_eq!((&problem["code"], &problem["pointer"]), (&code.into(), &"/tasks/ask".into()), "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains("limit llm"), "{problem}");
        }
    }
    // Null and undefined: the limit does not apply. A cost in the job stands in place of the limit's own.
    for input in [r#"{"tenant":null,"tokens":-1}"#, "{}", r#"{"tenant":7,"tokens":0}"#, r#"{"tenant":true}"#] {
        assert_eq!(world.post(JOB, job(input)).await.status, 202, "{input}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_early_is_kept_for_those_who_wait_later() {
    let world = World::new();
    let path = "/api/v1/events/approval/order-7";
    world.post(path, "1").await.problem(404);
    for keep in ["0s", "31d", "soon"] {
        world.post(&format!("{path}?keep={keep}"), "1").await.problem(400);
    }
    let kept = world.post(&format!("{path}?keep=1h"), r#"{"by":"ann"}"#).await.ok();
    assert_eq!(kept["answered"], 0);
    assert!(kept["kept_until"].is_string(), "{kept}");
    world.post(&format!("{path}?keep=1h"), r#"{"by":"bob"}"#).await.ok();
    let wait = r#"{"kind":"warrener.wait","input":{"event":"approval","key":"order-7"}}"#;
    for _ in 0..2 {
        let job = world.post(&format!("{JOB}?wait=5s"), wait).await.ok();
        assert_eq!((&job["state"], &job["output"]["by"]), (&"succeeded".into(), &"bob".into()), "the latest");
    }
    // One that waits again is given each once, the latest first.
    let again = r#"{"tasks":{"a":{"kind":"warrener.wait","input":{"event":"approval","key":"order-7"},
        "repeat":{"until":"round == 2","max":3}}}}"#;
    let job = world.post(&format!("{JOB}?wait=5s"), again).await.ok();
    assert_eq!(job["output"]["a"]["by"], "ann", "{job}");
    let other = r#"{"id":"other","kind":"warrener.wait","input":{"event":"approval","key":"order-8"}}"#;
    world.submit(other).await;
    assert_eq!(world.get("/api/v1/jobs/other").await.ok()["state"], "running");
    // Whoever waits already has it too, and not again.
    let now = world.post("/api/v1/events/approval/order-8?keep=1h", "8").await.ok();
    assert_eq!(now["answered"], 1);
    assert_eq!(world.get("/api/v1/jobs/other").await.ok()["output"], 8);
}

/// Longest time from the end of a job to the answer of whoever waits for it.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// Submits a job and waits for its end, which comes once the request waits and `before_end` was called.
async fn wait_for_end(world: &mut World, before_end: impl FnOnce(&World)) -> Answer {
    let request = Request::post(format!("{JOB}?wait=20s")).body(Body::from(r#"{"id":"a","kind":"k"}"#)).unwrap();
    let mut dispatches = std::mem::replace(&mut world.dispatches, tokio::sync::mpsc::unbounded_channel().1);
    let worker = async {
        let attempt = dispatches.recv().await.unwrap();
        before_end(world);
        world.succeed(&attempt, "[1.0]").await;
        Instant::now()
    };
    let waiting = async { (world.send(request).await, Instant::now()) };
    let ((answer, answered), ended) = tokio::join!(waiting, worker);
    assert!(answered.saturating_duration_since(ended) < TOLD_WITHIN, "answered long after the end");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_with_the_job() {
    let mut world = World::new();
    let answer = wait_for_end(&mut world, |_| {}).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.text.contains(r#""state":"succeeded""#) && answer.text.contains(r#""output":[1.0]"#),
        "{}",
        answer.text
    );
    // It is final already, so nobody waits.
    assert_eq!(world.post(&format!("{JOB}?wait=20s"), r#"{"id":"a","kind":"k"}"#).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_with_the_job_while_the_broker_side_stands_still() {
    let mut world = World::new();
    let answer = wait_for_end(&mut world, World::stop_broker).await;
    assert_eq!((answer.status.as_u16(), &answer.ok()["state"]), (200, &"succeeded".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_has_an_end() {
    let world = World::new();
    let ran_out = world.post(&format!("{JOB}?wait=50ms"), r#"{"id":"a","kind":"k"}"#).await;
    assert_eq!((ran_out.status.as_u16(), ran_out.header("location")), (202, "/api/v1/jobs/a"));
    world.stop.cancel();
    let stopped = world.post(&format!("{JOB}?wait=10m"), r#"{"id":"a","kind":"k"}"#).await;
    assert_eq!(stopped.status, 202);
    for wait in ["11m", "soon", "-1s"] {
        let problem = world.post(&format!("{JOB}?wait={wait}"), r#"{"kind":"k"}"#).await.problem(400);
        assert_eq!(problem["parameter"], "wait");
    }
}
