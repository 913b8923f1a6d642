//! Scopes: the rights of callers, in four words that stand beside each other.

use std::fmt;
use std::str::FromStr;

/// A sort of request. No scope includes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Right to look at jobs, tasks, queues, workers, dead letters and metrics.
    Read,
    /// Right to submit jobs and to answer events.
    Submit,
    /// Right to change what is there already.
    Operate,
    /// Right to look at the audit.
    Admin,
}

/// Set of scopes, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scope {
    /// All scopes, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Read, Self::Submit, Self::Operate, Self::Admin];

    /// Word of the scope in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Submit => "submit",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            format!("unknown scope {shown:?}; the scopes are read, submit, operate and admin")
        })
    }
}

impl Scopes {
    /// Set of all scopes.
    pub const ALL: Self = Self(0b1111);

    /// Tells whether a scope is in the set.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// True if no scope is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Scopes in the set, in the order in which they are told.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |all, scope| all | 1 << scope as u8))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&words.join(","))
    }
}
