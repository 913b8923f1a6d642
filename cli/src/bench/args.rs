//! Arguments of `warrener bench`.

use std::fmt;
use std::path::PathBuf;

use clap::builder::TypedValueParser as _;
use clap::{Args as ClapArgs, ValueEnum};
use serde::Serialize;

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct BenchArgs {
    /// Rounds of each row; figures are medians
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100).map(|n| n as usize))]
    pub(crate) rounds: usize,
    /// Tasks of a mapped round; a round of single jobs has a quarter of them
    #[arg(long, default_value_t = 20_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=50_000).map(|n| n as usize))]
    pub(crate) tasks: usize,
    /// Rows to measure [default: all but shapes, language, sizes, load, postgres, limits and large]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ROW,…")]
    pub(crate) only: Vec<BenchRow>,
    /// Tasks of the large job of each graph, for the row shapes
    #[arg(long, default_value_t = 100_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1_000..=100_000).map(|n| n as usize))]
    pub(crate) shape_tasks: usize,
    /// Jobs of the tenant that floods a queue, for the row limits
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    pub(crate) flood: u32,
    /// Finished jobs that are kept, and as many that wait, for the row large
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    pub(crate) stored: u32,
    /// Draw the rows sizes and load as pictures into this folder; without --only, only these are measured
    #[arg(long, value_name = "FOLDER")]
    pub(crate) plot: Option<PathBuf>,
    /// A PostgreSQL server whose user may create databases, for the row postgres; without --only, that is measured too
    #[arg(long, value_name = "URL", env = "BENCH_POSTGRES_URL", hide_env_values = true)]
    pub(crate) postgres: Option<String>,
    /// Attempts that the worker works on at once
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) slots: u32,
    /// The process of the broker, where it is on this machine, to measure its CPU too
    #[arg(long, value_name = "PID")]
    pub(crate) broker_pid: Option<u32>,
}

/// A measured row of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BenchRow {
    /// The tasks of one job with `for_each`
    Mapped,
    /// Jobs of one task, submitted and answered over AMQP
    Single,
    /// The same without an answer: until the last is over
    Forget,
    /// Jobs of one task with an answer, only one at a time
    Roundtrip,
    /// Three tasks, one after the other
    Chain,
    /// A task, then 100 at once, then another
    Fan,
    /// 100,000 tasks against 1,000
    Scale,
    /// Graphs of 100,000 tasks against 1,000: a chain, a star, a fan-in, random layers; takes some minutes
    Shapes,
    /// 10,000 rounds of a task against as many items, and the check of a job of templates; takes some minutes
    Language,
    /// Tasks in a second in jobs of 1 to 100,000 tasks; takes a minute for each round
    Sizes,
    /// Latency of single jobs while so many come in a second, up to nearly the most that is possible
    Load,
    /// Mapped tasks and single jobs with PostgreSQL, beside SQLite in the same rounds; needs --postgres
    Postgres,
    /// Jobs under limits and in a shared queue, beside none; and how fair that is while a tenant floods it
    Limits,
    /// A million jobs kept, a million waiting: start, memory, lists, and removing them; takes some minutes
    Large,
}

impl fmt::Display for BenchRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().expect("no row is hidden").get_name())
    }
}
