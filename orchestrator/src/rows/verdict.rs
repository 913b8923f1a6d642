//! The verdict on a submit, the same for whoever keeps the job (driver) and whoever only asks (dry run).

use warrener_engine::row::JobRow;
use warrener_shared::id::{JobId, JobNo};
use warrener_shared::job::{JobSpec, OnConflict, Problem, Unique};
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;

use crate::store::{Digest, Found, Rows, StoreError};

/// Verdict on a submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The job is new.
    New,
    /// The job is new. The job with this number, which holds its unique key, is cancelled.
    Replaces(JobNo),
    /// The job is new. The job with this number loses its unique key to it, and goes on.
    Succeeds(JobNo),
    /// The job takes the place of the content of the one with this number and id, which has not begun.
    Updates(JobNo, JobId),
    /// The job is there already: the one with this number and id.
    Existing(JobNo, JobId),
    /// The job is not kept, for this reason.
    Refused(Problem),
}

/// Judges a submit by the rows alone: first by its id, then by its unique key. `exists` says whether a job exists for
/// whoever submits.
///
/// # Errors
/// [`StoreError`] if the rows cannot be read.
pub(crate) fn judge<R: Rows>(
    spec: &JobSpec,
    digest: Option<Digest>,
    now: Timestamp,
    rows: &mut R,
    exists: impl FnOnce(&mut R, &JobRow) -> Result<bool, StoreError>,
) -> Result<Verdict, StoreError> {
    if let Some(id) = &spec.id
        && let Some(found) = rows.find(id)?
    {
        return Ok(by_id(id, found, digest));
    }
    let Some(unique) = &spec.unique else { return Ok(Verdict::New) };
    let Some(holder) = rows.holder(&unique.key, now)? else { return Ok(Verdict::New) };
    let is_seen = exists(rows, &holder)?;
    Ok(by_key(unique, &holder, is_seen))
}

/// Verdict by an id that a job has already: the same content is the same job, other content is a conflict.
pub(crate) fn by_id(id: &JobId, found: Found, digest: Option<Digest>) -> Verdict {
    if digest.is_some() && digest == found.digest {
        return Verdict::Existing(found.no, id.clone());
    }
    Verdict::Refused(Problem {
        pointer: "/id".to_owned(),
        code: "conflict".to_owned(),
        detail: format!("a job with the id {id} exists and has other content"),
        hint: Some("send the same content again, or choose another id".to_owned()),
    })
}

/// Verdict by a unique key that another job holds. One that does not exist for whoever submits (`is_seen` is false) is
/// neither shown nor cancelled: the submit is refused.
pub(crate) fn by_key(unique: &Unique, holder: &JobRow, is_seen: bool) -> Verdict {
    if !is_seen {
        return Verdict::Refused(Problem {
            pointer: "/unique/key".to_owned(),
            code: "conflict".to_owned(),
            detail: format!("the key {:?} is held by a job that this token does not see", unique.key),
            hint: Some("choose a key of your own, such as one that begins with the name of your team".to_owned()),
        });
    }
    match unique.on_conflict {
        OnConflict::Reject => Verdict::Refused(Problem {
            pointer: "/unique/key".to_owned(),
            code: "conflict".to_owned(),
            detail: format!("job {} holds the key {:?}", holder.id, unique.key),
            hint: Some(
                "wait until it gives the key up, or set `unique.on_conflict` to return_existing or cancel_existing"
                    .to_owned(),
            ),
        }),
        OnConflict::ReturnExisting => Verdict::Existing(holder.no, holder.id.clone()),
        OnConflict::Replace { .. } if holder.state == JobState::Scheduled => {
            Verdict::Updates(holder.no, holder.id.clone())
        }
        // A job that is final holds the key for a span, and has nothing left to cancel.
        OnConflict::Replace { .. } => Verdict::Succeeds(holder.no),
        OnConflict::CancelExisting if holder.state.is_final() => Verdict::Succeeds(holder.no),
        OnConflict::CancelExisting => Verdict::Replaces(holder.no),
    }
}
