//! The orchestrator's binary.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use warrener_orchestrator::{config, service};
use warrener_runtime::config::Flag;
use warrener_runtime::metrics::Metrics;
use warrener_runtime::shutdown::Shutdown;
use warrener_runtime::telemetry;

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

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let flags = arguments.listen.map(|value| Flag { flag: "--listen", path: "http.listen", value });
    let loaded = match config::load(arguments.config, flags) {
        Ok(loaded) => loaded,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(1);
        }
    };
    if arguments.check {
        print!("{}", loaded.show());
        return ExitCode::SUCCESS;
    }
    match start(loaded.value) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}

#[tokio::main]
async fn start(config: config::Config) -> anyhow::Result<()> {
    telemetry::init(config.log.format, &config.log.level)?;
    let metrics = Metrics::install()?;
    let shutdown = Shutdown::on_signals()?;
    service::run(config, metrics, shutdown.token()).await
}
