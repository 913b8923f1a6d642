//! Cookies that a browser sends.

use axum::http::{HeaderMap, header};

/// Name of the cookie of whoever signed in.
pub(in super::super) const SESSION: &str = "warrener_session";

/// The value of a cookie, if the request has it exactly once.
pub(in super::super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    found.next().filter(|_| found.next().is_none())
}
