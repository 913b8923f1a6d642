//! Schedules.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use warrener_engine::schedule::{BACKFILL_MAX, Backfill, ScheduleRow, ScheduleState};
use warrener_shared::id::{JobId, ScheduleName};
use warrener_shared::schedule::{ScheduleSpec, parse, parse_named};
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;

use super::app::{App, requester, respond, to_json};
use super::asked_by::AskedBy;
use super::backfill::{BackfillForecast, BackfillWish};
use super::documented::HeaderDocument;
use super::http::{BodyBound, receive};
use super::path::{SchedulePath, no_schedule};
use super::problem::Problem;
use super::query::Parameters;
use super::schedule_resource::{Preview, ScheduleResource, TickResource};
use super::shape::List;
use super::submit::{self, check_encoding};
use crate::access::Caller;
use crate::driver::{Answer, Asker, Input, Precondition, ScheduleCommand};
use crate::filter::fits::{Candidate, Tasks};
use crate::rows::schedule::sample;
use crate::store::view::filter::Filter;
use crate::store::view::{Page, Snapshot};

/// The header that names the revision that is to be changed.
pub(super) const IF_MATCH: &HeaderDocument = &HeaderDocument {
    name: "If-Match",
    about: "The ETag of the schedule that is to be changed; if somebody changed it meanwhile, this is refused.",
    example: "\"3\"",
};
/// Bytes of the document of a schedule.
const BODY_MAX: BodyBound = BodyBound::fixed(1024 * 1024);
/// Ticks of a preview unless asked otherwise.
const PREVIEW: usize = 10;

/// Tells whether a schedule exists for a caller: its jobs would.
fn exists(app: &App, caller: &Caller, spec: &ScheduleSpec, tasks: Tasks) -> bool {
    caller.only.as_ref().is_none_or(|only| would_fit(app, spec, only, tasks))
}

/// Tells whether the next job of a schedule would fit a filter.
fn would_fit(app: &App, spec: &ScheduleSpec, filter: &Filter, tasks: Tasks) -> bool {
    let now = app.shared.now();
    sample(spec, &app.shared.limits, now).is_some_and(|job| {
        let id = job.id.as_ref();
        let job = Candidate { id, spec: &job, is_sub_job: false, state: JobState::Running, created_at: now };
        filter.fits(job, tasks, now)
    })
}

/// Tells whether there is a schedule of this name whose next job would fit a filter.
pub(super) fn fits(app: &App, snapshot: &Snapshot<'_>, name: &str, filter: &Filter) -> Result<bool, Problem> {
    let row = ScheduleName::new(name).ok().map(|name| snapshot.schedule(&name)).transpose()?.flatten();
    let spec = row.and_then(|row| parsed(app, &row).ok());
    Ok(spec.is_some_and(|spec| would_fit(app, &spec, filter, Tasks::Any)))
}

/// The parsed form of a schedule, or a sentence that says why it cannot be read any more.
fn parsed(app: &App, row: &ScheduleRow) -> Result<ScheduleSpec, String> {
    parse_named(&row.body, Some(&row.name), &app.shared.limits).map_err(|problems| {
        let first = problems.first().map_or_else(String::new, |problem| problem.detail.clone());
        format!("it cannot be read any more: {first} (was a limit lowered?)")
    })
}

/// The schedule of this name, if it exists for the caller.
pub(super) fn find(
    app: &App,
    caller: &Caller,
    snapshot: &Snapshot<'_>,
    name: &ScheduleName,
) -> Result<(ScheduleRow, ScheduleSpec), Problem> {
    let row = snapshot.schedule(name)?.ok_or_else(|| no_schedule(name.as_str()))?;
    let spec = match parsed(app, &row) {
        Err(fault) if caller.only.is_none() => return Err(Problem::conflict(fault)),
        spec => spec.ok().filter(|spec| exists(app, caller, spec, Tasks::Any)),
    };
    let spec = spec.ok_or_else(|| no_schedule(name.as_str()))?;
    Ok((row, spec))
}

/// All schedules, by name.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let limit = parameters.limit()?;
    let after = parameters.get("cursor").unwrap_or_default().to_owned();
    app.answer(move |app, snapshot| read_page(app, &caller, snapshot, after, limit)).await
}

/// A page of the schedules that exist for a caller, from behind a name on.
pub(super) fn read_page(
    app: &App,
    caller: &Caller,
    snapshot: &Snapshot<'_>,
    mut after: String,
    limit: usize,
) -> Result<List<ScheduleResource>, Problem> {
    let mut items = Vec::new();
    loop {
        let Page { items: rows, more } = snapshot.schedules(&after, limit)?;
        for row in rows {
            row.name.as_str().clone_into(&mut after);
            items.extend(seen(app, caller, snapshot, row)?);
            if items.len() == limit {
                break;
            }
        }
        let is_full = items.len() == limit;
        if is_full || !more {
            return Ok(List { items, next_cursor: Some(after).filter(|_| is_full) });
        }
    }
}

/// A schedule as far as it exists for a caller. One that cannot be read any more stands in nobody's way.
fn seen(
    app: &App,
    caller: &Caller,
    snapshot: &Snapshot<'_>,
    row: ScheduleRow,
) -> Result<Option<ScheduleResource>, Problem> {
    let open = |no| snapshot.open_ticks(no);
    Ok(match parsed(app, &row) {
        Ok(spec) if exists(app, caller, &spec, Tasks::Any) => {
            Some(ScheduleResource::new(open(row.no)?, row, Ok(&spec)))
        }
        // Nobody can tell whose its jobs would be.
        Err(fault) if caller.only.is_none() => Some(ScheduleResource::new(open(row.no)?, row, Err(fault))),
        _ => None,
    })
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    SchedulePath(name): SchedulePath,
) -> Result<Response, Problem> {
    shown(&app, caller, name, StatusCode::OK).await
}

async fn shown(
    app: &Arc<App>,
    caller: Arc<Caller>,
    name: ScheduleName,
    status: StatusCode,
) -> Result<Response, Problem> {
    let (body, revision) = app
        .read(move |app, snapshot| {
            let row = snapshot.schedule(&name)?.ok_or_else(|| no_schedule(name.as_str()))?;
            let revision = row.revision;
            let resource = seen(app, &caller, snapshot, row)?.ok_or_else(|| no_schedule(name.as_str()))?;
            Ok((to_json(&resource), revision))
        })
        .await?;
    let mut response = respond(status, body);
    let tag = HeaderValue::from_str(&format!("\"{revision}\"")).expect("a number is plain text");
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// Makes the schedule what the body says.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    SchedulePath(name): SchedulePath,
    AskedBy(caller): AskedBy,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let precondition = precondition(&parts.headers)?;
    let (spec, body) = read(&app, &parts.headers, body, Some(name.clone())).await?;
    if !exists(&app, &caller, &spec, Tasks::All) {
        let who = &caller.who;
        let why = "the jobs of this schedule would not be among them, or have a task in a queue that is not theirs";
        return Err(Problem::not_allowed(format!("{who} is for some jobs only (`only`): {why}")));
    }
    let command = ScheduleCommand::Apply { spec: Arc::new(spec), body, precondition };
    match ask(&app, &caller, command).await? {
        Answer::Applied { is_new } => {
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            shown(&app, caller, name, status).await
        }
        other => Err(refused(other, &name)),
    }
}

/// Reads and parses the document of a schedule.
async fn read(
    app: &Arc<App>,
    headers: &HeaderMap,
    body: Body,
    name: Option<ScheduleName>,
) -> Result<(ScheduleSpec, Arc<[u8]>), Problem> {
    check_encoding(headers)?;
    let bound = BODY_MAX.and(submit::bound(app));
    let bytes = receive(&app.edge, headers, body, bound).await?.bytes;
    app.parse(move |app| {
        let spec = match &name {
            Some(name) => parse_named(&bytes, Some(name), &app.shared.limits),
            None => parse(&bytes, &app.shared.limits),
        };
        spec.map(|spec| (spec, bytes.into())).map_err(Problem::refused_schedule)
    })
    .await
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    SchedulePath(name): SchedulePath,
    AskedBy(caller): AskedBy,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let command = ScheduleCommand::Delete(name.clone(), precondition(&headers)?);
    match ask(&app, &caller, command).await? {
        Answer::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        other => Err(refused(other, &name)),
    }
}

pub(super) async fn pause(
    state: State<Arc<App>>,
    path: SchedulePath,
    by: AskedBy,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    set_paused(state, path, by, headers, true).await
}

pub(super) async fn resume(
    state: State<Arc<App>>,
    path: SchedulePath,
    by: AskedBy,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    set_paused(state, path, by, headers, false).await
}

async fn set_paused(
    State(app): State<Arc<App>>,
    SchedulePath(name): SchedulePath,
    AskedBy(caller): AskedBy,
    headers: HeaderMap,
    paused: bool,
) -> Result<Response, Problem> {
    steer(&app, &caller, &name, paused, precondition(&headers)?).await?;
    shown(&app, caller, name, StatusCode::OK).await
}

/// Pauses a schedule, or lets it start jobs again.
pub(super) async fn steer(
    app: &App,
    caller: &Caller,
    name: &ScheduleName,
    paused: bool,
    precondition: Precondition,
) -> Result<(), Problem> {
    match ask(app, caller, ScheduleCommand::Pause(name.clone(), paused, precondition)).await? {
        Answer::Done => Ok(()),
        other => Err(refused(other, name)),
    }
}

/// Starts a job now, whatever the schedule says.
pub(super) async fn trigger(
    State(app): State<Arc<App>>,
    SchedulePath(name): SchedulePath,
    AskedBy(caller): AskedBy,
) -> Result<Response, Problem> {
    let id = start_now(&app, &caller, &name).await?;
    let body = app.read(move |app, snapshot| Ok(to_json(&super::job::shown(app, snapshot, &id)?))).await?;
    Ok(respond(StatusCode::ACCEPTED, body))
}

/// Starts a job of a schedule now, and gives its id.
pub(super) async fn start_now(app: &App, caller: &Caller, name: &ScheduleName) -> Result<JobId, Problem> {
    match ask(app, caller, ScheduleCommand::Trigger(name.clone())).await? {
        Answer::Kept { id, .. } => Ok(id),
        other => Err(refused(other, name)),
    }
}

/// Ticks, the latest first.
pub(super) async fn ticks(
    State(app): State<Arc<App>>,
    SchedulePath(name): SchedulePath,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = TicksWanted::of(&parameters)?;
    app.answer(move |app, snapshot| {
        let (row, spec) = find(app, &caller, snapshot, &name)?;
        wanted.read(snapshot, &row, &spec)
    })
    .await
}

/// The part of the ticks of a schedule that is asked for.
#[derive(Debug)]
pub(super) struct TicksWanted {
    before: (Timestamp, u32),
    limit: usize,
}

impl TicksWanted {
    /// Parameters of a request as what they ask for.
    pub(super) fn of(parameters: &Parameters) -> Result<Self, Problem> {
        let before = parameters.cursor(|text| {
            let (tick, run) = text.split_once('.')?;
            Some((Timestamp(tick.parse().ok()?), run.parse().ok()?))
        })?;
        Ok(Self { before: before.unwrap_or((Timestamp::MAX, 0)), limit: parameters.limit()? })
    }

    /// Reads it.
    pub(super) fn read(
        &self,
        snapshot: &Snapshot<'_>,
        row: &ScheduleRow,
        spec: &ScheduleSpec,
    ) -> Result<List<TickResource>, Problem> {
        let page = snapshot.schedule_ticks(row.no, self.before, self.limit)?;
        let last = page.items.last().filter(|_| page.more);
        let next_cursor = last.map(|last| format!("{}.{}", last.row.at.0, last.row.run));
        let items = page.items.into_iter().map(|tick| TickResource::new(tick, spec)).collect();
        Ok(List { items, next_cursor })
    }
}

/// The next ticks of a schedule that is not kept.
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    parameters: Parameters,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let most = match parameters.get("n") {
        None => PREVIEW,
        Some(text) => {
            let number = text.parse().ok().filter(|most| (1..=1000).contains(most));
            number.ok_or_else(|| Problem::parameter("n", format_args!("{text:?} is not a number from 1 to 1000")))?
        }
    };
    let (parts, body) = request.into_parts();
    let (spec, _) = read(&app, &parts.headers, body, None).await?;
    app.parse(move |app| Ok(respond(StatusCode::OK, to_json(&Preview::of(&spec, app.shared.now(), most))))).await
}

/// Starts ticks of the past, or says which it would start.
pub(super) async fn backfill(
    State(app): State<Arc<App>>,
    SchedulePath(name): SchedulePath,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    check_encoding(&parts.headers)?;
    let bytes = receive(&app.edge, &parts.headers, body, BODY_MAX).await?.bytes;
    let (work, dry_run) = BackfillWish::read(&bytes).map_err(Problem::body)?;
    if parameters.flag("dry_run")? || dry_run {
        return app.answer(move |app, snapshot| forecast(app, &caller, snapshot, &name, &work)).await;
    }
    fill_back(&app, &caller, &name, work).await?;
    shown(&app, caller, name, StatusCode::ACCEPTED).await
}

/// Ticks that a backfill would start.
pub(super) fn forecast(
    app: &App,
    caller: &Caller,
    snapshot: &Snapshot<'_>,
    name: &ScheduleName,
    work: &Backfill,
) -> Result<BackfillForecast, Problem> {
    let (row, spec) = find(app, caller, snapshot, name)?;
    let past = snapshot.ticks_between(row.no, work.from, work.to)?;
    let state = ScheduleState::new(row, Arc::new(spec), []);
    let too_many = || {
        let why = format_args!("the span has more than {BACKFILL_MAX} ticks; do a shorter one first").to_string();
        Problem::parameter("to", why)
    };
    let (sample, matched) = state.would_fill(work, &past, app.shared.now()).ok_or_else(too_many)?;
    Ok(BackfillForecast::new(matched, &sample))
}

/// Begins a backfill.
pub(super) async fn fill_back(
    app: &Arc<App>,
    caller: &Arc<Caller>,
    name: &ScheduleName,
    work: Backfill,
) -> Result<(), Problem> {
    // A span that is too long is refused as in a dry run.
    let (asked_by, of, wish) = (caller.clone(), name.clone(), work.clone());
    app.read(move |app, snapshot| forecast(app, &asked_by, snapshot, &of, &wish).map(drop)).await?;
    match ask(app, caller, ScheduleCommand::Backfill(name.clone(), work)).await? {
        Answer::Done => Ok(()),
        other => Err(refused(other, name)),
    }
}

async fn ask(app: &App, caller: &Caller, command: ScheduleCommand) -> Result<Answer, Problem> {
    let by = Some(Arc::new(requester(caller)));
    app.ask(|tell| Input::Schedule(Box::new(command), Asker { answer: Some(tell), by })).await
}

fn refused(answer: Answer, name: &ScheduleName) -> Problem {
    match answer {
        Answer::NotFound => no_schedule(name.as_str()),
        Answer::Conflict(why) => Problem::conflict(why),
        Answer::Stale(why) => Problem::stale(why),
        other => Problem::internal(format_args!("a request about a schedule was answered with {other:?}")),
    }
}

/// Demand of a request on the schedule as it is.
fn precondition(headers: &HeaderMap) -> Result<Precondition, Problem> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default().trim());
    let wrong = |name, why| Err(Problem::parameter(name, why));
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Ok(Precondition::None),
        (Some("*"), None) => Ok(Precondition::Exists),
        (None, Some("*")) => Ok(Precondition::New),
        (Some(tag), None) => {
            let number = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            match number.and_then(|text| text.parse().ok()) {
                Some(revision) => Ok(Precondition::Revision(revision)),
                None => wrong("If-Match", "not an ETag of a schedule, such as \"3\""),
            }
        }
        (None, Some(_)) => wrong("If-None-Match", "only * is understood: there must be no schedule of this name"),
        (Some(_), Some(_)) => wrong("If-Match", "given together with If-None-Match"),
    }
}
