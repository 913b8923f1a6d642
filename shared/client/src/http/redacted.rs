//! Addresses as they may be shown.

use reqwest::Url;

/// An address without what opens a door: user, password, and the values of parameters.
pub(super) fn redacted(url: &str) -> String {
    let Ok(mut address) = Url::parse(url) else { return MASK.to_owned() };
    if !address.username().is_empty() || address.password().is_some() {
        address.set_username(MASK).ok();
        address.set_password(None).ok();
    }
    if address.query().is_some() {
        address.set_query(Some(MASK));
    }
    if address.fragment().is_some() {
        address.set_fragment(Some(MASK));
    }
    address.to_string()
}

const MASK: &str = "***";
