//! The client library against a real broker, where a stand-in answers as an orchestrator does.

#![expect(clippy::unwrap_used, reason = "a test may panic, and clippy takes only functions marked #[test] for tests")]

use std::time::Duration;

use warrener_amqp::{Session, Settings, Topology};
use warrener_client::{Client, ClientError, JobDocument};
use warrener_shared::state::JobState;
use warrener_shared::wire::Message;
use warrener_shared::wire::topology::Names;
use warrener_tests::broker::Broker;

const FINISHED: &str =
    r#"{"job_id":"JOB","state":"succeeded","output":{"n": 123456789012345678901234567890},"error":null}"#;
const REJECTED: &str = r#"{"type":"about:blank","title":"t","status":422,"detail":"1 problem",
    "errors":[{"pointer":"/kind","code":"missing_field","detail":"there is no kind"}]}"#;

/// Takes one submit after the other, and sends each of `answers` to the first, the second, …
async fn stand_in(session: Session, names: Names, answers: Vec<(&'static str, &'static str)>) -> Vec<Message> {
    let mut consumer = session.consume(&names.submit(), 16).await.unwrap();
    let publisher = session.publisher(16).await.unwrap();
    let mut submits = Vec::new();
    for (kind, body) in answers {
        let (incoming, receipt) = consumer.next().await.unwrap().into_parts();
        let submit = incoming.message;
        let body = body.replace("JOB", submit.message_id.as_deref().unwrap());
        let reply = Message { correlation_id: submit.correlation_id.clone(), ..Message::json(kind, body.into_bytes()) };
        // The default exchange routes by the name of the queue.
        let sent = publisher.publish_mandatory("", submit.reply_to.as_deref().unwrap(), reply).await;
        assert!(sent.is_confirmed(), "the reply queue is there: {sent:?}");
        receipt.ack().await.unwrap();
        submits.push(submit);
    }
    session.close().await;
    submits
}

struct World {
    broker: Broker,
    names: Names,
}

impl World {
    async fn new() -> Self {
        let broker = Broker::shared().await;
        let names = broker.names();
        Self { broker, names }
    }

    fn settings(&self) -> Settings {
        Settings::new(self.broker.url(), "test")
    }

    async fn declared(&self) -> Session {
        let session = Session::open(&self.settings()).await.unwrap();
        session.declare(&Topology::orchestrator(&self.names, &[])).await.unwrap();
        session
    }

    async fn client(&self) -> Result<Client, ClientError> {
        Client::open(&self.settings(), self.names.clone()).await
    }
}

fn job(json: &str) -> JobDocument {
    JobDocument::from_json(json).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_submit_gets_its_own_answer() {
    let world = World::new().await;
    let answers = vec![("job.accepted", r#"{"job_id":"JOB"}"#), ("job.finished", FINISHED), ("job.rejected", REJECTED)];
    let orchestrator = tokio::spawn(stand_in(world.declared().await, world.names.clone(), answers));
    let client = world.client().await.unwrap();

    let named = job(r#"{"id": "nightly-7", "kind": "demo.echo"}"#);
    let receipt = client.submit(&named).await.unwrap();
    assert_eq!((receipt.job_id.as_str(), receipt.accepted), ("nightly-7", true));

    let pinned = job(r#"{"kind": "demo.echo",  "input": 1e400}"#).pinned();
    let finished = client.submit_and_wait(&pinned, Duration::from_secs(60)).await.unwrap();
    assert_eq!((finished.state, finished.job_id.as_str()), (JobState::Succeeded, pinned.id().unwrap()));
    assert_eq!(finished.output.unwrap().get(), r#"{"n": 123456789012345678901234567890}"#);

    let refused = client.submit(&job("{}")).await.unwrap_err();
    let ClientError::Rejected { rejection, .. } = refused else { panic!("refused: {refused}") };
    assert_eq!(rejection.errors[0].pointer, "/kind");

    let submits = orchestrator.await.unwrap();
    assert_eq!(submits[1].body, pinned.bytes());
    assert_eq!(submits[1].content_type.as_deref(), Some("application/json"));
    let modes: Vec<_> = submits.iter().map(|submit| submit.header_text("reply").unwrap()).collect();
    assert_eq!(modes, ["accepted", "finished", "accepted"]);
    assert!(submits.iter().all(|submit| submit.persistent));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_orchestrator_ever_the_exchange_is_missed_with_the_way_out() {
    let world = World::new().await;
    let error = world.client().await.unwrap_err();
    assert!(matches!(&error, ClientError::NoExchange { exchange } if *exchange == world.names.submit()), "{error}");
    assert!(error.to_string().contains("WARRENER_AMQP__PREFIX"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_has_an_end_and_the_job_stays_with_the_broker() {
    let world = World::new().await;
    let session = world.declared().await;
    let client = world.client().await.unwrap();
    let job = job(r#"{"kind": "demo.echo"}"#).pinned();
    let error = client.submit_and_wait(&job, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(&error, ClientError::GaveUp { job: id, .. } if Some(id.as_str()) == job.id()), "{error}");
    let mut consumer = session.consume(&world.names.submit(), 1).await.unwrap();
    let (incoming, receipt) = consumer.next().await.unwrap().into_parts();
    assert_eq!(incoming.message.message_id.as_deref(), job.id());
    receipt.ack().await.unwrap();
}
