//! `GET /tasks/{job}/{task}/logs`: the text that the attempts of a task wrote. The cursor is attempt and number of the
//! last piece seen.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use warrener_shared::id::{JobId, TaskAddress};

use super::app::App;
use super::documented::Example;
use super::job;
use super::path::{TaskPath, no_task};
use super::problem::Problem;
use super::query::Parameters;
use super::shape::{List, time};
use super::stream::{self, Followed};
use crate::rows::message;
use crate::store::view::{LogLine, Snapshot};

/// Text that an attempt wrote: part of a line, or several.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogPiece)]
pub(super) struct LogResource {
    /// Number of the attempt.
    pub(super) attempt: u32,
    /// Number of the piece within the attempt, from 1.
    pub(super) no: u32,
    /// Time at which it came.
    pub(super) time: Option<String>,
    /// The text, as it was written.
    pub(super) text: String,
}

impl Example for LogResource {
    fn example() -> Self {
        Self { attempt: 1, no: 1, time: Some("2026-11-24T15:03:23.120Z".to_owned()), text: "resizing\n".to_owned() }
    }
}

impl LogResource {
    /// The resource of a piece.
    pub(super) fn of(line: LogLine) -> Self {
        Self { attempt: line.attempt, no: line.no, time: time(Some(line.time)), text: line.text }
    }
}

/// Page of the pieces of log of a task or item, oldest first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    TaskPath(id, address): TaskPath,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    if parameters.flag("follow")? {
        return stream::follow_one(app, &request.into_parts().0, Followed::Log(id, address, (0, 0))).await;
    }
    let limit = parameters.limit()?;
    let after = after(&parameters)?;
    app.answer(move |app, snapshot| read(app, snapshot, &id, &address, after, limit)).await
}

/// The piece after which the list goes on: attempt and number.
pub(super) fn after(parameters: &Parameters) -> Result<(u32, u32), Problem> {
    Ok(parameters.cursor(cursor)?.unwrap_or((0, 0)))
}

/// Reads what the attempts of a task wrote after a piece.
pub(super) fn read(
    app: &App,
    snapshot: &mut Snapshot<'_>,
    id: &JobId,
    address: &TaskAddress,
    after: (u32, u32),
    limit: usize,
) -> Result<List<LogResource>, Problem> {
    let job = job::entry(app, snapshot, id)?;
    let row = message::find(snapshot, &job, address)?;
    let row = row.ok_or_else(|| no_task(id.as_str(), &address.to_string()))?;
    let page = snapshot.logs(row.no, after, limit)?;
    let last = page.items.last().filter(|_| page.more);
    let next_cursor = last.map(|last| format!("{}.{}", last.attempt, last.no));
    Ok(List { items: page.items.into_iter().map(LogResource::of).collect(), next_cursor })
}

/// Attempt and number out of a cursor `<attempt>.<number>`.
pub(super) fn cursor(text: &str) -> Option<(u32, u32)> {
    let (attempt, no) = text.split_once('.')?;
    Some((attempt.parse().ok()?, no.parse().ok()?))
}
