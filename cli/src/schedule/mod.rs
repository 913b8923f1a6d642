//! `warrener schedule`.

mod apply;

use std::path::Path;

use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Map, Value};
use warrener_client::HttpClient;
use warrener_client::http::JobQuery;
use warrener_client::http::schedule::{ScheduleDetails, TickDetails};
use warrener_shared::limits::Limits;
use warrener_shared::schedule::{DstMark, ScheduleSpec, TicksToCome, parse};
use warrener_shared::shown;
use warrener_shared::time::Timestamp;

use self::apply::ApplyArgs;
use crate::choice::{self, Choice, Facts};
use crate::context::Context;
use crate::document::JobSource;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::OutputFormat;
use crate::output::{Cell, Table, age, document};
use crate::{steer, talk};

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleVerb {
    /// Make schedules what files say
    Apply(ApplyArgs),
    /// List schedules
    List,
    /// Show a schedule
    Get { name: String },
    /// Show the next ticks of a schedule, or of a file without a server
    Next(NextArgs),
    /// Start nothing more; what passes meanwhile is missed
    Pause(Choice),
    /// Start jobs again
    Resume(Choice),
    /// Start a job now, whatever else is so; prints its id
    Run { name: String },
    /// Start ticks of the past that were not started
    Backfill(BackfillArgs),
    /// Show what became of the ticks, the latest first
    Ticks(TicksArgs),
    /// Remove schedules and their ticks; their jobs stay
    Delete(Choice),
}

/// Choice of the ticks to come.
#[derive(Debug, ClapArgs)]
pub(crate) struct NextArgs {
    /// Name of a schedule, or a file with one
    #[arg(value_name = "NAME|FILE")]
    of: String,
    /// Number of ticks
    #[arg(short, default_value_t = 10)]
    number: usize,
}

/// Choice of the ticks to be started.
#[derive(Debug, ClapArgs)]
pub(crate) struct BackfillArgs {
    /// Name of the schedule
    name: String,
    /// The first moment, RFC 3339
    #[arg(long, value_name = "TIME")]
    from: String,
    /// The last moment, RFC 3339
    #[arg(long, value_name = "TIME")]
    to: String,
    /// queue starts one after another, allow all at once [default: queue]
    #[arg(long, value_name = "POLICY")]
    overlap: Option<String>,
    /// So many starts at most, such as 10/s or 5/m
    #[arg(long, value_name = "RATE")]
    rate: Option<String>,
    /// Start again what was started
    #[arg(long)]
    again: bool,
    /// Say what would be started, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Choice of the ticks that were.
#[derive(Debug, ClapArgs)]
pub(crate) struct TicksArgs {
    /// Name of the schedule
    name: String,
    /// Number of ticks
    #[arg(short, default_value_t = 50)]
    number: usize,
}

/// Reads and steers schedules.
pub(crate) async fn schedule(context: &Context, verb: ScheduleVerb) -> Result<Exit, Failure> {
    match verb {
        ScheduleVerb::Apply(args) => apply::apply(context, &args).await,
        ScheduleVerb::List => list(context).await,
        ScheduleVerb::Get { name } => get(context, &name).await,
        ScheduleVerb::Next(args) => next(context, &args).await,
        ScheduleVerb::Pause(which) => steer(context, which, "pause", "paused").await,
        ScheduleVerb::Resume(which) => steer(context, which, "resume", "resumed").await,
        ScheduleVerb::Run { name } => {
            let answer = context.http()?.trigger_schedule(&name).await?;
            talk::words(&shown::line(&answer.value.id)).map(|()| Exit::Ok)
        }
        ScheduleVerb::Backfill(args) => backfill(context, args).await,
        ScheduleVerb::Ticks(args) => ticks(context, &args).await,
        ScheduleVerb::Delete(which) => steer(context, which, "delete", "deleted").await,
    }
}

async fn steer(context: &Context, which: Choice, verb: &str, done: &str) -> Result<Exit, Failure> {
    let http = &context.http()?;
    let fitting = |filter: String| async move {
        let (schedules, _) = all(http).await?;
        let keyed: Vec<_> = schedules.iter().map(|one| (one, labels(one))).collect();
        choice::fitting(&filter, &["name", "state", "label."], &keyed, |(one, labels)| {
            let mut facts: Facts<'_> = vec![("name", &one.name), ("state", state(one))];
            facts.extend(labels.iter().map(|(key, value)| (key.as_str(), *value)));
            facts
        })
    };
    let names = which.names(context, verb, ["schedule", "schedules"], fitting).await?;
    let act = |name: String| async move {
        match verb {
            "delete" => http.delete_schedule(&name).await,
            _ => http.steer_schedule(&name, verb).await,
        }
    };
    steer::each(context, &names, done, act).await
}

/// State of a schedule as one word.
const fn state(schedule: &ScheduleDetails) -> &'static str {
    if schedule.paused { "paused" } else { "open" }
}

/// Labels of a schedule by the keys that filters know them by.
fn labels(schedule: &ScheduleDetails) -> Vec<(String, &str)> {
    schedule.labels.iter().map(|(name, value)| (format!("label.{name}"), value.as_str())).collect()
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let (schedules, pages) = all(&context.http()?).await?;
    context.print(&pages, &schedules, |one| one.name.clone(), || table(&schedules, context.now()))
}

/// All schedules by name, and the pages that they came in.
async fn all(http: &HttpClient) -> Result<(Vec<ScheduleDetails>, Vec<String>), Failure> {
    let mut page = JobQuery { limit: Some(1000), ..JobQuery::default() };
    let (mut schedules, mut pages) = (Vec::new(), Vec::new());
    loop {
        let answer = http.schedules(&page).await?;
        schedules.extend(answer.value.items);
        pages.push(answer.text);
        page.cursor = answer.value.next_cursor;
        if page.cursor.is_none() {
            return Ok((schedules, pages));
        }
    }
}

/// A schedule is made for reading in full, so a table would only hide it.
async fn get(context: &Context, name: &str) -> Result<Exit, Failure> {
    let answer = context.http()?.schedule(name).await?;
    let format = match context.globals.output {
        OutputFormat::Table | OutputFormat::Wide => OutputFormat::Yaml,
        format => format,
    };
    talk::document(&document(format, &answer.text)?.unwrap_or_else(|| shown::line(&answer.value.name).into_owned()))?;
    Ok(Exit::Ok)
}

/// Reads a schedule from a file; every problem with its place if it is not sound.
fn read(source: &JobSource) -> Result<ScheduleSpec, Failure> {
    parse(source.json(), &Limits::DEFAULT).map_err(|problems| {
        let places = problems.iter().map(|problem| source.place(problem)).collect();
        Failure::new(Exit::Refused, "").details(places)
    })
}

async fn next(context: &Context, args: &NextArgs) -> Result<Exit, Failure> {
    let path = Path::new(&args.of);
    let (zone, TicksToCome { found, is_cut }) = if args.of == "-" || path.is_file() {
        let source = JobSource::read(path)?;
        let spec = read(&source)?;
        spec.warnings.iter().for_each(|warning| context.say(&format!("warning: {}", source.place(warning))));
        let ticks = spec.plan.preview(context.now(), args.number);
        (spec.plan.zone, ticks)
    } else {
        let answer = context.http()?.schedule(&args.of).await?;
        let bytes = serde_json::to_vec(&own_document(&answer.text)?).expect("a document has text keys only");
        let spec = parse(&bytes, &Limits::DEFAULT).map_err(|problems| {
            let first = problems.first().map_or_else(String::new, |problem| problem.detail.clone());
            Failure::new(Exit::Error, format!("schedule {}: {first}; is the server newer?", args.of))
        })?;
        // What one that is kept has behind it does not come again.
        let ticks = spec.plan.to_come(context.now(), answer.value.ticks, args.number);
        (spec.plan.zone, ticks)
    };
    if is_cut {
        context.say("more may come: nearly all ticks are excluded, so it was not looked further");
    }
    let mut table = Table::new(&["TICK", "LOCAL", "DST"]);
    for tick in found {
        let at = tick.at.to_rfc3339().replace(".000Z", "Z");
        table.row(vec![
            at.into(),
            zone.local(tick.at).into(),
            tick.dst.map(DstMark::as_str).unwrap_or_default().into(),
        ]);
    }
    talk::exact(&context.render(&table))?;
    Ok(Exit::Ok)
}

/// Fields of the resource that no document has.
const RESOURCE_FIELDS: [&str; 12] = [
    "backfill",
    "fault",
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
];

/// The document in an answer of the API.
fn own_document(text: &str) -> Result<Map<String, Value>, Failure> {
    let mut document: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| Failure::new(Exit::Error, format!("reading the schedule: {error}")))?;
    document.retain(|key, _| key != "zones" && !RESOURCE_FIELDS.contains(&key.as_str()));
    Ok(document)
}

async fn backfill(context: &Context, args: BackfillArgs) -> Result<Exit, Failure> {
    let mut wish = serde_json::json!({ "from": args.from, "to": args.to, "again": args.again });
    for (key, value) in [("overlap", args.overlap), ("rate", args.rate)] {
        if let Some(value) = value {
            wish[key] = value.into();
        }
    }
    let http = context.http()?;
    let text = http.backfill_schedule(&args.name, wish.to_string().into_bytes(), args.dry_run).await?;
    if !args.dry_run {
        context.say(&format!("{}: at work; see `warrener schedule ticks {0}`", shown::line(&args.name)));
        return Ok(Exit::Ok);
    }
    let forecast: Value = serde_json::from_str(&text).unwrap_or_default();
    let sample = forecast["sample"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let lines = sample.map(|tick| format!("{}\n", tick.replace(".000Z", "Z"))).collect::<String>();
    talk::words(&format!("{} ticks would be started\n{lines}", forecast["matched"]))?;
    Ok(Exit::Ok)
}

async fn ticks(context: &Context, args: &TicksArgs) -> Result<Exit, Failure> {
    let http = context.http()?;
    let (mut ticks, mut pages) = (Vec::new(), Vec::new());
    let mut page = JobQuery::default();
    while ticks.len() < args.number {
        page.limit = u32::try_from((args.number - ticks.len()).min(1000)).ok();
        let answer = http.schedule_ticks(&args.name, &page).await?;
        ticks.extend(answer.value.items);
        pages.push(answer.text);
        page.cursor = answer.value.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    context.print(&pages, &ticks, |tick| tick.job.clone().unwrap_or_default(), || tick_table(&ticks, context.now()))
}

fn table(schedules: &[ScheduleDetails], now: Timestamp) -> Table {
    let mut table = Table::new(&["NAME", "WHEN", "ZONE", "STATE", "NEXT", "LAST", "RUNNING", "QUEUED", "FAILURES"]);
    for one in schedules {
        let when = one.cron.as_ref().or(one.every.as_ref()).map_or_else(|| "at".to_owned(), |raw| raw.get().to_owned());
        table.row(vec![
            one.name.as_str().into(),
            when.replace('"', "").into(),
            one.zone.as_deref().unwrap_or("UTC").into(),
            Cell::state(state(one)),
            one.next_at.as_deref().unwrap_or_default().replace(".000Z", "Z").into(),
            age(one.last_tick.as_deref(), now).into(),
            one.running.to_string().into(),
            one.queued.to_string().into(),
            one.failures_in_a_row.to_string().into(),
        ]);
    }
    table
}

fn tick_table(ticks: &[TickDetails], now: Timestamp) -> Table {
    let mut table = Table::new(&["TICK", "RUN", "OUTCOME", "DECIDED", "JOB", "WHY"]);
    for tick in ticks {
        table.row(vec![
            tick.tick.replace(".000Z", "Z").into(),
            tick.run.to_string().into(),
            tick.outcome.as_str().into(),
            age(Some(&tick.decided_at), now).into(),
            tick.job.as_deref().unwrap_or_default().into(),
            tick.reason.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}
