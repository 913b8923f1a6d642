//! Arguments of the command line: commands, options and their help.

mod bench;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use warrener_shared::time::Millis;

pub(crate) use self::bench::{BenchArgs, BenchRow};
use crate::bench::RoleArgs;
use crate::dev::DevRole;
use crate::doctor::{Fixable, Role};

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

/// Flags that every command takes.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Globals {
    /// Format of data on stdout: table, wide (more columns), json, jsonl, yaml or name (ids only)
    #[arg(short, long, global = true, value_enum, default_value_t, hide_possible_values = true)]
    pub(crate) output: Format,
    /// Leave out the header line of tables
    #[arg(long, global = true)]
    pub(crate) no_headers: bool,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// The orchestrator to talk to [default: WARRENER_URL, or http://127.0.0.1:8080]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The configuration file [default: warrener.toml in the working directory, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Format of data on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    #[default]
    Table,
    /// More columns
    Wide,
    /// The API's answer as it came
    Json,
    /// The same, one element a line
    Jsonl,
    /// The same, as YAML
    Yaml,
    /// Ids and names only
    Name,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Submit a job from a YAML or JSON file; prints its id
    Submit(SubmitArgs),
    /// Run one task and print its output
    Run(RunArgs),
    /// Check job files without a server
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

#[derive(Debug, ClapArgs)]
pub(crate) struct SubmitArgs {
    /// The job, as YAML or JSON; - reads stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Wait for the end; prints the output
    #[arg(long, conflicts_with = "watch")]
    pub(crate) wait: bool,
    /// Wait for the end and show progress; prints the output
    #[arg(long)]
    pub(crate) watch: bool,
    /// Replace the job's input; @FILE reads JSON or YAML from a file
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) input: Option<String>,
    /// Set a value in the job, such as tasks.train.timeout=2h; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// These tasks and what they need; the others are left out of the job
    #[arg(long, value_name = "TASK", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Transport of the job
    #[arg(long, value_enum, default_value_t)]
    pub(crate) via: Via,
    /// Check the job on the server and keep nothing
    #[arg(long, conflicts_with_all = ["wait", "watch"])]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// Transport of a job to an orchestrator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    /// To the orchestrator
    #[default]
    Http,
    /// To the broker, which keeps it even while no orchestrator runs
    Amqp,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// The kind of the task, such as demo.echo
    pub(crate) kind: String,
    /// Input of the task; @FILE reads JSON or YAML from a file, - from stdin [default: null]
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub(crate) input: Option<String>,
    /// Set a value in the job, such as queue=gpu or retry=0; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// The queue [default: default]
    #[arg(long)]
    pub(crate) queue: Option<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ValidateArgs {
    /// Job files, as YAML or JSON; - reads stdin
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct WatchArgs {
    /// The job
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// The job or task whose log is shown, and how.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct LogsArgs {
    /// The job, or one task or item of it: JOB, JOB/TASK or JOB/TASK.INDEX
    pub(crate) address: String,
    /// Show what comes, until the job is final
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Print what was written byte for byte; else characters that a terminal obeys are made visible
    #[arg(long)]
    pub(crate) raw: bool,
}

/// Longest wait for the end of a job.
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub(crate) struct Patience {
    /// Give up waiting after this long, such as 30s; the job goes on [default: never]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobVerb {
    /// List jobs, newest first
    List(JobListArgs),
    /// Show a job and its tasks
    Get { id: String },
    /// Print the output of a job; exits by its state, with 1 while it runs
    Output { id: String },
    /// Print what happened to a job
    Events { id: String },
    /// Print the tasks of a job and what each waits for
    Graph {
        /// The job
        id: String,
        /// text (as --output says), dot (for Graphviz) or svg (a picture)
        #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
        format: GraphFormat,
    },
    /// Stop jobs
    Cancel(Ids),
    /// Run again what did not succeed in final jobs
    Retry(Ids),
    /// Dispatch nothing more of jobs
    Pause(Ids),
    /// Dispatch again
    Resume(Ids),
}

/// Form of a drawn graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// As --output says
    #[default]
    Text,
    /// For Graphviz
    Dot,
    /// A picture
    Svg,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct JobListArgs {
    /// Filter, such as 'state:failed kind:ml.* created:>1h'
    #[arg(short, long, allow_hyphen_values = true)]
    pub(crate) filter: Option<String>,
    /// Jobs on one page
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Cursor of the page before, as it was printed
    #[arg(long, conflicts_with = "all")]
    pub(crate) cursor: Option<String>,
    /// All pages
    #[arg(long)]
    pub(crate) all: bool,
}

/// Things that a verb is done to.
#[derive(Debug, ClapArgs)]
pub(crate) struct Ids {
    /// Ids or names
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TaskVerb {
    /// Show a task or item and its attempts
    Get {
        /// JOB/TASK or JOB/TASK.INDEX
        task: String,
    },
    /// Run a task again, and everything downstream of it
    Retry {
        /// JOB/TASK or JOB/TASK.INDEX
        #[arg(required = true)]
        tasks: Vec<String>,
    },
    /// Skip a task; what needs it goes on
    Skip {
        /// JOB/TASK or JOB/TASK.INDEX
        #[arg(required = true)]
        tasks: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueVerb {
    /// List queues
    List,
    /// Dispatch nothing more to queues
    Pause(Ids),
    /// Dispatch again
    Resume(Ids),
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerVerb {
    /// List workers
    List,
    /// Let workers take no more and finish what they hold
    Drain(Ids),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadVerb {
    /// List dead letters
    List,
    /// Show a dead letter with its evidence
    Get { id: String },
    /// Try dead letters again
    Replay(Ids),
    /// Throw dead letters away
    Discard(DiscardArgs),
}

/// Choice of the dead letters to throw away.
#[derive(Debug, ClapArgs)]
pub(crate) struct DiscardArgs {
    /// Ids
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Throw all away, or all that --older leaves
    #[arg(long)]
    pub(crate) all: bool,
    /// Only those that came before so long a time, such as 7d
    #[arg(long, requires = "all", conflicts_with = "ids", value_name = "DURATION", value_parser = duration)]
    pub(crate) older: Option<Duration>,
    /// Do not ask first
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Report every problem of the configuration
    Check,
    /// Print every setting and where it came from, secrets masked
    Show,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(
    after_help = "With a command, such as `warrener conformance --queue q -- python3 worker.py q`, the worker is \
    started and told the broker's\naddress in WARRENER_AMQP__URL; more is tested then, because it can be killed and \
    stopped. Without a broker in the\nconfiguration a private RabbitMQ is started for it.\n\n\
    The exit code is 1 if a MUST is broken."
)]
pub(crate) struct ConformanceArgs {
    /// The queue that the worker serves
    #[arg(long)]
    pub(crate) queue: String,
    /// A kind that the worker knows [default: the first that its heartbeat names]
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Input with which that kind succeeds
    #[arg(long, value_name = "JSON", default_value = "null", allow_hyphen_values = true)]
    pub(crate) input: String,
    /// The output that this must give
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) expect: Option<String>,
    /// A kind that works for at least 20 s with --slow-input; without it, time limits, claims, control and
    /// shutdown are not tested
    #[arg(long, value_name = "KIND")]
    pub(crate) slow: Option<String>,
    /// Input of the slow kind
    #[arg(long, value_name = "JSON", default_value = "null", requires = "slow", allow_hyphen_values = true)]
    pub(crate) slow_input: String,
    /// Longest wait for the claim of a slow attempt, such as 70s: it has to work 20 s longer then
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "3s", requires = "slow")]
    pub(crate) claims: Duration,
    /// Test a plain RPC server with a queue of its own, which knows nothing of Warrener: fewer rules
    #[arg(long, conflicts_with = "slow")]
    pub(crate) rpc: bool,
    /// Longest time that the worker may take for --input
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    pub(crate) patience: Duration,
    /// The worker and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct DoctorArgs {
    /// Role whose rights the user of amqp.url should have [default: that of the same name, else orchestrator]
    #[arg(long, value_enum)]
    pub(crate) role: Option<Role>,
    /// RabbitMQ's management plugin, such as http://monitor:monitor@127.0.0.1:15672: nodes and policies
    #[arg(long, value_name = "URL")]
    pub(crate) management: Option<String>,
    /// Delete this queue, if it is dead, and declare it anew
    #[arg(long, value_enum, value_name = "QUEUE", conflicts_with_all = ["role", "management"])]
    pub(crate) fix: Option<Fixable>,
    /// Don't ask
    #[arg(short, long, requires = "fix")]
    pub(crate) yes: bool,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(
    after_help = "What the configuration names (amqp.url, store.url, http.listen) is used as it is; the rest is \
    brought along:\na RabbitMQ from the installed rabbitmq-server, a database in the folder, workers with the \
    demo kinds."
)]
pub(crate) struct DevArgs {
    /// Forget the jobs of earlier runs
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Number of workers
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) workers: u32,
    /// Folder for jobs, logs and the broker's data
    #[arg(long, value_name = "FOLDER", default_value = ".warrener")]
    pub(crate) folder: PathBuf,
}

/// A duration of the job format, or a whole number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let span = warrener_shared::job::parse_duration(text);
    span.map(Millis::to_std).map_err(|error| format!("{error}: {}", error.hint()))
}
