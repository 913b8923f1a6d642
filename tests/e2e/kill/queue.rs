//! A task queue that comes back without a leader: the broker was killed within a second of its declare.

use serde_json::json;
use warrener_tests::client::Client;
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::{SOON, until};

use super::judge::{Record, judge};
use super::load::Load;
use super::{HEALED, SETTLED, rounds, under_load};

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_task_queue_is_healed() {
    let (mut cluster, load) = under_load().await;
    let mut record = Record::default();
    let rounds = rounds(1);
    while record.hits < rounds {
        assert!(record.misses < 3 * rounds, "no queue came back dead in {} tries", record.misses);
        let queue = format!("young{}", record.hits + record.misses);
        if strike(&mut cluster, &load, &queue).await {
            (record.hits, record.in_flight) = (record.hits + 1, record.in_flight + JOBS);
        } else {
            record.misses += 1;
        }
        tokio::time::sleep(SETTLED).await;
    }
    judge("queue dead", &mut cluster, load, &record).await;
}

/// Kills the broker as soon as a queue is there, and waits until its jobs are done all the same. False if the queue
/// came back alive.
async fn strike(cluster: &mut Cluster, load: &Load, queue: &str) -> bool {
    let client = cluster.client().await;
    let mut ids = Vec::new();
    for number in 0..JOBS {
        let id = client.accept(&json!({"kind": "demo.echo", "queue": queue, "input": number})).await;
        load.also(id.clone(), json!(number));
        ids.push(id);
    }
    let name = format!("{}.{queue}", cluster.names().tasks());
    until("the queue is there", SOON, async || client.has_queue(&name).await.then_some(())).await;
    cluster.broker().kill().await;
    cluster.broker().launch().await;
    let was_dead = is_dead(cluster, &name).await;
    cluster.start_worker(queue, &Plan::default().queues(&[queue]));
    let database = cluster.database();
    until("the jobs of a dead queue are done", HEALED, async || {
        ids.iter().all(|id| database.job(id).is_some_and(|job| job.state.is_final())).then_some(())
    })
    .await;
    assert!(cluster.stop_worker(queue).await.success());
    let log = cluster.orchestrator().log();
    was_dead || log.lines().any(|line| line.contains("no leader") && line.contains(queue))
}

/// Whether a queue takes no consumer; asked at once, before anybody heals it.
async fn is_dead(cluster: &Cluster, queue: &str) -> bool {
    let client = Client::connect(cluster.amqp_url(), cluster.names()).await;
    tokio::time::timeout(std::time::Duration::from_secs(4), client.peek(queue)).await.is_err()
}

const JOBS: usize = 5;
