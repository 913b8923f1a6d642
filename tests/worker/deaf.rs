//! Queues that are deleted by hand while they are served.

use std::time::{Duration, Instant};

use warrener_amqp::Topology;
use warrener_shared::id::QueueName;
use warrener_shared::time::Millis;
use warrener_tests::broker::Broker;
use warrener_tests::wait::SOON;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_deleted_and_made_anew_at_once_is_served_again() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default", "other"]).await;
    let worker = stage.worker(|section| section.queues = vec!["default".to_owned(), "other".to_owned()]);
    let (default, other) = (QueueName::default_queue(), QueueName::new("other").unwrap());
    let held = stage.dispatch_with(1, "demo.sleep", r#"{"ms": 6000}"#, |task| {
        task.queue = other.clone();
        // Named in heartbeats often.
        task.heartbeat = Some(Millis(1500));
    });
    let held = held.await;
    stage.heartbeat(|beat| beat.tickets.contains(&held)).await;
    // Some brokers end the consumers of the old queue, some forget to, and lose what is sent at once, all by chance.
    let mut number = 1;
    for _ in 0..4 {
        stage.session.delete_queue(&stage.names.task_queue(&default)).await.unwrap();
        stage.session.declare(&Topology::task_queue(&stage.names, &default)).await.unwrap();
        let deadline = Instant::now() + SOON * 2;
        loop {
            assert!(Instant::now() < deadline, "the queue has tasks and the worker takes none");
            number += 1;
            stage.dispatch(number, "demo.echo", "1").await;
            let said = stage.hear_within(Duration::from_secs(2)).await;
            if said.is_some_and(|said| said != format!("{held} task.succeeded null")) {
                break;
            }
        }
        // What waited with it.
        while stage.hear_within(Duration::from_millis(300)).await.is_some() {}
    }
    worker.end().await;
    assert_eq!((stage.left("default").await, stage.left("other").await), (0, 0));
}
