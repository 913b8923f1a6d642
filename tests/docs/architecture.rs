//! The map: every place exists, no module is left out, the diagrams are those of the tables.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;

use toml::Table;
use warrener_shared::state::{JobState, TaskState};

use crate::blocks::{blocks, part};
use crate::{read, root};

#[test]
fn the_map_is_of_this_country() {
    let text = read("ARCHITECTURE.md");
    let gone: Vec<_> = places(&text).into_iter().filter(|place| !root().join(place).exists()).collect();
    assert!(gone.is_empty(), "ARCHITECTURE.md leads to places that are gone: {gone:?}");
}

#[test]
fn no_module_is_left_out() {
    let text = read("ARCHITECTURE.md");
    let mut missing = Vec::new();
    for folder in MAPPED {
        for entry in fs::read_dir(root().join(folder)).expect("crates have sources") {
            let path = entry.expect("as is what they hold").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_source = name.ends_with(".rs") && !["lib.rs", "main.rs", "tests.rs"].contains(&name.as_str());
            let is_named = text.contains(&format!("{folder}/{name} ")) || text.contains(&format!(" {name}"));
            if is_source && !is_named {
                missing.push(format!("{folder}/{name}"));
            }
        }
    }
    assert!(missing.is_empty(), "the code map of ARCHITECTURE.md leaves out {missing:?}");
}

#[test]
fn every_dependency_has_its_reason() {
    let text = read("ARCHITECTURE.md");
    let (_, table) = text.split_once("\n## Dependencies\n").expect("there is such a part");
    let workspace: Table = toml::from_str(&read("Cargo.toml")).expect("cargo has read it");
    let members = workspace["workspace"]["members"].as_array().expect("the workspace lists its members");
    let mut wanted = BTreeSet::new();
    for member in members.iter().filter_map(|member| member.as_str()) {
        let manifest: Table = toml::from_str(&read(&format!("{member}/Cargo.toml"))).expect("cargo has read it");
        let kinds = ["dependencies", "dev-dependencies"].into_iter();
        let tables = kinds.filter_map(|kind| manifest.get(kind)?.as_table());
        wanted.extend(tables.flat_map(Table::keys).filter(|name| !name.starts_with("warrener")).cloned());
    }
    let missing: Vec<_> = wanted.iter().filter(|name| !table.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md gives no reason for {missing:?}");
}

#[test]
fn it_stays_short() {
    let lines = read("ARCHITECTURE.md").lines().count();
    assert!(lines < 300, "ARCHITECTURE.md has {lines} lines; leave out what the code says itself");
}

#[test]
fn the_diagrams_are_those_of_the_tables() {
    let text = read("shared/STATES.md");
    let (at, written) = part(&text, "states");
    let job = diagram("A job", JobState::TRANSITIONS, JobState::ALL[0], |state| state.is_final());
    let task = diagram("A task or an item", TaskState::TRANSITIONS, TaskState::ALL[0], |state| state.is_final());
    let fresh = format!("{job}{task}");
    if std::env::var("WARRENER_TEST_DOCS").is_ok_and(|wish| wish == "write") {
        let text = format!("{}{fresh}{}", &text[..at], &text[at + written.len()..]);
        return fs::write(root().join("shared/STATES.md"), text).expect("the repository can be written to");
    }
    assert_eq!(written, fresh, "the tables changed: run this with WARRENER_TEST_DOCS=write");
}

/// A table of transitions as a diagram in Mermaid's words. Causes of one arrow share it.
fn diagram<S: Copy + Display + PartialEq>(
    title: &str,
    table: &[(S, &str, S)],
    first: S,
    is_final: impl Fn(S) -> bool,
) -> String {
    let mut arrows: Vec<(S, S, Vec<&str>)> = Vec::new();
    for (from, cause, to) in table {
        match arrows.iter_mut().find(|(f, t, _)| f == from && t == to) {
            Some((_, _, causes)) => causes.push(cause),
            None => arrows.push((*from, *to, vec![cause])),
        }
    }
    let lines = arrows.iter().map(|(from, to, causes)| format!("    {from} --> {to}: {}\n", causes.join(" / ")));
    let mut ends: Vec<S> = Vec::new();
    for state in table.iter().map(|(_, _, to)| *to).filter(|state| is_final(*state)) {
        if !ends.contains(&state) {
            ends.push(state);
        }
    }
    let ends = ends.iter().map(|state| format!("    {state} --> [*]\n"));
    let body: String = lines.chain(ends).collect();
    format!("{title}:\n\n```mermaid\nstateDiagram-v2\n    [*] --> {first}\n{body}```\n\n")
}

/// The paths that the lines of the code map begin with.
fn places(text: &str) -> Vec<&str> {
    let (_, map) = text.split_once("\n## Code map\n").expect("there is such a part");
    let lines = blocks(map, "text")[0].lines();
    let places: Vec<_> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(places.len() > 50, "the code map is hardly one");
    places
}

/// Folders whose every module is in the map.
const MAPPED: [&str; 5] =
    ["shared/src", "orchestrator/src", "orchestrator/engine/src", "orchestrator/engine/src/rule", "worker/src"];
