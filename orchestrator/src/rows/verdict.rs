//! What becomes of a submit, judged alike by whoever keeps it and by whoever only asks.

use warrener_engine::row::JobRow;
use warrener_shared::id::{JobId, JobNo};
use warrener_shared::job::{JobSpec, OnConflict, Problem, Unique};

use crate::store::{Digest, Found, Rows, StoreError};

/// What becomes of a submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is a new job.
    New,
    /// It is a new job, and this one, which holds its key, is cancelled.
    Replaces(JobNo),
    /// It is this job, which is there already.
    Existing(JobNo, JobId),
    /// It is not kept.
    Refused(Problem),
}

/// Judges a submit by the rows alone.
///
/// # Errors
/// [`StoreError`] if they cannot be read.
pub(crate) fn judge(spec: &JobSpec, digest: Option<Digest>, rows: &mut impl Rows) -> Result<Verdict, StoreError> {
    if let Some(id) = &spec.id
        && let Some(found) = rows.find(id)?
    {
        return Ok(by_id(id, found, digest));
    }
    let Some(unique) = &spec.unique else { return Ok(Verdict::New) };
    Ok(rows.holder(&unique.key)?.map_or(Verdict::New, |holder| by_key(unique, &holder)))
}

/// The id is that of a job: the same content is the same job.
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

/// The key is held by another job.
pub(crate) fn by_key(unique: &Unique, holder: &JobRow) -> Verdict {
    match unique.on_conflict {
        OnConflict::Reject => Verdict::Refused(Problem {
            pointer: "/unique/key".to_owned(),
            code: "conflict".to_owned(),
            detail: format!("job {} holds the key {:?}", holder.id, unique.key),
            hint: Some(
                "wait for it to end, or set `unique.on_conflict` to return_existing or cancel_existing".to_owned(),
            ),
        }),
        OnConflict::ReturnExisting => Verdict::Existing(holder.no, holder.id.clone()),
        OnConflict::CancelExisting => Verdict::Replaces(holder.no),
    }
}
