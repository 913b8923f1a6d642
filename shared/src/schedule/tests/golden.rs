//! Ticks around changes of clocks, against a table that Python made: see `golden/make.py`.

use serde::Deserialize;

use super::{at, schedule};
use crate::schedule::DstMark;

const TABLE: &str = include_str!("../golden/transitions.jsonl");

#[derive(Deserialize)]
struct Row {
    zone: String,
    cron: String,
    default: bool,
    gap: String,
    fold: String,
    after: String,
    until: String,
    ticks: Vec<(String, Option<String>)>,
}

#[test]
fn ticks_around_changes_of_clocks_are_those_of_another_language() {
    let mut changed = 0;
    for line in TABLE.lines().skip(1) {
        let row: Row = serde_json::from_str(line).expect("a row of the table");
        let dst = format!(r#""dst": {{"gap": "{}", "fold": "{}"}},"#, row.gap, row.fold);
        let dst = if row.default { "" } else { &dst };
        let until = at(&row.until);
        let spec = schedule(&format!(r#"{dst} "cron": "{}", "zone": "{}""#, row.cron, row.zone));
        let next = |tick: &crate::time::Timestamp| spec.plan.next(*tick);
        let found: Vec<(String, Option<String>)> = std::iter::successors(next(&at(&row.after)), next)
            .take_while(|tick| *tick <= until)
            .map(|tick| {
                let mark = spec.plan.mark(tick).map(|mark| DstMark::as_str(mark).to_owned());
                (tick.to_rfc3339().replace(".000Z", "Z"), mark)
            })
            .collect();
        assert_eq!(found, row.ticks, "{} in {} with {} and {}", row.cron, row.zone, row.gap, row.fold);
        changed += usize::from(row.ticks.iter().any(|(_, mark)| mark.is_some()));
    }
    assert!(changed >= 60, "only {changed} rows know a gap or a fold");
}

/// From the start of a year on a search that passes years at once finds what one that passes days does.
#[test]
fn rare_ticks_are_found_over_years_of_changes() {
    let spec = schedule(r#""cron": "30 2 29 2 *", "zone": "Europe/Berlin""#);
    let ticks = super::ticks(&spec, "2026-01-01T00:00:00Z", 3);
    assert_eq!(ticks, ["2028-02-29T01:30:00Z", "2032-02-29T01:30:00Z", "2036-02-29T01:30:00Z"]);
    // The first hour that the clocks of 2026 show twice, from its middle: what is shown again is not passed over.
    let spec = schedule(r#""cron": "15 2 25 10 *", "zone": "Europe/Berlin", "dst": {"fold": "both"}"#);
    let ticks = super::ticks(&spec, "2026-10-25T00:20:00Z", 2);
    assert_eq!(ticks, ["2026-10-25T01:15:00Z", "2027-10-25T00:15:00Z"]);
}
