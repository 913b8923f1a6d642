//! Limits with real processes: what a key lets out, whatever happens to the orchestrator, and an endpoint that asks
//! for patience.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan};

const TENANTS: [&str; 4] = ["acme", "bell", "coil", "dune"];
const JOBS: usize = 200;
/// Attempts of a tenant at once.
const EACH: i32 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn no_tenant_has_more_at_once_than_its_limit_though_the_orchestrator_is_killed() {
    let limit = "[limits.tenant]\non = \"kind:demo.*\"\nkey = \"${{ job.labels.tenant }}\"\nconcurrency = 2\n";
    let mut cluster = Cluster::configured(Broker::shared().await, limit).await;
    for worker in ["w1", "w2"] {
        cluster.start_worker(worker, &Plan::default());
    }
    let client = cluster.client().await;
    let mut marks = Vec::new();
    for at in 0..JOBS {
        let tenant = TENANTS[at % TENANTS.len()];
        let job = json!({"kind": "demo.sleep", "input": {"ms": 40}, "labels": {"tenant": tenant}});
        marks.push((tenant, client.submit(&job).await));
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    cluster.kill_orchestrator().await;
    cluster.start_orchestrator().await;
    let database = cluster.database();
    let mut spans: BTreeMap<&str, Vec<(i64, i32)>> = BTreeMap::new();
    for (tenant, mark) in &marks {
        let end = client.finished(mark).await.json();
        assert_eq!(end["state"], "succeeded", "{end}");
        let job = database.job(end["job_id"].as_str().unwrap()).unwrap();
        let task = database.tasks(job.no).remove(0);
        let span = [(task.started_at.unwrap(), 1), (task.finished_at.unwrap(), -1)];
        spans.entry(tenant).or_default().extend(span);
    }
    for (tenant, mut changes) in spans {
        changes.sort_unstable();
        let (mut open, mut most) = (0, 0);
        for (_, change) in changes {
            open += change;
            most = most.max(open);
        }
        assert_eq!(most, EACH, "{tenant}: no more than the limit, and no less where so many wait");
    }
    let (_, keys) = cluster.get("/api/v1/limits/tenant/keys").await;
    for key in keys["items"].as_array().unwrap() {
        assert_eq!((&key["running"], &key["waiting"]), (&json!(0), &json!(0)), "{keys}");
    }
}

/// An endpoint that answers 429 to its first request, and says how long to wait; gives when each request came.
async fn endpoint(patience: u64) -> (String, Arc<Mutex<Vec<(Instant, u16)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<(Instant, u16)>>> = Arc::default();
    let requests = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let requests = requests.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while let Ok(1..) = stream.read(&mut request).await {
                    let status = if requests.lock().unwrap().is_empty() { 429 } else { 200 };
                    requests.lock().unwrap().push((Instant::now(), status));
                    let head = if status == 429 { format!("retry-after: {patience}\r\n") } else { String::new() };
                    let answer = format!("HTTP/1.1 {status} So\r\n{head}content-length: 1\r\n\r\n1");
                    stream.write_all(answer.as_bytes()).await.ok();
                }
            });
        }
    });
    (url, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_asks_for_patience_gets_it_and_no_attempt_is_lost() {
    let (url, seen) = endpoint(2).await;
    let limit = "[limits.api]\non = \"kind:llm.*\"\nkey = \"${{ job.labels.tenant }}\"\nconcurrency = 1\n";
    let mut cluster = Cluster::configured(Broker::shared().await, limit).await;
    let more = format!("[kinds.\"llm.ask\"]\nhttp = \"{url}\"\npause_on_429 = \"api\"\n");
    cluster.start_worker("w1", &Plan { more, ..Plan::default() });
    let client = cluster.client().await;
    let mut marks = Vec::new();
    for _ in 0..8 {
        let job = json!({"kind": "llm.ask", "input": 1, "retry": 0, "labels": {"tenant": "acme"}});
        marks.push(client.submit(&job).await);
    }
    for mark in &marks {
        let end = client.finished(mark).await.json();
        assert_eq!((&end["state"], &end["output"]), (&json!("succeeded"), &json!(1)), "{end}");
    }
    let seen = seen.lock().unwrap().clone();
    let first = seen[0].0;
    let early = seen[1..].iter().filter(|(at, _)| at.duration_since(first) < Duration::from_millis(1_900)).count();
    assert_eq!(early, 0, "requests before the time, though no other was on its way");
    assert_eq!(seen.iter().filter(|(_, status)| *status == 429).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_made_at_run_time_acts_at_once_and_says_why_a_task_waits() {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    cluster.start_worker("w1", &Plan::default());
    let client = cluster.client().await;
    let limit = json!({"on": "kind:demo.sleep", "concurrency": 1});
    let port = cluster.http_url().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
    let put = async |path: &str, body: &Value| {
        let body = serde_json::to_vec(body).unwrap();
        warrener_tests::cluster::http::call(port, "PUT", path, &[("content-type", "application/json")], &body).await
    };
    assert_eq!(put("/api/v1/limits/one", &limit).await.0, 200);
    let sleep = |id: &str, ms: u32| json!({"id": id, "kind": "demo.sleep", "input": {"ms": ms}});
    let first = client.submit(&sleep("first", 60_000)).await;
    client.accepted(&first).await;
    let second = client.submit(&sleep("second", 1)).await;
    client.accepted(&second).await;
    let (_, task) = cluster.get("/api/v1/tasks/second/task").await;
    assert_eq!(task["reason"], "waits for limit one: 1 of 1 running, 0 before it", "{task}");
    assert_eq!(put("/api/v1/limits/one", &json!({"on": "kind:demo.sleep", "concurrency": 2})).await.0, 200);
    assert_eq!(client.finished(&second).await.json()["state"], "succeeded");
    let (status, problem) = put("/api/v1/limits/one", &json!({"concurrency": 1, "rate": "0/s"})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid_limit")), "{problem}");
}
