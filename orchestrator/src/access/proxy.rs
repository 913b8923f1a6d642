//! Proxies that are believed: what they say of a request counts, and they may have signed its caller in.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::caller::Caller;
use super::scope::Scopes;

/// Most characters of the name of a person.
const USER_MAX: usize = 100;

/// Settings of proxies, as they are written in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct ProxySettings<'a> {
    /// Networks whose headers count.
    pub trusted: &'a [String],
    /// Header with the person whom a proxy signed in.
    pub user_header: Option<&'a str>,
    /// Scopes of each group in `X-Forwarded-Groups`.
    pub group_scopes: &'a BTreeMap<String, Vec<String>>,
}

/// Proxies that are believed, and the rights of the people whom they sign in.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    /// Networks that they are in.
    networks: Vec<IpNet>,
    /// Header with the person whom they signed in; `None` if they sign nobody in.
    user_header: Option<HeaderName>,
    /// Scopes of each group.
    group_scopes: BTreeMap<String, Scopes>,
}

/// Statements of a proxy about a request.
#[derive(Debug, Default)]
pub(crate) struct Forwarded<'a> {
    /// Host that the client asked.
    pub(crate) host: Option<&'a str>,
    /// Part that the proxy took away from the front of the path.
    pub(crate) prefix: Option<&'a str>,
    /// Scheme that the client used.
    pub(crate) proto: Option<&'a str>,
}

impl Proxies {
    /// Proxies of the configuration.
    ///
    /// # Errors
    /// A sentence for each setting that cannot be used.
    pub(crate) fn new(settings: ProxySettings<'_>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let networks = settings.trusted.iter().filter_map(|text| match network(text) {
            Some(network) => Some(network),
            None => {
                problems.push(format!("http.trusted_proxies: {text:?} is no network, such as 10.0.0.0/8"));
                None
            }
        });
        let networks: Vec<IpNet> = networks.collect();
        let user_header = settings.user_header.map(str::parse::<HeaderName>);
        if let Some(Err(_)) = user_header {
            problems.push("http.user_header: that is no name of a header, such as X-Forwarded-User".to_owned());
        }
        let mut group_scopes = BTreeMap::new();
        for (group, words) in settings.group_scopes {
            match words.iter().map(|word| word.parse()).collect::<Result<Scopes, String>>() {
                Ok(scopes) => drop(group_scopes.insert(group.clone(), scopes)),
                Err(why) => problems.push(format!("http.group_scopes.{group}: {why}")),
            }
        }
        let signs_in = settings.user_header.is_some() || !settings.group_scopes.is_empty();
        if signs_in && networks.is_empty() {
            problems.push("http.user_header: nobody is believed who it is; set http.trusted_proxies".to_owned());
        }
        if settings.user_header.is_some() == settings.group_scopes.is_empty() && signs_in {
            problems.push(
                "http.user_header and http.group_scopes belong together: who signs in, and what may be done".to_owned(),
            );
        }
        match problems.is_empty() {
            true => Ok(Self { networks, user_header: user_header.and_then(Result::ok), group_scopes }),
            false => Err(problems),
        }
    }

    /// Tells whether people can be signed in by a proxy.
    pub(crate) const fn signs_in(&self) -> bool {
        self.user_header.is_some()
    }

    /// Header with the person whom a proxy signed in; `None` if none is signed in so.
    pub(crate) const fn user_header(&self) -> Option<&HeaderName> {
        self.user_header.as_ref()
    }

    /// Tells whether the address is that of a proxy that is believed.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.networks.iter().any(|network| network.contains(&peer))
    }

    /// Address that a request came from first: the last one in `X-Forwarded-For` that is no proxy of ours. `peer`
    /// itself if it is no such proxy.
    pub(crate) fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
        let mut origin = peer.to_canonical();
        for hop in hops.iter().rev() {
            if !self.trusts(origin) {
                break;
            }
            // What is no address was written by somebody whom nobody knows.
            let Some(hop) = address(hop) else { break };
            origin = hop.to_canonical();
        }
        origin
    }

    /// Statements of the nearest proxy about a request. Empty unless the request comes from one that is believed.
    pub(crate) fn forwarded<'a>(&self, peer: Option<IpAddr>, headers: &'a HeaderMap) -> Forwarded<'a> {
        if !peer.is_some_and(|peer| self.trusts(peer)) {
            return Forwarded::default();
        }
        // The nearest proxy wrote the last one.
        let last = |name| headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next().map(str::trim);
        let is_path = |text: &&str| {
            text.starts_with('/') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b))
        };
        Forwarded {
            host: last("x-forwarded-host"),
            prefix: last("x-forwarded-prefix").filter(is_path),
            proto: last("x-forwarded-proto"),
        }
    }

    /// Person whom a proxy signed in, with the scopes of the groups. `None` unless exactly one person is named by a
    /// proxy that is believed.
    pub(crate) fn signed_in(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<Caller> {
        let header = self.user_header.as_ref().filter(|_| peer.is_some_and(|peer| self.trusts(peer)))?;
        let mut users = headers.get_all(header).iter();
        let user = users.next().filter(|_| users.next().is_none())?.to_str().ok()?.trim();
        if user.is_empty() || user.chars().count() > USER_MAX {
            return None;
        }
        let groups = headers.get_all("x-forwarded-groups").iter().filter_map(|value| value.to_str().ok());
        let groups = groups.flat_map(|value| value.split(',')).map(str::trim);
        let scopes = groups.filter_map(|group| self.group_scopes.get(group)).flat_map(|scopes| scopes.iter()).collect();
        Some(Caller::of_user(user, scopes))
    }
}

/// Address of a hop, which some proxies write with its port.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_matches(['[', ']']).parse().ok();
    bare.or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|with_port| with_port.ip()))
}

/// Network, or the network of a single address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::access::Scope;

    fn proxies() -> Proxies {
        let own = |text: &str| text.to_owned();
        let group_scopes =
            BTreeMap::from([(own("ops"), vec![own("read"), own("operate")]), (own("dev"), vec![own("submit")])]);
        let trusted = [own("10.0.0.0/8"), own("fd00::/8"), own("192.0.2.1")];
        let user_header = Some("X-Forwarded-User");
        Proxies::new(ProxySettings { trusted: &trusted, user_header, group_scopes: &group_scopes }).unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn the_origin_is_the_last_address_that_is_no_proxy() {
        for (peer, said, expected) in [
            ("10.1.2.3", "198.51.100.7", "198.51.100.7"),
            ("10.1.2.3", "203.0.113.9, 198.51.100.7, 10.9.9.9", "198.51.100.7"),
            ("::ffff:10.1.2.3", "198.51.100.7", "198.51.100.7"),
            ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
            ("10.1.2.3", "198.51.100.7:5678", "198.51.100.7"),
            ("10.1.2.3", "[2001:db8::7]:5678", "2001:db8::7"),
            ("10.1.2.3", "[2001:db8::7]", "2001:db8::7"),
            ("10.1.2.3", "nonsense", "10.1.2.3"),
            ("10.1.2.3", "", "10.1.2.3"),
        ] {
            let said = headers(&[("x-forwarded-for", said)]);
            assert_eq!(proxies().origin(peer.parse().unwrap(), &said), expected.parse::<IpAddr>().unwrap(), "{said:?}");
        }
    }

    #[test]
    fn a_person_is_who_a_proxy_says_and_nobody_else_says() {
        let said = headers(&[
            ("x-forwarded-user", "ada"),
            ("x-forwarded-groups", "ops, other"),
            ("x-forwarded-groups", "dev"),
        ]);
        let ada = proxies().signed_in("10.0.0.1".parse().ok(), &said).unwrap();
        assert_eq!(&*ada.name(), "user:ada");
        assert!(ada.may(Scope::Read) && ada.may(Scope::Operate) && ada.may(Scope::Submit) && !ada.may(Scope::Admin));
        assert!(proxies().signed_in("198.51.100.1".parse().ok(), &said).is_none());
        assert!(proxies().signed_in(None, &said).is_none());
        let two = headers(&[("x-forwarded-user", "ada"), ("x-forwarded-user", "eve")]);
        assert!(proxies().signed_in("10.0.0.1".parse().ok(), &two).is_none());
    }

    #[test]
    fn the_way_is_told_by_proxies_alone() {
        let said = headers(&[("x-forwarded-host", "jobs.example.org"), ("x-forwarded-prefix", "/jobs")]);
        let (proxies, proxy) = (proxies(), "10.0.0.1".parse().ok());
        let way = proxies.forwarded(proxy, &said);
        assert_eq!((way.host, way.prefix), (Some("jobs.example.org"), Some("/jobs")));
        let way = proxies.forwarded("198.51.100.1".parse().ok(), &said);
        assert_eq!((way.host, way.prefix), (None, None));
        assert_eq!(proxies.forwarded(proxy, &headers(&[("x-forwarded-prefix", "//evil\"")])).prefix, None);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let problems = |network: &str, user_header: Option<&str>, group: Option<(&str, &str)>| {
            let own = |text: &str| text.to_owned();
            let group_scopes = group.map(|(name, scope)| (own(name), vec![own(scope)])).into_iter().collect();
            let trusted = [own(network)];
            Proxies::new(ProxySettings { trusted: &trusted, user_header, group_scopes: &group_scopes })
                .unwrap_err()
                .concat()
        };
        assert!(problems("10.0.0.0/33", None, None).contains("10.0.0.0/33"));
        assert!(problems("10.0.0.0/8", Some("a b"), Some(("ops", "read"))).contains("no name of a header"));
        assert!(problems("10.0.0.0/8", Some("x-user"), None).contains("belong together"));
        let wrong = problems("10.0.0.0/8", Some("x-user"), Some(("ops", "all")));
        assert!(wrong.contains("http.group_scopes.ops: unknown scope \"all\""), "{wrong}");
    }
}
