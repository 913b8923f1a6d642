//! The session layer against a real broker: one test for each trap of the client library and of the broker.

#![allow(clippy::unwrap_used, reason = "a test that can't go on shall panic")]

mod consuming;
mod faults;
mod foreign;
mod hostile;
mod late;
mod opening;
mod publishing;
mod topology;

use std::time::Duration;

use warrener_amqp::{Session, Settings, Topology};
use warrener_shared::id::QueueName;
use warrener_shared::wire::Message;
use warrener_shared::wire::topology::Names;
use warrener_tests::broker::Broker;

/// A session on the shared broker with all entities of an own prefix and the lane `default`.
struct Bench {
    broker: Broker,
    names: Names,
    session: Session,
}

impl Bench {
    async fn shared() -> Self {
        let broker = Broker::shared().await;
        Self::on(broker).await
    }

    async fn on(broker: Broker) -> Self {
        let url = broker.url().to_owned();
        Self::at(&url, broker).await
    }

    async fn at(url: &str, broker: Broker) -> Self {
        let names = broker.names();
        let session = Session::open(&settings(url)).await.unwrap();
        session.declare(&Topology::orchestrator(&names, &[QueueName::default_queue()])).await.unwrap();
        Self { broker, names, session }
    }

    /// The queue of the lane `default`.
    fn lane(&self) -> String {
        self.names.task_queue(&QueueName::default_queue())
    }

    /// Publishes messages `0`, `1`, … to the lane.
    async fn fill(&self, count: usize) {
        let publisher = self.session.publisher(64).await.unwrap();
        for number in 0..count {
            let outcome = publisher.publish(&self.names.tasks(), "default", numbered(number)).await;
            assert!(outcome.is_confirmed());
        }
    }

    /// Waits until a queue has so many ready messages.
    async fn ready(&self, queue: &str, count: u32) {
        eventually(&format!("{count} ready in {queue}"), async || {
            self.session.depth(queue).await.unwrap().unwrap().ready == count
        })
        .await;
    }
}

fn settings(url: &str) -> Settings {
    Settings::new(url, "test")
}

async fn open(broker: &Broker) -> Session {
    Session::open(&settings(broker.url())).await.unwrap()
}

fn numbered(number: usize) -> Message {
    Message::json("test", number.to_string().into_bytes())
}

fn number(message: &Message) -> usize {
    std::str::from_utf8(&message.body).unwrap().parse().unwrap()
}

/// Fails the test if something takes longer than it may.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.unwrap_or_else(|_| panic!("{what}: not within 20 s"))
}

/// Asks again and again until the answer is yes; what the broker does by itself has no event.
async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    soon(what, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
