//! The proxy for a request, chosen by the environment.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// Tells whether an address is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The proxy of an address without its credentials; `None` if it is asked directly.
pub(super) fn of(url: &Url) -> Option<String> {
    if is_loopback(url) {
        return None;
    }
    let through = Matcher::from_env().intercept(&url.as_str().parse().ok()?)?;
    let proxy = through.uri();
    Some(format!("{}://{}", proxy.scheme_str()?, proxy.authority()?.as_str().rsplit('@').next()?))
}

#[cfg(test)]
mod tests;
