use warrener_runtime::config::Binary;

use super::*;
use crate::{Worker, WorkerError};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with(toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("warrener.toml"), toml).unwrap();
        Self { folder }
    }

    fn loader(&self) -> Loader {
        Loader::new(Binary::Worker).directory(self.folder.path()).environment([])
    }

    fn settings(&self) -> Settings {
        Settings::load(self.loader()).unwrap_or_else(|errors| panic!("{errors}")).value
    }

    fn problems(&self) -> String {
        let errors = Settings::load(self.loader()).map(|_| ()).unwrap_err().to_string();
        errors.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

#[test]
fn the_example_of_the_contract_is_read() {
    let place = Place::with(
        r#"
        [worker]
        queues = ["default", "gpu"]
        slots = 8
        demo = false
        drain = "30s"
        claim_after = "60s"
        [kinds."text.count"]
        command = ["sh", "count.sh"]
        [kinds."ml.predict"]
        http = "http://model:8000/predict"
        "#,
    );
    let settings = place.settings();
    assert_eq!((settings.worker.queues.len(), settings.worker.slots), (2, 8));
    assert_eq!(settings.worker.claim_after, Duration::from_secs(60));
    assert!(matches!(settings.kinds["text.count"].service(), Ok(KindService::Command { argv, .. }) if argv.len() == 2));
    assert!(
        matches!(settings.kinds["ml.predict"].service(), Ok(KindService::Http(url, None)) if url.path() == "/predict")
    );
    Worker::load(place.loader()).check().unwrap();
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let place = Place::with(
        r#"[worker]
queues = ["default", "gp u", "default"]
[kinds."task.x"]
command = ["sh"]
[kinds.both]
command = ["sh"]
http = "http://x/"
[kinds.gone]
command = ["no-such-program"]
[kinds.nothing]
env = ["A"]
[kinds.empty]
command = []
[kinds.web]
http = "http://x/"
env = ["A"]
"#,
    );
    let expected = r#"reading the configuration: 8 problems
error: worker.queues holds a bad name: "gp u" is not a valid queue name: 1 to 100 letters, digits, '.', '_' or '-', starting with a letter or digit
  from warrener.toml:2
  hint: queues are named as in jobs
error: worker.queues names "default" twice
  from warrener.toml:2
  hint: leave one out
error: kinds.both has both command and http
  from warrener.toml:7
  hint: leave one out
error: kinds.empty has an empty command
  from warrener.toml:13
  hint: the first item is the program
error: kinds.gone names a program that is not there: no-such-program
  from warrener.toml:9
  hint: install it, or give its full path; commands run without a shell
error: kinds.nothing does nothing
  from warrener.toml:11
  hint: give it a command or an http address
error: kinds."task.x" lies under task.
  from warrener.toml:4
  hint: that is Warrener's own: choose another name
error: kinds.web has env without a command
  from warrener.toml:16
  hint: endpoints have no environment: leave it out"#;
    assert_eq!(place.problems(), expected);
}

#[test]
fn a_kind_is_served_once() {
    let place = Place::with("[worker]\ndemo = true\n[kinds.sh]\ncommand = [\"sh\"]\n");
    let worker = Worker::load(place.loader())
        .handle("sh", |_, (): ()| async { Ok(()) })
        .handle_bytes("demo.echo", |_, input| async { Ok(input) });
    assert!(matches!(worker.check(), Err(WorkerError::Twice(kinds)) if kinds == ["sh", "demo.echo"]));
}

#[test]
fn a_worker_without_kinds_does_not_start() {
    let worker = Worker::load(Place::with("").loader());
    assert!(matches!(worker.check(), Err(WorkerError::NoKinds)));
}
