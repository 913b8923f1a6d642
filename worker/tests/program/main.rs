//! The `worker` program from outside.

#![allow(clippy::unwrap_used, reason = "a test that can't go on shall panic")]

mod supervisor;

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The program with a configuration of its own and nothing of our environment.
fn worker(folder: &tempfile::TempDir, toml: &str) -> Command {
    std::fs::write(folder.path().join("worker.toml"), toml).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    command.current_dir(folder.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.args(["--config", "worker.toml"]);
    command
}

fn shown(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{:?}\n{out}{err}", output.status.code())
}

#[test]
fn a_check_prints_every_problem() {
    let folder = tempfile::tempdir().unwrap();
    let sound = worker(&folder, "[worker]\ndemo = true\n").arg("--check").output().unwrap();
    assert_eq!(shown(&sound), "Some(0)\nthe configuration is sound\n");
    let toml = "[worker]\nslot = 1\n[kinds.a]\ncommand = \"sh\"\nhttp = \"ftp://x\"\n";
    let bad = worker(&folder, toml).args(["--check", "--slots", "0"]).output().unwrap();
    let bad = shown(&bad);
    for part in [
        "Some(1)\n",
        "unknown setting worker.slot\n  from worker.toml:2\n  hint: did you mean worker.slots?",
        "from flag --slots",
    ] {
        assert!(bad.contains(part), "{part} in {bad}");
    }
}

#[test]
fn it_starts_without_a_broker_tells_what_it_is_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "[amqp]\nurl = \"amqp://guest:secret@127.0.0.1:1/%2f\"\n[worker]\ndemo = true\n";
    let mut running = worker(&folder, toml)
        .args(["--queues", "gpu,default", "--slots", "3"])
        .env("WARRENER_LOG__FORMAT", "json")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines().map(Result::unwrap);
    let start: serde_json::Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!((start["queues"].as_str(), start["slots"].as_u64()), (Some(r#"["gpu", "default"]"#), Some(3)));
    assert_eq!(start["broker"], "amqp://guest:***@127.0.0.1:1/%2f");
    let waiting = lines.next().unwrap();
    assert!(waiting.contains("trying again") && !waiting.contains("secret"), "{waiting}");
    kill(Pid::from_raw(i32::try_from(running.id()).unwrap()), Signal::SIGTERM).unwrap();
    let rest: Vec<String> = lines.collect();
    assert_eq!(running.wait().unwrap().code(), Some(0), "{rest:?}");
    assert!(rest.last().unwrap().contains("worker has ended"), "{rest:?}");
}

#[test]
fn a_log_that_nobody_reads_is_no_reason_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "[amqp]\nurl = \"amqp://guest:secret@127.0.0.1:1/%2f\"\n[worker]\ndemo = true\n";
    let mut running = worker(&folder, toml).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(running.stderr.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("worker starts"), "{first}");
    // Its next lines find no reader; it ends by our wish alone.
    kill(Pid::from_raw(i32::try_from(running.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(0));
}
