//! Doing something to jobs, tasks, queues, workers and dead letters.

use serde_json::json;

use crate::documents::list;
use crate::server::Server;

#[test]
fn verbs_are_done_to_each_and_a_part_that_fails_is_partial() {
    let fine = &[(202, "{}".to_owned())][..];
    let server = Server::with(&[
        ("POST /api/v1/jobs/a/cancel", fine),
        ("POST /api/v1/tasks/j/t.3/retry", fine),
        ("POST /api/v1/queues/gpu/pause", fine),
        ("POST /api/v1/workers/w1/drain", fine),
        ("POST /api/v1/dead/7/replay", fine),
    ]);
    let partial = server.run(&["job", "cancel", "a", "b"]);
    assert_eq!((partial.code, partial.out.as_str()), (3, ""));
    assert_eq!(partial.err, "a: cancelling\nerror: cancelling job b: there is no such thing (HTTP 404)\n");
    assert_eq!(server.run(&["job", "cancel", "b", "c"]).code, 4);
    let done: [&[&str]; 4] =
        [&["task", "retry", "j/t.3"], &["queue", "pause", "gpu"], &["worker", "drain", "w1"], &["dead", "replay", "7"]];
    for command in done {
        let ran = server.run(command);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{command:?}: {}", ran.err);
        assert_eq!(server.run(&[command, &["--quiet"]].concat()).err, "");
    }
    let odd = server.run(&["task", "retry", "j/t.3", "nonsense"]);
    assert_eq!((odd.code, server.asked().iter().filter(|line| line.contains("t.3")).count()), (2, 2), "{}", odd.err);
}

#[test]
fn old_dead_letters_are_thrown_away_together() {
    let letter = |id: &str, at: &str| json!({"id": id, "from": "submit", "received_at": at, "size": 1});
    let letters = list(&[
        letter("3", "2999-01-01T00:00:00.000Z"),
        letter("2", "2026-01-02T00:00:00.000Z"),
        letter("1", "2026-01-01T00:00:00.000Z"),
    ]);
    let fine = &[(202, "{}".to_owned())][..];
    let server = Server::with(&[
        ("GET /api/v1/dead", &[(200, letters)]),
        ("POST /api/v1/dead/1/discard", fine),
        ("POST /api/v1/dead/2/discard", fine),
    ]);
    let unsure = server.run(&["dead", "discard", "--all", "--older", "7d"]);
    assert!(unsure.code == 2 && unsure.err.contains("2 of 3") && unsure.err.contains("--yes"), "{}", unsure.err);
    let done = server.run(&["dead", "discard", "--all", "--older", "7d", "--yes"]);
    assert_eq!((done.code, done.err.as_str()), (0, "2: discarded\n1: discarded\n"));
    assert_eq!(server.run(&["dead", "discard", "--older", "7d", "1"]).code, 2);
    assert_eq!(server.run(&["dead", "discard"]).code, 2);
}
