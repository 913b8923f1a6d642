//! The layer of the images that compiles dependencies alone, which needs an empty file for every target of ours.

use std::fs;
use std::process::Command;

use toml::{Table, Value};

use crate::{expect_none, files, read, root};

#[test]
fn the_layer_of_dependencies_knows_every_target() {
    let recipe = read("shared/deploy/Dockerfile");
    let folder = tempfile::tempdir().expect("a folder can be made");
    for copy in recipe.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|copy| copy.contains("Cargo.toml"))
    {
        let (names, to) = copy.rsplit_once(' ').expect("it copies something to somewhere");
        let to = folder.path().join(to);
        fs::create_dir_all(&to).expect("folders can be made");
        for name in names.split(' ') {
            let file = name.rsplit('/').next().expect("a name has an end");
            fs::copy(root().join(name), to.join(file)).unwrap_or_else(|error| panic!("copying {name}: {error}"));
        }
    }
    let (_, step) = recipe.split_once("RUN for manifest in").expect("the step that makes the empty files");
    let (step, _) = step.split_once("&& cargo build").expect("the step goes on with a build");
    let done = Command::new("sh")
        .args(["-ec", &format!("for manifest in{}", step.replace("\\\n", "\n"))])
        .current_dir(folder.path())
        .status();
    assert!(done.is_ok_and(|status| status.success()), "the step that makes empty files failed");
    let mut missing = Vec::new();
    for manifest in files(&["Cargo.toml"]).into_iter().filter(|name| folder.path().join(name).exists()) {
        let place = folder.path().join(&manifest);
        let there = |path: &str| place.with_file_name(path).exists();
        let targets = targets(&manifest).into_iter().filter(|path| !there(path));
        missing.extend(targets.map(|path| format!("{manifest}: {path}")));
    }
    expect_none(&missing, "The images can't be built: let the loop in shared/deploy/Dockerfile make these files too.");
}

/// The files of the targets that a manifest names; cargo finds the others by itself, or finds none.
fn targets(manifest: &str) -> Vec<String> {
    let table: Table = read(manifest).parse().expect("a manifest is TOML");
    let named = |(kind, folder): (&str, &str)| {
        let targets = table.get(kind).and_then(Value::as_array).cloned().unwrap_or_default();
        let path = |target: &Value| match target.get("path").and_then(Value::as_str) {
            Some(path) => path.to_owned(),
            None => format!("{folder}/{}.rs", target["name"].as_str().expect("a target has a name")),
        };
        targets.iter().map(path).collect::<Vec<_>>()
    };
    [("bin", "src/bin"), ("test", "tests"), ("bench", "benches"), ("example", "examples")].map(named).concat()
}
