//! Logs: to stderr, for people or for programs.

use std::io::IsTerminal;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Short lines for people; coloured on a terminal unless `NO_COLOR` is set.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Why logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` or the configured level cannot be read.
    #[error(
        "reading the log filter: {filter:?}: {source} (write a level such as `info`, or `warrener_amqp=debug,info`)"
    )]
    Filter {
        /// What was written.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody else has set up logs in this process.
    #[error("setting up logs: {0}")]
    Taken(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends the log of this process to stderr.
///
/// `default_level` is a level or filter such as `info`; `RUST_LOG` wins over it.
///
/// # Errors
/// [`TelemetryError`] if a filter cannot be read, or logs are set up already.
pub fn init(format: Format, default_level: &str) -> Result<(), TelemetryError> {
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter(default_level)?);
    match format {
        Format::Pretty => builder.with_ansi(wants_color()).finish().try_init()?,
        Format::Json => builder.json().flatten_event(true).with_current_span(true).finish().try_init()?,
    }
    Ok(())
}

fn filter(default_level: &str) -> Result<EnvFilter, TelemetryError> {
    let text = std::env::var("RUST_LOG").ok().filter(|text| !text.trim().is_empty());
    let text = text.unwrap_or_else(|| default_level.to_owned());
    EnvFilter::try_new(&text).map_err(|source| TelemetryError::Filter { filter: text, source })
}

/// Whether stderr should be coloured: it is a terminal, and `NO_COLOR` is unset or empty.
pub fn wants_color() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
