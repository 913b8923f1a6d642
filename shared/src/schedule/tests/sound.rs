//! What sound schedules mean.

use std::time::Instant;

use super::{at, schedule, ticks};
use crate::schedule::{CatchUp, Overlap};
use crate::time::Millis;

#[test]
fn defaults_are_those_of_the_contract() {
    let spec = schedule(r#""cron": "0 3 * * *""#);
    assert_eq!((spec.overlap, spec.catch_up), (Overlap::Skip, CatchUp::Last));
    assert_eq!((spec.window, spec.jitter), (Millis::from_secs(3600), Millis(0)));
    assert_eq!((spec.max_queued, spec.max_catch_up, spec.keep_ticks), (100, 100, 1000));
    assert_eq!((spec.pause_after_failures, spec.paused, spec.plan.zone.name()), (None, None, "UTC"));
}

#[test]
fn cron_knows_names_words_seconds_and_days_of_quartz() {
    for (cron, first) in [
        ("@daily", "2026-11-30T00:00:00Z"),
        ("@yearly", "2027-01-01T00:00:00Z"),
        ("@hourly", "2026-11-29T13:00:00Z"),
        ("15 10 * * MON-FRI", "2026-11-30T10:15:00Z"),
        ("0 0 L * *", "2026-11-30T00:00:00Z"),
        ("0 12 * JAN SUN#2", "2027-01-10T12:00:00Z"),
        ("0 12 * * 5L", "2026-12-25T12:00:00Z"),
        ("0 12 1W * *", "2026-12-01T12:00:00Z"),
        ("*/20 * * * * *", "2026-11-29T12:00:20Z"),
        ("0 0 * * 7", "2026-12-06T00:00:00Z"),
    ] {
        let spec = schedule(&format!(r#""cron": "{cron}""#));
        assert_eq!(ticks(&spec, "2026-11-29T12:00:00Z", 1), [first], "{cron}");
    }
}

#[test]
fn two_restricted_days_are_either_and_said_so() {
    let spec = schedule(r#""cron": "0 0 13 * FRI""#);
    assert_eq!(
        ticks(&spec, "2026-11-29T00:00:00Z", 3),
        ["2026-12-04T00:00:00Z", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z"]
    );
    assert_eq!(spec.warnings[0].code, "either_day");
    assert!(schedule(r#""cron": "0 0 13 * *""#).warnings.is_empty());
}

#[test]
fn spans_count_from_1970_and_lists_are_sorted() {
    let spec = schedule(r#""every": "90s", "phase": "10s""#);
    assert_eq!(ticks(&spec, "1970-01-01T00:00:10Z", 2), ["1970-01-01T00:01:40Z", "1970-01-01T00:03:10Z"]);
    let spec = schedule(r#""at": ["2026-12-02T00:00:00+01:00", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"]"#);
    assert_eq!(ticks(&spec, "2026-01-01T00:00:00Z", 5), ["2026-12-01T00:00:00Z", "2026-12-01T23:00:00Z"]);
    let spec = schedule(r#""cron": ["0 3 * * *", "30 3 * * *"], "zone": "Asia/Kathmandu""#);
    assert_eq!(ticks(&spec, "2026-12-01T00:00:00Z", 2), ["2026-12-01T21:15:00Z", "2026-12-01T21:45:00Z"]);
}

#[test]
fn the_first_and_the_last_moment_are_in() {
    let spec = schedule(r#""every": "1h", "from": "2026-12-01T03:00:00Z", "until": "2026-12-01T05:00:00Z""#);
    assert_eq!(
        ticks(&spec, "2026-01-01T00:00:00Z", 9),
        ["2026-12-01T03:00:00Z", "2026-12-01T04:00:00Z", "2026-12-01T05:00:00Z"]
    );
}

#[test]
fn days_of_the_zone_spans_and_minutes_are_excluded() {
    let spec = schedule(
        r#""every": "6h", "zone": "Europe/Berlin",
           "exclude": ["2026-12-25", {"from": "2026-12-27", "to": "2026-12-28"}, "* 7 * * *"]"#,
    );
    let included = |text: &str| !spec.plan.is_excluded(at(text));
    assert!(included("2026-12-24T18:00:00Z"));
    assert!(!included("2026-12-25T00:00:00Z"));
    assert!(!included("2026-12-24T23:00:00Z"), "the day begins at midnight of the zone");
    assert!(included("2026-12-25T23:00:00Z"));
    assert!(!included("2026-12-28T18:00:00Z"), "the last day is in the span");
    assert!(!included("2026-12-30T06:00:00Z"), "seven in the morning of the zone");
    let shown = spec.plan.preview(at("2026-12-24T12:00:00Z"), 2).found;
    assert_eq!(shown[1].at, at("2026-12-26T00:00:00Z"), "a preview leaves out what starts nothing");
}

#[test]
fn jitter_is_the_same_each_time_and_spread() {
    let spec = schedule(r#""every": "60s", "jitter": "30s""#);
    let delays: Vec<u64> = (0..1000).map(|minute| spec.delay(crate::time::Timestamp(minute * 60_000)).0).collect();
    assert!(delays.iter().all(|delay| *delay <= 30_000));
    let mean = delays.iter().sum::<u64>() / 1000;
    assert!((13_500..16_500).contains(&mean), "{mean}");
    assert_eq!(
        spec.delay(at("2026-11-30T12:00:00Z")),
        schedule(r#""at": "2026-11-30T12:00:00Z", "jitter": "30s""#).delay(at("2026-11-30T12:00:00Z"))
    );
}

#[test]
fn a_tick_is_found_fast_however_rare() {
    let start = Instant::now();
    let spec = schedule(r#""cron": "0 0 29 2 MON#5", "zone": "America/New_York""#);
    for _ in 0..1000 {
        assert!(spec.plan.next(at("2026-11-29T00:00:00Z")).is_some());
    }
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn a_preview_begins_where_its_schedule_does() {
    let spec = schedule(r#""every": "1h", "from": "2026-03-29T00:00:00Z""#);
    let shown = spec.plan.preview(at("2026-11-30T12:00:00Z"), 2).found;
    assert_eq!(shown[0].at, at("2026-03-29T00:00:00Z"), "though that is past");
    let spec = schedule(r#""every": "1h""#);
    assert_eq!(spec.plan.preview(at("2026-11-30T12:00:00Z"), 1).found[0].at, at("2026-11-30T13:00:00Z"));
}

#[test]
fn of_so_many_ticks_those_that_were_do_not_come() {
    let spec = schedule(r#""every": "1h", "times": 5, "exclude": ["2026-11-30"]"#);
    let now = at("2026-11-30T12:00:00Z");
    let of = |decided| spec.plan.to_come(now, decided, 100).found;
    assert_eq!((of(0).len(), of(3).len(), of(5).len(), of(9).len()), (5, 2, 0, 0));
    assert_eq!(of(3)[0].at, at("2026-12-01T00:00:00Z"), "excluded ones are none of them");
}

#[test]
fn what_is_nearly_all_excluded_is_looked_through_in_bounded_time() {
    let exclude = vec![r#""* 0-22 * * *""#; 500].join(",");
    let spec = schedule(&format!(r#""every": "1s", "exclude": [{exclude}]"#));
    let start = Instant::now();
    let shown = spec.plan.preview(at("2026-11-30T00:00:00Z"), 1000);
    assert!(shown.is_cut && shown.found.is_empty(), "{shown:?}");
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    // A weekend of seconds is passed.
    let spec = schedule(r#""every": "1s", "exclude": ["* * * * SAT,SUN"]"#);
    let shown = spec.plan.preview(at("2026-11-28T12:00:00Z"), 1);
    assert!(!shown.is_cut && shown.found.len() == 1, "{shown:?}");
}
