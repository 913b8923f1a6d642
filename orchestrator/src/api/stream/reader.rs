//! A reader of a stream, and its right to go on.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::gate;
use super::super::http::Arrival;
use super::super::problem::Problem;
use crate::access::{Caller, Scope};
use crate::store::view::filter::Filter;

/// Longest time for which a caller counts as known that was known before: so long a token that was taken back, or has
/// expired, is still heard.
const KNOWN: Duration = Duration::from_secs(1);

/// The reader of one stream.
#[derive(Debug)]
pub(super) struct StreamReader {
    /// Credentials of its request.
    shown: Parts,
    caller: Arc<Caller>,
    known: Instant,
    _place: OwnedSemaphorePermit,
}

impl StreamReader {
    /// The reader that sent a request, with a place among those who follow.
    pub(super) fn of(app: &App, parts: &Parts) -> Result<Self, Problem> {
        let place = app.edge.follow()?;
        let mut shown = Request::new(()).into_parts().0;
        shown.headers = parts.headers.clone();
        // Nothing is kept that says nothing about who it is.
        let user = app.access.proxies.user_header();
        for name in parts.headers.keys().filter(|name| !says_who(name.as_str()) && user != Some(name)) {
            shown.headers.remove(name);
        }
        parts.extensions.get::<Arrival>().map(|arrival| shown.extensions.insert(*arrival));
        Ok(Self { shown, caller: AskedBy::of(parts).0, known: Instant::now(), _place: place })
    }

    /// Tells whether it may still read.
    pub(super) fn is_welcome(&mut self, app: &App) -> bool {
        if self.known.elapsed() < KNOWN {
            return true;
        }
        let Some(caller) = gate::authenticate(app, &self.shown).ok().filter(|caller| caller.may(Scope::Read)) else {
            return false;
        };
        self.caller = Arc::new(caller);
        self.known = Instant::now();
        true
    }

    /// The jobs that exist for it; `None` for all.
    pub(super) fn only(&self) -> Option<&Arc<Filter>> {
        self.caller.only.as_ref()
    }
}

/// Tells whether a header may say who somebody is, beside the one that is configured.
fn says_who(name: &str) -> bool {
    name == AUTHORIZATION.as_str() || name == COOKIE.as_str() || name.starts_with("x-")
}
