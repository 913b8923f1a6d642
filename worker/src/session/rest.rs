//! A pause before more is taken, once this machine had no room for another program.

use warrener_shared::time::Millis;

/// The pause, and how long the next one will be.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// Nothing is begun before this time.
    until: Option<Millis>,
    /// Length of the last pause; zero once an attempt came to its end.
    last: Millis,
}

impl Rest {
    /// Begins a pause, twice as long as the one before.
    pub(super) fn begin(&mut self, now: Millis) {
        if self.until.is_none() {
            self.last = Millis((self.last.0 * 2).clamp(SHORTEST_MS, LONGEST_MS));
            self.until = Some(Millis(now.0 + self.last.0));
        }
    }

    /// Makes the next pause short again, once there was room.
    pub(super) const fn reset(&mut self) {
        self.last = Millis(0);
    }

    pub(super) const fn is_on(&self) -> bool {
        self.until.is_some()
    }

    /// Ends the pause if its time is up; tells whether it did.
    pub(super) fn is_over(&mut self, now: Millis) -> bool {
        let over = self.until.is_some_and(|until| until <= now);
        if over {
            self.until = None;
        }
        over
    }
}

/// Programs that end make room within this time.
const SHORTEST_MS: u64 = 1_000;
/// A machine that stays short is tried again this often: one task then goes out and comes back.
const LONGEST_MS: u64 = 30_000;
