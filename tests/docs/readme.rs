//! The front page: every command as typed, every block as it is run.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};

use warrener_tests::cluster::program;

use crate::blocks::blocks;
use crate::read;

#[test]
fn the_publisher_is_the_one_that_is_tested() {
    let text = read("README.md");
    let publisher = read("examples/python/publisher.py");
    assert_eq!(blocks(&text, "python"), [publisher.as_str()], "copy examples/python/publisher.py into README.md");
    assert!(publisher.lines().filter(|line| !line.is_empty()).count() <= 10, "README.md promises ten lines");
}

#[test]
fn the_worker_in_rust_is_the_one_that_is_compiled() {
    let source = read("worker/src/worker.rs");
    let comments = source.lines().filter_map(|line| line.strip_prefix("///"));
    let documentation: String = comments.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect();
    let compiled = blocks(&documentation, "no_run");
    let text = read("README.md");
    assert_eq!(blocks(&text, "rust"), [compiled[0]], "copy the example of worker/src/worker.rs into README.md");
}

#[test]
fn every_target_of_make_exists() {
    let makefile = read("Makefile");
    let targets: BTreeSet<_> = makefile.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    for document in ["README.md", "examples/README.md"] {
        let text = read(document);
        let wanted = text.match_indices("make ").map(|(at, found)| &text[at + found.len()..]);
        let wanted = wanted.filter(|rest| text[..text.len() - rest.len() - 5].ends_with(['`', '\n', ' ']));
        // A command ends with its line or its backtick; anything else is the verb of a sentence.
        let commands = wanted.filter_map(|rest| rest.split_once(['`', '\n'])).map(|(command, _)| command);
        let commands: Vec<_> = commands.filter(|command| !command.contains(' ')).collect();
        assert!(!commands.is_empty(), "{document} names no target");
        for command in commands {
            assert!(targets.contains(command), "{document} says `make {command}`, which the Makefile doesn't have");
        }
    }
}

#[test]
fn every_command_exists_with_its_flags() {
    let text = read("README.md");
    let inline = text.split('`').skip(1).step_by(2).filter(|code| !code.contains('\n'));
    let blocks = blocks(&text, "sh").into_iter().flat_map(str::lines);
    let mut seen = BTreeSet::new();
    for line in blocks.chain(inline).map(|line| line.split(" #").next().unwrap_or_default()) {
        let words: Vec<_> = line.split_whitespace().skip_while(|word| word.contains('=')).collect();
        let Some((program, rest)) = words.split_first() else { continue };
        if PROGRAMS.contains(program) && !rest.is_empty() {
            assert_known(program, rest, line);
            seen.insert(*program);
        }
    }
    assert!(
        seen.contains("warrener") && seen.contains("worker"),
        "the front page shows no commands any more: {seen:?}"
    );
}

/// Asks the program itself: each word that may be a command has a help of its own, and that help names each flag.
fn assert_known(name: &str, words: &[&str], line: &str) {
    // What is said to be missing is checked by its absence elsewhere.
    if MISSING.iter().any(|(program, command)| *program == name && words[0] == *command) {
        return;
    }
    let is_command = |word: &&&str| word.chars().all(|c| c.is_ascii_lowercase());
    let depth = if name != "warrener" {
        0
    } else if NOUNS.contains(&words[0]) {
        2
    } else {
        1
    };
    let path: Vec<&str> = words.iter().take(depth).take_while(is_command).copied().collect();
    let help = run(name, &[path.as_slice(), &["--help"]].concat());
    assert!(help.status.success(), "README.md says `{line}`, which {name} doesn't have");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for flag in words.iter().filter(|word| word.starts_with("--")) {
        assert!(help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")), "`{line}`: no {flag}");
    }
}

#[test]
fn what_is_said_to_be_missing_is_missing() {
    let text = read("README.md");
    for (name, command) in MISSING {
        assert!(
            text.contains(&format!("`{name} {command}`")),
            "README.md doesn't name {command} any more: take it from MISSING"
        );
        let answer = run(name, &[command, "--help"]);
        assert!(!answer.status.success(), "{name} {command} is there now: say so in README.md and CHANGELOG.md");
    }
    let routes = read("orchestrator/src/api/mod.rs");
    for path in NO_ROUTES {
        assert!(!routes.contains(path), "the API answers {path} now: say so in README.md and CHANGELOG.md");
    }
}

#[test]
fn the_graph_is_sound() {
    let text = read("README.md");
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    for graph in blocks(&text, "yaml") {
        let file = folder.path().join("job.yaml");
        fs::write(&file, graph).expect("a new folder can be written to");
        let answer = run("warrener", &["validate", file.to_str().expect("the path is text")]);
        assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    }
}

#[test]
fn the_configurations_are_sound() {
    let text = read("README.md");
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    for configuration in blocks(&text, "toml") {
        let file = folder.path().join("warrener.toml");
        fs::write(&file, configuration).expect("a new folder can be written to");
        // A worker that serves nothing refuses to start.
        let readers: &[&str] =
            if configuration.contains("[kinds.") { &["orchestrator", "worker"] } else { &["orchestrator"] };
        for name in readers {
            let answer = run(name, &["--check", "--config", file.to_str().expect("the path is text")]);
            assert!(answer.status.success(), "{name}: {}", String::from_utf8_lossy(&answer.stderr));
        }
    }
}

fn run(name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program(name));
    // Nothing of this shell's configuration; the programs that a worker starts are found as ever.
    command.args(arguments).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.output().unwrap_or_else(|error| panic!("starting {name}: {error}"))
}

const PROGRAMS: [&str; 3] = ["warrener", "orchestrator", "worker"];
/// Commands that have commands of their own.
const NOUNS: [&str; 11] =
    ["limit", "job", "task", "queue", "schedule", "worker", "dead", "audit", "token", "context", "config"];
/// What the front page says is not there yet.
const MISSING: [(&str, &str); 0] = [];
/// Paths that the front page says the API does not answer.
const NO_ROUTES: [&str; 1] = ["/bulk"];
