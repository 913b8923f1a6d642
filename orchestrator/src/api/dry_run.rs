//! What would become of a submit.

use std::sync::Arc;

use axum::response::Response;
use warrener_shared::id::JobId;
use warrener_shared::job::OnConflict;

use super::app::App;
use super::job::{JobResource, load};
use super::problem::Problem;
use super::submit::{Wish, read};
use crate::driver::{Submission, conflicting_id, conflicting_key};
use crate::store::Rows as _;
use crate::store::view::Snapshot;

/// Says what would be kept, or what is there already, and keeps nothing.
pub(super) async fn answer(app: &Arc<App>, wish: Wish, body: Vec<u8>) -> Result<Response, Problem> {
    app.answer(move |app, snapshot| {
        let submission = read(app, &wish, &body)?;
        match existing(snapshot, &submission)? {
            Some(id) => Ok(JobResource::from(load(snapshot, &id)?)),
            None => Ok(JobResource::imagined(&submission.spec, &body, app.shared.now())),
        }
    })
    .await
}

/// The job that would be given instead of a new one; or why none would be taken. As the driver would judge now.
fn existing(snapshot: &Snapshot<'_>, submission: &Submission) -> Result<Option<JobId>, Problem> {
    let spec = &submission.spec;
    let refused = |problem| Err(Problem::refused(vec![problem]));
    if let Some(id) = &spec.id
        && let Some(same) =
            { *snapshot }.find(id)?.map(|found| found.digest.is_some() && found.digest == submission.submitted.digest)
    {
        return if same { Ok(Some(id.clone())) } else { refused(conflicting_id(id)) };
    }
    let Some(unique) = &spec.unique else { return Ok(None) };
    let Some(holder) = { *snapshot }.holder(&unique.key)? else { return Ok(None) };
    match unique.on_conflict {
        OnConflict::Reject => refused(conflicting_key(&unique.key, &holder.id)),
        OnConflict::ReturnExisting => Ok(Some(holder.id)),
        OnConflict::CancelExisting => Ok(None),
    }
}
