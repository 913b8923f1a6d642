//! A broker that dies, with its memory or without.

use serde_json::json;
use warrener_tests::cluster::Cluster;
use warrener_tests::wait::{SOON, until};

use super::judge::{Record, judge};
use super::load::Load;
use super::{SETTLED, rounds, under_load};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_nothing() {
    let (mut cluster, load) = under_load().await;
    let mut record = Record::default();
    while record.hits < rounds(2) {
        kill(&mut cluster, &load, &mut record).await;
        cluster.broker().launch().await;
        load.reaches(15).await;
    }
    judge("broker killed", &mut cluster, load, &record).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_without_its_disk_loses_nothing() {
    let (mut cluster, load) = under_load().await;
    let mut record = Record::default();
    while record.hits < rounds(2) {
        kill(&mut cluster, &load, &mut record).await;
        cluster.broker().forget();
        cluster.broker().launch().await;
        load.reaches(15).await;
        tokio::time::sleep(SETTLED).await;
    }
    judge("broker wiped", &mut cluster, load, &record).await;
}

/// Kills the broker while more attempts are out than the workers can hold: some are with the broker only.
async fn kill(cluster: &mut Cluster, load: &Load, record: &mut Record) {
    let database = cluster.database();
    let client = cluster.client().await;
    let items: Vec<u32> = (0..BURST).collect();
    let job = json!({"tasks": {"map": {
        "for_each": items, "kind": "demo.sleep", "input": {"ms": 400, "output": "${{ item }}"}}}});
    load.also(client.accept(&job).await, json!({"map": items}));
    let enough = async || Some(database.open_attempts()).filter(|open| *open > HELD + HELD / 2);
    let open = until("attempts are out", SOON, enough).await;
    cluster.broker().kill().await;
    record.hits += 1;
    record.in_flight += usize::try_from(open).unwrap();
}

/// What the workers can hold.
const HELD: i64 = 16;
const BURST: u32 = 80;
