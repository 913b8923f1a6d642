//! The JSON Schema that is shipped beside the parser agrees with it.

use crate::limits::Limits;
use crate::schedule::parse;

const SCHEMA: &str = include_str!("../../../schedule.schema.json");
const JOB: &str = r#""name": "s", "job": {"kind": "a"}"#;

#[rustfmt::skip]
const SOUND: &[&str] = &[
    r#""cron": "0 3 * * *""#,
    r#""cron": ["@daily", "0 0 L * *", "*/5 0 3 ? JAN-MAR,DEC mon#1"], "zone": "Europe/Berlin", "dst": {"gap": "skip", "fold": "both"}"#,
    r#""every": "90s", "phase": "1s", "jitter": 0"#,
    r#""every": 60"#,
    r#""at": "2026-12-01T00:00:00Z""#,
    r#""at": ["2026-12-01T00:00:00+01:00"]"#,
    r#""cron": "@hourly", "exclude": ["2026-12-25", "0 3 * * *", {"from": "2026-12-25", "to": "2026-12-26T00:00:00Z"}], "from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z", "times": 3"#,
    r#""cron": "@hourly", "overlap": "queue_one", "max_queued": 1, "catch_up": "all", "window": "31d", "max_catch_up": 10000, "pause_after_failures": 1, "keep_ticks": 1, "paused": true, "labels": {"a": "b"}, "description": "", "$schema": "x""#,
];

#[rustfmt::skip]
const UNSOUND: &[&str] = &[
    r#""labels": {}"#,
    r#""cron": "@daily", "every": 60"#,
    r#""cron": "@sometimes""#,
    r#""cron": "* * *""#,
    r#""cron": []"#,
    r#""cron": "@daily", "phase": 1"#,
    r#""every": 60, "dst": {}"#,
    r#""every": "1 s""#,
    r#""at": "now""#,
    r#""cron": "@daily", "zone": """#,
    r#""cron": "@daily", "dst": {"gap": "both"}"#,
    r#""cron": "@daily", "times": 0"#,
    r#""cron": "@daily", "exclude": [{"from": "2026-12-25"}]"#,
    r#""cron": "@daily", "overlap": "none""#,
    r#""cron": "@daily", "max_queued": 0"#,
    r#""cron": "@daily", "catch_up": true"#,
    r#""cron": "@daily", "keep_ticks": 100001"#,
    r#""cron": "@daily", "tz": "UTC""#,
];

/// Where the parser is stricter, with the reason that a schema cannot say.
#[rustfmt::skip]
const STRICTER: &[(&str, &str)] = &[
    (r#""cron": "0 0 30 2 *""#, "it must fire"),
    (r#""cron": "61 * * * *""#, "fields have ranges"),
    (r#""cron": "@daily", "zone": "Europe/Berln""#, "zones exist"),
    (r#""every": "0s""#, "only delays can be 0"),
    (r#""every": "10s", "phase": "20s""#, "a phase is shorter than its period"),
    (r#""cron": "@daily", "window": "366d""#, "spans have a bound"),
    (r#""cron": "@daily", "from": "2027-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z""#, "order"),
];

#[test]
fn the_schema_and_the_parser_agree() {
    let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).expect("it is a schema");
    let whole = |text: &&str| format!("{{{JOB}, {text}}}");
    let sound = SOUND.iter().map(|text| (whole(text), (true, true)));
    let unsound = UNSOUND.iter().map(|text| (whole(text), (false, false)));
    let stricter = STRICTER.iter().map(|(text, _)| (whole(text), (true, false)));
    let others = [
        r#"{"cron": "@daily", "job": {"kind": "a"}}"#,
        r#"{"name": "s", "cron": "@daily"}"#,
        r#"{"name": "s", "cron": "@daily", "job": {"kind": "a", "id": "b"}}"#,
        r#"{"name": "a:b", "cron": "@daily", "job": {"kind": "a"}}"#,
    ];
    let others = others.into_iter().map(|text| (text.to_owned(), (false, false)));
    for (text, expected) in sound.chain(unsound).chain(stricter).chain(others) {
        let allows = schema.is_valid(&serde_json::from_str(&text).expect("it is JSON"));
        let read = parse(text.as_bytes(), &Limits::DEFAULT);
        assert_eq!((allows, read.is_ok()), expected, "(schema, parser) on {text}: {:?}", read.err());
    }
}
