//! Opening and closing sessions.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use warrener_amqp::{BrokerError, Session, Settings};
use warrener_tests::broker::Broker;
use warrener_tests::certificates::certificates;

use crate::{eventually, open, settings, soon};

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_numbered_and_know_the_version() {
    let broker = Broker::shared().await;
    let (first, second) = (open(&broker).await, open(&broker).await);
    assert!(second.epoch() > first.epoch());
    assert!(first.server_version().starts_with(|c: char| c.is_ascii_digit()), "{:?}", first.server_version());
    assert!(first.is_usable() && first.is_blocked().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_host_that_answers_is_taken() {
    let broker = Broker::shared().await;
    let (head, host) = broker.url().rsplit_once('@').unwrap();
    let session = Session::open(&settings(&format!("{head}@127.0.0.1:1,{host}"))).await.unwrap();
    assert!(session.is_usable());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_for_good_and_not_shown() {
    let broker = Broker::shared().await;
    let url = broker.url().replace("guest:guest", "guest:s3cret");
    let error = Session::open(&settings(&url)).await.unwrap_err();
    assert!(matches!(error, BrokerError::Refused { .. }), "{error:?}");
    assert!(!error.is_transient());
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_virtual_host_is_refused_for_good() {
    let broker = Broker::shared().await;
    let error = Session::open(&settings(&broker.url().replace("%2f", "nowhere"))).await.unwrap_err();
    assert!(matches!(&error, BrokerError::Refused { why, .. } if why.contains("nowhere")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_port_is_unreachable_and_worth_another_try() {
    let error = Session::open(&settings("amqp://u:s3cret@127.0.0.1:1,127.0.0.1:2/%2f")).await.unwrap_err();
    assert!(error.is_transient());
    let text = error.to_string();
    assert!(text.contains("127.0.0.1:1: ") && text.contains("127.0.0.1:2: ") && !text.contains("s3cret"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_accepts_and_says_nothing_costs_no_more_than_the_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("amqp://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let settings = Settings { connect_timeout: Duration::from_millis(300), ..settings(&url) };
    let opening = tokio::spawn(async move { Session::open(&settings).await });
    let (mut socket, _) = soon("the connection", silent.accept()).await.unwrap();
    let error = soon("giving up", opening).await.unwrap().unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("no answer within 0.3 s"), "{error}");
    // The library alone would keep its thread and the socket for as long as the other side likes.
    let mut rest = Vec::new();
    soon("the end of the socket", tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut rest)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_told_to_every_clone_once_and_for_one_reason() {
    let broker = Broker::shared().await;
    let session = open(&broker).await;
    let clone = session.clone();
    let waiting = tokio::spawn(async move { clone.failed().await });
    let why = BrokerError::ConsumerEnded { queue: "the first reason".to_owned() };
    session.break_with(why.clone());
    session.break_with(BrokerError::Closed);
    assert_eq!(soon("the end", waiting).await.unwrap(), why);
    assert_eq!(session.failed().await, why);
    assert!(!session.is_usable());
    assert_eq!(session.depth("any").await, Err(why.clone()));
    assert_eq!(session.publisher(1).await.unwrap_err(), why);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_connection_trusts_the_named_authority_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    certificates(folder.path());
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut broker = Broker::start().await;
    let files =
        format!("{{cacertfile, {:?}}}, {{certfile, {:?}}}, {{keyfile, {:?}}}", path("ca"), path("cert"), path("key"));
    let listener = format!("{{\"127.0.0.1\", {port}}}");
    let start = format!("rabbit_networking:start_ssl_listener({listener}, [{files}], 1).");
    broker.control(&["eval", &start]).await;

    let url = format!("amqps://guest:guest@localhost:{port}/%2f");
    let error = Session::open(&settings(&url)).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("UnknownIssuer"), "{error}");
    let url = format!("{url}?cacertfile={}", path("ca"));
    let bench = crate::Bench::at(&url, broker).await;
    bench.fill(100).await;
    let mut consumer = bench.session.consume(&bench.lane(), 100).await.unwrap();
    soon("a batch", consumer.next_batch(100, Duration::from_secs(60))).await.unwrap().ack().await.unwrap();
    assert!(bench.session.server_version().starts_with(|c: char| c.is_ascii_digit()));

    let error = Session::open(&settings(&url.replace("cacertfile=", "cacertfile=/none"))).await.unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("reading cacertfile /none"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_free_once_the_broker_has_noticed_the_end_of_whoever_had_it() {
    let broker = Broker::shared().await;
    let seat = broker.names().reader();
    let (url, vanished, ways) = vanishing(broker.url()).await;
    let gone = Session::open(&settings(&url)).await.unwrap();
    assert!(gone.take_seat(&seat).await.unwrap());
    vanished.cancel();
    drop(gone);
    let next = open(&broker).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!next.take_seat(&seat).await.unwrap(), "the broker believes the other connection to be alive");
    ways.abort();
    eventually("the seat is free", async || next.take_seat(&seat).await.unwrap()).await;
    assert!(!open(&broker).await.take_seat(&seat).await.unwrap());
    next.close().await;
    let last = open(&broker).await;
    eventually("the seat is given back", async || last.take_seat(&seat).await.unwrap()).await;
}

/// A way to the broker that passes nothing on once the token is cancelled, as if the client's host had vanished, and
/// whose connections end with the task.
async fn vanishing(url: &str) -> (String, CancellationToken, JoinHandle<()>) {
    let (head, rest) = url.rsplit_once('@').unwrap();
    let (address, vhost) = rest.split_once('/').unwrap();
    let (listener, address) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), address.to_owned());
    let url = format!("{head}@{}/{vhost}", listener.local_addr().unwrap());
    let vanished = CancellationToken::new();
    let seen = vanished.clone();
    let passing = tokio::spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&address).await.unwrap();
            let vanished = seen.clone();
            open.spawn(async move {
                let passing = tokio::io::copy_bidirectional(&mut client, &mut server);
                vanished.run_until_cancelled(passing).await;
                std::future::pending::<()>().await;
            });
        }
    });
    (url, vanished, passing)
}
