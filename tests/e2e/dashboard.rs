//! The dashboard in a real browser: what people do with it, and how each page looks, in `target/screenshots`.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

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
    let plan = Plan::default().command("shop.ok", &["true"]).command("shop.fail", &fail).command("shop.echo", &["cat"]);
    cluster.start_worker("w1", &plan);
    let url = cluster.http_url();
    let folder = root().join("target").join("screenshots");
    let driven = tokio::task::spawn_blocking(move || {
        let script = root().join("tests/browser/flows.cjs");
        Command::new("node").arg(script).arg(url).arg(folder).envs(paths()).output().unwrap()
    });
    let output = driven.await.unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{wrong}");
}
