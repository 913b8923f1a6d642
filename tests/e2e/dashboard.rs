//! The dashboard in a real browser: what people do with it, and how each page looks, in `target/screenshots`.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use warrener_orchestrator::access::tokens::{hash_of, hash_text};
use warrener_tests::broker::Broker;
use warrener_tests::cluster::language::{paths, root};
use warrener_tests::cluster::{Cluster, Plan};

/// Programs that are a Chromium.
const BROWSERS: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/// Tells whether a browser can be driven here; where not, the summary of the checks says so.
fn has_browser() -> bool {
    let is_there = std::env::var_os("CHROMIUM").is_some() || BROWSERS.iter().any(|program| Path::new(program).exists());
    let is_driven =
        Command::new("node").args(["-e", "require('puppeteer-core'); require('axe-core')"]).envs(paths()).output();
    if is_there && is_driven.is_ok_and(|output| output.status.success()) {
        return true;
    }
    println!("SKIPPED browser: no Chromium, or no puppeteer-core and axe-core for Node (`make setup`)");
    if let Some(file) = std::env::var_os("SKIPPED").filter(|file| !file.is_empty()) {
        let file = fs::OpenOptions::new().create(true).append(true).open(file);
        writeln!(file.unwrap(), "browser: no Chromium, or no puppeteer-core and axe-core for Node").unwrap();
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_and_steer_everything_in_a_browser() {
    if !has_browser() {
        return;
    }
    let mut cluster = Cluster::configured(Broker::shared().await, "").await;
    let fail = ["sh", "-c", "echo broken on purpose >&2; exit 1"];
    // Twelve lines, the last of which would turn and clear what stands around it.
    let slow = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo \"line $i.\" >&2; sleep 0.7; done; \
                printf '\\342\\200\\256over\\033[2J\\n' >&2";
    let plan = Plan::default().command("shop.ok", &["true"]).command("shop.fail", &fail).command("shop.echo", &["cat"]);
    let plan = plan.command("shop.slow", &["sh", "-c", slow]);
    cluster.start_worker("w1", &plan);
    drive(&cluster, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_token_in_a_browser() {
    if !has_browser() {
        return;
    }
    let entry = |name: &str, scopes: &str| {
        let hash = hash_text(&hash_of(format!("{name}-token").as_bytes()));
        format!("[[tokens]]\nname = \"{name}\"\nhash = \"{hash}\"\nscopes = [{scopes}]\n")
    };
    let tokens = tempfile::NamedTempFile::new().unwrap();
    let boss = entry("boss", r#""read", "submit", "operate", "admin""#);
    fs::write(tokens.path(), boss + &entry("reader", r#""read""#)).unwrap();
    let configuration = format!("[api]\ntokens_file = {:?}\n", tokens.path());
    let cluster = Cluster::configured(Broker::shared().await, &configuration).await;
    drive(&cluster, &["guarded"]).await;
}

/// Has the script drive a browser, and fails with what it saw.
async fn drive(cluster: &Cluster, more: &'static [&'static str]) {
    let url = cluster.http_url();
    let driven = tokio::task::spawn_blocking(move || {
        let folder = root().join("target").join("screenshots");
        let script = root().join("tests/browser/flows.cjs");
        Command::new("node").arg(script).arg(url).arg(folder).args(more).envs(paths()).output().unwrap()
    });
    let output = driven.await.unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{wrong}");
}
