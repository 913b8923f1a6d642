//! Bulk operations: the set is fixed, each member has its turn once, and others are not kept waiting.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use warrener_shared::error::ErrorObject;
use warrener_shared::wire::result::{Report, RetryAdvice};

use super::law::letter;
use super::world::World;
use crate::driver::Input;
use crate::store::DeadLetter;

/// Longest wait for the end of an operation.
const SOON: Duration = Duration::from_secs(20);

async fn begin(world: &World, wish: Value) -> Value {
    let answer = world.post("/api/v1/bulk", wish.to_string()).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let place = answer.header("location").to_owned();
    let begun = answer.json();
    assert_eq!(place, format!("/api/v1/bulk/{}", begun["id"].as_str().unwrap()));
    begun
}

async fn ended(world: &World, id: &str) -> Value {
    let look = async {
        loop {
            let operation = world.get(&format!("/api/v1/bulk/{id}")).await.ok();
            if operation["state"] != "running" {
                return operation;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, look).await.expect("it ends in time")
}

/// Begins an operation and waits for its end; what it counted.
async fn counts(world: &World, wish: Value) -> [u64; 4] {
    let begun = begin(world, wish).await;
    let over = ended(world, begun["id"].as_str().unwrap()).await;
    assert_eq!(over["state"], "succeeded", "{over}");
    assert!(over["finished_at"].is_string());
    ["matched", "done", "skipped", "failed"].map(|name| over[name].as_u64().unwrap())
}

async fn state(world: &World, id: &str) -> Value {
    world.get(&format!("/api/v1/jobs/{id}")).await.ok()["state"].clone()
}

fn failure() -> Report {
    Report::Failed { error: ErrorObject::new("no", "no"), retry: RetryAdvice::Never }
}

/// Submits jobs of one task, of which some fail.
async fn jobs(world: &mut World, failing: usize, running: usize) {
    for no in 0..failing {
        world.submit(&format!(r#"{{"id":"f{no}","kind":"k","labels":{{"team":"a"}}}}"#)).await;
        let task = world.dispatch().await;
        world.report(&task, failure()).await;
        assert_eq!(state(world, &format!("f{no}")).await, "failed");
    }
    for no in 0..running {
        world.submit(&format!(r#"{{"id":"r{no}","kind":"k"}}"#)).await;
        world.dispatch().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_action_is_done_to_what_fits() {
    let mut world = World::new();
    jobs(&mut world, 3, 4).await;
    let wish = json!({"action": "retry", "filter": "state:failed label.team:a", "dry_run": true});
    let preview = world.post("/api/v1/bulk", wish.to_string()).await;
    assert_eq!(preview.status, 200);
    assert_eq!(preview.json(), json!({"matched": 3, "by": {"failed": 3}, "sample": ["f2", "f1", "f0"]}));
    assert_eq!(world.get("/api/v1/bulk").await.ok()["items"], json!([]), "a dry run begins nothing");
    assert_eq!(counts(&world, json!({"action": "retry", "filter": "state:failed"})).await, [3, 3, 0, 0]);
    assert_eq!(state(&world, "f0").await, "running");
    assert_eq!(counts(&world, json!({"action": "pause", "filter": "id:r*"})).await, [4, 4, 0, 0]);
    assert_eq!(world.get("/api/v1/jobs/r3").await.ok()["paused"], true);
    assert_eq!(counts(&world, json!({"action": "resume", "filter": "id:r*"})).await, [4, 4, 0, 0]);
    assert_eq!(counts(&world, json!({"action": "skip", "filter": "state:dispatched id:r0"})).await, [1, 1, 0, 0]);
    assert_eq!(counts(&world, json!({"action": "cancel", "filter": "state:running -id:f0"})).await, [5, 5, 0, 0]);
    assert_eq!([state(&world, "r0").await, state(&world, "r1").await], ["succeeded", "cancelled"]);
    let retry = json!({"action": "retry", "target": "tasks", "filter": "state:cancelled id:r1,r2"});
    assert_eq!(counts(&world, retry).await, [2, 2, 0, 0]);
    assert_eq!(state(&world, "r2").await, "running");
    // What its state does not allow is said of each.
    let begun = begin(&world, json!({"action": "delete", "filter": "*", "reason": "tidy up"})).await;
    let over = ended(&world, begun["id"].as_str().unwrap()).await;
    assert_eq!([&over["matched"], &over["done"], &over["failed"]], [7, 4, 3], "{over}");
    assert_eq!(over["errors"][0]["code"], "conflict");
    assert_eq!(over["reason"], "tidy up");
    world.get("/api/v1/jobs/r3").await.problem(404);
    let audit = world.get("/api/v1/audit?q=who:bulk:*%20verb:job.delete%20outcome:done").await.ok();
    assert_eq!(audit["items"].as_array().unwrap().len(), 4, "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_discarded_and_replayed() {
    let world = World::new();
    world.input(Input::Connected { wiped: false }).await;
    for _ in 0..3 {
        world.input(Input::Dead(letter())).await;
    }
    let headers = r#"{"exchange":"e","routing_key":"k","headers":{}}"#.to_owned();
    world.input(Input::Dead(DeadLetter { headers, ..letter() })).await;
    // How the others were sent is not known.
    let replayed = counts(&world, json!({"action": "replay", "filter": "*"})).await;
    assert_eq!(replayed, [4, 1, 0, 3]);
    // The one that was sent is none any more.
    assert_eq!(counts(&world, json!({"action": "discard", "filter": "*"})).await, [3, 3, 0, 0]);
    assert_eq!(world.get("/api/v1/dead").await.ok()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept_and_the_rest_left_alone_once_it_is_stopped() {
    let mut world = World::new();
    jobs(&mut world, 0, 12).await;
    let begun = begin(&world, json!({"action": "cancel", "filter": "id:r*", "rate": "4/s"})).await;
    let id = begun["id"].as_str().unwrap();
    // One that was over before its turn no longer matches.
    world.post("/api/v1/jobs/r0/cancel", "").await.ok();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let path = format!("/api/v1/bulk/{id}/cancel");
    let stopped = world.post(&path, "").await.ok();
    assert_eq!(stopped["state"], "cancelled");
    let done = stopped["done"].as_u64().unwrap();
    assert!((2..=7).contains(&done), "{stopped}");
    tokio::time::sleep(Duration::from_millis(600)).await;
    let open = world.get("/api/v1/jobs?q=state:running").await.ok()["items"].as_array().unwrap().len() as u64;
    assert_eq!(open, 11 - done, "nothing more was done");
    world.post(&path, "").await.problem(409);
    let rest = counts(&world, json!({"action": "cancel", "filter": "state:running"})).await;
    assert_eq!(rest, [open, open, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_no_longer_matches_is_skipped() {
    let mut world = World::new();
    jobs(&mut world, 2, 2).await;
    let begun = begin(&world, json!({"action": "retry", "filter": "state:failed", "rate": "1/s"})).await;
    world.post("/api/v1/jobs/f0/retry", "").await.ok();
    // It failed after the set was fixed, and is none of it.
    world.post("/api/v1/jobs/r0/cancel", "").await.ok();
    let over = ended(&world, begun["id"].as_str().unwrap()).await;
    assert_eq!([&over["matched"], &over["done"], &over["skipped"]], [2, 1, 1], "{over}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_by_name() {
    let world = World::new();
    for (wish, parameter) in [
        (json!({"action": "retry", "filter": ""}), "filter"),
        (json!({"action": "retry", "filter": "state:nope"}), "filter"),
        (json!({"action": "skip", "filter": "state:running"}), "filter"),
        (json!({"action": "skip", "filter": "*", "target": "jobs"}), "target"),
        (json!({"action": "retry", "filter": "*", "rate": "fast"}), "rate"),
        (json!({"action": "retry", "filter": "*", "rate": "0/s"}), "rate"),
        (json!({"action": "retry", "filter": "*", "reason": "x".repeat(501)}), "reason"),
    ] {
        let problem = world.post("/api/v1/bulk", wish.to_string()).await.problem(400);
        assert_eq!(problem["parameter"], parameter, "{wish}: {problem}");
    }
    for body in ["", "{}", "[]", r#"{"action":"explode","filter":"*"}"#, r#"{"action":"retry","filter":"*","x":1}"#] {
        assert_eq!(world.post("/api/v1/bulk", body).await.problem(400)["code"], "unreadable_body", "{body}");
    }
    for path in ["/api/v1/bulk/1", "/api/v1/bulk/x", "/api/v1/bulk/01"] {
        world.get(path).await.problem(404);
        world
            .send(
                axum::http::Request::builder()
                    .method(Method::POST)
                    .uri(format!("{path}/cancel"))
                    .body(axum::body::Body::empty())
                    .unwrap(),
            )
            .await
            .problem(404);
    }
}
