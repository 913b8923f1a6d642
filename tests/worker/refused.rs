//! The broker takes no reports of a worker.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use warrener_amqp::Topology;
use warrener_shared::id::QueueName;
use warrener_tests::broker::Broker;
use warrener_tests::wait::{SOON, until};
use warrener_worker::{Failure, Worker};

use crate::stage::Stage;

/// A kind that tells when it begins and ends when it may.
fn gated(began: mpsc::UnboundedSender<u64>, gate: &Arc<Notify>) -> impl FnOnce(Worker) -> Worker {
    let gate = Arc::clone(gate);
    move |worker| {
        worker.handle("gated", move |_, input: u64| {
            let (began, gate) = (began.clone(), Arc::clone(&gate));
            async move {
                began.send(input)?;
                gate.notified().await;
                Ok::<_, Failure>(input)
            }
        })
    }
}

/// What a worker without the right to report may still write: heartbeats, and its own queue.
const NO_REPORTS: &str = r"(\.workers|\.control\..*)$";

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_may_not_report_keeps_its_reports_takes_nothing_and_says_so() {
    let mut broker = Broker::start().await;
    broker.control(&["add_user", "limited", "limited"]).await;
    broker.control(&["set_permissions", "limited", ".*", ".*", ".*"]).await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let url = broker.url().replace("guest:guest@", "limited:limited@");
    let ((began, mut begun), gate) = (mpsc::unbounded_channel(), Arc::new(Notify::new()));
    let worker = stage.worker_at(&url, |section| section.slots = 2, gated(began, &gate));
    let first = stage.dispatch(1, "gated", "1").await;
    assert_eq!(begun.recv().await, Some(1));
    broker.control(&["set_permissions", "limited", ".*", NO_REPORTS, ".*"]).await;
    gate.notify_one();
    let beat = stage.heartbeat(|beat| beat.refused.is_some()).await;
    assert!(beat.refused.unwrap().contains(&stage.names.results()));
    assert_eq!(beat.tickets.join(" "), first, "its report is kept");
    let second = stage.dispatch(2, "gated", "2").await;
    // Both wait: what it held went back, and nothing is taken.
    for _ in 0..2 {
        until("both wait", SOON, async || (stage.left("default").await == 2).then_some(())).await;
        stage.heartbeat(|beat| beat.refused.is_some()).await;
    }
    let counted = stage.deliveries_of_next("default").await;
    assert!(counted <= 1, "its own refused publish counted {counted} times against a task");
    broker.control(&["set_permissions", "limited", ".*", ".*", ".*"]).await;
    assert_eq!(stage.hear().await, format!("{first} task.succeeded 1"));
    assert_eq!(begun.recv().await, Some(2));
    gate.notify_one();
    assert_eq!(stage.hear().await, format!("{second} task.succeeded 2"));
    stage.heartbeat(|beat| beat.refused.is_none()).await;
    worker.end().await;
    assert_eq!(stage.left("default").await, 0);
    assert!(begun.recv().await.is_none(), "each ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_whose_exchange_is_gone_are_sent_once_it_is_back() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let ((began, mut begun), gate) = (mpsc::unbounded_channel(), Arc::new(Notify::new()));
    let url = broker.url().to_owned();
    let worker = stage.worker_at(&url, |section| section.slots = 2, gated(began, &gate));
    let ticket = stage.dispatch(1, "gated", "1").await;
    assert_eq!(begun.recv().await, Some(1));
    stage.session.delete_exchange(&stage.names.results()).await.unwrap();
    gate.notify_one();
    let beat = stage.heartbeat(|beat| beat.refused.is_some()).await;
    assert!(beat.refused.unwrap().ends_with("orchestrators declare it when they start"));
    let default = [QueueName::default_queue()];
    stage.session.declare(&Topology::orchestrator(&stage.names, &default)).await.unwrap();
    assert_eq!(stage.hear().await, format!("{ticket} task.succeeded 1"));
    worker.end().await;
    assert_eq!(stage.left("default").await, 0);
    assert!(begun.recv().await.is_none(), "it ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_may_not_send_heartbeats_works_without_them() {
    let mut broker = Broker::start().await;
    broker.control(&["add_user", "silent", "silent"]).await;
    broker.control(&["set_permissions", "silent", ".*", r"(\.results|\.control\..*)$", ".*"]).await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let url = broker.url().replace("guest:guest@", "silent:silent@");
    let worker = stage.worker_at(&url, |_| {}, |worker| worker);
    for number in 1..=3 {
        let ticket = stage.dispatch(number, "demo.sleep", r#"{"ms": 2000}"#).await;
        assert_eq!(stage.hear().await, format!("{ticket} task.succeeded null"));
    }
    worker.end().await;
    assert_eq!(stage.left("default").await, 0);
}
