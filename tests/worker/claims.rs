//! Long attempts.

use std::time::Duration;

use warrener_tests::broker::Broker;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_long_attempt_is_claimed_and_takes_nothing_behind_it() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let worker = stage.worker(|section| {
        section.slots = 2;
        section.claim_after = Duration::from_secs(1);
    });
    let long = stage.dispatch(1, "demo.sleep", r#"{"ms": 6000}"#).await;
    assert_eq!(stage.hear().await, format!(r#"{long} task.claimed {{"lease_ms":20000}}"#));
    // One slot is left: of two more long ones a second worker gets one at once.
    let (second, third) =
        (stage.dispatch(2, "demo.sleep", r#"{"ms": 900}"#).await, stage.dispatch(3, "demo.echo", "3").await);
    let other = stage.worker(|section| section.slots = 1);
    let mut said = [stage.hear().await, stage.hear().await];
    said.sort();
    assert_eq!(said, [format!("{second} task.succeeded null"), format!("{third} task.succeeded 3")]);
    assert_eq!(stage.hear().await, format!("{long} task.succeeded null"));
    // And the slot of the long one is used again.
    let (a, b) = (stage.dispatch(4, "demo.echo", "4").await, stage.dispatch(5, "demo.echo", "5").await);
    let mut said = [stage.hear().await, stage.hear().await];
    said.sort();
    assert_eq!(said, [format!("{a} task.succeeded 4"), format!("{b} task.succeeded 5")]);
    worker.end().await;
    other.end().await;
    assert_eq!(stage.left("default").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_every_slot_is_claimed_tasks_stay_in_the_queue() {
    let broker = Broker::shared().await;
    let mut stage = Stage::set(&broker, &["default"]).await;
    let worker = stage.worker(|section| {
        section.slots = 1;
        section.claim_after = Duration::from_secs(1);
    });
    let long = stage.dispatch(1, "demo.sleep", r#"{"ms": 4000}"#).await;
    let next = stage.dispatch(2, "demo.echo", "2").await;
    assert_eq!(stage.hear().await, format!(r#"{long} task.claimed {{"lease_ms":20000}}"#));
    assert_eq!(stage.left("default").await, 1);
    assert_eq!(stage.hear().await, format!("{long} task.succeeded null"));
    assert_eq!(stage.hear().await, format!("{next} task.succeeded 2"));
    worker.end().await;
    assert_eq!(stage.left("default").await, 0);
}
