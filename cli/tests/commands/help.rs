//! Every help text, as it is printed, and the manual pages.

use crate::server::run;

/// `WARRENER_TEST_GOLDEN=write` writes the file anew; look at what has changed before you commit it.
#[test]
fn every_help_text_is_the_one_on_file() {
    let mut all = String::new();
    collect(&[], &mut all);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/help.txt");
    if std::env::var("WARRENER_TEST_GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(file, &all).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let differs = all.lines().zip(kept.lines()).find(|(now, kept)| now != kept);
    assert!(all == kept, "help texts differ from {file} (WARRENER_TEST_GOLDEN=write takes them over): {differs:?}");
}

/// The help of a command and of everything below it.
fn collect(path: &[&str], all: &mut String) {
    let help = run(&[path, &["--help"]].concat(), "");
    assert_eq!((help.code, help.err.as_str()), (0, ""), "{path:?}");
    *all += &format!("$ warrener {}\n{}\n", [path, &["--help"]].concat().join(" "), help.out);
    let (_, commands) = help.out.split_once("\nCommands:\n").unwrap_or_default();
    for line in commands.lines().take_while(|line| !line.is_empty()) {
        let name = line.split_whitespace().next().filter(|_| line.starts_with("  ") && !line.starts_with("   "));
        if let Some(name) = name.filter(|name| *name != "help") {
            collect(&[path, &[name]].concat(), all);
        }
    }
}

#[test]
fn every_command_has_its_page_in_the_manual() {
    let page = run(&["man", "job", "list"], "");
    assert!(page.code == 0 && page.out.contains("warrener\\-job\\-list"), "{}{}", page.out, page.err);
    assert!(page.out.contains("state:failed"), "{}", page.out);
    let wrong = run(&["man", "job", "lst"], "");
    assert!(wrong.code == 2 && wrong.err.contains("there is no command \"job lst\""), "{}", wrong.err);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("man1");
    assert_eq!(run(&["man", "--all", path.to_str().unwrap()], "").code, 0);
    for name in ["warrener", "warrener-submit", "warrener-job-graph", "warrener-doctor"] {
        assert!(path.join(format!("{name}.1")).is_file(), "{name}");
    }
    assert!(!path.join("warrener-dev-role.1").exists());
}
