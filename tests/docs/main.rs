//! What the front page and the map say, held against the programs and the code: whatever a reader can type or open
//! is there, and whatever is quoted is still so.

mod architecture;
mod asyncapi;
mod blocks;
mod readme;

use std::fs;
use std::path::{Path, PathBuf};

use self::blocks::links;

/// The documents that are held against the rest.
const DOCUMENTS: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "examples/README.md", "shared/STATES.md"];

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for document in DOCUMENTS {
        let folder = root().join(document).parent().expect("documents are in folders").to_owned();
        let text = read(document);
        for link in links(&text).filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            if !path.is_empty() && !folder.join(path).exists() {
                broken.push(format!("{document}: there is no {path}"));
            } else if path.is_empty() && !headings(&text).any(|heading| heading == anchor) {
                broken.push(format!("{document}: there is no heading #{anchor}"));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// The headings of a document as the anchors that they make.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| line.strip_prefix('#')).map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-')).collect::<String>().replace(' ', "-")
    })
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in a folder of the repository").to_owned()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("reading {name}: {error}"))
}
