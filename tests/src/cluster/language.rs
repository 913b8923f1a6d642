//! Python and Node, with the AMQP clients that `make setup` installs for the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Fails unless Python and its AMQP client are there.
///
/// # Panics
/// With what to install.
pub fn need_python() {
    need("python3", &["-c", "import pika"], "Python 3 with pika (`pip install pika`)");
}

/// Fails unless Python and the tester of APIs are there.
///
/// # Panics
/// With what to install.
pub fn need_schemathesis() {
    need("python3", &["-c", "import schemathesis"], "Python 3 with schemathesis (`pip install schemathesis`)");
}

/// Fails unless Node and its AMQP client are there.
///
/// # Panics
/// With what to install.
pub fn need_node() {
    need("node", &["-e", "require('amqplib')"], "Node with amqplib (`npm install amqplib`)");
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in a folder of the repository").to_owned()
}

/// Folders in which the languages find the clients: as told from outside, or where `make setup` puts them.
pub fn paths() -> [(&'static str, String); 2] {
    let installed = root().join("target").join("polyglot");
    [("PYTHONPATH", installed.join("python")), ("NODE_PATH", installed.join("node").join("node_modules"))].map(
        |(name, folder)| {
            let given = std::env::var(name).ok().filter(|value| !value.is_empty());
            (name, given.unwrap_or_else(|| folder.display().to_string()))
        },
    )
}

fn need(program: &str, arguments: &[&str], what: &str) {
    let tried = Command::new(program).args(arguments).envs(paths()).output();
    let way_out = format!("install {what}, or let `make setup` do it");
    match tried {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("{way_out}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("{way_out}: {program}: {error}"),
    }
}
