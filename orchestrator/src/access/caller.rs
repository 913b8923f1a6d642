//! The caller of a request.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::scope::{Scope, Scopes};
use super::tokens::Token;
use crate::store::view::filter::Filter;

/// Sender of a request, as far as it was found out.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Name.
    pub(crate) who: Who,
    /// Scopes that it has.
    pub(crate) scopes: Scopes,
    /// The jobs that exist for it; `None` for all.
    pub(crate) only: Option<Arc<Filter>>,
    /// The address that it came from.
    pub(crate) from: Option<IpAddr>,
}

/// The name of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Nobody was asked.
    Everybody,
    /// The holder of the token of this name.
    Token(Arc<str>),
    /// The person whom a proxy signed in.
    User(Arc<str>),
}

impl Caller {
    /// Stands for everybody, where nobody is asked.
    pub(super) const fn everybody() -> Self {
        Self { who: Who::Everybody, scopes: Scopes::ALL, only: None, from: None }
    }

    /// The holder of a token.
    pub(super) fn of_token(token: &Token) -> Self {
        Self { who: Who::Token(token.name.clone()), scopes: token.scopes, only: token.only.clone(), from: None }
    }

    /// A person whom a proxy signed in.
    pub(super) fn of_user(name: &str, scopes: Scopes) -> Self {
        Self { who: Who::User(name.into()), scopes, only: None, from: None }
    }

    /// The same, having come from this address.
    pub(crate) fn coming_from(self, from: Option<IpAddr>) -> Self {
        Self { from, ..self }
    }

    /// Name in the audit.
    pub(crate) fn name(&self) -> Arc<str> {
        match &self.who {
            Who::Token(name) => name.clone(),
            Who::User(name) => format!("user:{name}").into(),
            Who::Everybody if self.from.is_none_or(|from| from.is_loopback()) => "loopback".into(),
            Who::Everybody => "anonymous".into(),
        }
    }

    /// Tells whether it may ask for this.
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
