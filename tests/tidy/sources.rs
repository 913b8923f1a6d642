//! Rules about the text of the files.

use std::path::Path;

use crate::{expect_none, files, read, root};

#[test]
fn files_stay_short() {
    let long: Vec<_> = files(&[".rs", ".py", ".js", ".sh"])
        .into_iter()
        .filter(|name| !is_test(name))
        .map(|name| (read(&name).lines().count(), name))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, name)| format!("{name}: {lines} lines"))
        .collect();
    expect_none(&long, &format!("A file has at most {MAX_LINES} lines (tests apart): split it by rule or resource."));
}

#[test]
fn lines_stay_short() {
    let names = files(&[".rs", ".py", ".js", ".sh"]).into_iter().filter(|name| !is_test(name));
    let long = lines(names, |line| line.chars().count() > MAX_COLUMNS);
    expect_none(&long, &format!("A line has at most {MAX_COLUMNS} characters (tests apart)."));
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = lines(files(&[".rs"]), |line| UNFINISHED.iter().any(|mark| line.contains(mark)));
    expect_none(&marks, "Finish it, or leave it out.");
}

#[test]
fn no_path_of_somebodys_machine() {
    let names = files(&[".rs", ".py", ".js", ".sh", ".toml", ".md", ".yml", ".yaml", ".json", "Makefile"]);
    let paths = lines(names, |line| MACHINE_PATHS.iter().any(|path| line.contains(path)));
    expect_none(&paths, "Write it relative to the repository, or as something that every reader has.");
}

#[test]
fn no_drawers_for_odds_and_ends() {
    let drawers: Vec<_> = files(&[".rs"])
        .into_iter()
        .filter(|name| {
            let parts: Vec<_> = name.trim_end_matches(".rs").split('/').collect();
            parts.iter().any(|part| DRAWERS.contains(part))
        })
        .collect();
    expect_none(&drawers, "Name the file for what lives in it.");
}

#[test]
fn every_source_file_is_compiled() {
    let orphans: Vec<_> =
        files(&[".rs"]).into_iter().filter(|name| !is_crate_root(name) && !is_declared(name)).collect();
    expect_none(&orphans, "No `mod` names this file, so it is neither compiled nor tested: declare it or delete it.");
}

/// The places of all lines of these files for which `is_wrong` says so.
fn lines(names: impl IntoIterator<Item = String>, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in names {
        let text = read(&name);
        let places = text.lines().enumerate().filter(|(_, line)| is_wrong(line));
        wrong.extend(places.map(|(index, line)| format!("{name}:{}: {}", index + 1, line.trim())));
    }
    wrong
}

fn is_test(name: &str) -> bool {
    ["tests.rs", "golden.rs"].iter().any(|end| name.ends_with(end)) || name.split('/').any(|part| part == "tests")
}

fn is_crate_root(name: &str) -> bool {
    let path = Path::new(name);
    let folder = path.parent().expect("files are in folders").to_string_lossy();
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    match file.as_ref() {
        "lib.rs" | "main.rs" | "build.rs" => true,
        _ => ROOT_FOLDERS.iter().any(|end| folder.ends_with(end)),
    }
}

/// Whether the module that has to name this file does.
fn is_declared(name: &str) -> bool {
    let path = Path::new(name);
    let folder = path.parent().expect("files are in folders");
    let (home, module) = if path.ends_with("mod.rs") {
        (folder.parent().expect("`mod.rs` is not at the root"), folder.file_name())
    } else {
        (folder, path.file_stem())
    };
    let module = module.expect("modules have names").to_string_lossy();
    let beside = home.with_extension("rs");
    let candidates = ["mod.rs", "lib.rs", "main.rs"].map(|file| home.join(file));
    candidates.iter().chain([&beside]).filter(|parent| root().join(parent).is_file()).any(|parent| {
        let text = read(&parent.to_string_lossy());
        text.lines().any(|line| line.trim_start().trim_start_matches(VISIBILITY).starts_with(&format!("mod {module};")))
    })
}

const MAX_LINES: usize = 500;
const MAX_COLUMNS: usize = 120;
/// In halves, so that this file doesn't find itself.
const UNFINISHED: [&str; 4] =
    [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!("), concat!("#[", "ignore")];
const MACHINE_PATHS: [&str; 3] = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];
const DRAWERS: [&str; 8] = ["utils", "util", "helpers", "helper", "manager", "common", "misc", "shared_utils"];
/// Each file in these folders is a crate of its own.
const ROOT_FOLDERS: [&str; 4] = ["src/bin", "tests/tests", "/examples", "/benches"];
/// The letters of `pub(crate)` and `pub(super)`.
const VISIBILITY: &[char] = &['p', 'u', 'b', '(', 'c', 'r', 'a', 't', 'e', 's', ')', ' '];
