//! Spans of jobs that came in over HTTP.

use axum::body::Body;
use axum::http::Request;

use super::world::World;
use crate::store::EventChunkNo;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Names of the spans of all that has ended, and the number of the last event.
fn spans(world: &World) -> (Vec<String>, Option<EventChunkNo>) {
    let mut names = Vec::new();
    let last = crate::traces::look(&world.shared, &world.view, EventChunkNo(0), &mut |span| names.push(span.name));
    (names, last.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_can_never_be_read_costs_its_own_spans_only() {
    let world = World::new();
    for id in ["a", "b", "c"] {
        let body = format!(r#"{{"id":"{id}","name":"{id}","kind":"k"}}"#);
        let request = Request::post("/api/v1/jobs").header("traceparent", TRACE);
        world.send(request.body(Body::from(body)).unwrap()).await.ok();
        world.post(&format!("/api/v1/jobs/{id}/cancel"), "").await.ok();
    }
    let (whole, last) = spans(&world);
    let jobs = |names: &[String]| names.iter().filter(|name| name.starts_with("job ")).cloned().collect::<Vec<_>>();
    assert_eq!(jobs(&whole), ["job a", "job b", "job c"]);
    let file = rusqlite::Connection::open(world.file()).unwrap();
    file.execute_batch("PRAGMA ignore_check_constraints = 1; UPDATE jobs SET state = 99 WHERE id = 'b'").unwrap();
    let (left, same) = spans(&world);
    assert_eq!((jobs(&left), same), (vec!["job a".to_owned(), "job c".to_owned()], last));
}
