use super::*;
use crate::clock::Hand;

#[test]
fn ready_only_once_every_named_check_holds() {
    let health = Health::new(&["store", "topology"]);
    health.ready("store");
    assert!(!health.is_ready());
    health.ready("topology");
    assert!(health.is_ready());
    health.not_ready("store", "disk is full");
    let report = health.report();
    assert!(!report.ready);
    let store = HealthCheck { name: "store", ready: false, reason: Some("disk is full".to_owned()) };
    assert_eq!(report.checks, [store, HealthCheck { name: "topology", ready: true, reason: None }]);
}

#[tokio::test]
async fn a_waiter_is_woken_by_the_last_check() {
    let health = Health::new(&["store"]);
    let waiter = tokio::spawn({
        let health = health.clone();
        async move { health.wait_ready().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiter.is_finished());
    health.ready("store");
    waiter.await.unwrap();
}

/// A register of one check that must be renewed each four seconds, and what moves its clock.
fn renewed() -> (Health, Arc<Hand>) {
    let hand = Arc::new(Hand::default());
    let health = Health::new(&["store"]).with_fresh("store", Duration::from_secs(4));
    (health.with_clock(Clock::by_hand(hand.clone())), hand)
}

#[test]
fn a_check_that_is_not_renewed_stops_holding_by_itself() {
    let (health, hand) = renewed();
    health.ready("store");
    hand.pass(4_000);
    assert!(health.is_ready());
    hand.pass(1_000);
    assert!(!health.is_ready());
    assert_eq!(health.report().checks[0].reason.as_deref(), Some("no answer for 5 s"));
    health.ready("store");
    assert!(health.is_ready());
}

#[test]
fn a_reason_outlives_the_age_of_what_was_well_before() {
    let (health, hand) = renewed();
    health.ready("store");
    health.not_ready("store", "the disk is full");
    hand.pass(60_000);
    assert_eq!(health.report().checks[0].reason.as_deref(), Some("the disk is full"));
}
