//! The examples of the Rust libraries: the worker of one works for the client of the other.

use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Process, program};

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_in_rust_work_for_each_other() {
    let mut cluster = Cluster::under_default_prefix(Broker::start().await, "");
    cluster.start_orchestrator().await;
    let url = [("WARRENER_AMQP__URL", cluster.amqp_url().to_owned())];
    let start = |name, example| Process::start(name, &program(example), &[], cluster.folder(), &url);
    let _worker = start("worker", "examples/count_worker");
    let mut client = start("client", "examples/count_client");
    let status = client.ended().await;
    assert!(status.success(), "{status}: {}", client.log());
    assert_eq!(client.log(), "5 words\n");
}
