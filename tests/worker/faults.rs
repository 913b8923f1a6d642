//! The broker goes away.

use warrener_shared::id::QueueName;
use warrener_tests::broker::Broker;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_goes_on_while_the_broker_restarts_and_runs_once() {
    let mut broker = Broker::start().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let worker = stage.worker(|_| {});
    let ticket = stage.dispatch(1, "demo.sleep", r#"{"ms": 6000, "output": "survived"}"#).await;
    stage.heartbeat(|beat| beat.tickets.contains(&ticket)).await;
    broker.restart().await;
    let mut stage = stage.again().await;
    assert_eq!(stage.hear().await, format!("{ticket} task.succeeded \"survived\""));
    let next = stage.dispatch(2, "demo.echo", "2").await;
    // The redelivered task may be answered once more, but only with what is known.
    let said = stage.hear().await;
    let last = if said.starts_with(&ticket) { stage.hear().await } else { said };
    assert_eq!(last, format!("{next} task.succeeded 2"));
    worker.end().await;
    let queue = stage.names.task_queue(&QueueName::default_queue());
    assert_eq!(stage.session.depth(&queue).await.unwrap().unwrap().ready, 0);
}
