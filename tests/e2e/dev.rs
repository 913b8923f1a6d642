//! `warrener dev`, as somebody uses it who has just got it.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use warrener_tests::cluster::{Process, program};
use warrener_tests::wait::{SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn one_command_starts_everything_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = Dev::start(&folder, &[]).await;
    assert_eq!(dev.warrener(&["run", "demo.echo", "--input", "[1]"]), (0, "[1]\n".to_owned()));
    // A worker that is killed is started again, and the task with it.
    let (code, output) = dev.warrener(&["run", "demo.crash", "--input", r#"{"until_delivery": 2}"#]);
    assert_eq!((code, output.as_str()), (0, "{\"delivery\":2}\n"), "{}", dev.process.log());
    assert!(dev.process.log().contains("ended by SIGKILL; starting it again"), "{}", dev.process.log());
    // A second one finds the folder taken.
    let mut second = Process::start("second", &program("warrener"), &["dev"], folder.path(), &[]);
    assert_eq!(second.ended().await.code(), Some(1));
    assert!(
        second.log().contains("runs in .warrener already") && second.log().contains("--folder"),
        "{}",
        second.log()
    );
    let (code, id) = dev.warrener(&["submit", "sleep.json"]);
    assert_eq!(code, 0, "{id}");
    dev.process.signal(Signal::SIGINT);
    let status = dev.process.ended().await;
    assert!(status.success(), "{status}: {}", dev.process.log());
    assert_eq!(living_in(folder.path()), Vec::<String>::new(), "{}", dev.process.log());

    // The job was interrupted, not lost; then all of it is killed at once.
    let dev = Dev::start(&folder, &[]).await;
    assert_eq!(dev.warrener(&["watch", id.trim(), "--timeout", "30s"]), (0, "\"slept\"\n".to_owned()));
    dev.process.signal(Signal::SIGKILL);
    until("nothing is left", SOON * 2, async || living_in(folder.path()).is_empty().then_some(())).await;
    let lock = File::open(folder.path().join(".warrener/lock")).unwrap();
    lock.try_lock().expect("nobody holds the folder any more");
    drop(lock);

    let mut dev = Dev::start(&folder, &["--fresh"]).await;
    assert_eq!(dev.warrener(&["job", "list", "-o", "name"]), (0, String::new()));
    dev.process.signal(Signal::SIGTERM);
    assert!(dev.process.ended().await.success());
}

struct Dev<'a> {
    folder: &'a TempDir,
    process: Process,
    place: Value,
}

impl<'a> Dev<'a> {
    async fn start(folder: &'a TempDir, arguments: &[&str]) -> Self {
        let job = r#"{"kind": "demo.sleep", "input": {"ms": 8000, "output": "slept"}}"#;
        std::fs::write(folder.path().join("sleep.json"), job).unwrap();
        let arguments = [&["dev", "-o", "json"], arguments].concat();
        let mut process = Process::start("dev", &program("warrener"), &arguments, folder.path(), &[]);
        let before = process.log().len();
        let place = until("everything is up", SOON * 4, async || {
            assert_eq!(process.end(), None, "{}", process.log());
            let log = process.log();
            // What an earlier one printed is in the same log.
            let line = log[before.min(log.len())..].lines().find(|line| line.starts_with('{'))?.to_owned();
            serde_json::from_str(&line).ok()
        });
        let place = place.await;
        Self { folder, process, place }
    }

    /// Exit code and stdout of a command.
    fn warrener(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(program("warrener"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("WARRENER_URL", self.place["url"].as_str().unwrap());
        let output = command.output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
    }
}

/// The programs that work somewhere below a folder.
fn living_in(folder: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let name = |process: &Path| std::fs::read_to_string(process.join("comm")).unwrap_or_default().trim().to_owned();
    let inside = processes.filter(|process| {
        let Ok(cwd) = std::fs::read_link(process.join("cwd")) else { return false };
        // Those who watch over this test sit in the folder itself.
        let is_watchman = cwd == folder && ["sh", "cat"].contains(&name(process).as_str());
        // What was killed and not yet buried has no command line.
        let is_alive = std::fs::read(process.join("cmdline")).is_ok_and(|line| !line.is_empty());
        cwd.starts_with(folder) && is_alive && !is_watchman
    });
    inside.map(|process| name(&process)).collect()
}
