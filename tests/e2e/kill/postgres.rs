//! A PostgreSQL that dies, and who may write to one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::postgres::{PASSWORD, Server};
use warrener_tests::wait::{SOON, until, within};

use super::{HEALED, rounds, settled};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_loses_nothing() {
    let mut server = Server::start();
    let (mut cluster, load) = settled(Cluster::on_store(Broker::start().await, server.url()).await).await;
    let client = cluster.client().await;
    let items: Vec<u32> = (0..ITEMS).collect();
    let job = json!({"input": items, "tasks": {
        "list": {"kind": "demo.echo", "input": "${{ input }}"},
        "map": {"for_each": "${{ tasks.list.output }}", "kind": "demo.sleep",
            "input": {"ms": 30, "output": "${{ item * 2 }}"}},
        "sum": {"kind": "demo.echo", "input": "${{ tasks.map.output | sum }}"},
        "count": {"kind": "demo.echo", "input": "${{ tasks.map.output | length }}"},
    }, "output": ["${{ tasks.sum.output }}", "${{ tasks.count.output }}"]});
    load.also(client.accept(&job).await, json!([ITEMS * (ITEMS - 1), ITEMS]));
    for round in 0..rounds(2) {
        sleep(Duration::from_millis(u64::try_from(300 + round * 397 % 900).unwrap())).await;
        let open = number(&server, "SELECT count(*) FROM warrener.tasks WHERE dispatch_no IS NOT NULL");
        assert!(open > 0, "something is in flight");
        server.kill();
        let (status, report) = until("it is not ready", SOON, async || {
            Some(cluster.get("/readyz").await).filter(|(status, _)| *status == 503)
        })
        .await;
        assert!(status == 503 && report.to_string().contains("PostgreSQL"), "{report}");
        server.launch();
        cluster.ready().await;
        load.reaches(15).await;
    }
    cluster.kill_orchestrator().await;
    cluster.start_orchestrator().await;
    load.reaches(15).await;
    verdict(&mut cluster, &server, load.end().await).await;
}

/// Waits until everything is final and fails unless all of it is right.
async fn verdict(cluster: &mut Cluster, server: &Server, expected: BTreeMap<String, Value>) {
    let open = "SELECT count(*) FROM warrener.jobs WHERE state < 2";
    until("every job is over", HEALED, async || (number(server, open) == 0).then_some(())).await;
    for (id, output) in &expected {
        let (status, job) = cluster.get(&format!("/api/v1/jobs/{id}")).await;
        assert!(status == 200 && job["state"] == "succeeded" && job["output"] == *output, "{id}: {job}, not {output}");
    }
    assert_eq!(number(server, "SELECT count(*) FROM warrener.jobs"), expected.len() as u64, "no job is nobody's");
    assert_eq!(number(server, "SELECT count(*) FROM warrener.tasks WHERE state < 4 OR dispatch_no IS NOT NULL"), 0);
    assert_eq!(number(server, "SELECT count(*) FROM warrener.dead"), 0, "nothing was set aside");
    for id in expected.keys() {
        one_result_each(cluster, id).await;
    }
    let log = cluster.orchestrator().log();
    assert!(!log.contains("panicked") && !log.contains(PASSWORD), "{log}");
}

/// The events of a job are numbered without a gap, and none of its tasks became final twice.
async fn one_result_each(cluster: &Cluster, id: &str) {
    let (mut ended, mut cursor, mut next) = (BTreeMap::new(), String::new(), 1);
    loop {
        let (_, page) = cluster.get(&format!("/api/v1/jobs/{id}/events?limit=1000{cursor}")).await;
        for event in page["items"].as_array().expect("a list of events") {
            assert_eq!(event["sequence"], next, "{id}: {event}");
            next += 1;
            if event["state"] == "succeeded" {
                *ended.entry(format!("{} {}", event["task"], event["index"])).or_insert(0) += 1;
            }
        }
        match page["next"].as_str() {
            Some(after) => cursor = format!("&cursor={after}"),
            None => break,
        }
    }
    let twice: Vec<_> = ended.iter().filter(|(_, count)| **count > 1).collect();
    assert!(!ended.is_empty() && twice.is_empty(), "{id}: {twice:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_orchestrator_is_refused() {
    let server = Server::start();
    let mut cluster = Cluster::on_store(Broker::start().await, server.url()).await;
    cluster.start_worker("w1", &Plan::default());
    let mut twin = cluster.start_twin();
    let status = within("the twin gives up", SOON, twin.ended()).await;
    let log = twin.log();
    assert!(!status.success() && log.contains("another orchestrator has it open"), "{status}: {log}");
    assert!(log.contains("WARRENER_STORE__URL") && !log.contains(PASSWORD), "{log}");
    let client = cluster.client().await;
    assert_eq!(client.run(&json!({"kind": "demo.echo", "input": 1})).await["output"], 1);
    // Where the first one ended, however it did, the second may begin.
    cluster.kill_orchestrator().await;
    let twin = cluster.start_twin();
    until("the twin has it", SOON, async || twin.log().contains("orchestrator started").then_some(())).await;
    assert!(twin.log().contains("store=postgres://warrener@127.0.0.1"), "{}", twin.log());
    assert!(!twin.log().contains(PASSWORD));
}

fn number(server: &Server, statement: &str) -> u64 {
    server.sql(statement).parse().expect("a number")
}

const ITEMS: u32 = 1_000;
