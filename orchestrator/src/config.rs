//! Configuration of the orchestrator.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use warrener_runtime::config::{Amqp, Binary, ConfigErrors, Flag, Loaded, Loader, Log, Telemetry};
use warrener_shared::id::{LimitName, QueueName};
use warrener_shared::limits::Limits;

use crate::access::identity::ServerIdentity;
use crate::access::watched::Watched;
use crate::access::{Access, ProxySettings};
use crate::delays::{self, DelayRoute, DelaySettings};
use crate::limits::LimitDefinition;
use crate::limits::definition::expression;
use crate::store;

/// Settings of the orchestrator. `warrener config show` lists every key with its default.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Broker: address, prefix, and who is answered.
    pub amqp: Amqp,
    /// Database.
    pub store: StoreConfig,
    /// HTTP interface: where it listens, and its bounds.
    pub http: Http,
    /// Rules of who may use the HTTP interface.
    #[serde(default)]
    pub api: ApiConfig,
    /// Numbers for Prometheus.
    #[serde(default)]
    pub metrics: MetricsConfig,
    /// Spans for a collector of OpenTelemetry.
    #[serde(default)]
    pub telemetry: Telemetry,
    /// Format and level of log lines.
    pub log: Log,
    /// Time for which finished jobs and their ids are kept. Defaults to 7 days.
    pub retention: Duration,
    /// Bounds of the dead letters that are kept.
    pub dead: DeadConfig,
    /// Queues that need more than a name.
    #[serde(default)]
    pub queues: BTreeMap<QueueName, Queue>,
    /// Exchanges whose messages go out later.
    #[serde(default)]
    delays: BTreeMap<String, DelaySettings>,
    /// Limits of what is accepted.
    limits: ConfiguredLimits,
}

/// Settings of the database.
#[derive(Clone, Debug, Deserialize)]
pub struct StoreConfig {
    /// Address: `sqlite://FILE`, or `postgres://USER:PASSWORD@HOST/DATABASE`. Defaults to `sqlite://warrener.db`.
    pub url: String,
    /// A file with the authorities of PostgreSQL's certificate, in PEM. Defaults to none.
    pub ca_file: Option<String>,
}

impl StoreConfig {
    /// The address to open, with the file of authorities in it.
    pub fn address(&self) -> String {
        self.ca_file.as_ref().map_or_else(|| self.url.clone(), |file| store::with_authorities(&self.url, file))
    }
}

/// Settings of the numbers for Prometheus.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct MetricsConfig {
    /// Address and port of a listener for `/metrics` alone, where nobody is asked for a token. Defaults to none.
    pub listen: Option<String>,
}

/// Settings of the HTTP interface.
#[derive(Clone, Debug, Deserialize)]
pub struct Http {
    /// Address and port to listen on. Defaults to `127.0.0.1:8080`.
    pub listen: String,
    /// Names other than loopback names and the address listened on under which it is reached. Defaults to none.
    pub hosts: Vec<String>,
    /// Origins other than its own whose pages may use it. Defaults to none.
    pub origins: Vec<String>,
    /// A file with the certificate of the server and those that lead to its authority, in PEM. Defaults to none.
    pub tls_cert: Option<String>,
    /// A file with the key of the certificate, in PEM. Defaults to none.
    pub tls_key: Option<String>,
    /// Networks of proxies whose `X-Forwarded-…` headers count. Defaults to none.
    pub trusted_proxies: Vec<String>,
    /// Header in which they name the person whom they signed in. Defaults to none.
    pub user_header: Option<String>,
    /// Scopes of the groups in `X-Forwarded-Groups`. Defaults to none.
    #[serde(default)]
    pub group_scopes: BTreeMap<String, Vec<String>>,
    /// True allows an address that other machines reach although nobody is asked for a token. Defaults to false.
    pub unguarded: bool,
    /// Most connections at once, at least 1. Defaults to 1,024.
    pub max_connections: usize,
    /// Most submits that wait for the end of their job at once. Defaults to 64.
    pub max_waiting: usize,
    /// Streams that are followed at once. Defaults to 1,000.
    pub max_streams: usize,
    /// Most lists made at once. Defaults to 2.
    pub max_lists: usize,
    /// Most single resources read at once. Defaults to 3.
    pub max_reads: usize,
    /// Most bytes of one request body. Defaults to 16 MiB.
    pub max_body: usize,
    /// Most bytes of all large request bodies together. Defaults to 128 MiB.
    pub body_memory: usize,
    /// Most bytes of all large answers together that are not sent yet. Defaults to 64 MiB.
    pub answer_memory: usize,
    /// Longest time from the first byte of a head, or from the start of a connection, to the end of the head.
    /// Defaults to 10 s.
    pub head_timeout: Duration,
    /// Longest time between two pieces of a request body. Defaults to 30 s.
    pub body_timeout: Duration,
    /// Longest time in which a client takes nothing of its answer. Defaults to 30 s.
    pub write_timeout: Duration,
    /// Longest rest of a connection between two requests. Defaults to 60 s.
    pub idle_timeout: Duration,
}

/// Settings of who may use the HTTP interface.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ApiConfig {
    /// File of tokens; without it nobody is asked for one.
    pub tokens_file: Option<String>,
}

/// Bounds of the dead letters that are kept. Beyond any of them the oldest are dropped.
#[derive(Clone, Debug, Deserialize)]
pub struct DeadConfig {
    /// Most letters. Defaults to 100,000.
    pub max_letters: u64,
    /// Most bytes that they take together, about. Defaults to 1 GiB.
    pub max_bytes: u64,
    /// Time for which each is kept. Defaults to 90 days.
    pub retention: Duration,
}

/// Settings of a queue.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Queue {
    /// Queue at the broker that somebody else declares and that carries its tasks; `None` for one of our own.
    pub address: Option<String>,
    /// Expression of the key by which it is shared, such as `${{ job.labels.tenant }}`.
    pub fair_by: Option<String>,
}

/// Limits as they are written; see [`Limits`] for each.
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
    queues: usize,
    /// Limits on what runs at once, by name.
    #[serde(flatten)]
    named: BTreeMap<LimitName, LimitDefinition>,
}

impl Config {
    /// Limits of what is accepted.
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
            queues: limits.queues,
        }
    }

    /// Limits on what runs at once, as they were written.
    pub fn named_limits(&self) -> BTreeMap<LimitName, LimitDefinition> {
        self.limits.named.clone()
    }

    /// The queues that are shared by keys, each with the expression of the key.
    pub fn fair_queues(&self) -> BTreeMap<QueueName, String> {
        self.queues.iter().filter_map(|(name, queue)| Some((name.clone(), queue.fair_by.clone()?))).collect()
    }

    /// The exchanges whose messages go out later.
    pub fn delay_routes(&self) -> Vec<DelayRoute> {
        delays::routes(&self.delays)
    }

    fn limit_problems(&self) -> Vec<String> {
        let fair = self
            .fair_queues()
            .into_iter()
            .filter_map(|(name, text)| expression(&text).err().map(|why| format!("queues.{name}.fair_by: {why}")));
        let of = |(name, definition): (&LimitName, &LimitDefinition)| {
            let mut problems = definition.compile(name).err().unwrap_or_default();
            if problems.is_empty() {
                problems.extend(definition.check_cost().err());
            }
            let name = name.clone();
            problems.into_iter().map(move |(field, why)| format!("limits.{name}.{field}: {why}"))
        };
        fair.chain(self.limits.named.iter().flat_map(of)).collect()
    }

    /// Problems for which a start is refused although each setting by itself is sound, a sentence for each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(self.access().err().into_iter().flatten());
        problems.extend(self.identity().err());
        problems.extend(self.limit_problems());
        problems.extend(delays::problems(&self.delays, &self.amqp.prefix));
        if !self.is_guarded() && self.http.is_known_to_be_open() {
            problems.push(self.http.refusal());
        }
        if let Err(error) = store::address(&self.store.address()) {
            let shown = warrener_runtime::address::masked(&self.store.url);
            problems.push(format!("store.url = {shown}: {error}"));
        }
        problems
    }

    /// Makes the rules of who may do what over HTTP. Reads the file of tokens.
    ///
    /// # Errors
    /// Everything that is wrong with the file of tokens and the settings of proxies.
    pub fn access(&self) -> Result<Access, Vec<String>> {
        Access::new(self.api.tokens_file.as_deref(), self.http.proxies())
    }

    /// Certificate that the HTTP server shows; `None` if it speaks in the clear. Reads the files.
    pub(crate) fn identity(&self) -> Result<Option<Arc<Watched<ServerIdentity>>>, String> {
        ServerIdentity::open(self.http.tls_cert.as_deref(), self.http.tls_key.as_deref())
    }

    /// Tells whether callers over HTTP are asked for a token, or something else decides who comes.
    pub(crate) const fn is_guarded(&self) -> bool {
        self.api.tokens_file.is_some() || self.http.user_header.is_some() || self.http.unguarded
    }

    /// Queues of somebody else, by the queue whose tasks they carry.
    pub fn addresses(&self) -> BTreeMap<QueueName, String> {
        let given = self.queues.iter();
        given.filter_map(|(name, queue)| Some((name.clone(), queue.address.clone()?))).collect()
    }
}

impl Http {
    /// Settings of proxies.
    pub(crate) fn proxies(&self) -> ProxySettings<'_> {
        let (trusted, group_scopes) = (&self.trusted_proxies, &self.group_scopes);
        ProxySettings { trusted, user_header: self.user_header.as_deref(), group_scopes }
    }

    /// Tells whether other machines reach the address, as far as that is known without a resolver.
    fn is_known_to_be_open(&self) -> bool {
        let host = self.listen.rsplit_once(':').map_or("", |(host, _)| host);
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host.is_empty() || address.is_ok_and(|address| !address.to_canonical().is_loopback())
    }

    /// Problem of an address that other machines reach while nobody is asked for a token.
    pub(crate) fn refusal(&self) -> String {
        format!(
            "http.listen = {}: other machines reach this address, and nobody is asked for a token: name a file of \
             tokens in api.tokens_file (WARRENER_API__TOKENS_FILE; `warrener token new` makes one), or listen on \
             127.0.0.1, or set http.unguarded = true (WARRENER_HTTP__UNGUARDED) if something else decides who comes \
             here",
            self.listen
        )
    }
}

/// Reads the configuration from all its places.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(file: Option<PathBuf>, flags: impl IntoIterator<Item = Flag>) -> Result<Loaded<Config>, ConfigErrors> {
    Loader::new(Binary::Orchestrator).file(file).flags(flags).load()
}

#[cfg(test)]
pub(crate) mod tests;
