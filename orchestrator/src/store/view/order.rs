//! The order of a list of jobs: that of their numbers, which are given in the order of time, from either end.

/// Order of a list of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobOrder {
    /// The latest submitted first.
    #[default]
    Newest,
    /// The first submitted first.
    Oldest,
}

impl JobOrder {
    /// Number before which no job is in this order.
    pub(super) const fn start(self) -> i64 {
        match self {
            Self::Newest => i64::MAX,
            Self::Oldest => 0,
        }
    }

    /// Comparison of the databases of a number that comes after another.
    pub(super) const fn comes_after(self) -> &'static str {
        match self {
            Self::Newest => "<",
            Self::Oldest => ">",
        }
    }

    /// Direction in the words of the databases.
    pub(super) const fn direction(self) -> &'static str {
        match self {
            Self::Newest => "DESC",
            Self::Oldest => "ASC",
        }
    }

    /// The one of two numbers that comes first.
    pub(super) fn first(self, one: i64, other: i64) -> i64 {
        match self {
            Self::Newest => one.max(other),
            Self::Oldest => one.min(other),
        }
    }
}
