//! Rules about the crates: who may depend on whom, and that each takes part in the common checks.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::{expect_none, files, read};

#[test]
fn dependencies_point_downwards() {
    let rules: BTreeMap<_, _> = MAY_DEPEND_ON.into_iter().collect();
    let mut wrong = Vec::new();
    for (package, needs) in packages() {
        let Some(allowed) = rules.get(package.as_str()) else {
            wrong.push(format!("{package} has no place in the picture: add it to MAY_DEPEND_ON, and say why there"));
            continue;
        };
        let upwards = needs.iter().filter(|need| !allowed.contains(&need.as_str()) && !allowed.contains(&ANYTHING));
        wrong.extend(upwards.map(|need| format!("{package} depends on {need}")));
    }
    expect_none(
        &wrong,
        "The direction of dependencies is what keeps the engine pure and the worker small: see ARCHITECTURE.md.",
    );
}

#[test]
fn every_rule_is_about_a_crate_that_exists() {
    let packages = packages();
    let gone: Vec<_> =
        MAY_DEPEND_ON.into_iter().map(|(name, _)| name).filter(|name| !packages.contains_key(*name)).collect();
    assert!(gone.is_empty(), "MAY_DEPEND_ON speaks of crates that are gone: {gone:?}");
}

#[test]
fn every_crate_takes_part_in_the_checks() {
    let mut wrong = Vec::new();
    for (name, manifest) in manifests() {
        if manifest.get("lints").and_then(|lints| lints.get("workspace")) != Some(&Value::Boolean(true)) {
            wrong.push(format!("{name}: no `[lints] workspace = true`"));
        }
        if manifest["package"].get("publish").is_none() {
            wrong.push(format!("{name}: no `publish.workspace = true`"));
        }
    }
    expect_none(&wrong, "Each crate takes the workspace's lints; that includes a documentation for each public item.");
}

#[test]
fn every_crate_is_a_member() {
    let workspace: Table = toml::from_str(&read("Cargo.toml")).expect("cargo has read it");
    let members = workspace["workspace"]["members"].as_array().expect("the workspace lists its members");
    let members: BTreeSet<_> =
        members.iter().filter_map(Value::as_str).map(|member| format!("{member}/Cargo.toml")).collect();
    let crates: BTreeSet<_> = manifests().into_keys().collect();
    assert_eq!(members, crates, "the members of the workspace and the crates in the repository differ");
}

#[test]
fn every_test_runs() {
    let manifest: Table = toml::from_str(&read("tests/Cargo.toml")).expect("cargo has read it");
    // A program with tests inside is run as well.
    let targets = ["test", "bin"].into_iter().filter_map(|sort| manifest[sort].as_array()).flatten();
    let listed: BTreeSet<_> = targets.filter_map(|test| test["path"].as_str()).collect();
    let programs = files(&["/main.rs"]).into_iter().filter_map(|file| Some(file.strip_prefix("tests/")?.to_owned()));
    let forgotten: Vec<_> = programs.filter(|file| !listed.contains(file.as_str())).collect();
    expect_none(
        &forgotten,
        "Neither `[[test]]` nor `[[bin]]` in tests/Cargo.toml lists this program, so it never runs.",
    );
}

#[test]
fn planted_faults_are_compiled_in_only_on_request() {
    for (file, manifest) in manifests() {
        let features = manifest.get("features").and_then(Value::as_table).cloned().unwrap_or_default();
        let by_default = format!("{:?}", features.get("default"));
        assert!(!by_default.contains("mutants"), "{file}: `mutants` is no default feature");
        let text = format!("{:?}", manifest.get("dependencies"));
        assert!(!text.contains("mutants"), "{file}: a dependency may not turn `mutants` on");
    }
}

/// Each package and which of our own it needs, in any way.
fn packages() -> BTreeMap<String, BTreeSet<String>> {
    manifests().values().map(|manifest| (package_name(manifest), needs(manifest))).collect()
}

fn package_name(manifest: &Table) -> String {
    manifest["package"]["name"].as_str().expect("a package has a name").to_owned()
}

fn needs(manifest: &Table) -> BTreeSet<String> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = kinds.into_iter().filter_map(|kind| manifest.get(kind)?.as_table());
    tables.flat_map(Table::keys).filter(|name| name.starts_with("warrener")).cloned().collect()
}

/// The manifests of the crates by their path. One with a workspace of its own is a project apart: nothing of ours can
/// depend on it.
fn manifests() -> BTreeMap<String, Table> {
    let parsed = files(&["Cargo.toml"]).into_iter().map(|name| {
        let manifest: Table = toml::from_str(&read(&name)).expect("cargo has read it");
        (name, manifest)
    });
    parsed.filter(|(_, manifest)| !manifest.contains_key("workspace")).collect()
}

/// The picture of ARCHITECTURE.md as data.
const MAY_DEPEND_ON: [(&str, &[&str]); 9] = [
    ("warrener-shared", &[]),
    ("warrener-engine", &["warrener-shared"]),
    ("warrener-amqp", &["warrener-shared"]),
    ("warrener-runtime", &[]),
    ("warrener-client", &["warrener-shared", "warrener-amqp"]),
    ("warrener-worker", &["warrener-shared", "warrener-amqp", "warrener-runtime"]),
    ("warrener-orchestrator", &["warrener-shared", "warrener-amqp", "warrener-runtime", "warrener-engine"]),
    (
        "warrener-cli",
        &[
            "warrener-shared",
            "warrener-amqp",
            "warrener-runtime",
            "warrener-client",
            "warrener-orchestrator",
            "warrener-worker",
        ],
    ),
    ("warrener-tests", &[ANYTHING]),
];
const ANYTHING: &str = "*";
