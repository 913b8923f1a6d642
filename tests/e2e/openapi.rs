//! The document of the API against a running orchestrator: a tester makes requests up from it, sound ones and others,
//! and no answer is an error of ours or one that the document does not name.

use std::process::Stdio;

use tokio::process::Command;
use warrener_orchestrator::access::tokens::{hash_of, hash_text};
use warrener_tests::broker::Broker;
use warrener_tests::cluster::Cluster;
use warrener_tests::cluster::language::{need_schemathesis, paths};

/// Requests for each operation and phase.
const CASES: &str = "5";
const TOKEN: &str = "wrn_the-tester-s";

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_one_that_the_document_does_not_name() {
    need_schemathesis();
    let tokens = tempfile::NamedTempFile::new().unwrap();
    let hash = hash_text(&hash_of(TOKEN.as_bytes()));
    let entry = format!(
        "[[tokens]]\nname = \"tester\"\nhash = \"{hash}\"\nscopes = [\"read\", \"submit\", \"operate\", \"admin\"]\n"
    );
    std::fs::write(tokens.path(), entry).unwrap();
    let configuration = format!("[api]\ntokens_file = {:?}\n", tokens.path());
    let cluster = Cluster::configured(Broker::shared().await, &configuration).await;
    let document = format!("{}/api/v1/openapi.json", cluster.http_url());
    let header = format!("Authorization: Bearer {TOKEN}");
    let cases = std::env::var("WARRENER_TEST_CASES").unwrap_or_else(|_| CASES.to_owned());
    let run = Command::new("python3")
        .args(["-m", "schemathesis.cli", "run", &document, "--header", &header, "--max-examples", &cases])
        .args(["--seed", "1", "--suppress-health-check", "all", "--no-color", "--continue-on-failure"])
        .args(["--phases", "examples,coverage,fuzzing"])
        // What is accepted leniently (a repeated parameter, more in a body) is no fault of an answer.
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance"])
        .args(["--checks", "response_schema_conformance,response_headers_conformance,unsupported_method"])
        .args(["--checks", "ignored_auth"])
        .current_dir(cluster.folder())
        .envs(paths())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{text}\n{}", String::from_utf8_lossy(&run.stderr));
}
