//! `warrener conformance`: the shipped workers keep the rules of PROTOCOL.md, and whoever breaks one is told which.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::language::{need_node, need_python, paths, root};
use warrener_tests::cluster::program;

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_in_python_keeps_the_rules() {
    need_python();
    let worker = root().join("examples/python/worker.py").display().to_string();
    let flags = ["--kind", "text.reverse", "--input", r#"{"text": "abc"}"#, "--expect", r#""cba""#];
    let slow = ["--slow", "python.sleep", "--slow-input", r#"{"seconds": 20}"#];
    let seen = conform(&[&flags[..], &slow].concat(), &["python3", &worker, "q"]).await;
    // It works in threads, which nobody can stop.
    seen.keeps_all(&["cancel"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_in_node_keeps_the_rules() {
    need_node();
    let worker = root().join("examples/node/worker.js").display().to_string();
    let flags = ["--kind", "text.upper", "--input", r#"{"text": "abc"}"#, "--expect", r#""ABC""#];
    let slow = ["--slow", "node.sleep", "--slow-input", r#"{"seconds": 20}"#];
    conform(&[&flags[..], &slow].concat(), &["node", &worker, "q"]).await.keeps_all(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_worker_keeps_the_rules() {
    let worker = program("worker").display().to_string();
    let flags = ["--kind", "demo.echo", "--input", r#"{"n": 1}"#, "--expect", r#"{"n": 1}"#];
    let slow = ["--slow", "demo.sleep", "--slow-input", r#"{"ms": 20000}"#];
    let worker = ["env", "WARRENER_WORKER__DEMO=true", "WARRENER_WORKER__DRAIN=2s", &worker, "--queues", "q"];
    conform(&[&flags[..], &slow].concat(), &worker).await.keeps_all(&[]);
}

/// Only where a tool chain is there, with the client library in its cache.
#[tokio::test(flavor = "multi_thread")]
async fn the_worker_in_go_keeps_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("worker");
    let mut build = Command::new("go");
    build.args(["build", "-mod=mod", "-o"]).arg(&binary).current_dir(root().join("examples/go"));
    match build.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => return eprintln!("SKIPPED, Go can't build here: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => return eprintln!("SKIPPED, there is no Go here: {error}"),
    }
    let flags = ["--kind", "math.double", "--input", r#"{"number": 21}"#, "--expect", "42"];
    let slow = ["--slow", "go.sleep", "--slow-input", r#"{"seconds": 20}"#];
    let worker = binary.display().to_string();
    // It sends no heartbeats, so it can't be told to stop.
    conform(&[&flags[..], &slow].concat(), &[&worker, "q"]).await.keeps_all(&["heartbeat", "cancel"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpc_server_is_asked_for_less() {
    need_python();
    let server = root().join("tests/polyglot/rpc_server.py").display().to_string();
    let queue = warrener_tests::broker::unique("rpc");
    let server = format!("AMQP_URL=$WARRENER_AMQP__URL RPC_QUEUE={queue} exec python3 {server} 2>/dev/null");
    let flags = ["--rpc", "--kind", "fib", "--input", "20", "--expect", "6765", "--patience", "2s"];
    let seen = conform_at(&queue, &flags, &["sh", "-c", &server]).await;
    seen.keeps_all(&["hostile input"]);
    assert!(seen.of("the rest").contains("a plain RPC server is asked for no more"), "{:#}", seen.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_acks_first_is_told_so() {
    broken("acks first", "confirm", "the broker refused a report, and its result was lost: acked too early").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_forgets_the_ticket_is_told_so() {
    broken("forgets the ticket", "echo", "a report came with the correlation_id \"conformance.task2.1\" instead").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_nacks_unknown_kinds_is_told_so() {
    broken("nacks unknown kinds", "unknown kind", "given back (nack with requeue) again and again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_fails_without_a_code_is_told_so() {
    broken("fails without a code", "hostile input", "the report is not as it should be").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_of_its_input_is_told_so() {
    broken("dies of its input", "hostile input", "no report on an input that is not JSON").await;
}

/// A worker that keeps all rules but one must break exactly that check, with that sentence.
async fn broken(rule: &str, check: &str, sentence: &str) {
    need_python();
    let worker = root().join("tests/polyglot/broken_worker.py").display().to_string();
    let flags = ["--kind", "text.reverse", "--input", r#"{"text": "abc"}"#, "--patience", "3s"];
    let seen = conform(&flags, &["python3", &worker, "q", rule]).await;
    assert_eq!(seen.code, 1, "{:#}", seen.findings);
    assert!(seen.broken(check).contains(sentence), "{check} does not say {sentence:?}: {:#}", seen.findings);
}

/// What was found.
struct Seen {
    code: i32,
    findings: Value,
}

async fn conform(flags: &[&str], worker: &[&str]) -> Seen {
    conform_at("q", flags, worker).await
}

async fn conform_at(queue: &str, flags: &[&str], worker: &[&str]) -> Seen {
    let broker = Broker::shared().await;
    let mut command = Command::new(program("warrener"));
    command.args(["conformance", "-o", "json", "--queue", queue]).args(flags).arg("--").args(worker);
    command.current_dir(Path::new("/")).env_clear().envs(paths());
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env("WARRENER_AMQP__URL", broker.url()).env("WARRENER_AMQP__PREFIX", broker.names().prefix());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let findings: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    Seen { code: output.status.code().unwrap_or(-1), findings: findings["items"].clone() }
}

impl Seen {
    /// Nothing is broken, and only these checks have a warning or were skipped.
    fn keeps_all(&self, but: &[&str]) {
        assert_eq!(self.code, 0, "{:#}", self.findings);
        let odd = self.findings.as_array().unwrap().iter().filter(|finding| finding["level"] != "ok");
        let odd = odd.filter(|finding| finding["check"] != "the rest");
        let odd: Vec<_> = odd.filter(|finding| !but.iter().any(|check| finding["check"] == *check)).collect();
        assert!(odd.is_empty(), "{odd:#?}");
    }

    fn of(&self, check: &str) -> String {
        self.messages(|finding| finding["check"] == check)
    }

    fn broken(&self, check: &str) -> String {
        self.messages(|finding| finding["check"] == check && finding["level"] == "problem")
    }

    fn messages(&self, which: impl Fn(&Value) -> bool) -> String {
        let all = self.findings.as_array().unwrap().iter().filter(|finding| which(finding));
        all.map(|finding| finding["message"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
    }
}
