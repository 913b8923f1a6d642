//! Bulk operations: one action on everything that fits a filter.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warrener_shared::id::{JobNo, TaskAddress, TaskNo};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Timestamp;

use super::app::{App, respond, to_json};
use super::asked_by::AskedBy;
use super::documented::Example;
use super::http::{BodyBound, receive};
use super::object::read_object;
use super::path::BulkPath;
use super::problem::Problem;
use super::query::Parameters;
use super::shape::{List, time};
use super::submit::check_encoding;
use super::wish;
use crate::access::Caller;
use crate::driver::{Answer, Command};
use crate::filter;
use crate::store::view::filter::{Filter, Test};
use crate::store::view::{Matching, Snapshot};
use crate::store::{BULK_MAX, BulkAction, BulkError, BulkRow, BulkState, BulkTarget, Rows as _};

/// Most bytes of a request.
const BYTES_MAX: BodyBound = BodyBound::fixed(64 * 1024);
/// Most characters of a reason.
const REASON_MAX: usize = 500;
/// Highest rate, in members a second.
const RATE_MAX: f64 = 1_000_000.0;
/// Ids that a dry run shows.
const SAMPLE: usize = 10;

/// A bulk operation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkOperation)]
pub(super) struct BulkResource {
    /// Number of the operation, as text.
    pub(super) id: String,
    /// Action on each member.
    pub(super) action: &'static str,
    /// Sort of the members: `jobs`, `tasks` or `dead`.
    pub(super) target: &'static str,
    /// Filter that the set was made by.
    pub(super) filter: String,
    /// Members a second at most; null for as fast as others allow.
    pub(super) rate: Option<String>,
    /// Purpose, in the words of whoever began it.
    pub(super) reason: Option<String>,
    /// Name of the caller that began it.
    pub(super) by: String,
    /// `running`, `succeeded`, `cancelled` or `failed`.
    pub(super) state: &'static str,
    /// Members of the set.
    pub(super) matched: u64,
    /// Members that were acted on.
    pub(super) done: u64,
    /// Members that no longer matched in their turn.
    pub(super) skipped: u64,
    /// Members whose state did not allow the action.
    pub(super) failed: u64,
    /// The first 100 refusals.
    pub(super) errors: Vec<BulkErrorResource>,
    /// Time at which it began.
    pub(super) created_at: Option<String>,
    /// Time at which it was over.
    pub(super) finished_at: Option<String>,
}

/// A refusal of one member.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkError)]
pub(super) struct BulkErrorResource {
    /// Id or address of the member.
    pub(super) id: String,
    /// A stable word for programs.
    pub(super) code: String,
    /// Reason, in a sentence.
    pub(super) detail: String,
}

/// Answer of a dry run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkPreview)]
pub(super) struct BulkForecast {
    /// Things that fit.
    pub(super) matched: usize,
    /// The same by their states; empty for dead letters.
    pub(super) by: BTreeMap<&'static str, usize>,
    /// The first 10 of them.
    pub(super) sample: Vec<String>,
}

/// Body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wished {
    action: BulkAction,
    filter: String,
    target: Option<BulkTarget>,
    rate: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

impl Example for BulkResource {
    fn example() -> Self {
        Self {
            id: "7".to_owned(),
            action: "retry",
            target: "jobs",
            filter: "state:failed label.team:growth".to_owned(),
            rate: Some("100/s".to_owned()),
            reason: Some("the endpoint is back".to_owned()),
            by: "ops".to_owned(),
            state: "running",
            matched: 4711,
            done: 300,
            skipped: 2,
            failed: 0,
            errors: Vec::new(),
            created_at: Some("2026-11-24T15:03:23.120Z".to_owned()),
            finished_at: None,
        }
    }
}

impl Example for BulkForecast {
    fn example() -> Self {
        Self { matched: 1, by: BTreeMap::from([("failed", 1)]), sample: vec!["order-4711".to_owned()] }
    }
}

impl BulkResource {
    fn of((no, row): (i64, BulkRow)) -> Self {
        let error = |BulkError { id, code, detail }| BulkErrorResource { id, code, detail };
        Self {
            id: no.to_string(),
            action: row.action.as_str(),
            target: row.target.as_str(),
            filter: row.filter,
            rate: row.rate_text,
            reason: row.reason,
            by: row.who.to_string(),
            state: row.state.as_str(),
            matched: row.matched,
            done: row.done,
            skipped: row.skipped,
            failed: row.failed,
            errors: row.errors.into_iter().map(error).collect(),
            created_at: time(Some(Timestamp(row.created_at))),
            finished_at: time(row.finished_at.map(Timestamp)),
        }
    }
}

/// `POST /bulk`: fixes the set and begins, or shows in a dry run what the set would be.
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    check_encoding(&parts.headers)?;
    let bytes = receive(&app.edge, &parts.headers, body, BYTES_MAX).await?.bytes;
    let wished: Wished = read_object(&bytes).map_err(Problem::body)?;
    match start(&app, &caller, wished).await? {
        Started::Looked(preview) => Ok(respond(StatusCode::OK, to_json(&preview))),
        Started::Begun(no) => {
            let place = format!("{}/api/v1/bulk/{no}", wish::prefix(&app, &parts));
            let mut response = one(&app, no, &caller).await?;
            *response.status_mut() = StatusCode::ACCEPTED;
            let place = HeaderValue::from_str(&place).map_err(Problem::internal)?;
            response.headers_mut().insert(header::LOCATION, place);
            Ok(response)
        }
    }
}

/// Outcome of a wish.
pub(super) enum Started {
    /// Set that there would be.
    Looked(BulkForecast),
    /// Number of the operation that began.
    Begun(i64),
}

/// Fixes the set and begins, or looks what the set would be.
pub(super) async fn start(app: &Arc<App>, caller: &Caller, wished: Wished) -> Result<Started, Problem> {
    let selection = Selection::of(&wished, caller)?;
    let dry_run = wished.dry_run;
    let row = row(wished, &selection, caller)?;
    let looked = app.read(move |app, snapshot| selection.find(app, snapshot, dry_run));
    let Looked { set, preview } = looked.await?;
    if let Some(preview) = preview {
        return Ok(Started::Looked(preview));
    }
    let row = BulkRow { matched: set.len() as u64, ..row };
    match app.command(caller, Command::Bulk(Box::new(row), set.into())).await? {
        Answer::Begun(no) => Ok(Started::Begun(no)),
        Answer::Conflict(why) => Err(Problem::conflict(why)),
        other => Err(Problem::internal(format_args!("a bulk operation was answered with {other:?}"))),
    }
}

/// `GET /bulk`: operations, the newest first; a confined caller sees its own.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let limit = parameters.limit()?;
    let before = before(&parameters)?;
    app.answer(move |_, snapshot| read(snapshot, &caller, before, limit)).await
}

/// Number before which the list goes on.
pub(super) fn before(parameters: &Parameters) -> Result<Option<i64>, Problem> {
    parameters.cursor(|text| text.parse().ok())
}

/// Reads operations that exist for a caller.
pub(super) fn read(
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    before: Option<i64>,
    limit: usize,
) -> Result<List<BulkResource>, Problem> {
    let who = caller.only.is_some().then(|| caller.name());
    let page = snapshot.bulks(who.as_deref(), before, limit)?;
    let next_cursor = page.items.last().filter(|_| page.more).map(|last| last.0.to_string());
    Ok(List { items: page.items.into_iter().map(BulkResource::of).collect(), next_cursor })
}

/// `GET /bulk/{id}`: an operation.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    BulkPath(no): BulkPath,
) -> Result<Response, Problem> {
    one(&app, no, &caller).await
}

/// `POST /bulk/{id}/cancel`: stops an operation. What was done stays done.
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    BulkPath(no): BulkPath,
) -> Result<Response, Problem> {
    stop(&app, &caller, no).await?;
    one(&app, no, &caller).await
}

/// Has an operation stopped.
pub(super) async fn stop(app: &Arc<App>, caller: &Arc<Caller>, no: i64) -> Result<(), Problem> {
    let asked_by = caller.clone();
    let row = app.read(move |_, snapshot| load(snapshot, no, &asked_by)).await?;
    if row.state != BulkState::Running {
        return Err(Problem::conflict(format!("the operation is {} already", row.state.as_str())));
    }
    match app.command(caller, Command::StopBulk(no)).await? {
        Answer::Conflict(why) => Err(Problem::conflict(why)),
        _ => Ok(()),
    }
}

/// Operation with this number as everybody sees it, as far as it exists for a caller.
pub(super) fn resource(snapshot: &Snapshot<'_>, no: i64, caller: &Caller) -> Result<BulkResource, Problem> {
    Ok(BulkResource::of((no, load(snapshot, no, caller)?)))
}

async fn one(app: &Arc<App>, no: i64, caller: &Arc<Caller>) -> Result<Response, Problem> {
    let caller = caller.clone();
    app.answer(move |_, snapshot| resource(snapshot, no, &caller)).await
}

/// The operation with this number, as far as it exists for a caller.
fn load(snapshot: &Snapshot<'_>, no: i64, caller: &Caller) -> Result<BulkRow, Problem> {
    let row = snapshot.bulk(no)?.filter(|row| caller.only.is_none() || row.who == caller.name());
    row.ok_or_else(|| Problem::not_found(format!("there is no bulk operation {no}")))
}

/// The row of an operation that is wished for, without its set.
fn row(wished: Wished, selection: &Selection, caller: &Caller) -> Result<BulkRow, Problem> {
    if wished.reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_MAX) {
        return Err(Problem::parameter("reason", format_args!("at most {REASON_MAX} characters")));
    }
    let rate = wished.rate.as_deref().map(rate).transpose()?;
    Ok(BulkRow {
        action: wished.action,
        target: selection.target,
        filter: wished.filter,
        states: selection.states,
        rate,
        rate_text: wished.rate,
        reason: wished.reason,
        who: caller.name(),
        state: BulkState::Running,
        matched: 0,
        done: 0,
        skipped: 0,
        failed: 0,
        errors: Vec::new(),
        created_at: 0,
        finished_at: None,
    })
}

/// Members a second of a text such as `100/s`, `600/m` or `1000/h`.
fn rate(text: &str) -> Result<f64, Problem> {
    let parsed = text.split_once('/').and_then(|(number, unit)| {
        let number: f64 = number.parse::<u32>().ok()?.into();
        let seconds = match unit {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        Some(number / seconds).filter(|rate| *rate > 0.0 && *rate <= RATE_MAX)
    });
    let wrong = || Problem::parameter("rate", "write a number and s, m or h, such as 100/s, at most 1000000/s");
    parsed.ok_or_else(wrong)
}

/// The things that are meant.
struct Selection {
    target: BulkTarget,
    /// Terms about the jobs.
    jobs: Filter,
    /// States that count, a bit for each place in the list of states.
    states: u32,
}

/// Findings of a look.
struct Looked {
    set: Vec<i64>,
    preview: Option<BulkForecast>,
}

impl Selection {
    /// Reads the filter of a request, and confines it to what exists for the caller.
    fn of(wished: &Wished, caller: &Caller) -> Result<Self, Problem> {
        let targets = wished.action.targets();
        let target = wished.target.unwrap_or(targets[0]);
        if !targets.contains(&target) {
            let names: Vec<&str> = targets.iter().map(|target| target.as_str()).collect();
            let why = format!("{} acts on {}", wished.action.as_str(), names.join(" or "));
            return Err(Problem::parameter("target", why));
        }
        let text = wished.filter.trim();
        if text.is_empty() {
            return Err(Problem::parameter(
                "filter",
                "an empty filter would mean everything; write `*` if you mean it",
            ));
        }
        let text = if text == "*" { "" } else { text };
        let wrong = |why| Problem::parameter("filter", why);
        let only = caller.only.iter().flat_map(|only| only.terms.iter().cloned());
        if target == BulkTarget::Tasks {
            let filter = filter::parse_tasks(text).map_err(wrong)?;
            let states = TaskState::ALL.iter().filter(|state| filter.wants(state.as_str()));
            let states = states.fold(0, |all, state| all | 1 << (*state as u32));
            let terms = filter.jobs.terms.into_iter().chain(only).collect();
            return Ok(Self { target, jobs: Filter { terms }, states });
        }
        let terms = filter::parse(text).map_err(wrong)?.terms.into_iter().chain(only).collect();
        let jobs = Filter { terms };
        let states = JobState::ALL.iter().filter(|state| may_be(&jobs, **state));
        let states = states.fold(0, |all, state| all | 1 << (*state as u32));
        Ok(Self { target, jobs, states })
    }

    /// Finds what is meant now.
    fn find(self, app: &App, snapshot: &mut Snapshot<'_>, dry_run: bool) -> Result<Looked, Problem> {
        let now = app.shared.now();
        let found = match self.target {
            BulkTarget::Jobs => snapshot.matching_jobs(&self.jobs, now)?,
            BulkTarget::Tasks => snapshot.matching_tasks(self.states, &self.jobs, now)?,
            BulkTarget::Dead => snapshot.matching_letters(&self.jobs, now)?,
        };
        if found.len() > BULK_MAX {
            let why = format!("more than {BULK_MAX} fit it; narrow it, such as by `created:`, and do the rest later");
            return Err(Problem::parameter("filter", why));
        }
        let preview = dry_run.then(|| self.preview(app, snapshot, &found)).transpose()?;
        Ok(Looked { set: found.into_iter().map(|(no, _)| no).collect(), preview })
    }

    fn preview(&self, app: &App, snapshot: &mut Snapshot<'_>, found: &Matching) -> Result<BulkForecast, Problem> {
        let mut by = BTreeMap::new();
        for (_, state) in found {
            let at = usize::try_from(*state).unwrap_or(usize::MAX);
            let word = match self.target {
                BulkTarget::Jobs => JobState::ALL.get(at).map(|state| state.as_str()),
                BulkTarget::Tasks => TaskState::ALL.get(at).map(|state| state.as_str()),
                BulkTarget::Dead => None,
            };
            if let Some(word) = word {
                *by.entry(word).or_insert(0) += 1;
            }
        }
        let numbers = found.iter().take(SAMPLE).map(|(no, _)| *no);
        let sample = numbers.map(|no| self.name(app, snapshot, no)).collect::<Result<_, _>>()?;
        Ok(BulkForecast { matched: found.len(), by, sample })
    }

    /// Id of a job or letter; of a task the id of its job, with its name there.
    fn name(&self, app: &App, snapshot: &mut Snapshot<'_>, no: i64) -> Result<String, Problem> {
        Ok(match self.target {
            BulkTarget::Jobs => snapshot.job_id(JobNo(no))?.unwrap_or_default(),
            BulkTarget::Dead => no.to_string(),
            BulkTarget::Tasks => self.task_name(app, snapshot, TaskNo(no))?.unwrap_or_default(),
        })
    }

    fn task_name(&self, app: &App, snapshot: &mut Snapshot<'_>, no: TaskNo) -> Result<Option<String>, Problem> {
        let Some(task) = snapshot.task(no)? else { return Ok(None) };
        let Some(job) = snapshot.job(task.job)? else { return Ok(None) };
        let spec = app.shared.specs.of(&job, snapshot)?.spec;
        let name = spec.tasks.get(task.position as usize).map(|spec| spec.name.clone());
        Ok(name.map(|name| format!("{}/{}", job.id, TaskAddress { task: name, index: task.index })))
    }
}

/// Tells whether a job in this state may fit, whatever else it is.
fn may_be(filter: &Filter, state: JobState) -> bool {
    filter.terms.iter().all(|term| match &term.test {
        Test::State(states) => states.contains(&state) != term.negated,
        _ => true,
    })
}

/// Descriptions of the routes.
pub(super) mod documents {
    use super::super::documented::{BodyDocument, RouteDocument, says};
    use super::super::problem;
    use super::{BulkForecast, BulkResource};

    pub(in super::super) fn list() -> RouteDocument {
        says("Bulk operations, the newest first").list::<BulkResource>("A page of operations.")
    }

    pub(in super::super) fn begin() -> RouteDocument {
        let document = says("Does the same to everything that fits a filter").takes(BodyDocument::Bulk);
        let document = document.one::<BulkResource>(202, "It has begun.");
        let document = document.with(&[("Location", "The path of the operation.")]);
        let document = document.one::<BulkForecast>(200, "What it would be about, for a dry run.");
        document.refuses(&[&problem::CONFLICT])
    }

    pub(in super::super) fn get() -> RouteDocument {
        says("A bulk operation").one::<BulkResource>(200, "The operation.")
    }

    pub(in super::super) fn cancel() -> RouteDocument {
        let document = says("Stops a bulk operation");
        document.one::<BulkResource>(200, "The operation.").refuses(&[&problem::CONFLICT])
    }
}
