//! Access: callers over HTTP, and what each may do.

pub mod tokens;

mod caller;
pub(crate) mod identity;
mod proxy;
pub(crate) mod renewal;
mod scope;
mod sessions;
pub(crate) mod watched;

use std::path::PathBuf;
use std::sync::Arc;

use warrener_shared::time::Timestamp;

pub(crate) use self::caller::{Caller, Who};
pub(crate) use self::proxy::Proxies;
pub use self::proxy::ProxySettings;
pub use self::scope::{Scope, Scopes};
pub(crate) use self::sessions::SESSION_SECONDS;
use self::sessions::Sessions;
use self::tokens::{InvalidTokens, TOKEN_MAX, TokenList};
use self::watched::Watched;

/// Rules of who may do what.
#[derive(Debug)]
pub struct Access {
    /// File of tokens; `None` if nobody is asked for one.
    tokens: Option<Arc<Watched<TokenList>>>,
    /// Proxies that are believed what they say of a request.
    pub(crate) proxies: Proxies,
    /// People who signed in to the pages.
    pub(crate) sessions: Sessions,
}

/// Error of a request that shows no token, or one that does not count. The reason is told to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unauthenticated;

impl Access {
    /// Rules of the configuration. Without tokens and without proxies that sign people in everybody may do everything.
    ///
    /// # Errors
    /// A sentence for each problem.
    pub fn new(tokens_file: Option<&str>, proxies: ProxySettings<'_>) -> Result<Self, Vec<String>> {
        let tokens = tokens_file.map(|file| Watched::open(vec![PathBuf::from(file)])).transpose();
        let tokens = tokens.map_err(|invalid: InvalidTokens| {
            invalid.0.into_iter().map(|why| format!("api.tokens_file: {why}")).collect::<Vec<_>>()
        });
        match (tokens, Proxies::new(proxies)) {
            (Ok(tokens), Ok(proxies)) => {
                Ok(Self { tokens: tokens.map(Arc::new), proxies, sessions: Sessions::default() })
            }
            (tokens, proxies) => Err([tokens.err(), proxies.err()].into_iter().flatten().flatten().collect()),
        }
    }

    /// File of tokens, for whoever reads it again when it changes.
    pub(crate) const fn tokens(&self) -> Option<&Arc<Watched<TokenList>>> {
        self.tokens.as_ref()
    }

    /// Tells whether anybody is asked for a token.
    pub(crate) const fn asks(&self) -> bool {
        self.tokens.is_some() || self.proxies.signs_in()
    }

    /// Begins a session of the holder of a token, if it counts; gives the secret that stands for it.
    pub(crate) fn sign_in(&self, token: &[u8], now: Timestamp) -> Option<String> {
        let list = self.tokens.as_ref()?.get();
        let is_possible = !token.is_empty() && token.len() <= TOKEN_MAX;
        let found = list.find(&token[..token.len().min(TOKEN_MAX)]);
        let valid = found.filter(|token| is_possible && token.is_valid(now))?;
        Some(self.sessions.open(valid.hash, now))
    }

    /// The holder of the token with which a session was begun, for as long as both count.
    pub(crate) fn of_session(&self, secret: &str, now: Timestamp) -> Option<Caller> {
        let hash = self.sessions.token(secret, now)?;
        let list = self.tokens.as_ref()?.get();
        let token = list.iter().find(|token| token.hash == hash && token.is_valid(now));
        token.map(Caller::of_token)
    }

    /// Caller that the value of an `Authorization` header stands for.
    ///
    /// Every refusal does the same work: no time tells a token that is missing, unknown or expired from another.
    pub(crate) fn authenticate(&self, header: Option<&[u8]>, now: Timestamp) -> Result<Caller, Unauthenticated> {
        let list = match &self.tokens {
            Some(tokens) => tokens.get(),
            None if self.proxies.signs_in() => Arc::default(),
            None => return Ok(Caller::everybody()),
        };
        let shown = header.and_then(bearer).unwrap_or_default();
        // What is longer than any token is none; no more of it is looked at than of the longest.
        let is_possible = !shown.is_empty() && shown.len() <= TOKEN_MAX;
        let found = list.find(&shown[..shown.len().min(TOKEN_MAX)]);
        let valid = found.filter(|token| is_possible && token.is_valid(now));
        valid.map(Caller::of_token).ok_or(Unauthenticated)
    }
}

/// Token in `Bearer <token>`. The scheme is written in any case.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = header.split_at_checked(SCHEME.len())?;
    let token = rest.strip_prefix(b" ")?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim_ascii())
}

/// Tells whether the value of an `Authorization` header is meant to be a token of ours, whatever it is worth.
pub(crate) fn is_token(header: &[u8]) -> bool {
    let scheme = header.split(|byte| *byte == b' ').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case(SCHEME)
}

/// Scheme of the header, in lower case.
const SCHEME: &[u8] = b"bearer";

#[cfg(test)]
mod tests;
