//! What can be typed.

use clap::Parser;

use crate::plan::Without;

/// Plays worlds with faults and judges what comes of them.
#[derive(Clone, Debug, Parser)]
#[command(name = "sim")]
pub(crate) struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 2_000)]
    pub(crate) seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub(crate) from: u64,
    /// Threads; each plays worlds of its own.
    #[arg(long, default_value_t = 1)]
    pub(crate) jobs: u64,
    /// Plays one seed again and shows what happens in it.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Leaves faults out, by name, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) without: Vec<String>,
    /// Leaves jobs out, by number from 0, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) without_jobs: Vec<usize>,
    /// Leaves out what people ask for.
    #[arg(long)]
    pub(crate) without_wishes: bool,
    /// Leaves out built-in tasks, inputs that fail, events, and single tasks by hand.
    #[arg(long)]
    pub(crate) without_extras: bool,
    /// Leaves out rounds, limits over a job, failures allowed by code, and tasks that want so many successes.
    #[arg(long)]
    pub(crate) without_language: bool,
    /// Leaves out the limits on the work of each queue, and on jobs.
    #[arg(long)]
    pub(crate) without_limit: bool,
    /// Shows which transitions and faults were met, and which never were.
    #[arg(long)]
    pub(crate) reach: bool,
    /// Plants one fault after the other in the product, and shows how many seeds its judges need to see it.
    #[arg(long)]
    pub(crate) mutants: bool,
    /// Of the planted faults only these, by name, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
}

impl Options {
    pub(crate) fn without(&self) -> Without {
        Without {
            faults: self.without.clone(),
            jobs: self.without_jobs.clone(),
            wishes: self.without_wishes,
            extras: self.without_extras,
            language: self.without_language,
            limit: self.without_limit,
        }
    }
}
