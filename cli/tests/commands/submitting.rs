//! Submitting jobs and waiting for them.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::documents::{job, lost};
use crate::server::{Server, run};

#[test]
fn submit_prints_the_id_and_sends_what_was_written() {
    let server = Server::with(&[("POST /api/v1/jobs", &[(202, job("j1", "running", json!({})))])]);
    let text = "# a comment\nkind: demo.echo\ninput: {n: 123456789012345678901234567890}\n";
    let ran = run(&["submit", "-", "--server", &server.url], text);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "j1\n", ""), "{}", ran.err);
    assert_eq!(server.last_body(), r#"{"kind":"demo.echo","input":{"n":123456789012345678901234567890}}"#);
    let set = ["submit", "-", "--input", "[1]", "--set", "input.1=2", "--set", "retry=0", "--server", &server.url];
    assert_eq!(run(&set, text).code, 0);
    assert_eq!(server.last_body(), r#"{"kind":"demo.echo","input":[1,2],"retry":0}"#);
    assert_eq!(server.asked()[0], "POST /api/v1/jobs");
}

#[test]
fn a_refused_submit_names_the_lines_of_the_file() {
    let problem = json!({"type": "about:blank", "title": "invalid job", "status": 422, "detail": "1 problem",
        "errors": [{"pointer": "/tasks/b/need", "code": "unknown_field", "detail": "there is no field need",
            "hint": "did you mean `needs`?"}]});
    let server = Server::with(&[("POST /api/v1/jobs", &[(422, problem.to_string())])]);
    let text = "tasks:\n  a: {kind: x}\n  b:\n    kind: y\n    need: [a]\n";
    let ran = run(&["submit", "-", "--server", &server.url], text);
    let expected =
        "error: the job was refused: 1 problem\nstdin:5:5: there is no field need\n  hint: did you mean `needs`?\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (5, "", expected));
}

#[test]
fn waiting_ends_with_the_output_and_the_code_of_the_state() {
    let states = [("succeeded", 0), ("failed", 10), ("cancelled", 11), ("timed_out", 12)];
    for (state, code) in states {
        let more = if code == 0 { json!({"output": {"f1": 0.5}}) } else { json!({"error": lost()}) };
        let polls = [(200, job("j1", "running", json!({}))), (200, job("j1", state, more))];
        let server = Server::with(&[
            ("POST /api/v1/jobs", &[(202, job("j1", "running", json!({})))]),
            ("GET /api/v1/jobs/j1", &polls),
        ]);
        let ran = run(&["submit", "-", "--wait", "--server", &server.url], "kind: demo.echo");
        assert_eq!(ran.code, code, "{state}: {}", ran.err);
        assert_eq!(ran.out, if code == 0 { "{\"f1\":0.5}\n" } else { "" });
        assert_eq!(ran.err.contains("lost: no heartbeat (task b, attempt 5)"), code != 0, "{}", ran.err);
        assert_eq!(server.asked()[0], "POST /api/v1/jobs?wait=30s");
    }
}

#[test]
fn run_needs_one_request_for_a_short_task() {
    let server = Server::with(&[("POST /api/v1/jobs", &[(200, job("j1", "succeeded", json!({"output": "hi"})))])]);
    let ran = server.run(&["run", "demo.echo", "--input", r#"{"x": 1e400}"#, "--queue", "gpu", "--timeout", "5s"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "\"hi\"\n", ""));
    assert_eq!(server.last_body(), r#"{"kind":"demo.echo","input":{"x":1e400},"queue":"gpu"}"#);
    assert_eq!(server.asked(), ["POST /api/v1/jobs?wait=5s"]);
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again_under_the_same_id() {
    let done = (200, job("mine", "succeeded", json!({"output": "hi"})));
    for lost in [(502, String::new()), (503, "proxy".to_owned()), (504, "proxy".to_owned())] {
        let answers = [lost.clone(), (503, "starting".to_owned()), done.clone()];
        let server = Server::with(&[("POST /api/v1/jobs", &answers)]);
        let ran = server.run(&["run", "demo.echo", "--set", "id=mine"]);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "\"hi\"\n", ""), "{lost:?}");
        assert_eq!(server.asked(), ["POST /api/v1/jobs?wait=30s"; 3]);
        let again = Server::with(&[("POST /api/v1/jobs", &[lost, done.clone()])]);
        assert_eq!(run(&["submit", "-", "--wait", "--server", &again.url], "kind: demo.echo\nid: mine\n").code, 0);
    }
}

#[test]
fn what_was_refused_is_not_asked_for_again() {
    let problem =
        json!({"type": "urn:warrener:problem:unavailable", "title": "", "status": 503, "detail": "disk full"});
    let server = Server::with(&[("POST /api/v1/jobs", &[(503, problem.to_string())])]);
    let ran = server.run(&["run", "demo.echo"]);
    assert!(ran.code == 7 && ran.err.contains("disk full"), "{}", ran.err);
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_place_to_wait_is_not_needed() {
    let problem = json!({"type": "urn:warrener:problem:too_many_waiting", "title": "", "status": 503, "detail": ""});
    let answers = [(503, problem.to_string()), (202, job("j1", "running", json!({})))];
    let server = Server::with(&[
        ("POST /api/v1/jobs", &answers),
        ("GET /api/v1/jobs/j1", &[(200, job("j1", "succeeded", json!({"output": "hi"})))]),
    ]);
    let ran = server.run(&["run", "demo.echo"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "\"hi\"\n"), "{}", ran.err);
    assert_eq!(server.asked()[..2], ["POST /api/v1/jobs?wait=30s", "POST /api/v1/jobs"]);
}

#[test]
fn a_byte_order_mark_before_a_job_is_nothing() {
    let server = Server::with(&[("POST /api/v1/jobs", &[(202, job("j1", "running", json!({})))])]);
    for text in ["\u{feff}{\"kind\":\"demo.echo\"}", "\u{feff}kind: demo.echo\n"] {
        let ran = run(&["submit", "-", "--server", &server.url], text);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(server.last_body(), r#"{"kind":"demo.echo"}"#);
    }
}

#[test]
fn watch_tells_each_change_once_and_rides_out_a_restart() {
    let counts = |waiting: u32, succeeded: u32| json!({"tasks": {"waiting": waiting, "succeeded": succeeded}});
    let polls = [
        (200, job("j1", "running", counts(2, 0))),
        (503, "restarting".to_owned()),
        (200, job("j1", "running", counts(2, 0))),
        (200, job("j1", "running", counts(1, 1))),
        (200, job("j1", "succeeded", counts(0, 2))),
    ];
    let server = Server::with(&[("GET /api/v1/jobs/j1", &polls)]);
    let ran = server.run(&["watch", "j1"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "null\n"), "{}", ran.err);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(
        (lines[0], lines[2], lines.len()),
        ("0/2 running: 2 waiting", "1/2 running: 1 waiting", 3),
        "{}",
        ran.err
    );
    assert!(lines[1].starts_with("no answer, asking again"), "{}", ran.err);
}

#[test]
fn patience_has_an_end() {
    let server = Server::with(&[("GET /api/v1/jobs/j1", &[(200, job("j1", "running", json!({})))])]);
    let ran = server.run(&["watch", "j1", "--timeout", "300ms"]);
    assert_eq!((ran.code, ran.out.as_str()), (124, ""));
    assert!(
        ran.err.contains("it did not end within 0.3 s; it goes on\n  hint: follow it with `warrener watch j1`"),
        "{}",
        ran.err
    );
}

#[test]
fn an_interrupted_wait_tells_how_to_come_back() {
    let server = Server::with(&[("GET /api/v1/jobs/j1", &[(200, job("j1", "running", json!({})))])]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_warrener"))
        .args(["--server", &server.url, "watch", "j1"])
        .env_clear()
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first line says that it is waiting, so a signal from here on meets the wait.
    let mut talk = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut talk, &mut line).unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut talk, &mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{line}{rest}");
    assert!(rest.contains("`warrener watch j1`") && rest.contains("`warrener job cancel j1`"), "{rest}");
}
