//! Sections that more than one binary reads, ready to be fields of a configuration.

use std::time::Duration;

use serde::Deserialize;

use crate::telemetry::Format;

/// `[amqp]`: the broker.
#[derive(Clone, Deserialize)]
pub struct Amqp {
    /// `amqp://user:password@host:port/vhost`; use [`Amqp::address`] to connect.
    pub url: String,
    /// Replaces the user name in the URL.
    #[serde(default)]
    pub username: Option<String>,
    /// Replaces the password in the URL.
    #[serde(default)]
    pub password: Option<String>,
    /// First part of the names of all exchanges and queues. Defaults to `warrener`.
    pub prefix: String,
    /// A file with the authorities to trust beside the public ones, in PEM.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// A file with the certificate to show the broker, in PEM.
    #[serde(default)]
    pub cert_file: Option<String>,
    /// A file with the key of that certificate, in PEM.
    #[serde(default)]
    pub key_file: Option<String>,
    /// Longest silence of the broker. Defaults to 10 s.
    pub heartbeat: Duration,
    /// Patterns of the queues that an orchestrator's answers may go to. Defaults to `*`, all.
    #[serde(default)]
    pub reply_to: Vec<String>,
    /// True if an orchestrator takes schedules by message. Defaults to false.
    #[serde(default)]
    pub schedules: Option<bool>,
    /// Time for which an orchestrator tries an answer that nobody takes. Defaults to 24 h.
    #[serde(default)]
    pub answers_kept: Option<Duration>,
}

impl Amqp {
    /// The URL to connect to, user name and password replaced where they are given apart.
    pub fn address(&self) -> String {
        let mut address = self.with_user();
        let files = [("cacertfile", &self.ca_file), ("certfile", &self.cert_file), ("keyfile", &self.key_file)];
        for (name, file) in files {
            if let Some(file) = file {
                let sign = if address.contains('?') { '&' } else { '?' };
                address = format!("{address}{sign}{name}={file}");
            }
        }
        address
    }

    fn with_user(&self) -> String {
        if self.username.is_none() && self.password.is_none() {
            return self.url.clone();
        }
        let Some((scheme, rest)) = self.url.split_once("://") else { return self.url.clone() };
        let (host, user, password) = split_userinfo(rest);
        let user = self.username.as_deref().map_or_else(|| user.to_owned(), escape);
        let password = self.password.as_deref().map_or_else(|| password.to_owned(), escape);
        format!("{scheme}://{user}:{password}@{host}")
    }
}

/// Debug output leaves out everything that may hold a password.
impl std::fmt::Debug for Amqp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Amqp").field("prefix", &self.prefix).field("heartbeat", &self.heartbeat).finish_non_exhaustive()
    }
}

/// Host and path, user, password, the latter as they stand in the URL; AMQP's own `guest` where it has none.
pub(super) fn split_userinfo(rest: &str) -> (&str, &str, &str) {
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    let Some(at) = rest[..authority].rfind('@') else { return (rest, "guest", "guest") };
    let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
    (&rest[at + 1..], user, password)
}

fn escape(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// `[telemetry]`: spans for a collector of OpenTelemetry.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Telemetry {
    /// The collector. Defaults to that of `OTEL_EXPORTER_OTLP_ENDPOINT`; without either no spans are made.
    #[serde(default)]
    pub otlp: Option<String>,
    /// Name of the service. Defaults to that of `OTEL_SERVICE_NAME`, else to the name of the program.
    #[serde(default)]
    pub service_name: Option<String>,
    /// Number of traces that begin here of which one is recorded. Defaults to 1, all.
    #[serde(default)]
    pub sample_one_in: Option<u32>,
}

/// `[log]`: what goes to stderr.
#[derive(Clone, Debug, Deserialize)]
pub struct Log {
    /// Defaults to pretty.
    pub format: Format,
    /// The filter unless `RUST_LOG` is set. Defaults to `info`.
    pub level: String,
}
