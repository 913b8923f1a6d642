//! Arguments of the command line: the commands, and where each says its own.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::audit::AuditVerb;
use crate::bench::{BenchArgs, RoleArgs};
use crate::bulk::BulkVerb;
use crate::conformance::ConformanceArgs;
use crate::contexts::ContextVerb;
use crate::dead::DeadVerb;
use crate::delayed::DelayedVerb;
use crate::dev::{DevArgs, DevRole};
use crate::doctor::DoctorArgs;
use crate::events::EventsArgs;
use crate::job::JobVerb;
use crate::limit::LimitVerb;
use crate::logs::LogsArgs;
use crate::options::Globals;
use crate::queue::QueueVerb;
use crate::run::RunArgs;
use crate::schedule::ScheduleVerb;
use crate::settings::ConfigVerb;
use crate::submit::SubmitArgs;
use crate::task::TaskVerb;
use crate::token::TokenVerb;
use crate::top::TopArgs;
use crate::validate::ValidateArgs;
use crate::watch::WatchArgs;
use crate::worker::WorkerVerb;

/// Submits jobs to Warrener, watches them and steers them.
#[derive(Debug, Parser)]
#[command(
    name = "warrener",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = "Exit codes: 0 ok, 1 error, 2 usage, 3 partial, 4 not found, 5 refused, 6 not allowed, \
    7 unreachable;\n\
    for a job waited for: 10 failed, 11 cancelled, 12 timed out, 124 gave up waiting, 130 interrupted.")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Submit a job from a YAML or JSON file; prints its id
    Submit(SubmitArgs),
    /// Run one task and print its output
    Run(RunArgs),
    /// Check files with jobs or schedules without a server
    Validate(ValidateArgs),
    /// Follow a job to its end and print its output
    Watch(WatchArgs),
    /// Shows what the attempts of a job or of one task wrote
    Logs(LogsArgs),
    /// Read and steer jobs
    Job {
        #[command(subcommand)]
        verb: JobVerb,
    },
    /// Read and steer tasks
    Task {
        #[command(subcommand)]
        verb: TaskVerb,
    },
    /// Read and steer queues
    Queue {
        #[command(subcommand)]
        verb: QueueVerb,
    },
    /// Read and steer schedules
    Schedule {
        #[command(subcommand)]
        verb: ScheduleVerb,
    },
    /// Read and set limits on what runs at once
    Limit {
        #[command(subcommand)]
        verb: LimitVerb,
    },
    /// Read and steer workers
    Worker {
        #[command(subcommand)]
        verb: WorkerVerb,
    },
    /// Read and steer dead letters
    Dead {
        #[command(subcommand)]
        verb: DeadVerb,
    },
    /// List and cancel messages of others that go out later
    Delayed {
        #[command(subcommand)]
        verb: DelayedVerb,
    },
    /// Read and stop bulk operations, which verbs with --filter begin
    Bulk {
        #[command(subcommand)]
        verb: BulkVerb,
    },
    /// Show how everything goes, as it changes
    Top(TopArgs),
    /// Print what happens to jobs, as it happens
    Events(EventsArgs),
    /// Read who changed what
    Audit {
        #[command(subcommand)]
        verb: AuditVerb,
    },
    /// Make and list tokens for the orchestrator's API
    Token {
        #[command(subcommand)]
        verb: TokenVerb,
    },
    /// Give orchestrators names, and choose the one to talk to
    Context {
        #[command(subcommand)]
        verb: ContextVerb,
    },
    /// Check and show the configuration of all three programs
    Config {
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Find what is wrong with broker, orchestrator, workers and database
    Doctor(DoctorArgs),
    /// Test a worker in any language against the rules of PROTOCOL.md
    Conformance(ConformanceArgs),
    /// Start RabbitMQ, an orchestrator and workers on this machine, until Ctrl-C
    Dev(DevArgs),
    /// A process of dev
    #[command(hide = true)]
    DevRole {
        /// The part to be
        role: DevRole,
    },
    /// Measure how fast Warrener is here, against the broker alone
    Bench(BenchArgs),
    /// A process of a benchmark
    #[command(hide = true)]
    BenchRole(RoleArgs),
    /// Print a manual page, such as that of `job list`
    Man {
        /// The command [default: warrener itself]
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
        /// Write the pages of all commands into a folder instead
        #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
        all: Option<PathBuf>,
    },
    /// Print a completion script
    Completion {
        /// The shell
        shell: Shell,
    },
}
