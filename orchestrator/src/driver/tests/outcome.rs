//! A commit whose outcome nobody knows.

use tokio::sync::oneshot;
use warrener_shared::id::QueueName;

use super::*;
use crate::store::postgres::Postgres;
use crate::store::tests::postgres_server::Server;
use crate::store::tests::wire::Wire;

/// A loop over a database behind a wire that can be cut.
fn behind_a_wire() -> (Server, Wire, Loop<Postgres>) {
    let server = Server::start();
    let wire = Wire::to(&server.url());
    let mut store = Postgres::open(&wire.url()).unwrap();
    // Else the queue would get its number in a commit of its own before.
    store.queue(&QueueName::new("default").unwrap()).unwrap();
    let run = Loop::over(store, Arc::default());
    (server, wire, run)
}

/// Handles the inputs, and tells whether their sender may acknowledge them.
fn acknowledges(run: &mut Loop<Postgres>, inputs: Vec<Input>) -> bool {
    let (done, mut told) = oneshot::channel();
    run.driver.turn(vec![Packet { inputs, done: Some(done) }]);
    told.try_recv().is_ok()
}

fn is_ready(run: &Loop<Postgres>) -> bool {
    run.driver.shared.health.report().ready
}

const JOB: &str = r#"{"id":"once","tasks":{"a":{"kind":"k"},"b":{"kind":"k","needs":"a"}}}"#;

#[test]
fn what_was_committed_unseen_is_neither_lost_nor_doubled() {
    let (server, wire, mut run) = behind_a_wire();
    // For a while there is no way back either.
    wire.refuse(true);
    wire.cut_after("COMMIT");
    assert!(!acknowledges(&mut run, vec![submit(JOB)]), "nobody knows whether it is kept");
    assert_eq!(run.published(), [], "nothing is done that may not be true");
    assert!(!is_ready(&run));
    let began = std::time::Instant::now();
    while server.sql("SELECT count(*) FROM warrener.jobs") != "1" {
        assert!(began.elapsed() < Duration::from_secs(30), "it is kept");
    }
    assert!(!acknowledges(&mut run, vec![submit(JOB)]));
    assert!(!is_ready(&run));
    wire.refuse(false);
    // The broker brings the submit again. Its first life is read, and counts.
    assert!(acknowledges(&mut run, vec![Input::Connected { wiped: false }, submit(JOB)]));
    let out = run.published();
    assert_eq!(names(&out), ["a"], "what was never published is now");
    // A failure is remembered for two seconds.
    assert!(!is_ready(&run));
    run.hand.pass(2_000);
    run.driver.turn(Vec::new());
    assert!(is_ready(&run));
    assert_eq!(server.sql("SELECT count(*) FROM warrener.jobs"), "1");
    // The same of a report: what follows it goes out once.
    wire.cut_after("COMMIT");
    assert!(!acknowledges(&mut run, vec![succeeded(out[0].1)]));
    assert!(acknowledges(&mut run, vec![Input::Connected { wiped: false }, succeeded(out[0].1)]));
    assert_eq!(names(&run.published()), ["b"]);
    assert_eq!(server.sql("SELECT count(*) FROM warrener.tasks WHERE attempt = 1"), "2");
}

#[test]
fn what_was_not_committed_is_done_when_it_comes_again() {
    let (server, wire, mut run) = behind_a_wire();
    wire.cut_before("COMMIT");
    assert!(!acknowledges(&mut run, vec![submit(JOB)]));
    assert_eq!(server.sql("SELECT count(*) FROM warrener.jobs"), "0");
    assert!(acknowledges(&mut run, vec![submit(JOB)]));
    assert_eq!(names(&run.published()), ["a"]);
}
