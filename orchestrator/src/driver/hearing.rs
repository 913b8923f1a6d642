//! The driver's hearing: the time up to which everything that workers reported has been read.
//!
//! Absence of news is no news while nobody could hear. So a time limit is judged only by what was confirmed before it
//! passed, which is known once the broker side says that all of that has been handed over.

use std::time::Duration;

use warrener_shared::mutant::{self, Mutant};
use warrener_shared::time::{Millis, Timestamp};

/// Longest pause that counts as hearing, between two turns of the loop or between two answers of the broker. After a
/// longer one silences start anew.
const LATE: Duration = Duration::from_secs(2);
/// Longest time between two notices that reports were read, which come each second. After a longer one silences start
/// anew.
const NOTICES: Duration = Duration::from_secs(4);
/// Time of undisturbed hearing after which limits are judged though no notice came: a fault of ours must not make all
/// limits endless.
const DOUBT: Duration = Duration::from_secs(30);

/// State of the session with the broker, as far as the driver was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BrokerSession {
    /// No session: nothing can be published, and nothing is heard.
    Ended,
    /// Session of which deliveries were refused, which come again with the next one only. Publishing goes on, and no
    /// limit is judged.
    Deaf,
    /// Session in which everything that is delivered reaches the driver.
    Whole,
}

/// The time up to which reports have been read, and the doubts about it. All times are monotonic.
#[derive(Debug)]
pub(super) struct Hearing {
    /// State of the session with the broker.
    session: BrokerSession,
    /// Time before which every report that was confirmed has been handled. `None` if that is not known of any time.
    read_upto: Option<Duration>,
    /// Arrival of the latest notice that reports were read, or the start of hearing.
    noticed: Duration,
    /// Time of the latest turn of the loop.
    turned: Duration,
    /// Time of the latest input that proves that the broker answers.
    news: Duration,
    /// Time of undisturbed hearing since the latest notice; at [`DOUBT`] limits are judged without one.
    undisturbed: Duration,
}

impl Hearing {
    /// Hearing of a process that starts: no session, and nothing known of what was reported before.
    pub(super) const fn new(now: Duration) -> Self {
        Self {
            session: BrokerSession::Ended,
            read_upto: None,
            noticed: now,
            turned: now,
            news: now,
            undisturbed: Duration::ZERO,
        }
    }

    /// Notes that a turn of the loop begins. True if silences have to start anew, because the loop stood still for
    /// longer than [`LATE`].
    pub(super) fn turn(&mut self, now: Duration) -> bool {
        let pause = now.saturating_sub(self.turned);
        self.turned = now;
        let hears = self.hears() && now.saturating_sub(self.news) <= LATE;
        self.undisturbed = if hears { self.undisturbed + pause.min(LATE) } else { Duration::ZERO };
        if self.undisturbed >= DOUBT {
            tracing::warn!(
                "reports come, but the broker side does not say that all were read; judging limits without it"
            );
            self.read(now, now);
        }
        pause > LATE
    }

    /// Notes that a session with the broker began. Its reports are read from here on.
    pub(super) const fn connected(&mut self, now: Duration) {
        (self.session, self.noticed, self.news) = (BrokerSession::Whole, now, now);
        self.undisturbed = Duration::ZERO;
    }

    /// Notes that deliveries were refused. They come again with the next session, so nothing counts as read until then.
    pub(super) fn refused(&mut self) {
        if self.session == BrokerSession::Whole {
            self.session = BrokerSession::Deaf;
        }
        // What was said to be read may be among what was refused.
        self.read_upto = None;
    }

    /// Notes that the session ended. Nothing counts as read until the next one.
    pub(super) fn disconnected(&mut self) {
        self.session = BrokerSession::Ended;
        self.read_upto = None;
    }

    /// Tells whether there is a session, so that something can be published.
    pub(super) fn is_connected(&self) -> bool {
        self.session != BrokerSession::Ended
    }

    /// True while everything that is delivered reaches the driver.
    fn hears(&self) -> bool {
        self.session == BrokerSession::Whole
    }

    /// Notes an input that proves that the broker answers.
    pub(super) const fn news(&mut self, now: Duration) {
        self.news = now;
    }

    /// Notes a report. While reports are being read, the notice of their end may take its time.
    pub(super) const fn report(&mut self, now: Duration) {
        self.news = now;
        self.undisturbed = Duration::ZERO;
    }

    /// Notes that all reports confirmed before `upto` have been handled. True if silences have to start anew, because
    /// no such notice came for long.
    pub(super) fn read(&mut self, upto: Duration, now: Duration) -> bool {
        if !self.hears() {
            return false;
        }
        let late = now.saturating_sub(self.noticed) > NOTICES;
        (self.noticed, self.news, self.undisturbed) = (now, now, Duration::ZERO);
        self.read_upto = self.read_upto.max(Some(upto));
        late
    }

    /// Monotonic time up to which silence of workers counts; `None` as long as nothing was read.
    pub(super) fn silence_upto(&self, now: Duration) -> Option<Duration> {
        if mutant::is(Mutant::ExpiresUnread) { Some(now) } else { self.read_upto }
    }

    /// Point in time up to which limits of attempts may be judged. Those that passed later may have been kept by
    /// reports that are not read yet. The earliest possible point if nothing was read.
    pub(super) fn judged_upto(&self, now: Timestamp, monotonic: Duration) -> Timestamp {
        match self.silence_upto(monotonic) {
            Some(upto) => now - Millis(u64::try_from(monotonic.saturating_sub(upto).as_millis()).unwrap_or(u64::MAX)),
            None => Timestamp(i64::MIN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_is_judged_before_reports_were_read() {
        let mut hearing = Hearing::new(at(0));
        let wall = Timestamp(1_000_000);
        assert!(hearing.judged_upto(wall, at(5)) < Timestamp(0));
        hearing.read(at(4), at(5));
        assert!(hearing.judged_upto(wall, at(5)) < Timestamp(0), "there is no session");
        hearing.connected(at(5));
        hearing.read(at(6), at(8));
        assert_eq!(hearing.judged_upto(wall, at(8)), Timestamp(998_000));
        hearing.refused();
        assert!(!hearing.read(at(9), at(10)), "what was refused comes again");
        assert_eq!(hearing.silence_upto(at(10)), None);
    }

    #[test]
    fn silences_start_anew_after_a_stand_still_and_after_silence_of_the_broker() {
        let mut hearing = Hearing::new(at(0));
        hearing.connected(at(0));
        assert!(!hearing.turn(at(1)));
        assert!(hearing.turn(at(4)));
        assert!(!hearing.read(at(3), at(4)));
        assert!(hearing.read(at(8), at(9)));
    }

    #[test]
    fn limits_are_judged_in_the_end_if_no_notice_comes_but_other_news_do() {
        let mut hearing = Hearing::new(at(0));
        hearing.connected(at(0));
        for second in 1..=60 {
            hearing.turn(at(second));
            assert!(hearing.silence_upto(at(second)).is_none(), "the broker says nothing");
        }
        for second in 61..=90 {
            hearing.news(at(second));
            hearing.turn(at(second));
            hearing.report(at(second));
        }
        assert!(hearing.silence_upto(at(90)).is_none(), "reports are still being read");
        for second in 91..=121 {
            hearing.news(at(second));
            hearing.turn(at(second));
        }
        assert_eq!(hearing.silence_upto(at(121)), Some(at(120)));
    }
}
