//! Dead letters.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use super::app::App;
use super::path::{DeadPath, no_letter};
use super::problem::Problem;
use super::query::Parameters;
use super::shape::{List, Raw, raw};
use crate::store::sqlite::view::DeadHead;

/// A dead letter as lists show it.
#[derive(Debug, Serialize)]
struct LetterResource {
    id: String,
    from: String,
    code: String,
    message: String,
    job: Option<String>,
    task: Option<String>,
    received_at: String,
    size: u64,
}

/// A dead letter with its contents.
#[derive(Debug, Serialize)]
struct LetterDetail {
    #[serde(flatten)]
    letter: LetterResource,
    body: String,
    headers: Raw,
    evidence: Raw,
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

pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let parameters = Parameters::read(&uri, &["cursor", "limit"])?;
    let limit = parameters.limit()?;
    let before = parameters.cursor(|text| text.parse().ok())?;
    app.answer(move |_, snapshot| {
        let page = snapshot.dead_letters(before, limit)?;
        let next_cursor = page.items.last().filter(|_| page.more).map(|last| last.no.to_string());
        Ok(List { items: page.items.into_iter().map(LetterResource::from).collect(), next_cursor })
    })
    .await
}

pub(super) async fn get(State(app): State<Arc<App>>, DeadPath(no): DeadPath, uri: Uri) -> Result<Response, Problem> {
    Parameters::read(&uri, &[])?;
    app.answer(move |_, snapshot| {
        let row = snapshot.dead_letter(no)?.ok_or_else(|| no_letter(&no.to_string()))?;
        Ok(LetterDetail {
            letter: row.head.into(),
            body: BASE64_STANDARD.encode(&row.body),
            headers: raw(Some(row.headers.as_bytes())),
            evidence: raw(row.evidence.as_deref().map(str::as_bytes)),
        })
    })
    .await
}
