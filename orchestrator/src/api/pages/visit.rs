//! A request for a page, as far as every page looks at it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use warrener_shared::time::Timestamp;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::cookie::{self, SESSION};
use super::encoding::{percent, takes_gzip};
use crate::access::{Caller, Scope, Who};

/// Name of the cookie with the colours that a person chose.
pub(super) const THEME: &str = "warrener_theme";

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// The caller; `None` if nobody was let in.
    pub(super) caller: Option<Arc<Caller>>,
    /// Way up to the first page: `./`, `../` and so on. No page knows the prefix of a proxy, and none needs it.
    pub(super) up: String,
    /// Colours that were chosen by hand.
    pub(super) theme: Option<&'static str>,
    /// The path without a query.
    pub(super) path: String,
    /// Pairs of the query.
    pub(super) query: Vec<(String, String)>,
    /// Tells whether the browser holds a session.
    pub(super) has_session: bool,
    /// Tells whether the browser reads gzip.
    pub(super) gzip: bool,
    /// The time of day.
    pub(super) now: Timestamp,
}

impl Visit {
    /// Visit that the head of a request describes.
    pub(super) fn of(uri: &axum::http::Uri, headers: &HeaderMap, caller: Option<Arc<Caller>>, now: Timestamp) -> Self {
        let path = uri.path().to_owned();
        let depth = path.bytes().filter(|byte| *byte == b'/').count().saturating_sub(1);
        let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
        Self {
            caller,
            up: if depth == 0 { "./".to_owned() } else { "../".repeat(depth) },
            theme: match cookie::find(headers, THEME) {
                Some("dark") => Some("dark"),
                Some("light") => Some("light"),
                _ => None,
            },
            path,
            query: query.map_or_else(|_| Vec::new(), |axum::extract::Query(pairs)| pairs),
            has_session: cookie::find(headers, SESSION).is_some(),
            gzip: takes_gzip(headers),
            now,
        }
    }

    /// A relative URL of a page: the parts of its path.
    pub(super) fn to(&self, parts: &[&str]) -> String {
        let parts: Vec<String> = parts.iter().map(|part| percent(part)).collect();
        format!("{}{}", self.up, parts.join("/"))
    }

    /// A relative URL of the same page with other values in its query; an empty value takes one away.
    pub(super) fn with(&self, changes: &[(&str, &str)]) -> String {
        let kept = self.query.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let kept = kept.filter(|(key, _)| !changes.iter().any(|(changed, _)| changed == key));
        let new = changes.iter().copied().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> =
            kept.chain(new).map(|(key, value)| format!("{}={}", percent(key), percent(value))).collect();
        // A URL of nothing but a query keeps the path; without any the last part of the path has to be named.
        match pairs.is_empty() {
            true => self.path.rsplit('/').next().filter(|last| !last.is_empty()).unwrap_or("./").to_owned(),
            false => format!("?{}", pairs.join("&")),
        }
    }

    /// The value of a parameter of the query.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Tells whether the caller may do this, so that nobody is shown what would be refused.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.caller.as_ref().is_some_and(|caller| caller.may(scope))
    }

    /// Tells whether the caller may change what jobs of others use too.
    pub(super) fn may_operate_all(&self) -> bool {
        self.may(Scope::Operate) && self.caller.as_ref().is_some_and(|caller| caller.only.is_none())
    }

    /// Tells whether the caller may see the audit and the configuration.
    pub(super) fn may_administer(&self) -> bool {
        self.may(Scope::Admin) && self.caller.as_ref().is_some_and(|caller| caller.only.is_none())
    }

    /// Name of the caller, where anybody was asked for it.
    pub(super) fn name(&self) -> Option<String> {
        let caller = self.caller.as_ref()?;
        (caller.who != Who::Everybody).then(|| caller.name().to_string())
    }
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.uri, &parts.headers, Some(AskedBy::of(parts).0), app.shared.now()))
    }
}
