//! What goes first.

use serde_json::json;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::{SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_urgent_goes_first_but_for_what_is_out_already() {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    let client = cluster.client().await;
    let mut ids = Vec::new();
    // No worker yet: at least 16 attempts are offered, and all others wait in the database, where order is exact.
    for number in 0..60_u32 {
        let priority = if number < 30 { 1 } else { number % 10 };
        let mark = client.submit(&json!({"kind": "demo.echo", "input": number, "priority": priority})).await;
        ids.push((client.accepted(&mark).await, priority));
    }
    let database = cluster.database();
    until("the window is full", SOON, async || (database.open_attempts() >= 16).then_some(())).await;
    let out = database.open_attempts();
    assert!(out <= 32, "{out} attempts are out without a worker");
    cluster.start_worker("w1", &Plan::default().slots(1));
    until("all jobs are final", SOON, async || (database.final_jobs() == 60).then_some(())).await;
    let mut order = Vec::new();
    for (id, priority) in &ids {
        let job = database.job(id).unwrap();
        let events = database.events(job.no);
        let out = events.iter().find(|event| event["type"] == "task.dispatched").unwrap();
        order.push((out["time"].as_str().unwrap().to_owned(), *priority));
    }
    // What went out in one commit has one time, and no order that could be seen.
    order.sort_by(|(one, urgent), (other, more)| (one, more).cmp(&(other, urgent)));
    let late: Vec<_> = order[usize::try_from(out).unwrap()..].iter().map(|(_, priority)| *priority).collect();
    assert!(late.is_sorted_by(|one, next| one >= next), "dispatched in this order of priorities: {late:?}");
}
