//! Points in time and spans as plain integers, so that they can be stored, compared and simulated.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
///
/// It is always an argument, never read from a clock inside this crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Later than any other point in time: "never".
    pub const MAX: Self = Self(i64::MAX);

    /// The time as RFC 3339 in UTC with milliseconds, such as `2026-11-24T15:03:23.120Z`.
    pub fn to_rfc3339(self) -> String {
        let late =
            || Self::epoch().checked_add(jiff::SignedDuration::from_millis(self.0)).map(|time| format!("{time:.3}Z"));
        jiff::Timestamp::from_millisecond(self.0)
            .map(|time| format!("{time:.3}"))
            .or_else(|_| late())
            .unwrap_or_else(|_| "9999-12-31T23:59:59.999Z".to_owned())
    }

    /// Reads an RFC 3339 time with an offset. `None` if it is anything else.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let usual = text.parse::<jiff::Timestamp>().ok().map(|time| Self(time.as_millisecond()));
        usual.or_else(|| Self::parse_late(text))
    }

    /// Reads a time in the last two days of the year 9999, which the library leaves free for offsets.
    fn parse_late(text: &str) -> Option<Self> {
        let pieces = jiff::fmt::temporal::Pieces::parse(text).ok()?;
        let time = pieces.date().to_datetime(pieces.time()?);
        let offset = jiff::SignedDuration::from_secs(i64::from(pieces.to_numeric_offset()?.seconds()));
        let since = time.duration_since(Self::epoch()).checked_sub(offset)?;
        i64::try_from(since.as_millis()).ok().map(Self).filter(|time| *time <= Self::LATEST)
    }

    fn epoch() -> jiff::civil::DateTime {
        jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0)
    }

    /// The last millisecond of the year 9999, the latest that can be written.
    const LATEST: Self = Self(253_402_300_799_999);

    /// The span from `earlier` to this time; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Millis {
        Millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Millis> for Timestamp {
    type Output = Self;

    fn add(self, span: Millis) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX)))
    }
}

impl Sub<Millis> for Timestamp {
    type Output = Self;

    fn sub(self, span: Millis) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.0).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// A span of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    /// The same span for the standard library.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

/// Shows the largest units first, as the job format writes them: `1h30m`, `90s` as `1m30s`, `250ms`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 5] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (size, unit) in UNITS {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn the_last_days_that_can_be_written_are_points_in_time() {
        for (text, shown) in [
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            ("9999-12-30T22:00:01Z", "9999-12-30T22:00:01.000Z"),
            ("9999-12-31T23:59:59+02:00", "9999-12-31T21:59:59.000Z"),
            ("2026-11-24T15:03:23.120Z", "2026-11-24T15:03:23.120Z"),
        ] {
            let time = Timestamp::parse_rfc3339(text).expect(text);
            assert_eq!(time.to_rfc3339(), shown, "{text}");
        }
        for text in
            ["9999-12-31T23:59:59", "9999-12-31T23:59:59-02:00", "9999-12-32T00:00:00Z", "10000-01-01T00:00:00Z"]
        {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
        assert_eq!(Timestamp::MAX.to_rfc3339(), "9999-12-31T23:59:59.999Z");
    }
}
