use std::sync::Arc;
use std::time::Instant;

use tokio::io::AsyncReadExt;

use super::*;
use crate::exec::{Handler, Program};

fn sh(script: &str) -> Handler {
    program(&["/bin/sh", "-c", script])
}

fn program(argv: &[&str]) -> Handler {
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    Handler::Program(Arc::new(Program { argv, env: vec!["CARGO_PKG_NAME".to_owned()] }))
}

async fn run(handler: Handler, input: &[u8]) -> Ending {
    attempt(handler, context(), input.to_vec(), FOR_EVER).await
}

async fn text(script: &str, input: &str) -> String {
    shown(&run(sh(script), input.as_bytes()).await)
}

#[tokio::test]
async fn the_input_is_stdin_and_stdout_is_the_output() {
    assert_eq!(text("cat", r#"{"a": 1.0}"#).await, r#"ok {"a": 1.0}"#);
    assert_eq!(text("echo two words", "null").await, r#"ok "two words""#);
    assert_eq!(text("true", "null").await, "ok null");
    let count = "import json,sys; print(json.dumps(len(json.load(sys.stdin))))";
    assert_eq!(shown(&run(program(&["python3", "-c", count]), b"[1,2,3]").await), "ok 3");
}

#[tokio::test]
async fn exit_codes_decide() {
    assert_eq!(text("exit 1", "null").await, "exit_1: the program ended with exit code 1");
    assert_eq!(
        text("echo a >&2; echo ' b ' >&2; exit 75", "null").await,
        "exit_75: the program ended with exit code 75: b"
    );
    assert_eq!(text("echo no >&2; exit 65", "null").await, "exit_65: the program refused its input: no, for good");
    assert_eq!(text("exit 255", "null").await, "exit_255: the program ended with exit code 255");
    assert_eq!(text("kill -9 $$", "null").await, "signal_9: the program was ended by signal 9");
    assert_eq!(text("kill -SEGV $$", "null").await, "signal_11: the program was ended by signal 11");
}

#[tokio::test]
async fn the_last_lines_of_the_log_come_with_a_failure() {
    let ending = run(sh("echo one >&2; echo two >&2; exit 3"), b"null").await;
    assert_eq!(details(&ending), serde_json::json!({"exit_code": 3, "log": "one\ntwo\n"}));
    let ending = run(sh("i=0; while [ $i -lt 9000 ]; do echo line $i >&2; i=$((i+1)); done; kill $$"), b"null").await;
    let details = details(&ending);
    let log = details["log"].as_str().unwrap();
    assert_eq!(details["signal"], 15);
    assert!(log.len() <= 16 * 1024 && log.starts_with("line ") && log.ends_with("line 8999\n"), "{log}");
}

#[tokio::test]
async fn a_program_that_is_not_there_fails_as_in_a_shell() {
    let ending = run(program(&["/no/such/program"]), b"null").await;
    assert_eq!(
        shown(&ending),
        "exit_127: starting the program: /no/such/program: No such file or directory (os error 2)"
    );
    let ending = run(program(&["/etc/passwd"]), b"null").await;
    assert_eq!(shown(&ending), "exit_126: starting the program: /etc/passwd: Permission denied (os error 13)");
}

#[tokio::test]
async fn a_program_sees_what_it_may() {
    let script = r#"echo "$WARRENER_JOB $WARRENER_TASK $WARRENER_ATTEMPT $CARGO_PKG_NAME ${CARGO_MANIFEST_DIR-hidden} ${PATH:+path}""#;
    assert_eq!(text(script, "null").await, r#"ok "j count.3 2 warrener-worker hidden path""#);
}

#[tokio::test]
async fn a_program_that_does_not_read_its_input_may_do_so() {
    let big = vec![b'1'; 8 * 1024 * 1024];
    assert_eq!(shown(&run(sh("echo done"), &big).await), r#"ok "done""#);
    // It answers while it is still being fed.
    assert_eq!(shown(&run(sh("wc -c | tr -d ' '"), &big).await), "ok 8388608");
}

#[tokio::test]
async fn ten_megabytes_are_too_much_and_it_is_stopped() {
    let begun = Instant::now();
    let ending = text("head -c 10000000 /dev/zero; sleep 600", "null").await;
    assert!(ending.starts_with("too_large: the output is larger than 1048576 bytes"), "{ending}");
    assert!(ending.ends_with("for good") && begun.elapsed() < Duration::from_secs(60));
    let whole = text("head -c 1048574 /dev/zero | tr '\\0' 1 | sed 's/^/\"/; s/$/\"/'", "null").await;
    assert_eq!(whole.len(), 3 + 1024 * 1024);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_no_output() {
    let ending = text("printf '\\377\\376'", "null").await;
    assert_eq!(ending, "bad_output: the output is neither JSON nor UTF-8 text, for good");
    let ending = run(sh("printf '\\377' >&2; exit 1"), b"null").await;
    assert_eq!(details(&ending)["log"], "\u{fffd}");
}

#[tokio::test]
async fn time_that_is_up_ends_the_program_politely_at_first() {
    let handler = sh("trap 'echo bye >&2; exit 0' TERM; sleep 600 & wait");
    let ending = attempt(handler, context(), b"null".to_vec(), within(200)).await;
    assert_eq!(shown(&ending), "timed_out: the attempt took longer than its timeout of 200ms");
    assert_eq!(details(&ending), serde_json::json!({"exit_code": 0, "log": "bye\n"}));
}

#[tokio::test]
async fn a_program_that_ignores_term_is_killed() {
    let handler = sh("trap '' TERM; echo stubborn >&2; while :; do sleep 600; done");
    let ending = attempt(handler, context(), b"null".to_vec(), within(200)).await;
    assert_eq!(shown(&ending), "timed_out: the attempt took longer than its timeout of 200ms");
    assert_eq!(details(&ending), serde_json::json!({"signal": 9, "log": "stubborn\n"}));
}

/// A pipe that every process holds which inherits it: reading it ends when the last of them does.
struct Leash {
    folder: tempfile::TempDir,
    end: tokio::net::unix::pipe::Receiver,
}

impl Leash {
    /// The reader is there first, or the program would wait for it.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leash");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let end = tokio::net::unix::pipe::OpenOptions::new().open_receiver(&path).unwrap();
        Self { folder, end }
    }

    /// The script with its standard output 3 on the leash.
    fn hold(&self, script: &str) -> Handler {
        sh(&format!("exec 3>{}; {script}", self.folder.path().join("leash").display()))
    }

    async fn all_gone(mut self) {
        let mut rest = Vec::new();
        let reading = self.end.read_to_end(&mut rest);
        tokio::time::timeout(Duration::from_secs(10), reading).await.expect("somebody lives on").unwrap();
    }
}

#[tokio::test]
async fn grandchildren_do_not_outlive_the_attempt() {
    let timed_out = "timed_out: the attempt took longer than its timeout of 400ms";
    for (after, expected) in [("echo ok", r#"ok "ok""#), ("sleep 600", timed_out)] {
        let leash = Leash::new();
        let handler = leash.hold(&format!("(trap '' TERM HUP; sleep 600) & {after}"));
        let ending = attempt(handler, context(), b"null".to_vec(), within(400)).await;
        assert_eq!(shown(&ending), expected);
        leash.all_gone().await;
    }
}

#[tokio::test]
async fn an_attempt_that_is_dropped_takes_its_program_along() {
    let mut leash = Leash::new();
    let handler = leash.hold("echo up >&3; (trap '' TERM; sleep 600) & wait");
    let running = tokio::spawn(attempt(handler, context(), b"null".to_vec(), FOR_EVER));
    leash.end.read_exact(&mut [0; 3]).await.unwrap();
    running.abort();
    leash.all_gone().await;
}

#[tokio::test]
async fn a_daemon_outside_the_group_does_not_hold_the_attempt() {
    let begun = Instant::now();
    assert_eq!(text("setsid sleep 30 & echo ok", "null").await, r#"ok "ok""#);
    assert!(begun.elapsed() < Duration::from_secs(10));
}
