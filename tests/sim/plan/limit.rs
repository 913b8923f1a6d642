//! Limits, in some worlds: on the work of each queue, how much is open at once, how much begins in a second, and how
//! much of the window each job gets; and on the jobs that have begun.

use crate::dice::{Dice, hash};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitPlan {
    /// Attempts of a queue that may be open at once.
    pub(crate) concurrency: u32,
    /// Attempts of a queue that may begin in a second, and at once.
    pub(crate) rate: Option<(u64, u64)>,
    /// True if the first queue is shared by the jobs.
    pub(crate) is_fair: bool,
}

impl LimitPlan {
    /// The limit of a world; most have none.
    pub(super) fn of(seed: u64) -> Option<Self> {
        // Dice of its own keep a world without it the same.
        let mut dice = Dice::new(hash(&[seed, 7]));
        let (concurrency, rate) = (*dice.pick(&[1, 2, 3]), *dice.pick(&[None, Some((1, 1)), Some((2, 3))]));
        let is_fair = dice.percent(50);
        dice.percent(30).then_some(Self { concurrency, rate, is_fair })
    }
}

/// Jobs that may have begun and not be over at once, sub-jobs apart; `None` is any number, as in most worlds.
pub(super) fn jobs_at_once(seed: u64) -> Option<usize> {
    let mut dice = Dice::new(hash(&[seed, 8]));
    let slots = *dice.pick(&[1, 1, 2]);
    dice.percent(30).then_some(slots)
}
