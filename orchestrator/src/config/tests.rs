use warrener_runtime::config::{Binary, Loaded, Loader};

use super::Config;

/// Text that stands in every place of [`with_secrets`] that must not be shown.
pub(crate) const CANARY: &str = "canary-7b1f";

/// The configuration of somebody who has configured nothing.
pub(crate) fn usual() -> Config {
    loaded([]).value
}

/// The configuration of somebody whose broker and database ask for passwords.
pub(crate) fn with_secrets() -> Loaded<Config> {
    let variable = |(name, value): (&str, &str)| (format!("WARRENER_{name}"), value.replace('*', CANARY));
    loaded(
        [
            ("AMQP__URL", "amqp://warrener:*@broker.example/%2f"),
            ("AMQP__PASSWORD", "*"),
            ("STORE__URL", "postgres://warrener:*@db.example/warrener?password=*"),
        ]
        .map(variable),
    )
}

fn loaded(environment: impl IntoIterator<Item = (String, String)>) -> Loaded<Config> {
    let loader = Loader::new(Binary::Orchestrator).directory("/nonexistent").environment(environment);
    loader.load::<Config>().unwrap()
}
