//! Schedules, as a person uses them: the files of `examples/schedules`, applied and steered on the command line.

use std::process::Command;

use serde_json::{Value, json};
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, program};
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
