//! The habits of this repository that a machine can watch: sizes, names, the direction of dependencies, files that
//! nobody compiles. Each rule prints everything it found, with the way out.

mod crates;
mod image;
mod laws;
mod manifests;
mod sources;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in a folder of the repository").to_owned()
}

/// All text files of the repository with the given endings, as paths from its root, sorted.
fn files(endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    walk(&root(), &mut found);
    let mut names: Vec<_> = found
        .iter()
        .map(|path| path.strip_prefix(root()).expect("walked from the root").to_string_lossy().replace('\\', "/"))
        .filter(|name| endings.iter().any(|ending| name.ends_with(ending)))
        .collect();
    names.sort();
    names
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folders of the repository are readable") {
        let path = entry.expect("as is what they hold").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_ref()) {
                walk(&path, found);
            }
        } else if !path.is_symlink() {
            found.push(path);
        }
    }
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("reading {name}: {error}"))
}

/// Fails with everything that was found wrong, and what to do about it.
#[track_caller]
fn expect_none(wrong: &[String], way_out: &str) {
    assert!(wrong.is_empty(), "\n{}\n{way_out}\n", wrong.join("\n"));
}

/// Folders that are made, or written by others.
const NOT_OURS: [&str; 6] = [".git", "target", "node_modules", "__pycache__", ".venv", "vendor"];
