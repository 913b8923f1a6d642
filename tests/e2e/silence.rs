//! What does not answer: queues that never confirm, are full or are gone, exchanges that are removed, a broker that is
//! frozen. Whoever has nothing to do with it must not notice.

mod answers;
mod frozen;
mod handed_back;
mod removed;
mod store;
mod strangers;

use warrener_tests::broker::Broker;
use warrener_tests::client::{AMQPValue, Client, FieldTable};
use warrener_tests::cluster::Cluster;

/// A cluster with one worker on a broker where these durable quorum queues of somebody else have no leader.
async fn beside_headless(queues: &[&str], configuration: &str) -> (Cluster, Client) {
    let mut broker = Broker::start().await;
    let stranger = Client::connect(broker.url(), &broker.names()).await;
    for queue in queues {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        stranger.declare(queue, arguments).await;
    }
    // What tells where the leaders were is not on the disk yet.
    broker.kill().await;
    broker.launch().await;
    let mut cluster = Cluster::configured(broker, configuration).await;
    cluster.start_worker("w1", &warrener_tests::cluster::Plan::default());
    let client = cluster.client().await;
    (cluster, client)
}

/// A cluster on the shared broker with one worker, and a client of it.
async fn bench() -> (Cluster, Client) {
    let cluster = Cluster::with_workers(Broker::shared().await, 1).await;
    let client = cluster.client().await;
    (cluster, client)
}
