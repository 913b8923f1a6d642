//! Doing something to jobs, tasks, queues, workers and dead letters.

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
