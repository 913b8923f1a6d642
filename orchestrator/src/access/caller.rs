//! The caller of a request.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::scope::{Scope, Scopes};
use super::tokens::Token;
use crate::store::view::filter::Filter;

/// Sender of a request, as far as it was found out: its name and its rights.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Name of the caller.
    pub(crate) who: Who,
    /// Scopes that the caller has.
    pub(crate) scopes: Scopes,
    /// Filter of the jobs that exist for the caller; `None` for all jobs.
    pub(crate) only: Option<Arc<Filter>>,
    /// Address that the request came from, through proxies that are believed; `None` if it is not known.
    pub(crate) from: Option<IpAddr>,
}

/// Name of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Everybody, where nobody is asked for a token.
    Everybody,
    /// The holder of the token with this name.
    Token(Arc<str>),
    /// The person with this name, whom a proxy signed in.
    User(Arc<str>),
}

impl Caller {
    /// Caller that stands for everybody. It may do everything.
    pub(super) const fn everybody() -> Self {
        Self { who: Who::Everybody, scopes: Scopes::ALL, only: None, from: None }
    }

    /// Caller that holds a token.
    pub(super) fn of_token(token: &Token) -> Self {
        Self { who: Who::Token(token.name.clone()), scopes: token.scopes, only: token.only.clone(), from: None }
    }

    /// Caller that is a person whom a proxy signed in.
    pub(super) fn of_user(name: &str, scopes: Scopes) -> Self {
        Self { who: Who::User(name.into()), scopes, only: None, from: None }
    }

    /// Caller with the address that its request came from.
    pub(crate) fn coming_from(self, from: Option<IpAddr>) -> Self {
        Self { from, ..self }
    }

    /// Name in the audit: the token's, `user:<name>`, `loopback` or `anonymous`.
    pub(crate) fn name(&self) -> Arc<str> {
        match &self.who {
            Who::Token(name) => name.clone(),
            Who::User(name) => format!("user:{name}").into(),
            Who::Everybody if self.from.is_none_or(|from| from.is_loopback()) => "loopback".into(),
            Who::Everybody => "anonymous".into(),
        }
    }

    /// Tells whether the caller has a scope.
    pub(crate) const fn may(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("everybody"),
            Self::Token(name) => write!(f, "the token {name:?}"),
            Self::User(name) => write!(f, "the user {name:?}"),
        }
    }
}
