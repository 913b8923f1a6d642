//! What comes by the other ways: heartbeats, control messages, tasks that nobody gave out.

use serde_json::json;
use warrener_tests::client::BasicProperties;

use super::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_of_nonsense_are_passed_over() {
    let mut bench = Bench::new().await;
    let workers = bench.cluster.names().workers();
    let many: Vec<_> = (0..20_000).map(|number| format!("1.1.{number:032x}")).collect();
    let beat = |worker: &str, queues: serde_json::Value, slots: serde_json::Value| json!({"worker": worker, "version": "1", "queues": queues, "kinds": ["k"], "slots": slots, "tickets": many});
    let beats = [
        b"".to_vec(),
        b"nonsense".to_vec(),
        b"\xff\xff".to_vec(),
        vec![b'['; 500_000],
        b"[]".to_vec(),
        b"{}".to_vec(),
        json!({"worker": 1, "queues": "default"}).to_string().into_bytes(),
        beat("w", json!(["bad name", "#", "", "x".repeat(5000)]), json!(1)).to_string().into_bytes(),
        beat(&"w".repeat(100_000), json!([]), json!(1)).to_string().into_bytes(),
        beat("w", json!(["default"]), json!(u64::MAX)).to_string().into_bytes(),
        beat("w", json!(["default"]), json!(-1)).to_string().into_bytes(),
        beat("\u{0}\u{202e}", json!(["default"]), json!(4_294_967_295_u32)).to_string().into_bytes(),
    ];
    for (number, body) in beats.into_iter().enumerate() {
        assert!(bench.client.publish(&workers, "", BasicProperties::default(), &body).await);
        bench.probe(&format!("heartbeat {number}")).await;
    }
    bench.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn control_messages_of_nonsense_are_passed_over() {
    let mut bench = Bench::new().await;
    let control = bench.cluster.names().control();
    let nonsense =
        ["", "nonsense", "[]", "{\"cancel\": 5}", "{\"cancel\": [1, null, \"x\"]}", "{\"drain\": \"yes\"}", "{}"];
    for body in nonsense {
        for key in ["all", "worker.none", "somewhere.else"] {
            assert!(bench.client.publish(&control, key, BasicProperties::default(), body.as_bytes()).await);
        }
        bench.probe(body).await;
    }
    bench.end();
}

/// Only the orchestrator should write there; whoever does it all the same gets no worker to work for him twice.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_nobody_gave_out_end_as_dead_letters() {
    let mut bench = Bench::new().await;
    let tasks = bench.cluster.names().tasks();
    bench.probe("the queue is there").await;
    let forged = "1.1.00000000000000000000000000000001";
    let cases = [
        ("nothing at all", BasicProperties::default(), b"".to_vec()),
        ("no ticket", BasicProperties::default().with_type("demo.echo".into()), b"1".to_vec()),
        ("no kind", BasicProperties::default().with_correlation_id(forged.into()), b"1".to_vec()),
    ];
    for (what, properties, body) in cases {
        let before = bench.database.dead().len();
        assert!(bench.client.publish(&tasks, "default", properties, &body).await);
        let dead = bench.dead_after(before, what).await;
        assert_eq!(dead.from, "task", "{what}: {dead:?}");
        bench.probe(what).await;
    }
    let before = bench.database.dead().len();
    assert!(bench.client.publish(&tasks, "nowhere", BasicProperties::default(), b"1").await);
    assert_eq!(bench.dead_after(before, "a wrong key").await.from, "unrouted");
    for queue in [bench.cluster.names().dead(), bench.cluster.names().unrouted()] {
        let before = bench.database.dead().len();
        assert!(bench.client.publish("", &queue, BasicProperties::default(), b"\xff").await);
        bench.dead_after(before, &queue).await;
        bench.probe(&queue).await;
    }
    bench.end();
}
