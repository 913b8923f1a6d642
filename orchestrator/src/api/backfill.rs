//! Backfills, as they are asked for and as they are forecast.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warrener_engine::schedule::Backfill;
use warrener_shared::time::{Millis, Timestamp};

use super::documented::Example;
use super::object::read_object;

/// Body of a request for a backfill.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackfillWish {
    from: String,
    to: String,
    #[serde(default)]
    overlap: Option<String>,
    #[serde(default)]
    rate: Option<String>,
    #[serde(default)]
    again: bool,
    #[serde(default)]
    dry_run: bool,
}

impl BackfillWish {
    /// Reads the body: the backfill, and true for a dry run. Else a sentence that says what is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<(Backfill, bool), String> {
        let wish: Self = read_object(bytes).map_err(|error| error.to_string())?;
        let time = |name: &str, text: &str| {
            let time = Timestamp::parse_rfc3339(text);
            time.ok_or_else(|| format!("{name}: {text:?} is no RFC 3339 time such as 2026-11-24T00:00:00Z"))
        };
        let (from, to) = (time("from", &wish.from)?, time("to", &wish.to)?);
        if to < from {
            return Err("to is before from".to_owned());
        }
        let side_by_side = match wish.overlap.as_deref() {
            None | Some("queue") => false,
            Some("allow") => true,
            Some(other) => return Err(format!("overlap: {other:?} is neither queue (one after another) nor allow")),
        };
        let pause = wish.rate.as_deref().map_or(Ok(Millis(0)), pause)?;
        let done_upto = Timestamp(from.0.saturating_sub(1));
        let not_before = Timestamp(0);
        let work = Backfill { from, to, done_upto, side_by_side, again: wish.again, pause, not_before, started: 0 };
        Ok((work, wish.dry_run))
    }
}

/// Time between two starts at a rate such as `10/s` or `5/m`.
fn pause(rate: &str) -> Result<Millis, String> {
    let wrong = || format!("rate: {rate:?} is none such as 10/s, 5/m or 1/h");
    let (count, unit) = rate.split_once('/').ok_or_else(wrong)?;
    let count = count.parse().ok().filter(|count| (1..=1000_u64).contains(count)).ok_or_else(wrong)?;
    let span = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    Ok(Millis(span / count))
}

/// Ticks that a backfill would start.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BackfillForecast)]
pub(super) struct BackfillForecast {
    pub(super) matched: usize,
    pub(super) sample: Vec<String>,
}

impl BackfillForecast {
    pub(super) fn new(matched: usize, sample: &[Timestamp]) -> Self {
        Self { matched, sample: sample.iter().map(|tick| tick.to_rfc3339()).collect() }
    }
}

impl Example for BackfillForecast {
    fn example() -> Self {
        Self { matched: 1, sample: vec!["2026-11-24T02:00:00.000Z".to_owned()] }
    }
}
