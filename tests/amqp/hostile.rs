//! Messages that would end the connection or the process, sent by anybody who may publish.

use warrener_tests::raw::{HEADERS, MESSAGE_ID, Raw, TYPE, long, short};

use crate::{Bench, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_message_arrives_and_harms_nothing() {
    let bench = Bench::shared().await;
    let submit = bench.names.submit();
    let mut raw = Raw::connect(bench.broker.url()).await;
    let broken = b"a\xff\xfe\xc3z";
    raw.publish(&submit, b"submit", MESSAGE_ID, &short(broken), b"id").await;
    raw.publish(&submit, b"submit", TYPE, &short(broken), b"type").await;
    raw.publish(&submit, b"submit", HEADERS, &long(&[short(broken), b"t\x01".to_vec()].concat()), b"name").await;
    raw.publish(&submit, b"submit", HEADERS, &nested_tables(5_000), b"tables").await;
    raw.publish(&submit, b"submit", HEADERS, &nested_lists(20_000), b"lists").await;
    raw.publish(&submit, broken, 0, &[], b"key").await;

    let mut consumer = bench.session.consume(&submit, 10).await.unwrap();
    let mut bodies = Vec::new();
    for _ in 0..5 {
        let delivery = soon("a hostile message", consumer.next()).await.unwrap();
        assert!(!delivery.redelivered);
        bodies.push(String::from_utf8(delivery.message.body.clone()).unwrap());
        match bodies.last().unwrap().as_str() {
            "id" => assert_eq!(delivery.message.message_id.as_deref(), Some("a???z")),
            "type" => assert_eq!(delivery.message.kind.as_deref(), Some("a???z")),
            "name" => assert!(delivery.message.headers.contains_key("a???z")),
            _ => assert_eq!(delivery.message.headers.len(), 1),
        }
        delivery.ack().await.unwrap();
    }
    assert_eq!(bodies, ["id", "type", "name", "tables", "lists"]);
    let mut unrouted = bench.session.consume(&bench.names.unrouted(), 1).await.unwrap();
    let delivery = soon("the unrouted message", unrouted.next()).await.unwrap();
    assert_eq!(delivery.routing_key, "a???z");
    delivery.ack().await.unwrap();
    assert!(bench.session.is_usable());
}

fn nested_tables(levels: usize) -> Vec<u8> {
    let mut table = Vec::new();
    for _ in 0..levels {
        table = [short(b"a"), b"F".to_vec(), long(&table)].concat();
    }
    long(&table)
}

fn nested_lists(levels: usize) -> Vec<u8> {
    let mut value = b"V".to_vec();
    for _ in 0..levels {
        value = [b"A".to_vec(), long(&value)].concat();
    }
    long(&[short(b"a"), value].concat())
}
