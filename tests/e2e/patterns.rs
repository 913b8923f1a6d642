//! The patterns in `examples/patterns`: each is short, says what it is for, and prints what it says.

use std::path::PathBuf;

use serde_json::Value;
use warrener_shared::job::yaml::to_json;
use warrener_shared::limits::Limits;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::Cluster;

const MOST_LINES: usize = 25;
const LEAST_PATTERNS: usize = 20;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All job files of the folder, by name.
fn patterns() -> Vec<(String, String)> {
    let files = std::fs::read_dir(root().join("examples/patterns")).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let named = |path: PathBuf| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap())
    };
    let mut patterns: Vec<_> = files.map(named).collect();
    patterns.sort();
    patterns
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pattern_prints_what_it_says() {
    let cluster = Cluster::with_workers(Broker::shared().await, 1).await;
    let client = cluster.client().await;
    let patterns = patterns();
    assert!(patterns.len() >= LEAST_PATTERNS, "{} patterns", patterns.len());
    for (name, text) in &patterns {
        let job = to_json(text.as_bytes(), &Limits::DEFAULT).unwrap_or_else(|error| panic!("{name}: {error}"));
        let job: Value = serde_json::from_slice(job.json()).unwrap();
        let end = client.run(&job).await;
        let said = text.lines().nth(1).unwrap_or_default();
        if let Some(output) = said.strip_prefix("# prints: ") {
            let output: Value = serde_json::from_str(output).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((end["state"].as_str(), &end["output"]), (Some("succeeded"), &output), "{name}: {end}");
        } else {
            let how =
                format!("{} {}", end["state"].as_str().unwrap(), end["error"]["code"].as_str().unwrap_or_default());
            assert_eq!(said.strip_prefix("# ends: "), Some(&*how), "{name}: {end}");
        }
    }
}

#[test]
fn every_pattern_is_short_and_listed() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for (name, text) in &patterns() {
        let want =
            text.lines().next().and_then(|line| line.strip_prefix("# I want ")).unwrap_or_else(|| panic!("{name}"));
        assert!(want.ends_with('.') && want.matches(". ").count() == 0, "{name}: one sentence");
        assert!(text.lines().count() <= MOST_LINES, "{name} has {} lines", text.lines().count());
        assert!(readme.contains(&format!("(examples/patterns/{name})")), "README.md does not list {name}");
    }
}
