use super::*;

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
    let store = Check { name: "store", ready: false, reason: Some("disk is full".to_owned()) };
    assert_eq!(report.checks, [store, Check { name: "topology", ready: true, reason: None }]);
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
