//! Windows: the numbers among which a list looks for jobs.
//!
//! Numbers follow the time of the submit, so that a term about it bounds them. A list for which no index leads the way
//! looks at so many at most, and then says where it stopped.

use warrener_shared::id::JobNo;
use warrener_shared::time::{Millis, Timestamp};

use super::super::StoreError;
use super::super::sql::Reader;
use super::JobOrder;
use super::filter::{Age, Filter, Test};

/// Numbers that are looked at for one page where no index leads the way: some 100 ms of work.
const LOOKS: i64 = 100_000;
/// Time by which a clock may have been set back between two submits.
const SLACK: Millis = Millis::from_secs(3_600);
/// Purpose of the statements, as errors say it.
const DOING: &str = "find where jobs of a time begin";

/// Numbers of jobs, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// First number.
    pub(super) first: i64,
    /// Last number.
    pub(super) last: i64,
}

impl Window {
    /// All numbers there are.
    pub(super) const ALL: Self = Self { first: 0, last: i64::MAX };

    /// Numbers that the terms of a filter about the time of the submit leave.
    pub(super) fn of(reader: &dyn Reader, filter: &Filter, now: Timestamp) -> Result<Self, StoreError> {
        let mut window = Self::ALL;
        for term in filter.terms.iter().filter(|term| !term.negated) {
            let Test::Created(ages) = &term.test else { continue };
            // Of several ages one must fit: the widest of them bounds.
            let (mut first, mut last) = (i64::MAX, 0);
            for age in ages {
                match age {
                    Age::Under(span) => {
                        first = first.min(number_at(reader, now - *span - SLACK)?);
                        last = i64::MAX;
                    }
                    Age::Over(span) => {
                        first = 0;
                        last = last.max(number_at(reader, now - *span + SLACK)?);
                    }
                }
            }
            window = Self { first: window.first.max(first), last: window.last.min(last) };
        }
        Ok(window)
    }

    /// Condition on a column with the number of a job; empty for all numbers.
    pub(super) fn condition(self, column: &str) -> String {
        match (self.first, self.last) {
            (..=0, i64::MAX) => String::new(),
            (first, last) => format!(" AND {column} BETWEEN {first} AND {last}"),
        }
    }

    /// The numbers of it that are looked at for a page after a place in an order, and the place at which the page after
    /// it begins; `None` if the window ends there.
    pub(super) fn page(
        self,
        reader: &dyn Reader,
        order: JobOrder,
        before: i64,
    ) -> Result<(Self, Option<JobNo>), StoreError> {
        let statement = "SELECT coalesce(min(no), 0) FROM jobs";
        let oldest = self.first.max(reader.number(DOING, statement, &[])?);
        let newest = self.last.min(reader.number(DOING, "SELECT coalesce(max(no), 0) FROM jobs", &[])?);
        let (first, last) = match order {
            JobOrder::Newest => {
                let last = newest.min(before.saturating_sub(1));
                (oldest.max(last.saturating_sub(LOOKS - 1)), last)
            }
            JobOrder::Oldest => {
                let first = oldest.max(before.saturating_add(1));
                (first, newest.min(first.saturating_add(LOOKS - 1)))
            }
        };
        let stop = match order {
            JobOrder::Newest => (first > oldest).then_some(JobNo(first)),
            JobOrder::Oldest => (last < newest).then_some(JobNo(last)),
        };
        Ok((Self { first, last }, stop))
    }
}

/// Smallest number of a job that was submitted at a time or later; behind all of them if there is none.
fn number_at(reader: &dyn Reader, time: Timestamp) -> Result<i64, StoreError> {
    let mut low: i64 = 0;
    let mut high = reader.number::<i64>(DOING, "SELECT coalesce(max(no), 0) FROM jobs", &[])?.saturating_add(1);
    let next = "SELECT no, created_at FROM jobs WHERE no >= ?1 ORDER BY no LIMIT 1";
    while low < high {
        let middle = low + (high - low) / 2;
        match reader.one(DOING, next, &[middle.into()], |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)))? {
            Some((no, created_at)) if created_at < time.0 => low = no + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}
