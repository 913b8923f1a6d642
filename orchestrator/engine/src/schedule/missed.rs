//! Ticks whose time has come, and which of them are lost since nobody was there.

use std::collections::VecDeque;

use warrener_shared::schedule::CatchUp;
use warrener_shared::time::{Millis, Timestamp};

use super::ScheduleState;

/// Age up to which a tick that was not started at its time is not late: a restart is no outage.
const ON_TIME: Millis = Millis::from_secs(10);
/// Ticks older than the window that get a row each after an outage; those between are passed over.
const MISSED_MAX: usize = 100;
/// Ticks of the window that are looked at after an outage, at least; of denser ones the oldest are passed over.
const LOOKED_MAX: usize = 1_000;

/// A tick whose time has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct DueTick {
    /// The tick.
    pub(super) at: Timestamp,
    /// Number of the tick among those that are not excluded; of an excluded one, that of the one before.
    pub(super) number: i64,
    /// True if its schedule excludes it.
    pub(super) is_excluded: bool,
}

impl ScheduleState {
    /// Takes the ticks whose time has come. They count as decided, and what is left is later.
    ///
    /// They come in their own order: one that jitter holds back holds back those behind it, too.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<DueTick> {
        let spec = self.spec.clone();
        let is_old = |at: Timestamp| spec.expires(at) < now;
        let (mut due, mut old) = (Vec::new(), 0);
        let mut looked = 0;
        while let Some(at) = self.row.next_tick.filter(|at| spec.due(*at) <= now) {
            self.row.decided = self.row.decided.max(at);
            if is_old(at) && old >= MISSED_MAX {
                // An outage of months: what nobody would read is not written.
                self.row.next_tick = self.after(now - spec.jitter - spec.window - Millis(1));
                continue;
            }
            old += usize::from(is_old(at));
            looked += 1;
            if looked % (2 * LOOKED_MAX.max(spec.max_catch_up as usize)) == 0 {
                let middle = Timestamp(i64::midpoint(at.0, now.0));
                self.row.next_tick = self.after(middle.max(at));
                due.clear();
                continue;
            }
            let is_excluded = spec.plan.is_excluded(at);
            self.row.ticks += i64::from(!is_excluded && !self.was_counted(at));
            due.push(DueTick { at, number: self.row.ticks, is_excluded });
            self.row.next_tick = self.after(at);
        }
        due
    }

    /// Says of each due tick whether it is lost, by age and by what is made up for. Excluded ones take nobody's place.
    pub(super) fn lost(&self, due: &[DueTick], now: Timestamp, passed_over: Option<Timestamp>) -> Vec<bool> {
        let spec = &self.spec;
        let is_passed_over = |at: Timestamp| passed_over.is_some_and(|until| at <= until);
        // A tick behind one with a longer delay is due with that one.
        let mut latest = Timestamp(i64::MIN);
        let late = due.iter().map(|tick| {
            latest = latest.max(spec.due(tick.at));
            latest + ON_TIME < now || is_passed_over(tick.at)
        });
        let late: Vec<bool> = late.collect();
        let wanted = || due.iter().zip(&late).filter(|(tick, _)| !tick.is_excluded);
        let on_time = wanted().filter(|(_, is_late)| !**is_late).count();
        let most = match spec.catch_up {
            CatchUp::None => 0,
            CatchUp::Last => usize::from(on_time == 0),
            CatchUp::All => spec.max_catch_up as usize,
        };
        let can_be = |at: Timestamp| !is_passed_over(at) && spec.expires(at) >= now;
        let kept = wanted().filter(|(tick, is_late)| **is_late && can_be(tick.at)).map(|(tick, _)| tick.at);
        let mut kept: VecDeque<Timestamp> = kept.collect();
        kept.drain(..kept.len().saturating_sub(most));
        due.iter().zip(&late).map(|(tick, is_late)| *is_late && kept.binary_search(&tick.at).is_err()).collect()
    }
}
