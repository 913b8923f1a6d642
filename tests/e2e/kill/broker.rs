//! A broker that dies, with its memory or without.

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

/// Kills the broker while attempts are out.
async fn kill(cluster: &mut Cluster, load: &Load, record: &mut Record) {
    let database = cluster.database();
    load.reaches(5).await;
    let open = until("attempts are out", SOON, async || Some(database.open_attempts()).filter(|open| *open > 0)).await;
    cluster.broker().kill().await;
    record.hits += 1;
    record.in_flight += usize::try_from(open).unwrap();
}
