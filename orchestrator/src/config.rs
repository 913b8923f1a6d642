//! The configuration of the orchestrator.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use warrener_runtime::config::{Amqp, Binary, ConfigErrors, Flag, Loaded, Loader, Log};
use warrener_shared::id::QueueName;
use warrener_shared::limits::Limits;

/// See `warrener config show` for every key with its default.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// The broker.
    pub amqp: Amqp,
    /// The database.
    pub store: StoreConfig,
    /// The HTTP interface.
    pub http: Http,
    /// Who may use the HTTP interface.
    #[serde(default)]
    pub api: ApiConfig,
    /// Log lines.
    pub log: Log,
    /// How long finished jobs and their ids are kept. Defaults to 7 days.
    pub retention: Duration,
    /// Queues that need more than a name.
    #[serde(default)]
    pub queues: BTreeMap<QueueName, Queue>,
    /// What is accepted.
    limits: ConfiguredLimits,
}

/// The database.
#[derive(Clone, Debug, Deserialize)]
pub struct StoreConfig {
    /// `sqlite://FILE`, or `postgres://USER:PASSWORD@HOST/DATABASE`. Defaults to `sqlite://warrener.db`.
    pub url: String,
}

/// The HTTP interface.
#[derive(Clone, Debug, Deserialize)]
pub struct Http {
    /// Address and port. Defaults to `127.0.0.1:8080`.
    pub listen: String,
}

/// Who may use the HTTP interface.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ApiConfig {
    /// A file of tokens; not honoured yet, so it is refused.
    pub tokens_file: Option<String>,
}

/// A queue.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Queue {
    /// The queue of somebody else that carries its tasks.
    pub address: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct ConfiguredLimits {
    submit_bytes: usize,
    tasks: usize,
    needs: usize,
    output_bytes: usize,
    resolved_bytes: usize,
    json_depth: usize,
    expression_chars: usize,
    expression_fuel: u64,
}

impl Config {
    /// The limits for what others send.
    pub const fn limits(&self) -> Limits {
        let limits = &self.limits;
        Limits {
            submit_bytes: limits.submit_bytes,
            tasks: limits.tasks,
            needs: limits.needs,
            output_bytes: limits.output_bytes,
            resolved_bytes: limits.resolved_bytes,
            json_depth: limits.json_depth,
            expression_chars: limits.expression_chars,
            expression_fuel: limits.expression_fuel,
        }
    }

    /// The queues of somebody else, by the queue whose tasks they carry.
    pub fn addresses(&self) -> BTreeMap<QueueName, String> {
        let given = self.queues.iter();
        given.filter_map(|(name, queue)| Some((name.clone(), queue.address.clone()?))).collect()
    }
}

/// Reads the configuration from all its places.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(file: Option<PathBuf>, flags: impl IntoIterator<Item = Flag>) -> Result<Loaded<Config>, ConfigErrors> {
    Loader::new(Binary::Orchestrator).file(file).flags(flags).load()
}
