//! The ticks of a schedule, one after another.
//!
//! Between two changes of a zone's offset, local times and moments are the same line. So ticks are looked for span by
//! span: what the clocks skip is in no span, what they show twice is in two.

use super::cron::Cron;
use super::zone::{LAST, Zone};
use crate::time::Timestamp;

/// Plan of a schedule: when it ticks.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The moments that it names.
    pub moments: Moments,
    /// Zone of its cron texts and dates.
    pub zone: Zone,
    /// The first moment that can be a tick.
    pub from: Option<Timestamp>,
    /// The last moment that can be a tick.
    pub until: Option<Timestamp>,
    /// Number of ticks in all; `None` for no bound.
    pub times: Option<u32>,
    /// Ticks that start nothing.
    pub exclude: Vec<ExcludedTicks>,
}

/// Moments that a schedule names, in whole seconds.
#[derive(Clone, Debug)]
pub enum Moments {
    /// Moments of any of these texts.
    Cron(Vec<CronRule>),
    /// Multiples of so many seconds since 1970, and so many seconds more.
    Every {
        /// The period in seconds, at least 1.
        period: i64,
        /// The phase in seconds, less than the period.
        phase: i64,
    },
    /// Moments as they are listed, ascending, each once.
    At(Vec<Timestamp>),
}

/// A cron text, and what it does where the clocks are set.
#[derive(Clone, Debug)]
pub struct CronRule {
    /// The text.
    pub cron: Cron,
    /// A local time that the clocks skip.
    pub gap: Gap,
    /// A local time that the clocks show twice.
    pub fold: Fold,
}

/// Ticks at local times that the clocks skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The first valid moment after the gap is one.
    Shift,
    /// Dropped.
    Skip,
}

/// Ticks at local times that the clocks show twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// The first time.
    First,
    /// The last time.
    Last,
    /// Both times.
    Both,
}

/// Ticks that start nothing.
#[derive(Clone, Debug)]
pub enum ExcludedTicks {
    /// Ticks that a cron text names, too.
    Cron(Cron),
    /// Ticks in a span of time.
    Span(TickSpan),
}

/// A span of time, its first moment in it and its last one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickSpan {
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub to: Timestamp,
}

/// A nominal moment of a schedule, before jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The moment, in whole seconds.
    pub at: Timestamp,
    /// Mark that daylight saving time left on it.
    pub dst: Option<DstMark>,
}

/// Ticks to come, for whoever wants to see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicksToCome {
    /// The ticks, in order.
    pub found: Vec<Tick>,
    /// True if there may be more: so many excluded ones are between that it was not looked further.
    pub is_cut: bool,
}

/// Mark that daylight saving time left on a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DstMark {
    /// Moved to the first moment after its local time, which was skipped.
    Gap,
    /// Doubled: the local time is there twice.
    Fold,
}

impl DstMark {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Fold => "fold",
        }
    }
}

impl Plan {
    /// The first tick after a moment, whatever `times` says; excluded ones are ticks too.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        // The moment before `from`: the first one can be a tick.
        let before = self.from.map_or(after, |from| after.max(Timestamp(from.0 - 1)));
        self.next_ever(before).filter(|at| self.until.is_none_or(|until| *at <= until))
    }

    /// The first tick after a moment as if it had neither `from` nor `until`.
    pub fn next_ever(&self, after: Timestamp) -> Option<Timestamp> {
        let from = (after.0.div_euclid(1000) + 1).max(EARLIEST);
        let found = match &self.moments {
            Moments::Cron(rules) => rules.iter().filter_map(|rule| rule.next(&self.zone, from)).min(),
            Moments::Every { period, phase } => Some(from + (phase - from).rem_euclid(*period)),
            Moments::At(times) => {
                let passed = times.partition_point(|at| at.0.div_euclid(1000) < from);
                times.get(passed).map(|at| at.0.div_euclid(1000))
            }
        };
        found.filter(|at| *at < LAST).map(|at| Timestamp(at * 1000))
    }

    /// Tells whether a tick starts nothing.
    pub fn is_excluded(&self, tick: Timestamp) -> bool {
        let second = tick.0.div_euclid(1000);
        self.exclude.iter().any(|exclusion| match exclusion {
            ExcludedTicks::Cron(cron) => cron.covers(second + self.zone.offset(second)),
            ExcludedTicks::Span(span) => (span.from..=span.to).contains(&tick),
        })
    }

    /// Mark that daylight saving time left on a tick.
    pub fn mark(&self, tick: Timestamp) -> Option<DstMark> {
        let Moments::Cron(rules) = &self.moments else { return None };
        let second = tick.0.div_euclid(1000);
        let local = second + self.zone.offset(second);
        if !rules.iter().any(|rule| rule.cron.next(local) == Some(local)) {
            return Some(DstMark::Gap);
        }
        self.zone.is_twice(second).then_some(DstMark::Fold)
    }

    /// The first ticks of a schedule that is new, from its `from` on, or from now: at most so many.
    pub fn preview(&self, now: Timestamp, most: usize) -> TicksToCome {
        self.to_come(self.from.map_or(now, |from| Timestamp(from.0 - 1)), 0, most)
    }

    /// The next ticks after a moment that are not excluded, once so many were decided: at most `most` of them.
    pub fn to_come(&self, after: Timestamp, decided: i64, most: usize) -> TicksToCome {
        let left = |times: u32| usize::try_from(i64::from(times) - decided).unwrap_or(0);
        let most = self.times.map_or(most, |times| most.min(left(times)));
        let search = if let Moments::Cron(rules) = &self.moments { rules.len() * RULE_WORK } else { 1 };
        let (mut found, mut at, mut work) = (Vec::new(), after, WORK_MAX);
        while found.len() < most {
            work = work.saturating_sub(search + self.exclude.len());
            if work == 0 {
                return TicksToCome { found, is_cut: true };
            }
            let Some(next) = self.next(at) else { break };
            at = next;
            if !self.is_excluded(at) {
                found.push(Tick { at, dst: self.mark(at) });
            }
        }
        TicksToCome { found, is_cut: false }
    }
}

impl CronRule {
    /// The first tick from a second on.
    fn next(&self, zone: &Zone, from: i64) -> Option<i64> {
        let (mut at, mut offset, mut before) = (from, zone.offset(from), zone.offset(from - 1));
        loop {
            let change = zone.next_change(at);
            let mut lower = at + offset;
            if before != offset {
                // `at` is the moment at which the clocks are set from one offset to the other.
                let shown_before = at + before;
                let skipped = || self.cron.next(shown_before).is_some_and(|local| local < at + offset);
                if self.gap == Gap::Shift && before < offset && skipped() {
                    return Some(at);
                }
            }
            if self.fold == Fold::First {
                lower = lower.max(self.end_of_repeat(zone, at, offset));
            }
            let upper = change.map_or(i64::MAX, |(end, after)| {
                let repeats = self.fold == Fold::Last && after < offset;
                end + if repeats { after } else { offset }
            });
            let found = self.cron.next(lower)?;
            if found < upper {
                return Some(found - offset);
            }
            let (end, after) = change?;
            // Nothing that the clocks show in this span is wanted, and what comes may be far away: years are passed at
            // once, up to two days before. But what is shown again at the end must not begin before this span.
            let far = found - 2 * DAY;
            let is_long = end - at >= DAY;
            (at, before, offset) = (end, offset, after);
            if is_long && far > end + 2 * DAY {
                (at, offset) = (far, zone.offset(far));
                before = offset;
            }
        }
    }

    /// The local time up to which the clocks show, around this moment, what they showed before.
    fn end_of_repeat(&self, zone: &Zone, at: i64, offset: i64) -> i64 {
        // No zone repeats more than a day.
        let mut earlier = at - DAY;
        let mut end = i64::MIN;
        let mut before = zone.offset(earlier);
        while let Some((change, after)) = zone.next_change(earlier).filter(|(change, _)| *change <= at) {
            if after < before {
                end = end.max(change + before);
            }
            (earlier, before) = (change, after);
        }
        debug_assert_eq!(before, offset, "the offset of a moment is that after the last change");
        end
    }
}

const DAY: i64 = 86_400;
/// No tick is earlier: 1970.
const EARLIEST: i64 = 0;
/// Exclusions that are asked in all in search of ticks to come: a fraction of a second.
const WORK_MAX: usize = 500_000;
/// Exclusions that take as long as the search for the next tick of one cron text.
const RULE_WORK: usize = 4;
