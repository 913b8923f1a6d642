use warrener_amqp::{Published, Session, Settings, Topology};
use warrener_shared::id::QueueName;
use warrener_shared::wire::Message;
use warrener_tests::broker::Broker;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_out_and_comes_in() {
    let broker = Broker::shared().await;
    let names = broker.names();
    let session = Session::open(&Settings::new(broker.url(), "test")).await.unwrap();
    let queue = QueueName::default_queue();
    session.declare(&Topology::orchestrator(&names, std::slice::from_ref(&queue))).await.unwrap();
    let publisher = session.publisher(16).await.unwrap();
    let outcome = publisher.publish(&names.tasks(), "default", Message::json("a", b"{}".to_vec())).await;
    assert_eq!(outcome, Published::Confirmed);
    let mut consumer = session.consume(&names.task_queue(&queue), 1).await.unwrap();
    let delivery = consumer.next().await.unwrap();
    assert_eq!(delivery.message.body, b"{}");
    delivery.ack().await.unwrap();
    session.close().await;
}
