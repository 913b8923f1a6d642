//! Dead letters: listing, reading, replaying and discarding them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::asked_by::AskedBy;
use super::documented::{self, Example};
use super::path::{DeadPath, no_letter};
use super::problem::Problem;
use super::query::Parameters;
use super::shape::{List, Raw, raw};
use crate::access::Caller;
use crate::driver::Command;
use crate::driver::letter::parcel;
use crate::store::view::{DeadGroup, DeadHead, DeadRow, Snapshot};

/// Groups of dead letters that are read.
const GROUPS: usize = 50;

/// A dead letter as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(super) struct LetterResource {
    /// Id of the dead letter, a number as text.
    pub(super) id: String,
    /// Place where it was found: `submit`, `task`, `result`, `unrouted`, `delayed` or `answer`.
    pub(super) from: String,
    /// Stable word of the reason, for programs.
    pub(super) code: String,
    /// Reason in a sentence, for people.
    pub(super) message: String,
    /// Id of the job, if it is known.
    pub(super) job: Option<String>,
    /// Address of the task in its job, if it is known.
    pub(super) task: Option<String>,
    /// Time at which it was found.
    pub(super) received_at: String,
    /// Bytes of the whole body.
    pub(super) size: u64,
}

impl Example for LetterResource {
    fn example() -> Self {
        Self {
            id: "1".to_owned(),
            from: "task".to_owned(),
            code: "http_503".to_owned(),
            message: "the last of 5 attempts failed".to_owned(),
            job: Some("order-4711".to_owned()),
            task: Some("resize.0".to_owned()),
            received_at: "2026-11-24T15:03:23.120Z".to_owned(),
            size: 17,
        }
    }
}

/// A dead letter with its contents.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterDetail)]
pub(super) struct LetterDetail {
    /// Fields that lists show too.
    #[serde(flatten)]
    pub(super) letter: LetterResource,
    /// Body in base64, as far as it was kept.
    pub(super) body: String,
    #[schema(schema_with = documented::anything)]
    pub(super) headers: Raw,
    #[schema(schema_with = documented::anything)]
    pub(super) evidence: Raw,
}

impl Example for LetterDetail {
    fn example() -> Self {
        Self {
            letter: LetterResource::example(),
            body: "eyJuIjogMX0=".to_owned(),
            headers: raw(Some(b"{}")),
            evidence: None,
        }
    }
}

impl From<DeadHead> for LetterResource {
    fn from(head: DeadHead) -> Self {
        Self {
            id: head.no.to_string(),
            from: head.from,
            code: head.code,
            message: head.message,
            job: head.job,
            task: head.task,
            received_at: head.received_at.to_rfc3339(),
            size: head.size,
        }
    }
}

/// Page of dead letters, the newest first; for a confined caller only those of its jobs. The cursor is a number.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let limit = parameters.limit()?;
    let before = before(&parameters)?;
    app.answer(move |app, snapshot| read(app, snapshot, &caller, None, before, limit)).await
}

/// The number before which the list goes on.
pub(super) fn before(parameters: &Parameters) -> Result<Option<i64>, Problem> {
    parameters.cursor(|text| text.parse().ok())
}

/// Reads dead letters that exist for a caller; of one group, if its source and code are given.
pub(super) fn read(
    app: &App,
    snapshot: &Snapshot<'_>,
    caller: &Caller,
    group: Option<(&str, &str)>,
    before: Option<i64>,
    limit: usize,
) -> Result<List<LetterResource>, Problem> {
    let of = caller.only.as_deref().map(|only| (only, app.shared.now()));
    let page = snapshot.dead_letters(of, group, before, limit)?;
    let next_cursor = page.items.last().filter(|_| page.more).map(|last| last.no.to_string());
    Ok(List { items: page.items.into_iter().map(LetterResource::from).collect(), next_cursor })
}

/// Reads the groups of dead letters that exist for a caller.
pub(super) fn groups(app: &App, snapshot: &Snapshot<'_>, caller: &Caller) -> Result<Vec<DeadGroup>, Problem> {
    let of = caller.only.as_deref().map(|only| (only, app.shared.now()));
    Ok(snapshot.dead_groups(of, GROUPS)?)
}

/// Reads a dead letter.
pub(super) fn row(snapshot: &Snapshot<'_>, no: i64) -> Result<DeadRow, Problem> {
    snapshot.dead_letter(no)?.ok_or_else(|| no_letter(&no.to_string()))
}

/// `GET /dead/{id}`: a dead letter with its contents.
pub(super) async fn get(State(app): State<Arc<App>>, DeadPath(no): DeadPath) -> Result<Response, Problem> {
    app.answer(move |_, snapshot| {
        let row = row(snapshot, no)?;
        Ok(LetterDetail {
            letter: row.head.into(),
            body: BASE64_STANDARD.encode(&row.body),
            headers: raw(Some(row.headers.as_bytes())),
            evidence: raw(row.evidence.as_deref().map(str::as_bytes)),
        })
    })
    .await
}

/// Forgets a dead letter, and answers with it.
pub(super) async fn discard(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    DeadPath(no): DeadPath,
) -> Result<Response, Problem> {
    let letter = throw_away(&app, &caller, no).await?;
    Ok(Json(LetterResource::from(letter.head)).into_response())
}

/// Has a dead letter thrown away.
pub(super) async fn throw_away(app: &Arc<App>, caller: &Caller, no: i64) -> Result<DeadRow, Problem> {
    let letter = load(app, no).await?;
    app.command(caller, Command::Discard(no)).await?;
    Ok(letter)
}

/// Publishes the message of a dead letter again, where it was published first. A conflict for a task, whose job is
/// retried instead, and for a message that was not kept whole.
pub(super) async fn replay(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    DeadPath(no): DeadPath,
) -> Result<Response, Problem> {
    let letter = send_again(&app, &caller, no).await?;
    Ok((StatusCode::ACCEPTED, Json(LetterResource::from(letter.head))).into_response())
}

/// Has the message of a dead letter sent again.
pub(super) async fn send_again(app: &Arc<App>, caller: &Caller, no: i64) -> Result<DeadRow, Problem> {
    let letter = load(app, no).await?;
    let parcel = parcel(&letter).map_err(Problem::conflict)?;
    // Nobody would notice that it was not sent.
    app.check_broker()?;
    app.command(caller, Command::Replay(no, Box::new(parcel))).await?;
    Ok(letter)
}

/// Dead letter with this number, or not found.
async fn load(app: &Arc<App>, no: i64) -> Result<DeadRow, Problem> {
    app.read(move |_, snapshot| row(snapshot, no)).await
}
