use std::net::SocketAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};

use super::{Authority, Hosts, Stranger};
use crate::config::{Http, tests::usual};

/// Names and values of headers.
type Pairs<'a> = &'a [(&'static str, &'a str)];

const LOCAL: &str = "192.0.2.7:8080";

fn hosts(listen: &str, names: &[&str], origins: &[&str]) -> Hosts {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Hosts::new(&Http { listen: listen.to_owned(), hosts: own(names), origins: own(origins), ..usual().http })
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn ask(hosts: &Hosts, uri: &str, pairs: &[(&'static str, &str)]) -> Result<Option<Authority>, Stranger> {
    let local: SocketAddr = LOCAL.parse().unwrap();
    hosts.check(Version::HTTP_11, &uri.parse::<Uri>().unwrap(), &headers(pairs), Some(local))
}

fn knows(hosts: &Hosts, host: &str) -> bool {
    ask(hosts, "/readyz", &[("host", host)]).is_ok()
}

#[test]
fn loopback_names_are_always_ours() {
    let hosts = hosts("127.0.0.1:8080", &[], &[]);
    for ours in [
        "localhost",
        "LocalHost:8080",
        "localhost.",
        "localhost.:1",
        "app.localhost:9",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.8.9.1",
        "[::1]",
        "[::1]:8080",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "localhost:",
    ] {
        assert!(knows(&hosts, ours), "{ours}");
    }
}

#[test]
fn whatever_else_is_not() {
    let hosts = hosts("127.0.0.1:8080", &[], &[]);
    for foreign in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "notlocalhost",
        ".localhost",
        "127.0.0.1.evil.example",
        "127.0.0.1..",
        "2130706433",
        "0x7f000001",
        "127.1",
        "0.0.0.0:8080",
        "192.0.2.8",
        "[::]",
        "[::2]:8080",
        "[::1",
        "::1",
        "[::1]evil",
        "[::1%25lo]",
        "evil@localhost",
        "localhost@evil.example",
        "localhost/evil",
        "localhost#",
        "localhost?",
        "localhost:80:80",
        "localhost:x",
        "localhost:+80",
        "localhost:99999",
        "localhost, localhost",
        "local host",
        "l\u{f6}calhost",
        "",
        " ",
        ".",
        ":8080",
    ] {
        assert!(!knows(&hosts, foreign), "{foreign:?}");
    }
}

#[test]
fn an_address_listened_on_is_ours() {
    // The connection itself came to 192.0.2.7.
    assert!(knows(&hosts("0.0.0.0:8080", &[], &[]), "192.0.2.7:8080"));
    assert!(knows(&hosts("0.0.0.0:8080", &[], &[]), "0.0.0.0:8080"));
    assert!(knows(&hosts(":8080", &[], &[]), "192.0.2.7"));
    assert!(!knows(&hosts("0.0.0.0:8080", &[], &[]), "192.0.2.8:8080"));
    assert!(knows(&hosts("jobs.internal:8080", &[], &[]), "JOBS.internal"));
    assert!(knows(&hosts("[fd00::7]:8080", &[], &[]), "[FD00:0::7]:8080"));
}

#[test]
fn configured_names_are_ours() {
    let hosts = hosts("127.0.0.1:8080", &["jobs.example.org", "other:81", "*.inner.example", "198.51.100.1"], &[]);
    for (host, ours) in [
        ("jobs.example.org", true),
        ("JOBS.example.org.:444", true),
        ("x.jobs.example.org", false),
        ("example.org", false),
        ("other:81", true),
        ("other:82", false),
        ("other", false),
        ("a.inner.example", true),
        ("a.b.inner.example:1", true),
        ("inner.example", false),
        ("evilinner.example", false),
        ("198.51.100.1:5", true),
    ] {
        assert_eq!(knows(&hosts, host), ours, "{host}");
    }
}

#[test]
fn there_is_one_host() {
    let hosts = hosts("127.0.0.1:8080", &[], &[]);
    let twice = [("host", "localhost"), ("host", "localhost")];
    assert_eq!(ask(&hosts, "/", &twice), Err(Stranger::NoHost));
    assert_eq!(ask(&hosts, "/", &[]), Err(Stranger::NoHost));
    // No browser speaks HTTP/1.0, and it need not name a host.
    assert_eq!(hosts.check(Version::HTTP_10, &Uri::from_static("/"), &HeaderMap::new(), None), Ok(None));
    let foreign = headers(&[("host", "evil.example")]);
    assert!(hosts.check(Version::HTTP_10, &Uri::from_static("/"), &foreign, None).is_err());
    // The target names one too.
    assert!(ask(&hosts, "http://localhost:8080/", &[("host", "localhost:8080")]).is_ok());
    assert!(ask(&hosts, "http://evil.example/", &[("host", "localhost")]).is_err());
    assert!(ask(&hosts, "http://localhost/", &[("host", "evil.example")]).is_err());
    assert!(ask(&hosts, "http://user@localhost/", &[("host", "localhost")]).is_err());
    assert_eq!(ask(&hosts, "http://localhost/", &[]), Err(Stranger::NoHost));
}

#[test]
fn only_pages_of_our_own_change_something() {
    let hosts = hosts("127.0.0.1:8080", &["jobs.example.org"], &["https://ci.example.org", "http://dev:3000"]);
    let table: &[(Pairs<'_>, &str, bool)] = &[
        (&[], "localhost:8080", true),
        (&[("sec-fetch-site", "same-origin")], "localhost:8080", true),
        (&[("sec-fetch-site", "none")], "localhost:8080", true),
        (&[("sec-fetch-site", "cross-site")], "localhost:8080", false),
        (&[("sec-fetch-site", "same-site")], "localhost:8080", false),
        (&[("sec-fetch-site", "whatever")], "localhost:8080", false),
        (&[("sec-fetch-site", "none"), ("sec-fetch-site", "none")], "localhost:8080", false),
        (&[("origin", "http://localhost:8080")], "localhost:8080", true),
        (&[("origin", "http://LOCALHOST:8080")], "localhost:8080", true),
        (&[("origin", "http://localhost:8081")], "localhost:8080", false),
        (&[("origin", "http://127.0.0.1:8080")], "localhost:8080", false),
        (&[("origin", "http://evil.example")], "localhost:8080", false),
        (&[("origin", "null")], "localhost:8080", false),
        (&[("origin", "")], "localhost:8080", false),
        (&[("origin", "http://localhost:8080"), ("origin", "http://evil.example")], "localhost:8080", false),
        (&[("origin", "http://localhost:8080"), ("sec-fetch-site", "cross-site")], "localhost:8080", false),
        (&[("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")], "localhost:8080", false),
        // The port that everybody leaves out.
        (&[("origin", "https://jobs.example.org")], "jobs.example.org", true),
        (&[("origin", "https://jobs.example.org:443")], "jobs.example.org", true),
        (&[("origin", "http://jobs.example.org")], "jobs.example.org:80", true),
        (&[("origin", "https://jobs.example.org")], "jobs.example.org:80", false),
        (&[("origin", "ftp://jobs.example.org")], "jobs.example.org", false),
        // What is listed may.
        (&[("origin", "https://ci.example.org"), ("sec-fetch-site", "cross-site")], "localhost:8080", true),
        (&[("origin", "https://ci.example.org:443")], "localhost:8080", true),
        (&[("origin", "http://ci.example.org")], "localhost:8080", false),
        (&[("origin", "http://dev:3000")], "localhost:8080", true),
        (&[("origin", "http://dev:3001")], "localhost:8080", false),
    ];
    for (pairs, host, may) in table {
        let own = Authority::parse(host);
        assert_eq!(hosts.check_page(&headers(pairs), own.as_ref()).is_ok(), *may, "{pairs:?} to {host}");
    }
    assert!(hosts.check_page(&headers(&[("origin", "http://localhost")]), None).is_err());
}
