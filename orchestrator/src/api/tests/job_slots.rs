//! Limits that count jobs, over HTTP.

use serde_json::Value;

use super::world::World;

const JOB: &str = "/api/v1/jobs";

fn job(id: &str, tenant: &str) -> String {
    format!(
        r#"{{"id":"{id}","labels":{{"tenant":"{tenant}"}},"tasks":{{
            "a":{{"kind":"k","limits":["one"]}},"b":{{"kind":"k","limits":["one"]}}}}}}"#
    )
}

/// A world in which one job of each tenant runs, and what becomes of others.
async fn world(when_full: &str) -> World {
    let world = World::new();
    let limit =
        format!(r#"{{"key":"${{{{ job.labels.tenant }}}}","concurrency":1,"per":"job","when_full":"{when_full}"}}"#);
    let put = world.put("/api/v1/limits/one", limit).await.ok();
    assert_eq!((&put["per"], &put["when_full"]), (&"job".into(), &when_full.into()));
    world
}

async fn reasons(world: &World, id: &str) -> Vec<String> {
    let tasks = world.get(&format!("{JOB}/{id}/tasks")).await.ok();
    let reason = |task: &Value| task["reason"].as_str().unwrap_or_default().to_owned();
    tasks["items"].as_array().unwrap().iter().map(reason).collect()
}

async fn state(world: &World, id: &str) -> Value {
    world.get(&format!("{JOB}/{id}")).await.ok()["state"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_waits_for_the_end_of_another() {
    let mut world = world("wait").await;
    world.submit(&job("first", "acme")).await;
    let open = (world.dispatch().await, world.dispatch().await);
    world.submit(&job("second", "acme")).await;
    let waits = [
        "waits for limit one, key acme: 1 of 1 jobs running, 0 before it",
        "waits for limit one, key acme, behind another task of its job",
    ];
    assert_eq!(reasons(&world, "second").await, waits);
    let keys = world.get("/api/v1/limits/one/keys").await.ok();
    let key = &keys["items"][0];
    assert_eq!((keys["items"].as_array().unwrap().len(), &key["running"], &key["waiting"]), (1, &1.into(), &1.into()));
    // Whatever is changed has the book made anew from the rows.
    world.put("/api/v1/limits/other", r#"{"concurrency":1}"#).await.ok();
    world.succeed(&open.0, "1").await;
    assert_eq!(reasons(&world, "second").await, waits, "the job still runs");
    world.succeed(&open.1, "1").await;
    let (a, b) = (world.dispatch().await, world.dispatch().await);
    world.succeed(&a, "1").await;
    world.succeed(&b, "1").await;
    assert_eq!(state(&world, "second").await, "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_refused_while_the_slots_are_taken() {
    let mut world = world("refuse").await;
    world.put("/api/v1/limits/two", r#"{"concurrency":1,"when_full":"refuse"}"#).await.problem(422);
    world.submit(&job("first", "acme")).await;
    let open = (world.dispatch().await, world.dispatch().await);
    for path in [JOB.to_owned(), format!("{JOB}?dry_run=true")] {
        let refused = world.post(&path, job("second", "acme")).await.problem(409);
        assert_eq!(refused["errors"][0]["code"], "limited", "{path}: {refused}");
    }
    // The same id again is no new job.
    assert_eq!(world.post(JOB, job("first", "acme")).await.ok()["id"], "first");
    assert_eq!(world.post(JOB, job("other", "bell")).await.status, 202, "another key");
    world.succeed(&open.0, "1").await;
    world.succeed(&open.1, "1").await;
    assert_eq!(world.post(JOB, job("second", "acme")).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_is_cancelled() {
    let mut world = world("cancel_newest").await;
    world.submit(&job("first", "acme")).await;
    let _ = (world.dispatch().await, world.dispatch().await);
    world.submit(&job("second", "acme")).await;
    let second = world.get(&format!("{JOB}/second")).await.ok();
    assert_eq!((&second["state"], &second["error"]["code"]), (&"cancelled".into(), &"limited".into()), "{second}");
    assert_eq!(state(&world, "first").await, "running");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_is_cancelled_and_keeps_its_slot_while_a_worker_may_be_at_it() {
    let mut world = world("cancel_oldest").await;
    world.submit(&job("first", "acme")).await;
    let _ = (world.dispatch().await, world.dispatch().await);
    world.submit(&job("second", "acme")).await;
    assert_eq!(state(&world, "first").await, "cancelled");
    assert!(world.dispatch_soon().await.is_none(), "its workers may still be at it");
    assert!(reasons(&world, "second").await[0].contains("1 of 1 jobs running"));
}
