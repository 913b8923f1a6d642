//! What would become of a submit.

use std::sync::Arc;

use axum::response::Response;

use super::app::App;
use super::job::{JobResource, shown};
use super::problem::Problem;
use super::wish::Wish;
use crate::rows::verdict::{self, Verdict};

/// Says what would be kept, or what is there already, and keeps nothing.
pub(super) async fn answer(app: &Arc<App>, wish: Wish, body: Vec<u8>) -> Result<Response, Problem> {
    app.answer(move |app, snapshot| {
        let submission = wish.read(app, &body)?;
        match verdict::judge(&submission.spec, submission.submitted.digest, snapshot)? {
            Verdict::Existing(_, id) => shown(app, snapshot, &id),
            Verdict::New | Verdict::Replaces(_) => Ok(JobResource::imagined(&submission.spec, &body, app.shared.now())),
            Verdict::Refused(problem) => Err(Problem::refused(vec![problem])),
        }
    })
    .await
}
