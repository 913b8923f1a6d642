//! Schedules and their ticks as everybody sees them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use warrener_engine::schedule::{ScheduleRow, TickOutcome};
use warrener_shared::schedule::{ScheduleSpec, TicksToCome, job_id};
use warrener_shared::time::Timestamp;

use super::documented::Example;
use super::shape::time;
use crate::rows::schedule::next_at;
use crate::store::view::{OpenTicks, TickRecord};

/// A schedule: its document, and what became of it.
#[derive(Debug)]
pub(super) struct ScheduleResource {
    pub(super) document: BTreeMap<String, Box<RawValue>>,
    pub(super) name: String,
    pub(super) paused: bool,
    pub(super) paused_by: Option<String>,
    pub(super) next_at: Option<String>,
    pub(super) last_tick: Option<String>,
    pub(super) ticks: i64,
    pub(super) running: u64,
    pub(super) queued: u64,
    pub(super) failures_in_a_row: i64,
    pub(super) last_success: Option<String>,
    pub(super) created_at: Option<String>,
    pub(super) updated_at: Option<String>,
    pub(super) zones: String,
    pub(super) backfill: Option<BackfillResource>,
    pub(super) fault: Option<String>,
}

/// Backfill that is at work.
#[derive(Debug, Serialize)]
pub(super) struct BackfillResource {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) done_upto: String,
    pub(super) started: u64,
}

impl ScheduleResource {
    /// The resource of a schedule with its parsed form, or the reason why it cannot be read any more.
    pub(super) fn new(open: OpenTicks, row: ScheduleRow, spec: Result<&ScheduleSpec, String>) -> Self {
        let (next, fault) = match spec {
            Ok(spec) => (next_at(&row, spec), None),
            Err(fault) => (None, Some(fault)),
        };
        Self {
            document: serde_json::from_slice(&row.body).unwrap_or_default(),
            name: row.name.to_string(),
            paused: row.paused,
            paused_by: row.paused_by,
            next_at: time(next),
            last_tick: time(open.last_tick),
            ticks: row.ticks,
            running: open.running,
            queued: open.queued,
            failures_in_a_row: row.failures,
            last_success: time(row.last_success),
            created_at: time(Some(row.created_at)),
            updated_at: time(Some(row.updated_at)),
            zones: row.zones,
            backfill: row.backfill.map(|work| BackfillResource {
                from: work.from.to_rfc3339(),
                to: work.to.to_rfc3339(),
                done_upto: work.done_upto.to_rfc3339(),
                started: work.started,
            }),
            fault,
        }
    }
}

/// Fields that the resource has beside those of the document, or in their place.
const OWN: [&str; 15] = [
    "name",
    "paused",
    "paused_by",
    "next_at",
    "last_tick",
    "ticks",
    "running",
    "queued",
    "failures_in_a_row",
    "last_success",
    "created_at",
    "updated_at",
    "zones",
    "backfill",
    "fault",
];

impl Serialize for ScheduleResource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        for (key, value) in self.document.iter().filter(|(key, _)| !OWN.contains(&key.as_str())) {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("paused", &self.paused)?;
        map.serialize_entry("paused_by", &self.paused_by)?;
        map.serialize_entry("next_at", &self.next_at)?;
        map.serialize_entry("last_tick", &self.last_tick)?;
        map.serialize_entry("ticks", &self.ticks)?;
        map.serialize_entry("running", &self.running)?;
        map.serialize_entry("queued", &self.queued)?;
        map.serialize_entry("failures_in_a_row", &self.failures_in_a_row)?;
        map.serialize_entry("last_success", &self.last_success)?;
        map.serialize_entry("created_at", &self.created_at)?;
        map.serialize_entry("updated_at", &self.updated_at)?;
        map.serialize_entry("zones", &self.zones)?;
        map.serialize_entry("backfill", &self.backfill)?;
        map.serialize_entry("fault", &self.fault)?;
        map.end()
    }
}

impl PartialSchema for ScheduleResource {
    fn schema() -> RefOr<Schema> {
        let of = |sort: Type| ObjectBuilder::new().schema_type(sort).build();
        let or_null = || ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null])).build();
        let mut schema = ObjectBuilder::new();
        for key in ["name", "zones", "created_at", "updated_at"] {
            schema = schema.property(key, of(Type::String)).required(key);
        }
        for key in ["paused_by", "next_at", "last_tick", "last_success", "fault"] {
            schema = schema.property(key, or_null()).required(key);
        }
        for key in ["ticks", "running", "queued", "failures_in_a_row"] {
            schema = schema.property(key, of(Type::Integer)).required(key);
        }
        let backfill = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Object, Type::Null])).build();
        schema = schema.property("backfill", backfill).required("backfill");
        schema.property("paused", of(Type::Boolean)).required("paused").property("job", of(Type::Object)).into()
    }
}

impl ToSchema for ScheduleResource {
    fn name() -> Cow<'static, str> {
        "Schedule".into()
    }
}

impl Example for ScheduleResource {
    fn example() -> Self {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).expect("it is JSON");
        Self {
            document: BTreeMap::from([
                ("cron".to_owned(), raw("\"0 3 * * *\"")),
                ("zone".to_owned(), raw("\"Europe/Berlin\"")),
                ("job".to_owned(), raw("{\"kind\":\"report.nightly\"}")),
            ]),
            name: "nightly-report".to_owned(),
            paused: false,
            paused_by: None,
            next_at: Some("2026-11-25T02:00:00.000Z".to_owned()),
            last_tick: Some("2026-11-24T02:00:00.000Z".to_owned()),
            ticks: 24,
            running: 0,
            queued: 0,
            failures_in_a_row: 0,
            last_success: Some("2026-11-24T02:00:00.000Z".to_owned()),
            created_at: Some("2026-11-01T09:12:44.310Z".to_owned()),
            updated_at: Some("2026-11-01T09:12:44.310Z".to_owned()),
            zones: "2026b".to_owned(),
            backfill: None,
            fault: None,
        }
    }
}

/// Outcome of a tick.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tick)]
pub(super) struct TickResource {
    pub(super) tick: String,
    pub(super) run: u32,
    #[schema(schema_with = outcome)]
    pub(super) outcome: &'static str,
    pub(super) decided_at: String,
    pub(super) number: i64,
    pub(super) job: Option<String>,
    pub(super) reason: Option<String>,
}

fn outcome() -> Schema {
    let words = TickOutcome::ALL.map(|outcome| serde_json::Value::from(outcome.as_str()));
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build().into()
}

impl TickResource {
    pub(super) fn new(record: TickRecord, spec: &ScheduleSpec) -> Self {
        let row = record.row;
        // A job that was removed after its retention is still told by its name.
        let id = || job_id(&spec.name, row.at, row.run).to_string();
        Self {
            tick: row.at.to_rfc3339(),
            run: row.run,
            outcome: row.outcome.as_str(),
            decided_at: row.decided_at.to_rfc3339(),
            number: row.number,
            job: row.job.map(|_| record.job_id.unwrap_or_else(id)),
            reason: row.reason,
        }
    }
}

impl Example for TickResource {
    fn example() -> Self {
        Self {
            tick: "2026-11-24T02:00:00.000Z".to_owned(),
            run: 1,
            outcome: TickOutcome::Started.as_str(),
            decided_at: "2026-11-24T02:00:00.013Z".to_owned(),
            number: 24,
            job: Some("nightly-report:20261124T020000Z".to_owned()),
            reason: None,
        }
    }
}

/// The next ticks of a schedule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SchedulePreview)]
pub(super) struct Preview {
    items: Vec<PreviewTick>,
    warnings: Vec<String>,
}

/// A tick to come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewTick)]
struct PreviewTick {
    tick: String,
    local: String,
    dst: Option<&'static str>,
}

impl Preview {
    /// The ticks from its `from` on, or from now.
    pub(super) fn of(spec: &ScheduleSpec, now: Timestamp, most: usize) -> Self {
        let TicksToCome { found, is_cut } = spec.plan.preview(now, most);
        let items = found.into_iter().map(|tick| PreviewTick {
            tick: tick.at.to_rfc3339(),
            local: spec.plan.zone.local(tick.at),
            dst: tick.dst.map(warrener_shared::schedule::DstMark::as_str),
        });
        let cut =
            is_cut.then(|| "more may come: nearly all ticks are excluded, so it was not looked further".to_owned());
        let warnings = spec.warnings.iter().map(|warning| warning.detail.clone()).chain(cut);
        Self { items: items.collect(), warnings: warnings.collect() }
    }
}

impl Example for Preview {
    fn example() -> Self {
        let tick = PreviewTick {
            tick: "2026-11-25T02:00:00.000Z".to_owned(),
            local: "2026-11-25T03:00:00+01:00".to_owned(),
            dst: None,
        };
        Self { items: vec![tick], warnings: Vec::new() }
    }
}
