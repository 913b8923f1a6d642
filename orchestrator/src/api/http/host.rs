//! Hosts and origins: the names under which we are reached, and the pages that may ask.
//!
//! A browser sends what any page tells it to, also to this machine. It says truly to which name it was sent (`Host`)
//! and from which page (`Origin`, `Sec-Fetch-Site`), so these two decide. A page that has its own name resolve to our
//! address comes with that name.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, Uri, Version, header};

use crate::config::Http;

/// Most characters of a foreign name that an answer repeats.
const EXCERPT: usize = 100;

/// Names and origins that are ours, as they are configured.
#[derive(Debug)]
pub(super) struct Hosts {
    /// Names beside the addresses that are ours anyway (`http.hosts`).
    names: Vec<HostPattern>,
    /// Origins of pages that may ask (`http.origins`).
    origins: Vec<WebOrigin>,
    /// Name or address that was configured to listen on; `None` if it is no host.
    listen: Option<HostName>,
}

/// A name that is ours, with its port if it is ours only there.
#[derive(Debug)]
struct HostPattern {
    /// The name.
    name: HostName,
    /// True if it stands for all names below `name` instead (`*.name`).
    below: bool,
    /// Port; `None` for any.
    port: Option<u16>,
}

/// Host as a URL names it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum HostName {
    /// Address; one of IPv4 inside of IPv6 as IPv4.
    Address(IpAddr),
    /// Name in lower case, without a dot at its end.
    Name(String),
}

/// Host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    /// The host.
    host: HostName,
    /// The port; `None` for the usual one of the scheme.
    port: Option<u16>,
}

/// Origin of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WebOrigin {
    /// Scheme in lower case.
    scheme: String,
    /// Host and port, the usual one filled in.
    authority: Authority,
}

/// Reason why a request is not for us, or may not ask.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stranger {
    /// The request names no host, or several; HTTP wants exactly one.
    NoHost,
    /// The request was sent to this name, which is not ours.
    UnknownHost(String),
    /// The request comes from a page of another site, with its origin if that was said.
    CrossSite(Option<String>),
}

impl Hosts {
    /// Names and origins of a configuration. What cannot be read was refused at the start.
    pub(super) fn new(http: &Http) -> Self {
        let listen = http.listen.rsplit_once(':').and_then(|(host, _)| HostName::parse(host));
        Self {
            names: http.hosts.iter().filter_map(|text| HostPattern::parse(text)).collect(),
            origins: http.origins.iter().filter_map(|text| WebOrigin::parse(text)).collect(),
            listen,
        }
    }

    /// Checks that a request was sent to a host that is ours, and gives it; `None` if it names none, as HTTP/1.0 may.
    /// `local` is the address of this machine that was asked.
    pub(super) fn check(
        &self,
        version: Version,
        uri: &Uri,
        headers: &HeaderMap,
        local: Option<SocketAddr>,
    ) -> Result<Option<Authority>, Stranger> {
        let named = match one(headers, &header::HOST) {
            Ok(named) => named,
            Err(Several) => return Err(Stranger::NoHost),
        };
        let target = uri.authority().map(|authority| authority.as_str());
        if named.is_none() && (target.is_some() || version >= Version::HTTP_11) {
            return Err(Stranger::NoHost);
        }
        // The target counts more than the header, but a client that sends both differently is no friend.
        let mut ours = None;
        for text in [target, named].into_iter().flatten() {
            let authority = Authority::parse(text).filter(|authority| self.is_ours(authority, local));
            ours = ours.or(Some(authority.ok_or_else(|| Stranger::UnknownHost(excerpt(text)))?));
        }
        Ok(ours)
    }

    /// Checks the host that a proxy says it was asked for, and gives it if it is ours.
    pub(super) fn check_forwarded(&self, text: &str, local: Option<SocketAddr>) -> Result<Authority, Stranger> {
        let authority = Authority::parse(text).filter(|authority| self.is_ours(authority, local));
        authority.ok_or_else(|| Stranger::UnknownHost(excerpt(text)))
    }

    /// True for loopback, for the address that was asked, and for configured names.
    fn is_ours(&self, authority: &Authority, local: Option<SocketAddr>) -> bool {
        let is_listened_on = match &authority.host {
            HostName::Address(address) => local.is_some_and(|local| local.ip().to_canonical() == *address),
            HostName::Name(_) => false,
        };
        authority.host.is_loopback()
            || is_listened_on
            || self.listen.as_ref() == Some(&authority.host)
            || self.names.iter().any(|pattern| pattern.fits(authority))
    }

    /// Checks that a request which changes something comes from a program, from a page of our own or from one that may
    /// ask. `own` is the host that it was sent to.
    pub(super) fn check_page(&self, headers: &HeaderMap, own: Option<&Authority>) -> Result<(), Stranger> {
        let Ok(origin) = one(headers, &header::ORIGIN) else { return Err(Stranger::CrossSite(None)) };
        if origin.is_some_and(|origin| self.allows(origin)) {
            return Ok(());
        }
        let site = one(headers, &HeaderName::from_static("sec-fetch-site"));
        let same_site = matches!(site, Ok(None | Some("same-origin" | "none")));
        let same_origin = origin.is_none_or(|text| {
            let origin = WebOrigin::parse(text);
            origin.is_some_and(|origin| own.is_some_and(|own| origin.is_of(own)))
        });
        if same_site && same_origin { Ok(()) } else { Err(Stranger::CrossSite(origin.map(excerpt))) }
    }

    /// Tells whether pages of this origin are listed as allowed.
    pub(super) fn allows(&self, origin: &str) -> bool {
        WebOrigin::parse(origin).is_some_and(|origin| self.origins.contains(&origin))
    }

    /// Tells whether any origin is listed.
    pub(super) const fn allows_any(&self) -> bool {
        !self.origins.is_empty()
    }
}

impl HostPattern {
    /// Reads `name`, `*.name` or either with a port.
    fn parse(text: &str) -> Option<Self> {
        let (below, text) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        let Authority { host: name, port } = Authority::parse(text)?;
        Some(Self { name, below, port })
    }

    /// Tells whether a host and port fit the pattern.
    fn fits(&self, authority: &Authority) -> bool {
        let named = match (&self.name, &authority.host) {
            (HostName::Name(domain), HostName::Name(name)) if self.below => is_below(name, domain),
            (ours, theirs) => ours == theirs,
        };
        named && self.port.is_none_or(|port| authority.port == Some(port))
    }
}

impl HostName {
    /// Reads `name`, `127.0.0.1`, `::1` or `[::1]`.
    fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Address(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        is_name.then(|| Self::Name(name.to_ascii_lowercase()))
    }

    /// True for addresses and names of this machine.
    fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.is_loopback(),
            Self::Name(name) => name == "localhost" || is_below(name, "localhost"),
        }
    }
}

impl Authority {
    /// Reads `host` or `host:port`; nothing else, such as a user, belongs to a host.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\t']);
        // The colons of an address without brackets are none before a port.
        let end = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
        let (host, port) = text.split_at(end);
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            None => return None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { host: HostName::parse(host)?, port })
    }
}

impl WebOrigin {
    /// Reads `scheme://host` with or without a port; `null` is none.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let mut authority = Authority::parse(rest)?;
        authority.port = authority.port.or_else(|| usual_port(&scheme));
        Some(Self { scheme, authority })
    }

    /// Tells whether pages of this origin come from our own host and port.
    fn is_of(&self, own: &Authority) -> bool {
        let port = own.port.or_else(|| usual_port(&self.scheme));
        self.authority.host == own.host && self.authority.port.is_some() && self.authority.port == port
    }
}

/// Port of a scheme where none is named.
fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Tells whether a name lies below a domain.
fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
}

/// Error of a header that may stand once and stands several times, or is no text.
struct Several;

/// The only value of a header; `None` if it is missing.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Several> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Several),
        (Some(_), Some(_)) => Err(Several),
    }
}

/// First [`EXCERPT`] characters of a text.
fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT).collect()
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHost => f.write_str("a request has exactly one Host header"),
            Self::UnknownHost(host) => write!(
                f,
                "this orchestrator is not known as {host:?}; if it is yours, add the name to http.hosts \
                 (WARRENER_HTTP__HOSTS)"
            ),
            Self::CrossSite(origin) => {
                let page = origin.as_ref().map_or_else(|| "another site".to_owned(), |origin| format!("{origin:?}"));
                write!(
                    f,
                    "a web page of {page} may not change anything here; if it is yours, add its origin to http.origins \
                     (WARRENER_HTTP__ORIGINS)"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
