//! Errors of the store, and who is to blame for them.

/// Party to blame for an error, and so the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The database is away, busy, full or read-only. Waiting helps.
    Outage,
    /// The database is damaged, incomplete, closed to us, or in a state that nobody foresaw. A person must help; no
    /// input may pay for it. Everything that is not known to be something else counts as this.
    Sick,
    /// A value that came from outside cannot be kept, whatever state the database is in. The same commit without that
    /// input succeeds.
    Input,
}

/// Failures of the store. Texts carry ids, codes and sizes, never payloads.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database is locked, missing, unreadable, or of another program.
    #[error("cannot open the store {place}: {why}")]
    Open {
        /// The file, or the address without its password.
        place: String,
        /// The fault, and the remedy.
        why: String,
    },
    /// The database has no room, gives no permission to write, or is away; it may pass. Nobody knows then whether the
    /// commit was kept.
    #[error("cannot write to the store: {0}")]
    Unwritable(String),
    /// A statement failed for a reason that neither passes nor lies in what it was given.
    #[error("cannot {doing}: {why}")]
    Statement {
        /// Purpose of the statement.
        doing: &'static str,
        /// Message of the database.
        why: String,
    },
    /// A value is too large for the database, or contradicts the row that it is to stand in.
    #[error("cannot {doing}: {why}")]
    Unfit {
        /// Purpose of the statement.
        doing: &'static str,
        /// Message of the database, without the value.
        why: String,
    },
    /// A row is not what a row of ours can be.
    #[error("the store holds a row that cannot be read: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Party to blame for the error.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Unwritable(_) => Blame::Outage,
            Self::Open { .. } | Self::Statement { .. } | Self::Corrupt(_) => Blame::Sick,
            Self::Unfit { .. } => Blame::Input,
        }
    }

    /// True if the error may pass by itself, such as a full disk.
    pub const fn is_transient(&self) -> bool {
        matches!(self.blame(), Blame::Outage)
    }

    /// Error of a statement that is to be blamed like this. `doing` completes "cannot …", `why` is the database's
    /// message.
    pub(super) fn blamed(blame: Blame, doing: &'static str, why: String) -> Self {
        match blame {
            Blame::Outage => Self::Unwritable(format!("{doing}: {why}")),
            Blame::Sick => Self::Statement { doing, why },
            Blame::Input => Self::Unfit { doing, why },
        }
    }
}
