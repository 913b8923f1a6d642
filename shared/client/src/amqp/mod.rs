//! Submitting over AMQP: the broker keeps the job even while no orchestrator runs.

mod client;
mod error;
mod reply;

pub use self::client::{Client, Finished, Receipt};
pub use self::error::{ClientError, OutputError};
pub use warrener_amqp::{BrokerError, Settings};
pub use warrener_shared::wire::topology::Names;

#[cfg(test)]
mod tests;
