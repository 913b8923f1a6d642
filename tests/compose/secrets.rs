//! `make secrets`: passwords for compose, hashes for the broker, and the refusal of the development passwords.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::root;

/// A folder with what `make secrets` writes.
pub(crate) struct Secrets {
    folder: TempDir,
}

impl Secrets {
    /// Runs the script on top of these lines of an earlier `.env`.
    pub(crate) fn make(before: &str) -> Self {
        let secrets = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(secrets.env_file(), before).unwrap();
        secrets.again();
        secrets
    }

    fn again(&self) {
        let script = root().join("shared/deploy/secrets.sh");
        let output = Command::new(script).arg(self.env_file()).arg(self.definitions()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn env_file(&self) -> PathBuf {
        self.folder.path().join(".env")
    }

    /// What the broker reads.
    pub(crate) fn definitions(&self) -> PathBuf {
        self.folder.path().join("secrets/definitions.json")
    }

    /// What compose reads.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.env_file()).unwrap();
        let pairs = text.lines().map(|line| line.split_once('=').expect("each line sets a variable"));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The password of a user.
    pub(crate) fn password(&self, user: &str) -> String {
        self.variables()[&format!("RABBITMQ_{}_PASSWORD", user.to_uppercase())].clone()
    }
}

#[test]
fn secrets_are_for_their_owner_alone_and_new_each_time() {
    let secrets = Secrets::make("WORKERS=4\nRABBITMQ_WORKER_PASSWORD=old\n");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&secrets.env_file()), 0o600);
    let first = secrets.variables();
    assert_eq!(first["WORKERS"], "4", "other lines stay");
    assert_eq!(first["RABBITMQ_DEFINITIONS"], secrets.definitions().to_str().unwrap());
    let definitions = fs::read_to_string(secrets.definitions()).unwrap();
    for user in USERS {
        let password = secrets.password(user);
        assert_eq!(password.len(), 48, "{user}: 24 bytes in hexadecimal");
        assert!(!definitions.contains(&password), "the broker is told the hash of {user} alone");
    }
    secrets.again();
    let second = secrets.variables();
    assert_eq!(first.len(), second.len());
    assert!(USERS.iter().all(|user| first[&name(user)] != second[&name(user)]));
    assert_eq!(mode(&secrets.env_file()), 0o600);
}

#[test]
fn the_broker_refuses_development_passwords_in_production() {
    let shipped = root().join("shared/deploy/definitions.json");
    let refused = start_broker(&shipped, "production");
    assert!(!refused.status.success());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("development passwords") && told.contains("make secrets"), "{told}");
    assert!(start_broker(&shipped, "development").status.success());
    assert!(start_broker(&Secrets::make("").definitions(), "production").status.success());
    // One of them is enough.
    let mixed = Secrets::make("");
    let text = fs::read_to_string(mixed.definitions()).unwrap();
    let development = fs::read_to_string(&shipped).unwrap();
    let line = |text: &str| text.lines().find(|line| line.contains(r#""name": "rpc""#)).unwrap().to_owned();
    fs::write(mixed.definitions(), text.replace(&line(&text), &line(&development))).unwrap();
    assert!(!start_broker(&mixed.definitions(), "production").status.success());
}

/// Runs the script that starts the broker in its container, with a program in the broker's place that ends at once.
fn start_broker(definitions: &Path, environment: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let server = folder.path().join("rabbitmq-server");
    fs::write(&server, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&server, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.arg(root().join("shared/deploy/broker.sh")).arg(definitions);
    command.env("PATH", path).env("WARRENER_ENV", environment).output().unwrap()
}

fn name(user: &str) -> String {
    format!("RABBITMQ_{}_PASSWORD", user.to_uppercase())
}

const USERS: [&str; 5] = ["orchestrator", "worker", "client", "rpc", "monitor"];
