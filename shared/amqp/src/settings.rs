//! The broker's address, and the longest waits for it.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::uri::AMQPUri;

use crate::BrokerError;

/// Address of the broker, and times of the connection. Debug output hides the password.
#[derive(Clone)]
pub struct Settings {
    /// `amqp://user:password@host:port/vhost` or `amqps://…`; several hosts are separated by commas
    /// (`amqp://user:password@a:5672,b:5672/%2f`) and tried in that order. `?cacertfile=` names a PEM file with
    /// authorities to trust beside the public ones.
    pub url: String,
    /// The name under which the broker lists our connections.
    pub name: String,
    /// Time between two signs of life of each side; a dead peer is noticed after about two. Defaults to 10 s.
    pub heartbeat: Duration,
    /// Longest time for one host to accept a connection. Defaults to 10 s.
    pub connect_timeout: Duration,
    /// Longest time for one answer of the broker. Defaults to 15 s.
    pub call_timeout: Duration,
    /// Longest time for the confirm of one message. Defaults to 30 s.
    pub publish_timeout: Duration,
}

impl Settings {
    /// The defaults for an address and a connection name.
    pub fn new(url: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            name: name.into(),
            heartbeat: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(15),
            publish_timeout: Duration::from_secs(30),
        }
    }

    /// The address without its password, fit for logs.
    pub fn redacted_url(&self) -> String {
        redact(&self.url)
    }

    /// Parses the address into one for each host.
    pub(crate) fn hosts(&self) -> Result<Vec<AMQPUri>, BrokerError> {
        split_hosts(&self.url).iter().map(|url| self.host(url)).collect()
    }

    /// The authorities to trust: the public ones and those of `?cacertfile=`.
    pub(crate) fn tls(&self) -> Result<OwnedTLSConfig, BrokerError> {
        let cert_chain = self.file("cacertfile")?;
        let identity = match (self.file("certfile")?, self.file("keyfile")?) {
            (None, None) => None,
            (Some(pem), Some(key)) => Some(OwnedIdentity::PKCS8 { pem: pem.into_bytes(), key: key.into_bytes() }),
            _ => {
                let why = "certfile and keyfile (amqp.cert_file, amqp.key_file) belong together: give both".to_owned();
                return Err(BrokerError::Address { url: self.redacted_url(), why });
            }
        };
        Ok(OwnedTLSConfig { identity, cert_chain })
    }

    /// Reads the file that a parameter names: for each connection, so that a new one counts.
    fn file(&self, name: &str) -> Result<Option<String>, BrokerError> {
        let Some(path) = query_value(&self.url, name) else { return Ok(None) };
        std::fs::read_to_string(&path).map(Some).map_err(|error| BrokerError::Address {
            url: self.redacted_url(),
            why: format!("reading {name} {path}: {error}"),
        })
    }

    fn host(&self, url: &str) -> Result<AMQPUri, BrokerError> {
        let mut uri: AMQPUri =
            url.parse().map_err(|why| BrokerError::Address { url: self.redacted_url(), why: self.hide(why) })?;
        if let Some(host) = ipv6_host(url) {
            uri.authority.host = host.to_owned();
        }
        uri.query.heartbeat = Some(u16::try_from(self.heartbeat.as_secs().max(1)).unwrap_or(u16::MAX));
        // A broker without a limit of its own would make the library reserve 32 times the largest number.
        uri.query.frame_max = Some(uri.query.frame_max.unwrap_or(FRAME_MAX));
        uri.query.connection_timeout = u64::try_from(self.connect_timeout.as_millis()).ok();
        Ok(uri)
    }

    /// Parsers like to quote what they were given.
    fn hide(&self, text: String) -> String {
        let Some(password) = password(&self.url) else { return text };
        text.replace(password, "***")
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &self.redacted_url())
            .field("name", &self.name)
            .field("heartbeat", &self.heartbeat)
            .field("connect_timeout", &self.connect_timeout)
            .field("call_timeout", &self.call_timeout)
            .field("publish_timeout", &self.publish_timeout)
            .finish()
    }
}

/// Replaces the password of an address by `***`. Whatever stands between the scheme and the last `@` counts as
/// credentials, so that a malformed address gives nothing away either.
fn redact(url: &str) -> String {
    match password(url) {
        Some(password) => {
            let start = password.as_ptr() as usize - url.as_ptr() as usize;
            format!("{}***{}", &url[..start], &url[start + password.len()..])
        }
        None => url.to_owned(),
    }
}

fn password(url: &str) -> Option<&str> {
    let start = url.find("://").map_or(0, |at| at + 3);
    let credentials = &url[start..url.rfind('@')?.max(start)];
    let (_, password) = credentials.split_once(':')?;
    (!password.is_empty()).then_some(password)
}

/// `scheme://credentials@a:1,b:2/rest` as one address for each host.
fn split_hosts(url: &str) -> Vec<String> {
    let hosts = host_range(url);
    let (head, tail) = (&url[..hosts.start], &url[hosts.end..]);
    url[hosts].split(',').map(|host| format!("{head}{}{tail}", host.trim())).collect()
}

/// The parser of the client library takes an IPv6 host for none at all and falls back to `localhost`.
fn ipv6_host(url: &str) -> Option<&str> {
    let inside = url[host_range(url)].strip_prefix('[')?;
    inside.split_once(']').map(|(address, _)| address)
}

/// Finds the hosts in an address: between the credentials and the path.
fn host_range(url: &str) -> Range<usize> {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let start = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    start..end
}

fn query_value(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|&(key, _)| key == name).map(|(_, value)| value.to_owned()).next()
}

/// RabbitMQ's own default.
const FRAME_MAX: u32 = 128 * 1024;

#[cfg(test)]
mod tests;
