//! The smallest world in which the same rule is still broken.

use crate::plan::{Plan, Without};
use crate::play::play;

/// Leaves out one thing after the other for as long as the same rule is broken.
pub(crate) fn shrink(seed: u64, rule: &str) -> Without {
    let mut without = Without::default();
    let still = |without: &Without| play(seed, without, false).violation.is_some_and(|found| found.rule == rule);
    let plan = Plan::new(seed, &without);
    let mut try_out = |change: &dyn Fn(&mut Without)| {
        let mut smaller = without.clone();
        change(&mut smaller);
        if still(&smaller) {
            without = smaller;
        }
    };
    try_out(&|without| without.language = true);
    try_out(&|without| without.limit = true);
    try_out(&|without| without.extras = true);
    try_out(&|without| without.wishes = true);
    for fault in &plan.faults.on {
        try_out(&|without| without.faults.push(fault.name().to_owned()));
    }
    for job in 0..plan.jobs.len() {
        try_out(&|without| without.jobs.push(job));
    }
    without
}

/// How to play it again.
pub(crate) fn command(seed: u64, without: &Without) -> String {
    let mut command = format!("cargo run -p warrener-tests --bin sim -- --seed {seed}");
    if !without.faults.is_empty() {
        command += &format!(" --without {}", without.faults.join(","));
    }
    if !without.jobs.is_empty() {
        let jobs: Vec<String> = without.jobs.iter().map(usize::to_string).collect();
        command += &format!(" --without-jobs {}", jobs.join(","));
    }
    if without.wishes {
        command += " --without-wishes";
    }
    if without.extras {
        command += " --without-extras";
    }
    if without.language {
        command += " --without-language";
    }
    if without.limit {
        command += " --without-limit";
    }
    command
}
