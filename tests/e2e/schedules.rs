//! Schedules, as a person uses them: the files of `examples/schedules`, applied and steered on the command line.

use std::process::Command;

use lapin::BasicProperties;
use serde_json::{Value, json};
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan, program};
use warrener_tests::wait::{SOON, until};

/// What the command line says on stdout, having succeeded.
fn said(cluster: &Cluster, arguments: &[&str]) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut command = Command::new(program("warrener"));
    let command = command.args(arguments).env("WARRENER_URL", cluster.http_url()).current_dir(folder);
    let output = command.output().expect("the command line starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_schedules_is_applied_and_steered() {
    let mut cluster = Cluster::with_workers(Broker::shared().await, 1).await;
    let apply = ["schedule", "apply", "examples/schedules"];
    let dry = said(&cluster, &["schedule", "apply", "examples/schedules", "--dry-run"]);
    assert_eq!(dry.matches("would be created").count(), 4, "{dry}");
    assert_eq!(cluster.get("/api/v1/schedules").await.1["items"], json!([]));
    assert_eq!(said(&cluster, &apply).matches(": created").count(), 4);
    assert_eq!(said(&cluster, &apply).matches(": unchanged").count(), 4);
    let list = said(&cluster, &["schedule", "list"]);
    assert!(list.contains("nightly-report") && list.contains("Europe/Berlin"), "{list}");
    let next = said(&cluster, &["schedule", "next", "examples/schedules/nightly-report.yaml", "-n", "2"]);
    assert_eq!(next, said(&cluster, &["schedule", "next", "nightly-report", "-n", "2"]), "with a server and without");

    let id = said(&cluster, &["schedule", "run", "nightly-report"]);
    let path = format!("/api/v1/jobs/{}", id.trim());
    let job = until("the job is over", SOON, async || {
        let (_, job) = cluster.get(&path).await;
        (job["state"] == "succeeded").then_some(job)
    })
    .await;
    assert_eq!((&job["labels"]["schedule"], &job["labels"]["part"]), (&json!("nightly-report"), &json!("report")));
    let output = job["output"]["write"].as_str().unwrap_or_default();
    assert!(output.starts_with("report of 20"), "{job}");
    let ticks = said(&cluster, &["schedule", "ticks", "nightly-report"]);
    assert!(ticks.contains(id.trim()) && ticks.contains("started"), "{ticks}");
    let (_, after) = cluster.get("/api/v1/schedules/nightly-report").await;
    assert_eq!((&after["running"], &after["failures_in_a_row"]), (&json!(0), &json!(0)));
    assert_eq!(after["last_success"], after["last_tick"], "{after}");

    // A schedule that no file has goes with --prune, if it has the label.
    let stray = json!({"labels": {"team": "growth"}, "every": "1h", "job": {"kind": "demo.echo"}});
    cluster.put("/api/v1/schedules/stray", &stray).await;
    cluster.put("/api/v1/schedules/other", &json!({"every": "1h", "job": {"kind": "demo.echo"}})).await;
    let pruned = said(&cluster, &["schedule", "apply", "examples/schedules", "--prune", "-l", "team=growth"]);
    assert!(pruned.contains("stray: deleted") && !pruned.contains("other"), "{pruned}");
    let names = said(&cluster, &["schedule", "list", "-o", "name"]);
    assert_eq!(names, "backup\nheartbeat\nmonth-end\nnightly-report\nother\n");

    // Everything is there after a restart.
    cluster.kill_orchestrator().await;
    cluster.start_orchestrator().await;
    assert_eq!(said(&cluster, &["schedule", "list", "-o", "name"]), names);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changed_it_first_is_not_overwritten() {
    let cluster = Cluster::start(Broker::shared().await).await;
    let schedule = |every: &str| json!({"every": every, "job": {"kind": "demo.echo"}}).to_string();
    let put = async |header: (&str, &str), every: &str| -> (u16, Value) {
        let port = cluster.http_url().rsplit(':').next().unwrap().parse().unwrap();
        let body = schedule(every);
        warrener_tests::cluster::http::call(port, "PUT", "/api/v1/schedules/s", &[header], body.as_bytes()).await
    };
    assert_eq!(put(("If-Match", "\"1\""), "1h").await.0, 412);
    assert_eq!(put(("If-None-Match", "*"), "1h").await.0, 201);
    assert_eq!(put(("If-None-Match", "*"), "1h").await.0, 412);
    assert_eq!(put(("If-Match", "\"1\""), "2h").await.0, 200);
    let (status, problem) = put(("If-Match", "\"1\""), "3h").await;
    assert_eq!((status, &problem["code"]), (412, &json!("stale")), "{problem}");
    assert_eq!(cluster.get("/api/v1/schedules/s").await.1["every"], "2h");
    let (status, problem) = cluster.put("/api/v1/schedules/s", &json!({"cron": "0 0 30 2 *", "zone": "Mars"})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid_schedule")));
    assert_eq!(problem["errors"].as_array().unwrap().len(), 3, "{problem}");
    let body = json!({"name": "s", "cron": "30 2 29 3 *", "zone": "Europe/Berlin", "from": "2026-03-01T00:00:00Z",
        "job": {"kind": "demo.echo"}});
    let (status, preview) = cluster.post("/api/v1/schedules/preview?n=1", &body).await;
    assert_eq!(status, 200, "{preview}");
    assert_eq!(preview["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_made_and_steered_by_messages_where_that_is_allowed() {
    let mut cluster = Cluster::configured(Broker::shared().await, "[amqp]\nschedules = true\n").await;
    cluster.start_worker("w1", &Plan::default());
    let client = cluster.client().await;
    let ask = async |kind: &str, body: Value| {
        let (properties, mark): (BasicProperties, String) = client.asking();
        client.send(properties.with_type(kind.into()), body.to_string().as_bytes()).await;
        client.answer(&mark, &["schedule.applied", "job.rejected"]).await
    };
    let nightly =
        json!({"name": "nightly", "cron": "0 3 * * *", "zone": "Europe/Berlin", "job": {"kind": "demo.echo"}});
    let applied = ask("schedule", nightly.clone()).await;
    assert_eq!((applied.kind.as_str(), &applied.json()["name"]), ("schedule.applied", &json!("nightly")));
    let (_, shown) = cluster.get("/api/v1/schedules/nightly").await;
    assert!(shown["next_at"].is_string() && shown["next_at"] == applied.json()["next_at"], "{shown}");
    let name = json!({"name": "nightly"});
    let paused = ask("schedule.pause", name.clone()).await.json();
    assert_eq!(paused, json!({"name": "nightly", "next_at": null}));
    assert_eq!(cluster.get("/api/v1/schedules/nightly").await.1["paused"], json!(true));
    assert_eq!(ask("schedule.resume", name.clone()).await.json(), applied.json());
    assert_eq!(ask("schedule.trigger", name.clone()).await.kind, "schedule.applied");
    until("it has run", SOON, async || {
        let (_, jobs) = cluster.get("/api/v1/jobs?q=label.schedule:nightly%20state:succeeded").await;
        (jobs["items"].as_array().is_some_and(|jobs| jobs.len() == 1)).then_some(())
    })
    .await;
    assert_eq!(ask("schedule.delete", name.clone()).await.json(), json!({"name": "nightly", "next_at": null}));
    assert_eq!(cluster.get("/api/v1/schedules/nightly").await.0, 404);
    // What cannot be done is said by name.
    let gone = ask("schedule.pause", name).await;
    assert_eq!((gone.kind.as_str(), gone.problems()), ("job.rejected", vec![("unknown_name".into(), String::new())]));
    let never = json!({"name": "never", "cron": "0 0 30 2 *", "job": {"kind": "demo.echo"}});
    let refused = ask("schedule", never).await;
    assert_eq!((refused.kind.as_str(), &*refused.problems()[0].1), ("job.rejected", "/cron"), "{}", refused.text());

    // A submitter gives no standing orders unless that is allowed.
    let plain = Cluster::start(Broker::shared().await).await;
    let client = plain.client().await;
    let (properties, mark) = client.asking();
    client.send(properties.with_type("schedule".into()), nightly.to_string().as_bytes()).await;
    let refused = client.answer(&mark, &["schedule.applied", "job.rejected"]).await;
    assert_eq!(refused.problems(), [("not_allowed".to_owned(), String::new())], "{}", refused.text());
    assert!(refused.text().contains("amqp.schedules"), "{}", refused.text());
    assert_eq!(plain.get("/api/v1/schedules").await.1["items"], json!([]));
}
