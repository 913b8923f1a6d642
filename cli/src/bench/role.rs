//! The processes of a benchmark: this program once more, each in another role.

use std::io::Read as _;

use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;
use warrener_runtime::config::{Binary, Loader};
use warrener_runtime::metrics::Metrics;
use warrener_worker::{Settings, Worker};

use super::relay::relay;
use crate::exit::Exit;
use crate::failure::Failure;

/// Role of a process of the benchmark.
#[derive(Clone, Debug, Args)]
pub(crate) struct RoleArgs {
    #[command(subcommand)]
    role: BenchRole,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum BenchRole {
    /// The orchestrator
    Orchestrator,
    /// A worker
    Worker,
    /// The broker alone: carries messages from each queue to the next
    Relay {
        url: String,
        /// `FROM:TO`, or `FROM:` for what each message names in `reply_to`
        hops: Vec<String>,
    },
}

impl RoleArgs {
    pub(super) const fn new(role: BenchRole) -> Self {
        Self { role }
    }

    /// Arguments of a command line that asks for this role.
    pub(super) fn arguments(&self) -> Vec<String> {
        match &self.role {
            BenchRole::Orchestrator => vec!["orchestrator".to_owned()],
            BenchRole::Worker => vec!["worker".to_owned()],
            BenchRole::Relay { url, hops } => {
                ["relay", url].map(str::to_owned).into_iter().chain(hops.clone()).collect()
            }
        }
    }
}

/// Plays a role until nobody holds our input any more.
pub(crate) async fn role(args: RoleArgs) -> Result<Exit, Failure> {
    let stop = CancellationToken::new();
    let watched = stop.clone();
    // A thread of its own, which doesn't keep the process: nothing can interrupt the read.
    std::thread::spawn(move || watch_input(&watched));
    match args.role {
        BenchRole::Orchestrator => orchestrator(stop).await?,
        BenchRole::Worker => worker(stop).await?,
        BenchRole::Relay { url, hops } => {
            let hops = hops.iter().filter_map(|hop| hop.split_once(':'));
            let relays = hops.map(|(from, to)| relay(&url, from, Some(to).filter(|to| !to.is_empty())));
            let all = futures_util::future::try_join_all(relays);
            stop.run_until_cancelled(all).await.transpose()?;
        }
    }
    Ok(Exit::Ok)
}

fn watch_input(stop: &CancellationToken) {
    // Nothing is ever written to it: it ends, or it can't be read, and both mean that we are alone.
    std::io::stdin().read_exact(&mut [0]).ok();
    stop.cancel();
}

async fn orchestrator(stop: CancellationToken) -> Result<(), Failure> {
    let loaded = warrener_orchestrator::config::load(None, [])?;
    let metrics = Metrics::install().map_err(failed)?;
    warrener_orchestrator::service::run(loaded, metrics, stop).await.map_err(|error| failed(format!("{error:#}")))
}

async fn worker(stop: CancellationToken) -> Result<(), Failure> {
    let settings = Settings::load(Loader::new(Binary::Worker))?.value;
    Worker::new(settings).run_until(stop).await.map_err(failed)
}

fn failed(error: impl ToString) -> Failure {
    Failure::new(Exit::Error, error.to_string())
}
