//! Options that several commands take, and the form of what they print.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use warrener_shared::time::Millis;

/// Flags that every command takes.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Globals {
    /// Format of data on stdout: table, wide (more columns), json, jsonl, yaml, csv or name (ids only)
    #[arg(short, long, global = true, value_enum, default_value_t, hide_possible_values = true)]
    pub(crate) output: OutputFormat,
    /// Leave out the header line of tables
    #[arg(long, global = true)]
    pub(crate) no_headers: bool,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// The orchestrator to talk to [default: WARRENER_URL, or http://127.0.0.1:8080]
    #[arg(long, global = true, value_name = "URL", conflicts_with = "context")]
    pub(crate) server: Option<String>,
    /// The orchestrator of this name to talk to, see `warrener context`
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "token_file")]
    pub(crate) context: Option<String>,
    /// A file with the token to show the orchestrator [default: WARRENER_TOKEN_FILE, or WARRENER_TOKEN itself]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<String>,
    /// The configuration file [default: warrener.toml in the working directory, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Format of data on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Columns for people
    #[default]
    Table,
    /// More columns
    Wide,
    /// The API's answer as it came
    Json,
    /// The same, one element a line
    Jsonl,
    /// The same, as YAML
    Yaml,
    /// The same, as comma-separated values
    Csv,
    /// Ids and names only
    Name,
}

/// Longest wait for the end of a job.
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub(crate) struct WaitOptions {
    /// Give up waiting after this long, such as 30s; the job goes on [default: never]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

/// A duration of the job format, or a whole number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let span = warrener_shared::job::parse_duration(text);
    span.map(Millis::to_std).map_err(|error| format!("{error}: {}", error.hint()))
}
