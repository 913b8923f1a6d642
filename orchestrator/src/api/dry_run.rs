//! Dry run of a submit: the verdict without keeping anything.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use warrener_engine::limit::LimitKey;
use warrener_engine::row::JobRow;

use super::app::{App, respond, to_json};
use super::job::{JobResource, shown};
use super::problem::Problem;
use super::wish::Wish;
use crate::rows::verdict::{self, Verdict};
use crate::store::view::Snapshot;

/// Answers with what would become of a job.
pub(super) async fn answer(app: &Arc<App>, wish: Wish, body: Vec<u8>) -> Result<Response, Problem> {
    let job = judge(app, wish, body).await?;
    Ok(respond(StatusCode::OK, to_json(&job)))
}

/// Gives the job that would be kept, or the one that is there already; with the problems if it would be refused.
pub(super) async fn judge(app: &Arc<App>, wish: Wish, body: Vec<u8>) -> Result<JobResource, Problem> {
    let read = app.parse(move |app| Ok((wish.read(app, &body)?, wish, body)));
    let (submission, wish, body) = read.await?;
    app.read(move |app, snapshot| {
        let (now, only) = (app.shared.now(), wish.caller.only.as_deref());
        let exists = |snapshot: &mut Snapshot<'_>, holder: &JobRow| match only {
            Some(only) => snapshot.fits(&holder.id, only, now),
            None => Ok(true),
        };
        let (spec, register) = (&submission.spec, &app.shared.limit_register);
        let unknown = spec.unknown_limit(|name| register.book.limit(name.as_str()).is_some());
        if let Some(problem) = unknown.or_else(|| register.uncountable(spec, &app.shared.limits)) {
            return Err(Problem::refused(vec![problem]));
        }
        let most = &app.shared.limits;
        let state = |key: &LimitKey| register.book.key(key).unwrap_or_default();
        match verdict::judge(&submission.spec, submission.submitted.digest, now, snapshot, exists)? {
            Verdict::Existing(_, id) => shown(app, snapshot, &id),
            Verdict::New | Verdict::Succeeds(_) if let Some(problem) = register.turned_away(spec, most, state, now) => {
                Err(Problem::refused(vec![problem]))
            }
            Verdict::New | Verdict::Replaces(_) | Verdict::Succeeds(_) | Verdict::Updates(..) => {
                Ok(JobResource::imagined(&submission.spec, &body, app.shared.now()))
            }
            Verdict::Refused(problem) => Err(Problem::refused(vec![problem])),
        }
    })
    .await
}
