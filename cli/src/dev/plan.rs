//! The plan of a start: whatever the configuration names is used as it is, the rest is brought along.

use std::net::TcpListener;

use serde::Deserialize;
use warrener_orchestrator::store::sqlite::DatabaseFile;
use warrener_runtime::config::{Amqp, Binary, Loaded, Origin};

use super::place::DevFolder;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Addresses of the parts, and their settings.
#[derive(Debug)]
pub(super) struct DevPlan {
    /// Address on which the orchestrator listens.
    pub(super) listen: String,
    /// The broker that the configuration names, its password masked; `None` asks for one of our own.
    pub(super) broker: Option<String>,
    /// True if the database is ours to forget.
    pub(super) own_store: bool,
    /// The queues that the workers serve, and their kinds.
    pub(super) work: String,
    /// Settings for the parts, as variables of their environment.
    pub(super) variables: Vec<(&'static str, String)>,
}

#[derive(Debug, Deserialize)]
struct DevConfig {
    #[expect(dead_code, reason = "read for its problems")]
    amqp: Amqp,
    http: HttpSection,
    worker: DevWorkerSection,
    #[serde(default)]
    kinds: std::collections::BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct HttpSection {
    listen: String,
}

#[derive(Debug, Deserialize)]
struct DevWorkerSection {
    queues: Vec<String>,
    demo: bool,
}

impl DevPlan {
    pub(super) fn make(context: &Context, place: &DevFolder) -> Result<Self, Failure> {
        let loaded = context.loader(&[Binary::Orchestrator, Binary::Worker]).load::<DevConfig>()?;
        let given = |path: &str| is_given(&loaded, path);
        let listen = if given("http.listen") { loaded.value.http.listen.clone() } else { free_address(&loaded)? };
        let mut variables = vec![("WARRENER_HTTP__LISTEN", listen.clone())];
        let own_store = !given("store.url");
        if own_store {
            variables.push(("WARRENER_STORE__URL", DatabaseFile::url(&place.database())));
        }
        let demo = !given("worker.demo") || loaded.value.worker.demo;
        if demo {
            variables.push(("WARRENER_WORKER__DEMO", "true".to_owned()));
        }
        if !given("worker.drain") {
            // Whoever waits for the end of this sits before it; what is not finished is tried again next time.
            variables.push(("WARRENER_WORKER__DRAIN", "5s".to_owned()));
        }
        let broker = given("amqp.url").then(|| shown(&loaded, "amqp.url"));
        Ok(Self { listen, broker, own_store, work: work(&loaded.value, demo), variables })
    }
}

fn is_given(loaded: &Loaded<DevConfig>, path: &str) -> bool {
    loaded.settings().iter().any(|setting| setting.path == path && setting.origin != Origin::Default)
}

fn shown(loaded: &Loaded<DevConfig>, path: &str) -> String {
    let setting = loaded.settings().iter().find(|setting| setting.path == path);
    setting.map(|setting| setting.value.trim_matches('"').to_owned()).unwrap_or_default()
}

/// The usual address if it is free, since that is where the command line looks; else another port of this machine.
fn free_address(loaded: &Loaded<DevConfig>) -> Result<String, Failure> {
    let usual = &loaded.value.http.listen;
    let listener = TcpListener::bind(usual).or_else(|_| TcpListener::bind("127.0.0.1:0"));
    let address = listener.and_then(|listener| listener.local_addr());
    let address =
        address.map_err(|error| Failure::new(Exit::Error, format!("looking for a port to listen on: {error}")))?;
    Ok(address.to_string())
}

fn work(config: &DevConfig, demo: bool) -> String {
    let demo_kinds = demo.then_some("demo.echo, demo.sleep, demo.fail, demo.crash".to_owned());
    let kinds: Vec<_> = demo_kinds.into_iter().chain(config.kinds.keys().cloned()).collect();
    format!("{}, from the queue {}", kinds.join(", "), config.worker.queues.join(", "))
}
