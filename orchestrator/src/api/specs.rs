//! Parsed jobs, kept for the next request: lists of tasks need names and policies that only the document has.

use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use warrener_engine::row::JobRow;
use warrener_shared::id::JobNo;
use warrener_shared::job::{JobSpec, SubmitContext, parse};
use warrener_shared::limits::Limits;
use warrener_shared::time::Timestamp;

use super::problem::Problem;
use crate::store::Rows as _;
use crate::store::StoreError;
use crate::store::view::Snapshot;

/// Bytes of parsed jobs that are kept, roughly: one of the largest that are allowed, or thousands of small ones.
const BYTES: u64 = 80 * 1024 * 1024;
/// Parsed jobs that are kept, roughly.
const JOBS: usize = 5_000;

/// A number alone might be given to another job once everything was removed.
type Key = (JobNo, Timestamp);

#[derive(Clone, Debug)]
struct Kept {
    spec: Arc<JobSpec>,
    /// Bytes that it takes, roughly.
    footprint: usize,
}

#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<Key, Kept> for Bytes {
    fn weight(&self, _: &Key, kept: &Kept) -> u64 {
        kept.footprint as u64
    }
}

/// See the module.
pub(super) struct Specs(Mutex<Cache<Key, Kept, Bytes>>);

impl Default for Specs {
    fn default() -> Self {
        Self(Mutex::new(Cache::with_weighter(JOBS, BYTES, Bytes)))
    }
}

impl std::fmt::Debug for Specs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Specs")
    }
}

impl Specs {
    /// What was submitted as this job, parsed.
    pub(super) fn get(&self, snapshot: &Snapshot<'_>, job: &JobRow, limits: &Limits) -> Result<Arc<JobSpec>, Problem> {
        let key = (job.no, job.created_at);
        if let Some(kept) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(kept.spec.clone());
        }
        let corrupt = |why: String| Problem::from(StoreError::Corrupt(format!("job {}: {why}", job.id)));
        let submitted = { *snapshot }.submitted(job.no)?.ok_or_else(|| corrupt("it was never submitted".to_owned()))?;
        let context = SubmitContext { message_id: None, priority: submitted.priority, level: job.level };
        let spec = parse(&submitted.body, &context, limits).map_err(|problems| {
            let first = problems.first().map_or_else(String::new, |p| format!("{}: {}", p.pointer, p.detail));
            corrupt(format!("it cannot be read any more ({first}); was a limit lowered?"))
        })?;
        let kept = Kept { footprint: spec.footprint(submitted.body.len()), spec: Arc::new(spec) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, kept.clone());
        Ok(kept.spec)
    }
}
