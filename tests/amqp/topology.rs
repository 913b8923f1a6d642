//! Declaring, looking, owning.

use lapin::options::ExchangeDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use warrener_amqp::{BrokerError, OwnerMark, Published, QueueDepth, Topology};
use warrener_shared::id::QueueName;
use warrener_shared::wire::topology::Names;
use warrener_tests::broker::Broker;

use crate::foreign::{Foreign, text};
use crate::{Bench, numbered, open, soon};

#[tokio::test(flavor = "multi_thread")]
async fn declaring_twice_changes_nothing() {
    let bench = Bench::shared().await;
    bench.fill(3).await;
    bench.session.declare(&Topology::orchestrator(&bench.names, &[QueueName::default_queue()])).await.unwrap();
    bench.ready(&bench.lane(), 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_what_is_missing_harms_nobody() {
    let bench = Bench::shared().await;
    let publisher = bench.session.publisher(8).await.unwrap();
    let mut consumer = bench.session.consume(&bench.lane(), 1).await.unwrap();
    for _ in 0..20 {
        let in_flight = publisher.enqueue(&bench.names.tasks(), "default", numbered(1)).await;
        assert_eq!(bench.session.depth("missing").await.unwrap(), None);
        assert!(!bench.session.exchange_exists("missing").await.unwrap());
        assert!(!bench.session.bind("missing", &bench.names.tasks(), "key").await.unwrap());
        let error = bench.session.bind(&bench.lane(), "missing", "key").await.unwrap_err();
        assert!(matches!(error, BrokerError::Missing { .. }), "{error:?}");
        let error = bench.session.consume("missing", 1).await.unwrap_err();
        assert!(matches!(&error, BrokerError::Missing { entity, .. } if entity == "the queue missing"), "{error:?}");
        bench.session.delete_queue("missing").await.unwrap();
        assert_eq!(in_flight.await, Published::Confirmed);
        consumer.next().await.unwrap().ack().await.unwrap();
    }
    assert!(bench.session.is_usable());
}

#[tokio::test(flavor = "multi_thread")]
async fn depth_counts_messages_and_consumers() {
    let bench = Bench::shared().await;
    let lane = bench.lane();
    assert_eq!(bench.session.depth(&lane).await.unwrap(), Some(QueueDepth { ready: 0, consumers: 0 }));
    bench.fill(2).await;
    bench.ready(&lane, 2).await;
    let _consumer = bench.session.consume(&lane, 1).await.unwrap();
    crate::eventually("one taken, one consumer", async || {
        bench.session.depth(&lane).await.unwrap() == Some(QueueDepth { ready: 1, consumers: 1 })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_is_gone_with_its_messages() {
    let bench = Bench::shared().await;
    bench.fill(2).await;
    bench.session.delete_queue(&bench.lane()).await.unwrap();
    assert_eq!(bench.session.depth(&bench.lane()).await.unwrap(), None);
    bench.session.declare(&Topology::task_queue(&bench.names, &QueueName::default_queue())).await.unwrap();
    assert_eq!(bench.session.depth(&bench.lane()).await.unwrap(), Some(QueueDepth { ready: 0, consumers: 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_other_properties_is_named_with_both_sides_and_the_way_out() {
    let broker = Broker::shared().await;
    let session = open(&broker).await;
    let foreign = Foreign::connect(broker.url()).await;
    let ours = |names: &Names, limit| {
        vec![
            ("x-queue-type", text("quorum")),
            ("x-overflow", text("reject-publish")),
            ("x-dead-letter-exchange", text(&names.dlx())),
            ("x-dead-letter-routing-key", text("submit")),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-delivery-limit", AMQPValue::LongInt(limit)),
        ]
    };
    for case in ["plain", "transient", "limit", "more"] {
        let names = broker.names();
        let (durable, arguments, we_want, it_has) = match case {
            "plain" => {
                (true, vec![], &*format!("x-dead-letter-exchange {}", names.dlx()), "x-dead-letter-exchange none")
            }
            "transient" => (false, vec![("x-queue-type", text("classic"))], "durable true", "durable false"),
            "limit" => (true, ours(&names, 5), "x-delivery-limit 20", "x-delivery-limit 5"),
            _ => {
                let more = [ours(&names, 20), vec![("x-max-length", AMQPValue::LongInt(9))]].concat();
                (true, more, "x-max-length none", "x-max-length 9")
            }
        };
        let queue = names.submit();
        foreign.declare(&queue, durable, &arguments).await;
        let error = session.declare(&Topology::orchestrator(&names, &[])).await.unwrap_err();
        let BrokerError::Mismatch { entity, wanted, found, fix } = &error else { panic!("{error:?}") };
        assert_eq!(*entity, format!("the queue {queue}"));
        assert_eq!((wanted.as_str(), found.as_str()), (we_want, it_has));
        assert!(fix.contains(&queue) && fix.contains("WARRENER_AMQP__PREFIX"), "{fix}");
        assert!(!error.is_transient() && session.is_usable());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_with_other_properties_is_named_too() {
    let broker = Broker::shared().await;
    let (names, session) = (broker.names(), open(&broker).await);
    let foreign = Foreign::connect(broker.url()).await;
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let (name, kind) = (names.submit(), lapin::ExchangeKind::Topic);
    foreign.channel.exchange_declare(name.clone().into(), kind, options, FieldTable::default()).await.unwrap();
    let error = session.declare(&Topology::orchestrator(&names, &[])).await.unwrap_err();
    let BrokerError::Mismatch { entity, wanted, found, .. } = &error else { panic!("{error:?}") };
    assert_eq!(
        (entity.as_str(), wanted.as_str(), found.as_str()),
        (&*format!("the exchange {name}"), "type direct", "type topic")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_belongs_to_one_database() {
    let broker = Broker::shared().await;
    let names = broker.names();
    let session = open(&broker).await;
    assert_eq!(session.declare_owner(&names, "first").await.unwrap(), OwnerMark::Fresh);
    assert_eq!(session.declare_owner(&names, "first").await.unwrap(), OwnerMark::Known);
    assert_eq!(open(&broker).await.declare_owner(&names, "first").await.unwrap(), OwnerMark::Known);
    let error = session.declare_owner(&names, "second").await.unwrap_err();
    assert!(matches!(error, BrokerError::OwnedByAnother { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("WARRENER_AMQP__PREFIX") && text.contains(&names.store("first")), "{text}");
    assert!(!error.is_transient() && session.is_usable());
    assert_eq!(session.declare_owner(&names, "first").await.unwrap(), OwnerMark::Known);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_visible_instead_of_silent() {
    let bench = Bench::shared().await;
    let publisher = bench.session.publisher(8).await.unwrap();
    for exchange in [bench.names.submit(), bench.names.tasks(), bench.names.results()] {
        assert_eq!(publisher.publish(&exchange, "a typo", numbered(1)).await, Published::Confirmed);
        let mut unrouted = bench.session.consume(&bench.names.unrouted(), 1).await.unwrap();
        let delivery = soon("the unrouted message", unrouted.next()).await.unwrap();
        assert_eq!((delivery.exchange.as_str(), delivery.routing_key.as_str()), (exchange.as_str(), "a typo"));
        delivery.ack().await.unwrap();
        assert!(unrouted.cancel().await.unwrap().is_empty());
    }
}
