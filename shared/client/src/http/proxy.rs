//! The proxy that a request goes through, told to people who wonder why nobody answers.

use std::net::IpAddr;

use reqwest::Url;

use super::redacted::redacted;

/// Tells whether an address is on this machine. Proxies are never asked for these.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let is_address = host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    is_address || host == "localhost" || host.ends_with(".localhost")
}

/// The proxy that the environment names for an address, without its password; none if it is asked directly.
pub(super) fn of(url: &str) -> Option<String> {
    proxy_of(url, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn proxy_of(url: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let either = |name: &str| variable(&name.to_ascii_lowercase()).or_else(|| variable(name));
    if is_loopback(&url) || either("NO_PROXY").is_some_and(|list| is_exempt(&url, &list)) {
        return None;
    }
    let own = if url.scheme() == "https" { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    let proxy = either(own).or_else(|| either("ALL_PROXY"))?;
    let proxy = if proxy.contains("://") { proxy } else { format!("http://{proxy}") };
    Some(redacted(&proxy))
}

fn is_exempt(url: &Url, list: &str) -> bool {
    let host = url.host_str().unwrap_or_default();
    list.split(',').map(|entry| entry.trim().trim_start_matches('.')).any(|entry| {
        let is_below = || host.strip_suffix(entry).is_some_and(|front| front.ends_with('.'));
        entry == "*" || !entry.is_empty() && (host == entry || is_below())
    })
}

#[cfg(test)]
mod tests {
    use super::proxy_of;

    #[test]
    fn an_error_names_the_proxy_that_was_asked() {
        let asked = |url: &str| {
            proxy_of(url, |name| match name {
                "HTTP_PROXY" => Some("http://user:s3cret@proxy:3128".to_owned()),
                "no_proxy" => Some("direct.example, .inner.example".to_owned()),
                _ => None,
            })
        };
        let proxy = asked("http://jobs.example/").expect("it goes through the proxy");
        assert!(proxy.contains("proxy:3128") && !proxy.contains("s3cret"), "{proxy}");
        for direct in [
            "http://127.0.0.1:8080/",
            "http://[::1]:8080/",
            "http://localhost./",
            "http://direct.example/",
            "http://a.inner.example/",
            "https://jobs.example/",
        ] {
            assert_eq!(asked(direct), None, "{direct}");
        }
    }
}
