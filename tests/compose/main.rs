//! What compose starts, as far as it can be held against the rest without containers: the users of the broker and
//! what each of them may do, the passwords, the images' manifests. `run.sh` beside this starts the containers.

#![allow(clippy::unwrap_used, reason = "a test that can't go on shall panic")]

mod deed;
mod files;
mod roles;
mod secrets;
mod table;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in a folder of the repository").to_owned()
}
