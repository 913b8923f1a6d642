//! The processes that `warrener dev` starts beside the broker: this program once more, as an orchestrator or as a
//! worker.

use std::io::Read as _;

use clap::ValueEnum;
use nix::sys::signal::{Signal, raise};
use warrener_orchestrator::service;
use warrener_runtime::config::Binary;
use warrener_runtime::metrics::Metrics;
use warrener_runtime::shutdown::Shutdown;
use warrener_runtime::telemetry;
use warrener_worker::Worker;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Role of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DevRole {
    /// The orchestrator
    Orchestrator,
    /// A worker
    Worker,
}

/// Plays the role until a signal, or until nobody holds our input.
pub(crate) async fn role(context: &Context, role: DevRole) -> Result<Exit, Failure> {
    // A thread of its own, which doesn't keep the process: nothing can interrupt the read.
    std::thread::spawn(end_with_input);
    match role {
        DevRole::Orchestrator => orchestrator(context).await?,
        DevRole::Worker => Worker::load(context.loader(&[Binary::Worker])).run().await.map_err(failed)?,
    }
    Ok(Exit::Ok)
}

fn end_with_input() {
    // Nothing is ever written to it: it ends, or it can't be read, and both mean that we are alone.
    std::io::stdin().read_exact(&mut [0]).ok();
    raise(Signal::SIGTERM).ok();
}

async fn orchestrator(context: &Context) -> Result<(), Failure> {
    let loaded = context.loader(&[Binary::Orchestrator]).load::<warrener_orchestrator::config::Config>()?;
    telemetry::init(loaded.value.log.format, &loaded.value.log.level).map_err(failed)?;
    let metrics = Metrics::install().map_err(failed)?;
    let shutdown = Shutdown::on_signals().map_err(failed)?;
    service::run(loaded, metrics, shutdown.token()).await.map_err(|error| failed(format!("{error:#}")))
}

fn failed(error: impl ToString) -> Failure {
    Failure::new(Exit::Error, error.to_string())
}
