use warrener_runtime::config::{Binary, Loader};

use super::Config;

/// The configuration of somebody who has configured nothing.
pub(crate) fn usual() -> Config {
    let nothing = Loader::new(Binary::Orchestrator).directory("/nonexistent").environment([]);
    nothing.load::<Config>().unwrap().value
}
