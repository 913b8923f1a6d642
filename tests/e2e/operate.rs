//! Operating it: bulk operations and streams over restarts, with readers that never read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use warrener_client::HttpClient;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::{SOON, until, within};

/// Longest time for thousands of jobs on a busy machine.
const LONG: Duration = Duration::from_secs(180);

async fn count(cluster: &Cluster, filter: &str) -> u64 {
    let wish = json!({"action": "cancel", "filter": filter, "dry_run": true});
    let (status, preview) = cluster.post("/api/v1/bulk", &wish).await;
    assert_eq!(status, 200, "{preview}");
    preview["matched"].as_u64().unwrap()
}

/// Submits so many jobs, many in a message.
async fn submit(cluster: &Cluster, count: usize, job: impl Fn(usize) -> Value) {
    let client = cluster.client().await;
    for no in 0..count {
        client.submit(&job(no)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_operation_acts_once_on_each_though_the_orchestrator_is_killed() {
    const JOBS: u64 = 2_000;
    let mut cluster = Cluster::with_workers(Broker::shared().await, 2).await;
    let failing = |no| {
        json!({"id": format!("f{no}"), "kind": "demo.fail", "retry": 0,
            "input": {"code": "no", "until_attempt": 2}, "labels": {"team": "a"}})
    };
    submit(&cluster, JOBS as usize, failing).await;
    until("all have failed", LONG, async || (count(&cluster, "state:failed").await == JOBS).then_some(())).await;
    let wish = json!({"action": "retry", "filter": "state:failed label.team:a", "rate": "600/s"});
    let (status, begun) = cluster.post("/api/v1/bulk", &wish).await;
    assert_eq!((status, &begun["matched"]), (202, &JOBS.into()), "{begun}");
    let path = format!("/api/v1/bulk/{}", begun["id"].as_str().unwrap());
    for share in [4, 2] {
        until("some are done", LONG, async || {
            (cluster.get(&path).await.1["done"].as_u64()? > JOBS / share).then_some(())
        })
        .await;
        cluster.kill_orchestrator().await;
        cluster.start_orchestrator().await;
    }
    let over = until("it is over", LONG, async || {
        let operation = cluster.get(&path).await.1;
        (operation["state"] != "running").then_some(operation)
    })
    .await;
    let counted = ["matched", "done", "skipped", "failed"].map(|name| over[name].as_u64().unwrap());
    assert_eq!((over["state"].as_str(), counted), (Some("succeeded"), [JOBS, JOBS, 0, 0]), "{over}");
    // Each was retried once: the second attempt succeeds, and there is no third.
    until("all have succeeded", LONG, async || (count(&cluster, "state:succeeded").await == JOBS).then_some(())).await;
    for no in (0..JOBS).step_by(97) {
        let task = cluster.get(&format!("/api/v1/tasks/f{no}/task")).await.1;
        assert_eq!(task["attempt"], 2, "{task}");
    }
}

/// The sequence numbers of a stream, by job.
#[derive(Default)]
struct Sequences(BTreeMap<String, u64>);

impl Sequences {
    /// Notes an event, which follows the one before of its job.
    fn note(&mut self, data: &str) {
        let event: Value = serde_json::from_str(data).unwrap();
        let latest = self.0.entry(event["job"].as_str().unwrap().to_owned()).or_insert(0);
        let sequence = event["sequence"].as_u64().unwrap();
        // At least once: what was told before the end of the process may be told again after it.
        assert!(sequence <= *latest + 1, "a gap after {latest}: {event}");
        *latest = sequence.max(*latest);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_without_a_gap_after_a_kill() {
    const JOBS: usize = 600;
    let mut cluster = Cluster::with_workers(Broker::shared().await, 2).await;
    let http = HttpClient::new(&cluster.http_url(), None).unwrap();
    let mut stream = http.follow_events(Some("-id:x"), None).await.unwrap();
    let reading = tokio::spawn(async move {
        let mut seen = Sequences::default();
        let mut over = 0;
        while over < JOBS {
            let event = stream.next().await.unwrap().unwrap();
            assert_ne!(event.kind, "gap", "{}", event.data);
            seen.note(&event.data);
            over += usize::from(event.kind == "job.succeeded");
        }
        seen
    });
    for part in 0..3 {
        let job = |no: usize| json!({"id": format!("j{}", part * JOBS / 3 + no), "kind": "demo.echo"});
        submit(&cluster, JOBS / 3, job).await;
        cluster.kill_orchestrator().await;
        cluster.start_orchestrator().await;
    }
    let seen = within("everything is told", LONG, reading).await.unwrap();
    assert_eq!(seen.0.len(), JOBS);
    assert!(seen.0.values().all(|sequence| *sequence == 5), "{:?}", seen.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_never_read_keeps_nobody_waiting() {
    const JOBS: usize = 4_000;
    let mut cluster = Cluster::start(Broker::shared().await).await;
    cluster.start_worker("w1", &Plan::default().slots(32));
    let place = cluster.http_url().trim_start_matches("http://").to_owned();
    let mut never = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(&place).await.unwrap();
        stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        never.push(stream);
    }
    let before = memory(&cluster);
    let working = submit(&cluster, JOBS, |no| json!({"id": format!("j{no}"), "kind": "demo.echo"}));
    let looking = async {
        let mut times = Vec::new();
        while count(&cluster, "state:succeeded").await < JOBS as u64 {
            for _ in 0..20 {
                let begun = Instant::now();
                let (status, _) = cluster.get("/api/v1/jobs/j1").await;
                assert!(matches!(status, 200 | 404), "{status}");
                times.push(begun.elapsed());
            }
        }
        times
    };
    let (mut times, ()) = within("all are done", LONG, async { tokio::join!(looking, working) }).await;
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    println!("{JOBS} jobs, 20 streams never read: {} looks, p99 {p99:?}", times.len());
    assert!(p99 < Duration::from_millis(250), "p99 of a GET is {p99:?}");
    let grown = memory(&cluster).saturating_sub(before);
    assert!(grown < 200 << 20, "{} MiB more", grown >> 20);
    // A client that reads sees all of it afterwards.
    let http = HttpClient::new(&cluster.http_url(), None).unwrap();
    let mut stream = http.follow_events(Some("type:job.succeeded"), Some("0")).await.unwrap();
    within("all is there", SOON, async {
        for _ in 0..JOBS {
            assert_eq!(stream.next().await.unwrap().unwrap().kind, "job.succeeded");
        }
    })
    .await;
}

/// Memory of the orchestrator in bytes.
fn memory(cluster: &Cluster) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", cluster.orchestrator_pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
