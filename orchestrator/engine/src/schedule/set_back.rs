//! A clock that was set back: ticks that were decided lie ahead.
//!
//! What ran does not run again, and what was missed has its time once more. `decided` stays where it is until time has
//! passed it; up to there each tick is held against its row.

use warrener_shared::time::{Millis, Timestamp};

use super::{ScheduleState, TickOutcome, TickRow};

impl ScheduleState {
    /// Ticks whose rows the rules need beside the open ones, since they were decided by a clock that was ahead: the
    /// first moment and the last. `None` if there are none.
    pub fn ahead(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let (next, decided, looked) = (self.row.next_tick, self.row.decided, self.looked(now));
        let is_behind = decided > looked || next.is_some_and(|next| next <= decided);
        is_behind.then(|| (next.map_or(looked, |next| next.min(looked)), decided))
    }

    /// The moment from which on nobody has looked at it: a clock that is set back makes it due at once.
    fn looked(&self, now: Timestamp) -> Timestamp {
        self.row.wake_at.map_or(now, |at| at.min(now))
    }

    /// Takes the rows of these ticks, the oldest first, and finds the next tick anew if the clock was set back.
    pub fn know_ahead(&mut self, rows: Vec<TickRow>, now: Timestamp) {
        // Older ones may have been forgotten, so up to the first of as many as are kept nothing runs again.
        let is_full = rows.len() >= self.spec.keep_ticks as usize;
        self.ahead_from = rows.first().map(|row| row.at).filter(|_| is_full);
        self.ahead.clear();
        for row in rows {
            let is_missed = matches!(row.outcome, TickOutcome::MissedWindow | TickOutcome::MissedPaused);
            *self.ahead.entry(row.at).or_insert(true) &= is_missed;
        }
        let looked = self.looked(now);
        if self.row.decided > looked && self.row.next_tick.is_none_or(|next| next > looked) {
            self.row.next_tick = self.after(looked);
        }
    }

    /// The tick after a moment, if there is one left. What ran before the clock was set back is passed.
    pub(super) fn after(&self, at: Timestamp) -> Option<Timestamp> {
        let plan = &self.spec.plan;
        let at = self.ahead_from.map_or(at, |first| at.max(first - Millis(1)));
        let mut ticks = std::iter::successors(plan.next(at), |at| plan.next(*at));
        let is_left = plan.times.is_none_or(|times| self.row.ticks < i64::from(times));
        let next = ticks.find(|at| self.ahead.get(at) != Some(&false));
        next.filter(|at| is_left || self.was_counted(*at))
    }

    /// Tells whether a tick has its number already: it was missed before the clock was set back.
    pub(super) fn was_counted(&self, at: Timestamp) -> bool {
        self.ahead.get(&at) == Some(&true)
    }

    /// Tells whether the plan has a tick at this moment that is not decided yet.
    pub(super) fn is_to_come(&self, at: Timestamp) -> bool {
        self.row.next_tick.is_some_and(|next| at >= next) && self.after(at - Millis(1)) == Some(at)
    }
}
