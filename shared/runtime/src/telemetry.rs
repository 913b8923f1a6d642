//! Logs: to stderr, for people or for programs.

use std::io::{self, IsTerminal, Write as _};

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Short lines for people; coloured on a terminal unless `NO_COLOR` is set.
    #[default]
    Pretty,
    /// A JSON object on each line.
    Json,
}

/// Reasons why logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` or the configured level cannot be read.
    #[error(
        "reading the log filter: {filter:?}: {source} (write a level such as `info`, or `warrener_amqp=debug,info`)"
    )]
    Filter {
        /// The filter as it was written.
        filter: String,
        /// The fault in the filter.
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
    let builder = tracing_subscriber::fmt().with_writer(|| Lossy).with_env_filter(filter(default_level)?);
    match format {
        Format::Pretty => builder.with_ansi(wants_color()).finish().try_init()?,
        Format::Json => builder.json().flatten_event(true).with_current_span(true).finish().try_init()?,
    }
    Ok(())
}

fn filter(default_level: &str) -> Result<EnvFilter, TelemetryError> {
    let text = std::env::var("RUST_LOG").ok().filter(|text| !text.trim().is_empty());
    let text = text.unwrap_or_else(|| default_level.to_owned());
    // The AMQP library calls every refusal an error, also one that was asked for; our own layer says what matters.
    let quiet = if text.contains("lapin") { text.clone() } else { format!("{text},lapin=off") };
    EnvFilter::try_new(quiet).map_err(|source| TelemetryError::Filter { filter: text, source })
}

/// Tells a person something on standard error, if anybody reads it. The macros of the standard library panic otherwise.
pub fn tell(words: impl std::fmt::Display) {
    writeln!(io::stderr(), "{words}").ok();
}

/// Tells whether stderr should be coloured: it is a terminal, and `NO_COLOR` is unset or empty.
pub fn wants_color() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Standard error, whose reader may go away: a log line is never worth the process.
#[derive(Clone, Copy, Debug, Default)]
struct Lossy;

impl io::Write for Lossy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The layer would say on standard error that it can't write there, which panics.
        let written = io::stderr().write(bytes);
        Ok(written.unwrap_or(bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush().or(Ok(()))
    }
}
