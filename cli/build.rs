//! Notes from which commit the program is built, where that can be told.

use std::path::Path;
use std::process::Command;

/// File that git writes with every commit and every change of branch.
const LOG: &str = "../.git/logs/HEAD";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if !Path::new(LOG).exists() {
        return;
    }
    println!("cargo::rerun-if-changed={LOG}");
    let told = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    if let Ok(told) = told
        && told.status.success()
        && let Ok(commit) = String::from_utf8(told.stdout)
    {
        println!("cargo::rustc-env=WARRENER_COMMIT={}", commit.trim());
    }
}
