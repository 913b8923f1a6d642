//! The `worker` program.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use warrener_runtime::config::{Binary, Flag, Loader};
use warrener_runtime::{telemetry, threads};
use warrener_worker::{Worker, WorkerError, supervisor};

/// Takes tasks from Warrener's queues and has them done by programs and endpoints.
#[derive(Debug, Parser)]
#[command(name = "worker", version)]
struct Arguments {
    /// Configuration file. Defaults to warrener.toml in the working directory, if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the configuration, print every problem, and end.
    #[arg(long)]
    check: bool,
    /// Queues to serve, in order of preference, separated by commas.
    #[arg(long, value_name = "QUEUES")]
    queues: Option<String>,
    /// Attempts worked on at once.
    #[arg(long, value_name = "N")]
    slots: Option<String>,
}

fn main() -> ExitCode {
    if let Some(end) = supervisor::enter().or_else(supervisor::enter_as_first_process) {
        return end;
    }
    let arguments = Arguments::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(threads::asynchronous()).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            telemetry::tell(format_args!("error: starting: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::tell(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), WorkerError> {
    let flag = |flag, path, value: Option<String>| value.map(|value| Flag { flag, path, value });
    let flags = [flag("--queues", "worker.queues", arguments.queues), flag("--slots", "worker.slots", arguments.slots)];
    let loader = Loader::new(Binary::Worker).file(arguments.config).flags(flags.into_iter().flatten());
    let worker = Worker::load(loader);
    if arguments.check {
        worker.check()?;
        // Whoever closed our output does not want to know.
        writeln!(std::io::stdout(), "the configuration is sound").ok();
        return Ok(());
    }
    worker.run().await
}
