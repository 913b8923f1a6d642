//! Bulk operations that are not over: their rows, the part of each set that is worked on, and their pace.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::store::{BulkChange, BulkRow, BulkState, Commit, PART, Store, StoreError};

/// Most members of one slice.
const SLICE: usize = 64;
/// Time for which an operation that had no turn may save up members.
const SAVED: f64 = 0.25;

/// Bulk operations that are not over. Made anew by `recollect`.
#[derive(Debug, Default)]
pub(in super::super) struct BulkDesk {
    /// Number of the latest operation.
    pub(in super::super) last: i64,
    /// Operations by number.
    pub(in super::super) open: BTreeMap<i64, OpenBulk>,
    /// The operation that had the latest turn.
    turn: i64,
}

/// An operation that is worked on.
#[derive(Debug)]
pub(in super::super) struct OpenBulk {
    pub(in super::super) row: BulkRow,
    /// The part of the set that is worked on, by its number.
    part: Option<(i64, Vec<i64>)>,
    /// Members that its rate allows now.
    allowance: f64,
    /// Monotonic time at which the allowance was counted.
    counted: Duration,
    /// Monotonic time before which it has no turn: it waits for what others do.
    rests_until: Duration,
}

impl BulkDesk {
    /// Reads the operations that are not over.
    pub(super) fn from_rows(store: &mut impl Store, now: Duration) -> Result<Self, StoreError> {
        let (last, open) = store.bulks()?;
        let open = open.into_iter().map(|(no, row)| (no, OpenBulk::new(row, now))).collect();
        Ok(Self { last, open, turn: 0 })
    }

    /// Notes what a commit made of operations.
    pub(in super::super) fn committed(&mut self, commit: &Commit, now: Duration) {
        for BulkChange { no, row, .. } in &commit.bulk {
            self.last = self.last.max(*no);
            if row.state != BulkState::Running {
                self.open.remove(no);
            } else if let Some(open) = self.open.get_mut(no) {
                open.row = row.clone();
            } else {
                self.open.insert(*no, OpenBulk::new(row.clone(), now));
            }
        }
    }

    /// Lets an operation rest until a monotonic time.
    pub(in super::super) fn rest(&mut self, no: i64, until: Duration) {
        if let Some(open) = self.open.get_mut(&no) {
            open.rests_until = until;
        }
    }

    /// Gives back what the rate of an operation allowed and its slice left.
    pub(in super::super) fn spare(&mut self, no: i64, members: usize) {
        if let Some(open) = self.open.get_mut(&no) {
            open.allowance += members as f64;
        }
    }

    /// The operation whose turn it is, with the number of members that it may have. Else the time until one may.
    pub(in super::super) fn next(&mut self, now: Duration) -> Result<(i64, usize), Duration> {
        let mut wait = Duration::MAX;
        let later = self.open.range(self.turn + 1..).map(|(no, _)| *no);
        let order: Vec<i64> = later.chain(self.open.range(..=self.turn).map(|(no, _)| *no)).collect();
        for no in order {
            let open = self.open.get_mut(&no).expect("it is open");
            match open.allowed(now) {
                Ok(most) => {
                    self.turn = no;
                    return Ok((no, most));
                }
                Err(until) => wait = wait.min(until),
            }
        }
        Err(wait)
    }
}

impl OpenBulk {
    fn new(row: BulkRow, now: Duration) -> Self {
        Self { row, part: None, allowance: 1.0, counted: now, rests_until: now }
    }

    /// Members that may have their turn now, at least one; else the time until one may.
    fn allowed(&mut self, now: Duration) -> Result<usize, Duration> {
        if now < self.rests_until {
            return Err(self.rests_until - now);
        }
        let Some(rate) = self.row.rate else { return Ok(SLICE) };
        let passed = now.saturating_sub(self.counted).as_secs_f64();
        self.allowance = (self.allowance + passed * rate).min((rate * SAVED).max(1.0));
        self.counted = now;
        if self.allowance >= 1.0 {
            return Ok((self.allowance as usize).min(SLICE));
        }
        Err(Duration::from_secs_f64(((1.0 - self.allowance) / rate).min(3600.0)))
    }

    /// The next members, at most so many; `None` if the set is not all there.
    pub(in super::super) fn members(
        &mut self,
        no: i64,
        most: usize,
        store: &mut impl Store,
    ) -> Result<Option<Vec<i64>>, StoreError> {
        let position = usize::try_from(self.row.position()).unwrap_or(usize::MAX);
        let part = i64::try_from(position / PART).unwrap_or(i64::MAX);
        if self.part.as_ref().is_none_or(|(known, _)| *known != part) {
            self.part = store.bulk_part(no, part)?.map(|members| (part, members));
        }
        let rest = self.part.as_ref().and_then(|(_, members)| members.get(position % PART..));
        let members: Option<Vec<i64>> =
            rest.filter(|rest| !rest.is_empty()).map(|rest| rest.iter().copied().take(most).collect());
        self.allowance -= members.as_ref().map_or(0, Vec::len) as f64;
        Ok(members)
    }
}
