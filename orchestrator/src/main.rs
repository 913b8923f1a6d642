//! The orchestrator's binary.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use warrener_orchestrator::config::Config;
use warrener_orchestrator::{config, service};
use warrener_runtime::config::{Flag, Loaded};
use warrener_runtime::metrics::Metrics;
use warrener_runtime::shutdown::Shutdown;
use warrener_runtime::{descriptors, telemetry, threads};

/// Takes jobs, keeps them, and has their tasks worked on by workers over RabbitMQ.
#[derive(Debug, Parser)]
#[command(name = "orchestrator", version)]
struct Arguments {
    /// Configuration file. Defaults to `warrener.toml`, if there is one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address of the HTTP interface
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Check the configuration, print every problem, and end
    #[arg(long)]
    check: bool,
}

/// Reads arguments and configuration, then checks or runs. Exit code 1 for any problem.
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let flags = arguments.listen.map(|value| Flag { flag: "--listen", path: "http.listen", value });
    let loaded = match config::load(arguments.config, flags) {
        Ok(loaded) => loaded,
        Err(problems) => {
            telemetry::tell(problems);
            return ExitCode::from(1);
        }
    };
    let problems = loaded.value.problems();
    if !problems.is_empty() {
        problems.iter().for_each(|problem| eprintln!("error: {problem}"));
        return ExitCode::from(1);
    }
    if arguments.check {
        // Whoever closed our output does not want to know more.
        write!(std::io::stdout(), "{}", loaded.show()).ok();
        return ExitCode::SUCCESS;
    }
    match run(loaded) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::tell(format_args!("error: {error:#}"));
            ExitCode::from(1)
        }
    }
}

/// Runs the service on a runtime with as many threads as wait for the network.
fn run(loaded: Loaded<Config>) -> anyhow::Result<()> {
    descriptors::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads::asynchronous())
        .enable_all()
        .build()
        .context("starting")?;
    runtime.block_on(start(loaded))
}

/// Starts logs, metrics and signals, then runs the service until it is told to stop.
async fn start(loaded: Loaded<Config>) -> anyhow::Result<()> {
    telemetry::init(loaded.value.log.format, &loaded.value.log.level)?;
    let metrics = Metrics::install()?;
    let shutdown = Shutdown::on_signals()?;
    service::run(loaded, metrics, shutdown.token()).await
}
