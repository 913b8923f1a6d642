//! Tasks, cancel, drain.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use warrener_amqp::Topology;
use warrener_shared::id::QueueName;
use warrener_shared::time::Millis;
use warrener_shared::wire::dispatch::Dispatch;
use warrener_tests::broker::Broker;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_done_reported_and_acknowledged() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let worker = stage.worker(|_| {});
    let mut expected = BTreeSet::new();
    for number in 0..100 {
        let ticket = stage.dispatch(number, "demo.echo", &format!("{{\"n\": {number}}}")).await;
        expected.insert(format!("{ticket} task.succeeded {{\"n\": {number}}}"));
    }
    let mut said = BTreeSet::new();
    while said.len() < expected.len() {
        said.insert(stage.hear().await);
    }
    assert_eq!(said, expected);
    worker.end().await;
    assert_eq!(stage.left("default").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_share_messages_where_the_orchestrator_reads_them_so() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let mut expected = BTreeSet::new();
    // All are there before the worker is, so that many end at once.
    for number in 0..500 {
        let ticket = stage.dispatch_reading(number, "demo.echo", &format!("{{\"n\": {number}}}"), 16).await;
        expected.insert(format!("{ticket} task.succeeded {{\"n\": {number}}}"));
    }
    let worker = stage.worker(|section| section.slots = 100);
    let (mut said, mut messages) = (BTreeSet::new(), 0);
    while said.len() < expected.len() {
        let reports = stage.hear_all().await;
        assert!((1..=16).contains(&reports.len()), "{reports:?}");
        messages += 1;
        for report in reports {
            assert!(said.insert(report.clone()), "{report} twice");
        }
    }
    assert_eq!(said, expected);
    assert!(messages < 250, "{messages} messages for 500 reports");
    worker.end().await;
    assert_eq!(stage.left("default").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_and_unknown_kinds_are_reported() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let worker = stage.worker(|section| section.slots = 1);
    let first = stage.dispatch(1, "demo.fail", r#"{"code": "busy", "message": "later", "retry": "30s"}"#).await;
    assert_eq!(stage.hear().await, format!(r#"{first} task.failed {{"code":"busy","message":"later","retry":"30s"}}"#));
    let second = stage.dispatch(2, "tea.make", "null").await;
    assert_eq!(stage.hear().await, format!(r#"{second} task.released {{"code":"unknown_kind"}}"#));
    let third = stage.dispatch_with(3, "demo.sleep", r#"{"ms": 60000}"#, |task| task.timeout = Millis(100)).await;
    let said = stage.hear().await;
    assert!(said.starts_with(&format!(r#"{third} task.failed {{"code":"timed_out","#)), "{said}");
    worker.end().await;
    assert_eq!(stage.left("default").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_the_attempt_without_a_report() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let worker = stage.worker(|section| section.slots = 1);
    let ticket = stage.dispatch(1, "demo.sleep", r#"{"ms": 600000}"#).await;
    let beat = stage.heartbeat(|beat| beat.tickets.contains(&ticket)).await;
    assert_eq!((beat.queues, beat.slots), (vec!["default".to_owned()], 1));
    assert_eq!(beat.kinds, ["demo.crash", "demo.echo", "demo.fail", "demo.sleep"]);
    stage.control(&beat.worker, json!({"cancel": [ticket]})).await;
    let next = stage.dispatch(2, "demo.echo", "2").await;
    assert_eq!(stage.hear().await, format!("{next} task.succeeded 2"));
    worker.end().await;
    assert_eq!(stage.left("default").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_by_control_finishes_what_runs_and_ends_the_worker() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let worker = stage.worker(|section| section.slots = 1);
    let input = r#"{"ms": 3000, "output": "slept"}"#;
    // A task that bears little silence is named in heartbeats often.
    let impatient = |task: &mut Dispatch| task.heartbeat = Some(Millis(1500));
    let ticket = stage.dispatch_with(1, "demo.sleep", input, impatient).await;
    let beat = stage.heartbeat(|beat| beat.tickets.contains(&ticket)).await;
    stage.control(&beat.worker, json!({"drain": true})).await;
    stage.heartbeat(|beat| beat.draining).await;
    stage.dispatch(2, "demo.echo", "2").await;
    assert_eq!(stage.hear().await, format!("{ticket} task.succeeded \"slept\""));
    worker.ended().await;
    assert_eq!(stage.left("default").await, 1, "nothing more is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_time_to_drain_is_over_the_rest_is_handed_back() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let worker = stage.worker(|section| section.drain = Duration::from_millis(100));
    let ticket = stage.dispatch(1, "demo.sleep", r#"{"ms": 600000}"#).await;
    stage.heartbeat(|beat| beat.tickets.contains(&ticket)).await;
    worker.end().await;
    assert_eq!(stage.hear().await, format!("{ticket} task.released {{}}"));
    assert_eq!(stage.left("default").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_declared_later_is_served() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let worker = stage.worker(|section| section.queues = vec!["late".to_owned(), "default".to_owned()]);
    let beat = stage.heartbeat(|_| true).await;
    let late = QueueName::new(&beat.queues[0]).unwrap();
    let first = stage.dispatch(1, "demo.echo", "1").await;
    assert_eq!(stage.hear().await, format!("{first} task.succeeded 1"));
    stage.session.declare(&Topology::task_queue(&stage.names, &late)).await.unwrap();
    let second = stage.dispatch_with(2, "demo.echo", "2", |task| task.queue = late).await;
    assert_eq!(stage.hear().await, format!("{second} task.succeeded 2"));
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspect_is_announced_and_worked_on_alone() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let worker = stage.worker(|_| {});
    let input = r#"{"until_delivery": 3}"#;
    let ticket = stage.dispatch_with(1, "demo.crash", input, |task| task.deliveries = Some(2)).await;
    assert_eq!(stage.hear().await, format!("{ticket} task.progress {{}}"));
    assert_eq!(stage.hear().await, format!(r#"{ticket} task.succeeded {{"delivery":3}}"#));
    let next = stage.dispatch(2, "demo.echo", "2").await;
    assert_eq!(stage.hear().await, format!("{next} task.succeeded 2"));
    worker.end().await;
    assert_eq!(stage.left("default").await, 0);
}
