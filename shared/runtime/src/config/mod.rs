//! Configuration: built-in defaults ← `warrener.toml` ← environment ← flags.
//!
//! All binaries share one key space, listed in [`schema::KEYS`]. Each ignores the values of keys that only
//! others read; a key that nobody reads is an error with the place it came from. Values are converted by
//! what the schema says of them, never by what they look like: the password `0123` stays `0123`.

mod broker_url;
mod env;
mod file;
mod layer;
mod loader;
mod origin;
mod problem;
mod production;
pub mod schema;
mod secret;
mod section;
mod show;
mod spelling;
mod value;

pub use self::loader::{Flag, Loaded, Loader};
pub use self::origin::Origin;
pub use self::problem::{ConfigErrors, ConfigProblem};
pub use self::production::{DevelopmentPassword, refuse_development_password};
pub use self::schema::Binary;
pub use self::section::{Amqp, Log, Telemetry};
pub use self::show::Setting;

#[cfg(test)]
mod tests;
