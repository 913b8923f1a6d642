//! Pages that are not of the API: `/readyz`, or those of RabbitMQ's management.

use reqwest::{Method, Url};
use warrener_shared::time::Timestamp;

use super::call::transport;
use super::error::HttpError;
use super::redacted::redacted;

/// A page as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// Time of the server, from its `Date` header, to the second.
    pub date: Option<Timestamp>,
    /// The body.
    pub text: String,
}

/// Reads a page. User and password may stand in the address.
///
/// # Errors
/// [`HttpError::Address`] or [`HttpError::Unreachable`]; any status is an answer.
pub async fn fetch(url: &str) -> Result<Fetched, HttpError> {
    let bad = |why: String| HttpError::Address { url: redacted(url), why };
    let address = Url::parse(url).map_err(|error| bad(error.to_string()))?;
    if !matches!(address.scheme(), "http" | "https") {
        return Err(bad("it must start with http:// or https://".to_owned()));
    }
    let http = transport(&address, None).map_err(|error| bad(error.to_string()))?;
    let lost = |error| HttpError::unreachable("reading a page", url, error);
    let answer = http.request(Method::GET, address).timeout(super::call::CONNECT_TIMEOUT).send().await.map_err(lost)?;
    let status = answer.status().as_u16();
    let date = answer.headers().get("date").and_then(|date| date.to_str().ok()).and_then(read_date);
    Ok(Fetched { status, date, text: answer.text().await.map_err(lost)? })
}

fn read_date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}
