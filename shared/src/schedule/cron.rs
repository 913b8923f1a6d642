//! Cron texts: which local times they name. Zones and daylight saving time are no part of this.

use croner::parser::{CronParser, Seconds, Year};

use super::zone::LAST;

/// A cron text.
#[derive(Clone, Debug)]
pub struct Cron {
    text: String,
    pattern: Box<croner::Cron>,
    /// True if minute and hour are single values, or lists of them.
    pub(crate) is_fixed: bool,
    /// True if both day of month and day of week are restricted, so that either is enough.
    pub(crate) is_either_day: bool,
    /// True if it says nothing of seconds.
    pub(crate) is_minutely: bool,
}

/// Reason why something is no cron text, and what to write instead.
pub(crate) struct CronFault {
    pub(crate) why: String,
    pub(crate) hint: Option<String>,
}

impl Cron {
    /// Reads 5 fields, 6 with seconds first, or a word such as `@daily`.
    pub(crate) fn parse(text: &str) -> Result<Self, CronFault> {
        let fault = |why: String, hint: &str| CronFault { why, hint: Some(hint.to_owned()) };
        if text.len() > LONGEST {
            return Err(fault(format!("{} bytes, the limit is {LONGEST}", text.len()), "write a list of shorter ones"));
        }
        let trimmed = text.trim();
        if trimmed.starts_with('@') {
            return Self::of_word(trimmed);
        }
        let fields: Vec<&str> = trimmed.split_whitespace().collect();
        if !matches!(fields.len(), 5 | 6) {
            let why = format!("{} fields", fields.len());
            return Err(fault(why, "write 5: minute hour day-of-month month day-of-week; or 6, seconds first"));
        }
        if let Some(strange) = trimmed.chars().find(|c| !(c.is_ascii_alphanumeric() || " \t,-*/#?".contains(*c))) {
            return Err(fault(format!("the character {strange:?}"), FIELD_RULES));
        }
        // A field that means every day restricts nothing.
        let is_any = |field: &str| matches!(field, "*" | "?");
        let clock = &fields[fields.len() - 5..fields.len() - 3];
        let days = [fields[fields.len() - 3], fields[fields.len() - 1]];
        let is_fixed = clock.iter().all(|field| !field.contains(['*', '/', '-']));
        let is_either_day = days.iter().all(|field| !is_any(field));
        Self::of_fields(trimmed, is_fixed, is_either_day, fields.len() == 5)
    }

    fn of_word(word: &str) -> Result<Self, CronFault> {
        let known = WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        let Some((name, fields)) = known else {
            let names = WORDS.map(|(name, _)| name).join(", ");
            let hint = if word.starts_with("@every") {
                "write {\"every\": \"…\"} instead of `cron`".to_owned()
            } else {
                format!("the words are {names}")
            };
            return Err(CronFault { why: "there is no such word".to_owned(), hint: Some(hint) });
        };
        let is_fixed = *name != "@hourly";
        let mut cron = Self::of_fields(fields, is_fixed, false, true)?;
        (*name).clone_into(&mut cron.text);
        Ok(cron)
    }

    fn of_fields(text: &str, is_fixed: bool, is_either_day: bool, is_minutely: bool) -> Result<Self, CronFault> {
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let pattern = parser.parse(text).map_err(|error| {
            let why = error.to_string();
            let why = why.rsplit_once(": ").map_or(why.as_str(), |(_, inner)| inner).trim_end_matches('.').to_owned();
            CronFault { why, hint: Some(FIELD_RULES.to_owned()) }
        })?;
        if !fires(text, is_minutely) {
            let hint = "no month has such a day; for the last one write `L`, as in `0 0 L * *`".to_owned();
            return Err(CronFault { why: "it never fires".to_owned(), hint: Some(hint) });
        }
        Ok(Self { text: text.to_owned(), pattern: Box::new(pattern), is_fixed, is_either_day, is_minutely })
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first local time from this one on, both in seconds since 1970 as if they were UTC.
    pub(crate) fn next(&self, local: i64) -> Option<i64> {
        let from = civil(local)?;
        let found = self.pattern.find_next_occurrence(&from, true).ok()?;
        seconds(found)
    }

    /// Tells whether it names this local time; one without seconds names the whole minute.
    pub(crate) fn covers(&self, local: i64) -> bool {
        let local = if self.is_minutely { local - local.rem_euclid(60) } else { local };
        civil(local).is_some_and(|time| self.pattern.is_time_matching(&time).unwrap_or(false))
    }
}

/// Tells whether a sound text names any day. Within 44 years each day of a leap year falls on each day of the week; to
/// look for more would take long.
fn fires(text: &str, is_minutely: bool) -> bool {
    let text = format!("{}{text} 2024-2067", if is_minutely { "0 " } else { "" });
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required).build();
    let pattern = parser.parse(&text).ok();
    pattern.zip(civil(SOME_MONDAY)).is_some_and(|(pattern, from)| pattern.find_next_occurrence(&from, true).is_ok())
}

fn civil(local: i64) -> Option<jiff::civil::DateTime> {
    (local < LAST).then(|| jiff::Timestamp::from_second(local).ok())?.map(|utc| jiff::tz::Offset::UTC.to_datetime(utc))
}

fn seconds(local: jiff::civil::DateTime) -> Option<i64> {
    jiff::tz::Offset::UTC.to_timestamp(local).ok().map(jiff::Timestamp::as_second)
}

/// Words that stand for common cron texts.
const WORDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];
const FIELD_RULES: &str = "minutes 0-59, hours 0-23, days 1-31 (L, 15W), months 1-12 or JAN-DEC, weekdays 0-7 or \
                           SUN-SAT (5L, 1#2); lists, ranges and steps, as in `*/15 8-17 * * MON-FRI`";
/// Bytes of a cron text. A list of all minutes has 170.
const LONGEST: usize = 512;
/// First moment of the years in which a text must fire: 2024-01-01.
const SOME_MONDAY: i64 = 1_704_067_200;
