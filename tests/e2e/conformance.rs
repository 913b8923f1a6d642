//! `warrener conformance`: the shipped workers keep the rules of PROTOCOL.md, and whoever breaks one is told which.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

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
    // It works in threads, which nobody can stop, and claims nothing.
    seen.keeps_all(&["cancel", "drain", "claim"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_in_node_keeps_the_rules() {
    need_node();
    let worker = root().join("examples/node/worker.js").display().to_string();
    let flags = ["--kind", "text.upper", "--input", r#"{"text": "abc"}"#, "--expect", r#""ABC""#];
    let slow = ["--slow", "node.sleep", "--slow-input", r#"{"seconds": 20}"#];
    conform(&[&flags[..], &slow].concat(), &["node", &worker, "q"]).await.keeps_all(&["claim"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_worker_keeps_the_rules() {
    let worker = program("worker").display().to_string();
    let flags = ["--kind", "demo.echo", "--input", r#"{"n": 1}"#, "--expect", r#"{"n": 1}"#];
    let slow = ["--slow", "demo.sleep", "--slow-input", r#"{"ms": 20000}"#];
    let settings = ["WARRENER_WORKER__DEMO=true", "WARRENER_WORKER__DRAIN=2s", "WARRENER_WORKER__CLAIM_AFTER=1s"];
    let worker = [&["env"], &settings[..], &[&worker, "--queues", "q"]].concat();
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
    conform(&[&flags[..], &slow].concat(), &[&worker, "q"]).await.keeps_all(&["heartbeat", "cancel", "drain", "claim"]);
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
    broken("acks first", "confirm", "the delivery was acked already: killed then, its result is lost").await;
}

/// It even publishes again what was refused, as long as it lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_acks_before_the_confirm_is_told_so() {
    broken("acks before the confirm", "confirm", "the delivery was acked already: killed then, its result is lost")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_never_acks_is_told_so_and_nothing_else() {
    let seen = broken("never acks", "acks", "a report came (a success), and its delivery was never acked").await;
    assert_eq!(seen.problems(), ["acks"], "{:#}", seen.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_forgets_the_second_delivery_is_told_so() {
    broken("forgets the second delivery", "duplicate", "not both deliveries were acked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_begins_what_may_kill_it_is_told_so() {
    let sentence = "with the header `deliveries` that was handed out before was begun: it ended as a success";
    broken("begins a marked suspect", "suspect", sentence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stumbles_over_headers_is_told_so() {
    let sentence = "the worker ended (exit status: 1), without a report, on a task with a header";
    broken("stumbles over headers", "unknown header", sentence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_forgets_the_ticket_is_told_so() {
    broken("forgets the ticket", "echo", "a report came with the correlation_id \"conformance.task1.1\" instead").await;
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
    broken("dies of its input", "hostile input", "(exit status: 1), without a report, on an input that is not JSON")
        .await;
}

/// The others are this one with a fault.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_claims_early_is_not_accused() {
    patient("none").await.keeps_all(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_works_beside_a_suspect_is_told_so() {
    broken_patience("works beside a suspect", "alone", "with the header `deliveries` it worked on 3 more").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_ended_by_a_cancel_is_told_so() {
    broken_patience("is ended by a cancel", "cancel", "a cancel ended the worker (exit status: 7)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_claims_without_acking_is_told_so() {
    broken_patience("claims without acking", "claim", "it claimed an attempt, and did not ack the delivery").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_acks_before_its_claim_is_told_so() {
    broken_patience("acks before its claim", "claim", "the delivery was acked already: killed then, the attempt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lets_its_lease_run_out_is_told_so() {
    broken_patience("lets its lease run out", "claim", "a lease of 10 s was not renewed within 3 s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_drops_what_it_claimed_is_told_so() {
    broken_patience("drops what it claimed", "stopped", "it neither reported nor handed back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_ignores_the_drain_is_warned() {
    let seen = patient("ignores the drain").await;
    assert_eq!(seen.code, 0, "{:#}", seen.findings);
    assert!(seen.of("drain").contains("a drained worker took one more task"), "{:#}", seen.findings);
}

/// The arguments are wrong then, and not the worker.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_task_that_is_short_accuses_nobody() {
    let seen = patience("none", &["--slow", "sleep", "--slow-input", r#"{"seconds": 0.3}"#]).await;
    assert_eq!(seen.code, 2, "{:#}", seen.findings);
    let why = "as a success; with its --slow-input it must work for 20 s";
    assert!(seen.of("timeout").contains(why), "{:#}", seen.findings);
    for check in ["cancel", "drain", "killed", "claim", "stopped"] {
        assert_eq!(seen.of(check), "--slow ended too early", "{:#}", seen.findings);
    }
    assert_eq!(seen.problems(), [""; 0], "{:#}", seen.findings);
}

/// Without heartbeats and `--kind` no kind is known, which is no fault of the worker's.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_unknown_kinds_is_not_accused() {
    need_python();
    let worker = root().join("tests/polyglot/broken_worker.py").display().to_string();
    let seen = conform(&["--patience", "3s"], &["python3", &worker, "q", "none"]).await;
    assert_eq!((seen.code, seen.problems()), (0, vec![]), "{:#}", seen.findings);
    for check in ["suspect", "hostile input", "alone"] {
        assert!(seen.of(check).contains("give --kind"), "{check}: {:#}", seen.findings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_ends_is_told_from_a_worker_that_is_silent() {
    let output = run(&place().await, "q", &[], &["sh", "-c", "exit 3"]).await;
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("the worker ended (exit status: 3) instead of reading"), "{err}");
}

/// It says so, instead of anything about queues with other properties.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_is_turned_away() {
    need_python();
    let place = place().await;
    let worker = root().join("tests/polyglot/broken_worker.py").display().to_string();
    let worker = ["python3", &worker, "q", "none"];
    let (first, second) = tokio::join!(run(&place, "q", &["--kind", "text.reverse"], &worker), async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        run(&place, "q", &["--kind", "text.reverse"], &worker).await
    });
    let err = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(5), "{err}");
    assert!(err.contains("conformance runs there already"), "{err}");
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
}

/// A worker that keeps all rules but one must break exactly that check, with that sentence.
async fn broken(rule: &str, check: &str, sentence: &str) -> Seen {
    need_python();
    let worker = root().join("tests/polyglot/broken_worker.py").display().to_string();
    let flags = ["--kind", "text.reverse", "--input", r#"{"text": "abc"}"#, "--patience", "3s"];
    let seen = conform(&flags, &["python3", &worker, "q", rule]).await;
    seen.says(check, sentence);
    seen
}

/// The same with a worker of several slots, which claims; it must break that check and no other.
async fn broken_patience(rule: &str, check: &str, sentence: &str) {
    let seen = patient(rule).await;
    seen.says(check, sentence);
    assert_eq!(seen.problems(), [check], "{:#}", seen.findings);
}

async fn patient(rule: &str) -> Seen {
    patience(rule, &["--slow", "sleep", "--slow-input", r#"{"seconds": 20}"#]).await
}

async fn patience(rule: &str, slow: &[&str]) -> Seen {
    need_python();
    let worker = root().join("tests/polyglot/patient_worker.py").display().to_string();
    let flags = ["--kind", "text.reverse", "--input", r#"{"text": "abc"}"#, "--patience", "5s"];
    conform(&[&flags[..], slow].concat(), &["python3", &worker, "q", rule]).await
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
    let output = run(&place().await, queue, flags, worker).await;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let findings: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    Seen { code: output.status.code().unwrap_or(-1), findings: findings["items"].clone() }
}

/// A broker, and a prefix of our own.
async fn place() -> (Broker, String) {
    let broker = Broker::shared().await;
    let prefix = broker.names().prefix().to_owned();
    (broker, prefix)
}

async fn run((broker, prefix): &(Broker, String), queue: &str, flags: &[&str], worker: &[&str]) -> Output {
    let mut command = Command::new(program("warrener"));
    command.args(["conformance", "-o", "json", "--queue", queue]).args(flags).arg("--").args(worker);
    command.current_dir(Path::new("/")).env_clear().envs(paths());
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env("WARRENER_AMQP__URL", broker.url()).env("WARRENER_AMQP__PREFIX", prefix);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
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

    /// This check is broken, in these words.
    fn says(&self, check: &str, sentence: &str) {
        assert_eq!(self.code, 1, "{:#}", self.findings);
        assert!(self.broken(check).contains(sentence), "{check} does not say {sentence:?}: {:#}", self.findings);
    }

    /// The checks that are broken, each once.
    fn problems(&self) -> Vec<&str> {
        let all = self.findings.as_array().unwrap().iter().filter(|finding| finding["level"] == "problem");
        let mut checks: Vec<_> = all.map(|finding| finding["check"].as_str().unwrap()).collect();
        checks.dedup();
        checks
    }

    fn broken(&self, check: &str) -> String {
        self.messages(|finding| finding["check"] == check && finding["level"] == "problem")
    }

    fn messages(&self, which: impl Fn(&Value) -> bool) -> String {
        let all = self.findings.as_array().unwrap().iter().filter(|finding| which(finding));
        all.map(|finding| finding["message"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
    }
}
