//! Laws of the code: who may write what, no circles of modules, one meaning for each name of a type.

use std::collections::{BTreeMap, BTreeSet};

use crate::crates::{Crate, is_test};
use crate::{expect_none, files, read};

#[test]
fn one_file_says_who_may_go_out() {
    for law in [".rank = ", ".parked = "] {
        // What an item without a row would show is no row.
        let owners: Vec<_> = writers(law).into_iter().filter(|file| !file.ends_with("row/shown.rs")).collect();
        assert_eq!(owners, ["orchestrator/engine/src/rule/offer.rs"], "{law}");
    }
}

#[test]
fn one_file_opens_and_closes_attempts() {
    let owner = ["orchestrator/engine/src/rule/attempt.rs"];
    for law in [
        ".attempt += ",
        ".attempt -= ",
        ".dispatch_no = ",
        ".dispatch_no.take()",
        "Effect::Opened {",
        "Effect::Closed {",
    ] {
        assert_eq!(writers(law), owner, "{law}");
    }
    assert_eq!(writers(" AttemptRow {"), ["orchestrator/engine/src/row.rs", owner[0]], "the row and who makes it");
}

/// The files of the engine in whose code this stands.
fn writers(what: &str) -> Vec<String> {
    files_with("orchestrator/engine/src/", what)
}

/// The files below a folder, but for tests, in whose code this stands.
fn files_with(folder: &str, what: &str) -> Vec<String> {
    let sources = files(&[".rs"]).into_iter();
    let inside = sources.filter(|name| name.starts_with(folder) && !is_test(name));
    inside.filter(|name| read(name).contains(what)).collect()
}

/// What the driver remembers of the rows is one value, replaced as a whole; so nothing can be forgotten when it is made
/// anew, and nothing that outlives the rows is lost with it.
#[test]
fn held_alone_is_made_anew_from_the_rows() {
    let driver = "orchestrator/src/driver/";
    let (head, held) = (format!("{driver}mod.rs"), format!("{driver}held/mod.rs"));
    let source = read(&head);
    let (_, recollect) = source.split_once("fn recollect(&mut self)").expect("the driver can do so");
    let (recollect, _) = recollect.split_once("\n    }\n").expect("it ends");
    let fields = recollect.match_indices("self.").map(|(at, _)| {
        let rest = &recollect[at + "self.".len()..];
        rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()
    });
    let fields: BTreeSet<&str> = fields.collect();
    assert_eq!(fields, BTreeSet::from(["clock", "condition", "held", "shared", "store"]), "{recollect}");
    assert!(recollect.contains("self.held = Held::from_rows("), "{recollect}");
    // Nobody else reads what it consists of, makes a part of it, or copies it.
    assert_eq!(files_with(driver, "Held::from_rows("), std::slice::from_ref(&head));
    assert_eq!(files_with(driver, "self.held = "), [head]);
    assert_eq!(files_with(driver, "::from_rows(").len(), 2, "the driver makes the whole, and that its parts");
    for part in [".open_attempts()", ".asked()", "boot.queues", "boot.next_job", "boot.published_below"] {
        assert!(files_with(driver, part).iter().all(|file| file.starts_with(&format!("{driver}held/"))), "{part}");
    }
    assert!(!read(&held).contains("Clone"), "there is one");
}

#[test]
fn modules_form_no_circles() {
    let mut standing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (folder, modules) in CIRCLES {
        standing.entry(folder).or_default().extend(*modules);
    }
    let mut wrong = Vec::new();
    for krate in Crate::all() {
        let mut gone = standing.remove(krate.folder.as_str()).unwrap_or_default();
        for circle in krate.circles() {
            let is_part = |modules: &[&str]| circle.iter().all(|module| modules.contains(&module.as_str()));
            if !CIRCLES.iter().any(|(folder, modules)| *folder == krate.folder && is_part(modules)) {
                wrong.push(format!("{}: {circle:?} name each other", krate.folder));
            }
            gone.retain(|module| !circle.contains(*module));
        }
        wrong.extend(gone.iter().map(|module| format!("{}: {module} is in no circle any more", krate.folder)));
    }
    wrong.extend(standing.keys().map(|folder| format!("{folder}: there is no such crate any more")));
    expect_none(
        &wrong,
        "Let one of them say what it wants by something that both may know. CIRCLES in tests/tidy/laws.rs lists those \
         that still stand, and only shrinks: strike off what has vanished.",
    );
}

#[test]
fn a_type_has_its_name_alone() {
    let mut wrong = Vec::new();
    for krate in Crate::all() {
        let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for file in krate.modules.values() {
            for name in read(file).lines().filter_map(type_name) {
                places.entry(name.to_owned()).or_default().push(file);
            }
        }
        for (name, files) in places.into_iter().filter(|(_, files)| files.len() > 1) {
            wrong.push(format!("{name}: {}", files.join(", ")));
        }
    }
    expect_none(&wrong, "One meaning for each name: rename all but one.");
}

/// The name of the type that a line defines at the top of its module.
fn type_name(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(rest) => rest.split_once(' ')?.1,
        None => line,
    };
    let rest = ["struct ", "enum ", "trait ", "type ", "union "].iter().find_map(|word| line.strip_prefix(word))?;
    rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()
}

/// The circles that still stand, each as the folder of its crate and its modules.
const CIRCLES: &[(&str, &[&str])] = &[("shared/src", &["job/built_in", "job/for_each", "job/parse", "job/task"])];
