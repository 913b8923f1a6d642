//! The files that compose and the images are made of, held against the rest.

use std::fs;

use toml::Table;

use crate::root;

#[test]
fn the_layer_of_dependencies_knows_every_crate() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let dockerfile = read("shared/deploy/Dockerfile");
    let workspace: Table = toml::from_str(&read("Cargo.toml")).unwrap();
    for member in workspace["workspace"]["members"].as_array().unwrap() {
        let member = member.as_str().unwrap();
        let line = format!("COPY {member}/Cargo.toml {member}/\n");
        assert!(dockerfile.contains(&line), "shared/deploy/Dockerfile needs the line: {line}");
    }
}

#[test]
fn every_variable_of_the_compose_file_has_a_default() {
    let text = fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    let variables = text.match_indices("${").map(|(at, _)| text[at + 2..].split_once('}').expect("it ends").0);
    let bare: Vec<_> = variables.filter(|variable| !variable.contains(":-")).collect();
    assert!(bare.is_empty(), "without set-up these would be empty: {bare:?}");
}
