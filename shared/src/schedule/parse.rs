//! The parser of a schedule.

mod job;

use self::job::read_job;
use super::cron::{Cron, CronFault};
use super::plan::{CronRule, ExcludedTicks, Fold, Gap, Moments, Plan, TickSpan};
use super::zone::Zone;
use super::{CATCH_UPS, OVERLAPS, Overlap, ScheduleSpec};
use crate::id::ScheduleName;
use crate::job::field::{Reader, Zero};
use crate::job::problem::{At, Problem, code, quoted};
use crate::job::raw::{Raw, Sort};
use crate::job::{document, duplicate_keys, read_time};
use crate::json::canonical;
use crate::limits::Limits;
use crate::time::{Millis, Timestamp};

/// Reads a schedule.
///
/// # Errors
/// Every [`Problem`] of it and of its job at once, up to 100 and a count of the rest.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<ScheduleSpec, Vec<Problem>> {
    parse_named(bytes, None, limits)
}

/// Reads a schedule whose name is known already; the document may leave it out.
///
/// # Errors
/// As [`parse`], and if the document says another name.
pub fn parse_named(bytes: &[u8], name: Option<&ScheduleName>, limits: &Limits) -> Result<ScheduleSpec, Vec<Problem>> {
    let mut reader = Reader::new(limits);
    let Some(root) = document(&mut reader, bytes, "an object with `name`, `cron` (or `every`, `at`) and `job`") else {
        return Err(reader.problems.into_vec());
    };
    duplicate_keys(&mut reader, root);
    match read(&mut reader, root, name) {
        Some(spec) if reader.problems.is_empty() => Ok(spec),
        _ => Err(reader.problems.into_vec()),
    }
}

/// The fields of a schedule.
const FIELDS: &[&str] = &[
    "$schema",
    "name",
    "description",
    "labels",
    "paused",
    "cron",
    "every",
    "phase",
    "at",
    "zone",
    "dst",
    "from",
    "until",
    "times",
    "exclude",
    "jitter",
    "overlap",
    "max_queued",
    "catch_up",
    "window",
    "max_catch_up",
    "pause_after_failures",
    "keep_ticks",
    "job",
];

fn read(reader: &mut Reader<'_>, root: Raw<'_>, given: Option<&ScheduleName>) -> Option<ScheduleSpec> {
    for entry in root.entries().filter(|entry| !FIELDS.contains(&&*entry.key)) {
        let hint = elsewhere(&entry.key).map(str::to_owned);
        reader.unknown_field(&entry.key, &At::Root.key(&entry.key), &[FIELDS], hint);
    }
    let mut field = Fields { reader, root };
    let name = field.name(given);
    if let Some(schema) = root.get("$schema") {
        field.reader.text(schema, &At::Root.key("$schema"));
    }
    let plan = read_plan(&mut field);
    let job = read_job(&mut field);
    let mut warnings = Vec::new();
    if let Some(Plan { moments: Moments::Cron(rules), .. }) = &plan {
        warnings.extend(rules.iter().filter(|rule| rule.cron.is_either_day).map(|rule| either_day(&rule.cron)));
    }
    let spec = ScheduleSpec {
        description: field.with("description", |reader, value, at| reader.plain_text(value, at)),
        labels: field.with("labels", |reader, value, at| Some(reader.labels(value, at))).unwrap_or_default(),
        paused: field.with("paused", |reader, value, at| reader.boolean(value, at)),
        jitter: field.span("jitter", Zero::Allowed, JITTER_MAX).unwrap_or_default(),
        overlap: field.with("overlap", overlap).unwrap_or_default(),
        max_queued: field.number("max_queued", 1, 10_000).unwrap_or(100),
        catch_up: field.with("catch_up", |reader, value, at| reader.word(value, at, CATCH_UPS)).unwrap_or_default(),
        window: field.span("window", Zero::Refused, WINDOW_MAX).unwrap_or(Millis::from_secs(3600)),
        max_catch_up: field.number("max_catch_up", 1, 10_000).unwrap_or(100),
        pause_after_failures: field.number("pause_after_failures", 1, 1_000_000),
        keep_ticks: field.number("keep_ticks", 1, 100_000).unwrap_or(1000),
        name: name?,
        plan: plan?,
        plan_text: plan_text(root),
        job: job?,
        warnings,
    };
    Some(spec)
}

/// Fields that decide when it ticks.
const PLAN_FIELDS: [&str; 10] = ["cron", "every", "phase", "at", "zone", "dst", "from", "until", "times", "exclude"];

fn plan_text(root: Raw<'_>) -> String {
    let values = PLAN_FIELDS.iter().filter_map(|key| Some((key, root.get(key)?)));
    values.map(|(key, value)| format!("{key}={}\n", String::from_utf8_lossy(&canonical(value.bytes())))).collect()
}

/// Reads fields of the schedule by name.
struct Fields<'r, 'l, 'a> {
    reader: &'r mut Reader<'l>,
    root: Raw<'a>,
}

impl<'a> Fields<'_, '_, 'a> {
    /// The value of a field, if it is there and a reading function takes it.
    fn with<T>(&mut self, key: &str, read: impl FnOnce(&mut Reader<'_>, Raw<'a>, &At<'_>) -> Option<T>) -> Option<T> {
        let value = self.root.get(key)?;
        read(self.reader, value, &At::Root.key(key))
    }

    fn number(&mut self, key: &str, least: u32, most: u32) -> Option<u32> {
        self.with(key, |reader, value, at| reader.integer(value, at, least, most))
    }

    /// A span up to a longest one.
    fn span(&mut self, key: &str, zero: Zero, most: Millis) -> Option<Millis> {
        let span = self.with(key, |reader, value, at| reader.duration(value, at, zero))?;
        if span > most {
            self.add(key, code::OUT_OF_RANGE, &format!("{span} is longer than {most}"), None);
            return None;
        }
        Some(span)
    }

    /// A span of whole seconds.
    fn seconds(&mut self, key: &str, zero: Zero) -> Option<i64> {
        let span = self.with(key, |reader, value, at| reader.duration(value, at, zero))?;
        if !span.0.is_multiple_of(1000) {
            let hint = "ticks are whole seconds; for shorter periods let the job repeat its work";
            self.add(key, code::OUT_OF_RANGE, &format!("{span} is no whole number of seconds"), Some(hint));
            return None;
        }
        i64::try_from(span.0 / 1000).ok()
    }

    fn add(&mut self, key: &str, code: &str, detail: &str, hint: Option<&str>) {
        let added = self.reader.problems.add(&At::Root.key(key), code, format_args!("{detail}"));
        if let Some(hint) = hint {
            added.hint(format_args!("{hint}"));
        }
    }

    fn name(&mut self, given: Option<&ScheduleName>) -> Option<ScheduleName> {
        if self.root.get("name").is_none() {
            if given.is_none() {
                let detail = "a schedule needs a name";
                let added = self.reader.problems.add(&At::Root, code::MISSING_FIELD, format_args!("{detail}"));
                added.hint(format_args!("{{\"name\": \"nightly-report\", …}}"));
            }
            return given.cloned();
        }
        let name = self.with("name", |reader, value, at| reader.name(value, at, ScheduleName::new))?;
        if let Some(given) = given.filter(|given| **given != name) {
            self.add("name", code::CONTRADICTION, &format!("the document says `{name}`, the address `{given}`"), None);
            return None;
        }
        Some(name)
    }
}

fn overlap(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<Overlap> {
    reader.word_or(value, at, OVERLAPS, |word| {
        Some(match word {
            "Forbid" | "forbid" => "skip",
            "Replace" | "replace" => "cancel",
            "Allow" | "allow_all" => "allow",
            "buffer_one" => "queue_one",
            "buffer_all" | "buffer" => "queue",
            "cancel_other" | "terminate_other" => "cancel",
            _ => return None,
        })
    })
}

fn read_plan(field: &mut Fields<'_, '_, '_>) -> Option<Plan> {
    let zone = match field.root.get("zone") {
        Some(_) => field.with("zone", read_zone),
        None => Some(Zone::utc()),
    };
    let moments = read_moments(field, zone.as_ref());
    let (from, until) = (field.with("from", read_time), field.with("until", read_time));
    if let (Some(from), Some(until)) = (from, until)
        && until < from
    {
        field.add("until", code::CONTRADICTION, "`until` is before `from`", None);
    }
    let exclude = field.with("exclude", |reader, value, at| Some(read_excluded(reader, value, at, zone.as_ref())));
    let times = field.number("times", 1, u32::MAX - 1);
    Some(Plan { moments: moments?, zone: zone?, from, until, times, exclude: exclude.unwrap_or_default() })
}

fn read_zone(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<Zone> {
    let name = reader.text(value, at)?;
    let zone = if name.len() <= ZONE_BYTES { Zone::named(&name) } else { None };
    if zone.is_none() {
        let names = Zone::names();
        let city = |zone: &&str| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&name));
        let near = names.iter().map(String::as_str).find(city).or_else(|| {
            let lower: Vec<String> = names.iter().map(|zone| zone.to_lowercase()).collect();
            let near = reader.problems.nearest(&name, lower.iter().map(String::as_str))?;
            lower.iter().position(|zone| zone == near).map(|at| names[at].as_str())
        });
        let detail = format_args!("there is no zone {}", quoted(&name));
        let added = reader.problems.add(at, code::INVALID_VALUE, detail);
        match near {
            Some(near) => added.did_you_mean(Some(near)),
            None => added.hint(format_args!("write an IANA name, such as `Europe/Berlin`")),
        }
    }
    zone
}

/// The fields that say when, of which a schedule has one.
const WHEN: [&str; 3] = ["cron", "every", "at"];

fn read_moments(field: &mut Fields<'_, '_, '_>, zone: Option<&Zone>) -> Option<Moments> {
    let there: Vec<&str> = WHEN.into_iter().filter(|key| field.root.get(key).is_some()).collect();
    if there.len() > 1 {
        let detail = format!("`{}` exclude each other", there.join("` and `"));
        field.add(there[1], code::CONTRADICTION, &detail, Some("write two schedules"));
    }
    for (key, of) in [("phase", "every"), ("dst", "cron")] {
        if field.root.get(key).is_some() && !there.contains(&of) && !there.is_empty() {
            field.add(key, code::CONTRADICTION, &format!("`{key}` goes with `{of}`"), None);
        }
    }
    match there.first() {
        Some(&"cron") => {
            let dst = field.with("dst", read_dst).unwrap_or_default();
            let crons = field.with("cron", |reader, value, at| read_crons(reader, value, at))?;
            let rules = crons.into_iter().map(|cron| {
                let (gap, fold) = if cron.is_fixed { (Gap::Shift, Fold::First) } else { (Gap::Skip, Fold::Both) };
                CronRule { gap: dst.0.unwrap_or(gap), fold: dst.1.unwrap_or(fold), cron }
            });
            Some(Moments::Cron(rules.collect()))
        }
        Some(&"every") => read_every(field),
        Some(_) => {
            field.with("at", |reader, value, at| read_list(reader, value, at, AT_MAX, read_second)).map(|times| {
                let mut times: Vec<Timestamp> = times;
                times.sort_unstable();
                times.dedup();
                Moments::At(times)
            })
        }
        None => {
            let detail = format_args!("a schedule needs `cron`, `every` or `at`");
            let added = field.reader.problems.add(&At::Root, code::MISSING_FIELD, detail);
            let zone = zone.map_or("UTC", Zone::name);
            added.hint(format_args!("{{\"cron\": \"0 3 * * *\", \"zone\": \"{zone}\", …}}"));
            None
        }
    }
}

fn read_every(field: &mut Fields<'_, '_, '_>) -> Option<Moments> {
    let period = field.seconds("every", Zero::Refused);
    let phase = field.seconds("phase", Zero::Allowed).unwrap_or(0);
    let period = period?;
    if phase >= period {
        field.add("phase", code::OUT_OF_RANGE, "`phase` is not shorter than `every`", None);
    }
    Some(Moments::Every { period, phase: phase % period })
}

/// Reads one value, or a list of them.
fn read_list<T>(
    reader: &mut Reader<'_>,
    value: Raw<'_>,
    at: &At<'_>,
    most: usize,
    read: impl Fn(&mut Reader<'_>, Raw<'_>, &At<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    if value.sort() != Sort::List {
        return Some(vec![read(reader, value, at)?]);
    }
    let count = value.elements().count();
    if count == 0 || count > most {
        let code = if count == 0 { code::TOO_FEW } else { code::TOO_MANY };
        reader.problems.add(at, code, format_args!("{count} elements, between 1 and {most} are allowed"));
        return None;
    }
    let all: Vec<Option<T>> =
        value.elements().enumerate().map(|(index, value)| read(reader, value, &at.index(index))).collect();
    all.into_iter().collect()
}

fn read_crons(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<Vec<Cron>> {
    read_list(reader, value, at, CRONS_MAX, read_cron)
}

fn read_cron(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<Cron> {
    let text = reader.text(value, at)?;
    match Cron::parse(&text) {
        Ok(cron) => Some(cron),
        Err(CronFault { why, hint }) => {
            let added = reader.problems.add(at, code::INVALID_VALUE, format_args!("{}: {why}", quoted(&text)));
            if let Some(hint) = hint {
                added.hint(format_args!("{hint}"));
            }
            None
        }
    }
}

fn read_second(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<Timestamp> {
    let time = read_time(reader, value, at)?;
    if !(0..MOMENT_MAX).contains(&time.0) || time.0 % 1000 != 0 {
        let detail = format_args!("ticks are whole seconds between 1970 and 4999");
        reader.problems.add(at, code::OUT_OF_RANGE, detail);
        return None;
    }
    Some(time)
}

fn read_dst(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<(Option<Gap>, Option<Fold>)> {
    if !reader.is_object(value, at, "an object such as {\"gap\": \"skip\", \"fold\": \"first\"}") {
        return None;
    }
    let (mut gap, mut fold) = (None, None);
    for entry in value.entries() {
        let place = at.key(&entry.key);
        match &*entry.key {
            "gap" => gap = reader.word(entry.value, &place, &[("shift", Gap::Shift), ("skip", Gap::Skip)]),
            "fold" => {
                let words = &[("first", Fold::First), ("last", Fold::Last), ("both", Fold::Both)];
                fold = reader.word(entry.value, &place, words);
            }
            key => reader.unknown_field(key, &place, &[&["gap", "fold"]], None),
        }
    }
    Some((gap, fold))
}

fn read_excluded(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>, zone: Option<&Zone>) -> Vec<ExcludedTicks> {
    if value.sort() != Sort::List {
        reader.wrong_type(value, at, "a list of cron texts, dates, or {\"from\": …, \"to\": …}");
        return Vec::new();
    }
    let count = value.elements().count();
    if count > EXCLUDED_MAX {
        let detail = format_args!("{count} elements, at most {EXCLUDED_MAX} are allowed");
        reader.problems.add(at, code::TOO_MANY, detail);
        return Vec::new();
    }
    let utc = Zone::utc();
    let zone = zone.unwrap_or(&utc);
    let each = value.elements().enumerate();
    each.filter_map(|(index, value)| read_exclusion(reader, value, &at.index(index), zone)).collect()
}

fn read_exclusion(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>, zone: &Zone) -> Option<ExcludedTicks> {
    if value.sort() != Sort::Object {
        let text = reader.text(value, at)?;
        return match date(&text, zone) {
            Some(day) => Some(ExcludedTicks::Span(day)),
            None => read_cron(reader, value, at).map(ExcludedTicks::Cron),
        };
    }
    for entry in value.entries().filter(|entry| !matches!(&*entry.key, "from" | "to")) {
        reader.unknown_field(&entry.key, &at.key(&entry.key), &[&["from", "to"]], None);
    }
    let mut end = |key: &str| {
        let place = at.key(key);
        let Some(value) = value.get(key) else {
            reader.problems.add(at, code::MISSING_FIELD, format_args!("`{key}` is missing"));
            return None;
        };
        let day = value.text().and_then(|text| date(&text, zone));
        day.or_else(|| read_time(reader, value, &place).map(|time| TickSpan { from: time, to: time }))
    };
    let (from, to) = (end("from"), end("to"));
    let span = TickSpan { from: from?.from, to: to?.to };
    if span.to < span.from {
        reader.problems.add(&at.key("to"), code::CONTRADICTION, format_args!("`to` is before `from`"));
        return None;
    }
    Some(ExcludedTicks::Span(span))
}

/// The whole day of a date such as `2026-12-25` in a zone.
fn date(text: &str, zone: &Zone) -> Option<TickSpan> {
    let is_shaped = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let date: jiff::civil::Date = text.parse().ok().filter(|_| is_shaped)?;
    let local = jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second();
    let (from, next) = (zone.first_second_of(local), zone.first_second_of(local + 86_400));
    Some(TickSpan { from: Timestamp(from * 1000), to: Timestamp(next * 1000 - 1) })
}

fn either_day(cron: &Cron) -> Problem {
    Problem {
        pointer: "/cron".to_owned(),
        code: "either_day".to_owned(),
        detail: format!("{}: a day that fits either day of month or day of week is enough", quoted(cron.text())),
        hint: Some("write `*` for one of them, or exclude the days that are not meant".to_owned()),
    }
}

/// Finds what here does what a field of another system does there.
fn elsewhere(key: &str) -> Option<&'static str> {
    Some(match key {
        "schedule" | "expression" | "cron_expression" | "crontab" => "write it as `cron`",
        "timezone" | "timeZone" | "time_zone" | "tz" => "write it as `zone`",
        "suspend" | "enabled" | "disabled" | "active" => "write `paused`",
        "concurrencyPolicy" | "overlap_policy" | "max_instances" => "write it as `overlap`",
        "startingDeadlineSeconds" | "misfire_grace_time" | "catchup_window" => "write it as `window`",
        "catchup" | "misfire" | "coalesce" => "write it as `catch_up`",
        "interval" | "period" | "seconds" | "minutes" => "write it as `every`",
        "start" | "start_date" | "starts_at" => "write it as `from`",
        "end" | "end_date" | "ends_at" => "write it as `until`",
        "kind" | "input" | "tasks" => "it belongs to the job: {\"job\": {…}}",
        _ => return None,
    })
}

/// Longest jitter: a day.
const JITTER_MAX: Millis = Millis::from_secs(86_400);
/// Longest window: a month.
const WINDOW_MAX: Millis = Millis::from_secs(31 * 86_400);
/// Cron texts of one schedule.
const CRONS_MAX: usize = 100;
/// Moments of one schedule.
const AT_MAX: usize = 10_000;
/// Exclusions of one schedule: the holidays of years.
const EXCLUDED_MAX: usize = 1_000;
/// Bytes of the longest name of a zone that is looked up.
const ZONE_BYTES: usize = 100;
/// The year 4999, in milliseconds.
const MOMENT_MAX: i64 = 95_586_048_000_000;
