//! Register of parsed jobs, shared by driver and API. What is not in it is parsed again from what was submitted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::unsync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter};
use warrener_engine::row::JobRow;
use warrener_engine::slice::JobEntry;
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::{JobSpec, SubmitContext, parse};
use warrener_shared::limits::Limits;
use warrener_shared::time::Timestamp;

use super::Evicted;
use crate::store::{Rows, StoreError};

/// Most bytes of parsed jobs that are kept, roughly: three of the largest that are allowed, two that are worked on and
/// one that somebody looks at. One that is not kept is parsed again each time it is touched.
const BYTES: u64 = 216 * 1024 * 1024;
/// Most parsed jobs that are kept, roughly.
const JOBS: usize = 20_000;

/// Number, time of creation and first task of a job. A number alone might be given to another job once everything was
/// removed, and the first task is another once the content of a job is replaced.
type Key = (JobNo, Timestamp, TaskNo);

/// A parsed job, with what is needed beside it.
#[derive(Clone, Debug)]
pub(crate) struct Parsed {
    /// The job as submitted, parsed.
    pub(crate) spec: Arc<JobSpec>,
    /// W3C trace context of the submit; `None` if it had none.
    pub(crate) traceparent: Option<Arc<str>>,
    /// Bytes in memory, roughly.
    footprint: usize,
}

impl Parsed {
    /// Parsed form of a document of `document` bytes.
    pub(crate) fn new(spec: Arc<JobSpec>, traceparent: Option<Arc<str>>, document: usize) -> Self {
        Self { footprint: spec.footprint(document), spec, traceparent }
    }

    /// Job as rules see it: its row with this parsed form.
    pub(crate) fn entry(self, row: JobRow) -> JobEntry {
        JobEntry { row, spec: self.spec, traceparent: self.traceparent }
    }
}

/// Weight of a parsed job in bytes.
#[derive(Clone, Debug)]
struct Footprint;

impl Weighter<Key, Parsed> for Footprint {
    fn weight(&self, _: &Key, parsed: &Parsed) -> u64 {
        parsed.footprint as u64
    }
}

/// Cache behind the lock; see [`Evicted`] for what falls out of it.
type SpecCache = Cache<Key, Parsed, Footprint, DefaultHashBuilder, Evicted>;

/// Register of the parsed jobs of a process. Nobody parses while holding its lock.
pub(crate) struct Specs {
    /// Limits by which expressions are evaluated.
    limits: Limits,
    /// The jobs, by number and time of creation.
    kept: Mutex<SpecCache>,
}

impl Specs {
    /// Empty register. Jobs that are kept are parsed with these limits or the built-in ones, whichever is wider.
    pub(crate) fn new(limits: Limits) -> Self {
        let kept = Cache::with(JOBS, BYTES, Footprint, DefaultHashBuilder::default(), Evicted);
        Self { limits, kept: Mutex::new(kept) }
    }

    /// Parsed form of a job: kept, or parsed now and kept from then on.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read, or a limit was lowered below what it takes.
    pub(crate) fn of(&self, job: &JobRow, rows: &mut impl Rows) -> Result<Parsed, StoreError> {
        if let Some(kept) = self.kept().get(&key(job)) {
            return Ok(kept.clone());
        }
        let corrupt = |why: String| StoreError::Corrupt(format!("job {} {why}", job.id));
        let submitted = rows.submitted(job.no)?.ok_or_else(|| corrupt("was never submitted".to_owned()))?;
        let context = SubmitContext { priority: submitted.priority, level: job.level, ..SubmitContext::default() };
        let spec = parse(&submitted.body, &context, &for_kept(self.limits)).map_err(|problems| {
            let first = problems.first().map_or_else(String::new, |p| format!("{}: {}", p.pointer, p.detail));
            // The database is well; whoever brings news of this job alone has to wait until the limit is raised again.
            StoreError::Unfit { doing: "read a job", why: format!("{} ({first}): was a limit lowered?", job.id) }
        })?;
        let parsed = Parsed::new(Arc::new(spec), submitted.traceparent, submitted.body.len());
        self.keep(key(job), parsed.clone());
        Ok(parsed)
    }

    /// Keeps the parsed form of a job that is being made, so that its first batch need not parse it.
    pub(crate) fn keep(&self, job: Key, parsed: Parsed) {
        let replaced = self.kept().insert_with_lifecycle(job, parsed);
        drop(replaced);
    }

    /// Lets go of a final job. Nothing will happen to it any more, and it would take the place of one that is asked
    /// for.
    pub(crate) fn forget(&self, job: &JobRow) {
        let forgotten = self.kept().remove(&key(job));
        drop(forgotten);
    }

    /// Lets go of all jobs. After a failed commit some of them may not exist.
    pub(crate) fn clear(&self) {
        let fresh = Self::new(self.limits).kept;
        let old = std::mem::replace(&mut *self.kept(), fresh.into_inner().unwrap_or_else(PoisonError::into_inner));
        drop(old);
    }

    /// Number of parsed jobs that are kept.
    pub(crate) fn len(&self) -> usize {
        self.kept().len()
    }

    /// Limits by which what comes is parsed, and expressions are evaluated.
    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    /// The cache, locked. A holder that panicked leaves it usable.
    fn kept(&self) -> MutexGuard<'_, SpecCache> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Limits for what is kept already: these or the built-in ones, whichever is wider. One that is lowered is for what
/// comes from then on.
pub(crate) fn for_kept(limits: Limits) -> Limits {
    let usual = Limits::DEFAULT;
    Limits {
        submit_bytes: limits.submit_bytes.max(usual.submit_bytes),
        tasks: limits.tasks.max(usual.tasks),
        needs: limits.needs.max(usual.needs),
        output_bytes: limits.output_bytes.max(usual.output_bytes),
        resolved_bytes: limits.resolved_bytes.max(usual.resolved_bytes),
        json_depth: limits.json_depth.max(usual.json_depth),
        expression_chars: limits.expression_chars.max(usual.expression_chars),
        expression_fuel: limits.expression_fuel.max(usual.expression_fuel),
        queues: limits.queues.max(usual.queues),
    }
}

/// Key of a job by its row.
const fn key(job: &JobRow) -> Key {
    (job.no, job.created_at, job.first_task)
}

impl std::fmt::Debug for Specs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Specs({} jobs)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_of_the_largest_jobs_are_remembered() {
        let context = SubmitContext::default();
        let limits = Limits::DEFAULT;
        let tasks = (0..1_000).map(|at| format!(r#""t{at}":{{"kind":"k"}}"#)).collect::<Vec<_>>().join(",");
        let job = parse(format!(r#"{{"tasks":{{{tasks}}}}}"#).as_bytes(), &context, &limits).unwrap();
        // As large as a document and a number of tasks may be; only the bytes of each are made up.
        let small = job.footprint(limits.submit_bytes);
        let footprint = small + (job.footprint(0) * (limits.tasks / 1_000 - 1));
        let (spec, specs) = (Arc::new(job), Specs::new(limits));
        for no in 1..=3 {
            specs.keep(
                (JobNo(no), Timestamp(0), TaskNo(1)),
                Parsed { spec: spec.clone(), traceparent: None, footprint },
            );
        }
        let is_kept = |no| specs.kept().get(&(JobNo(no), Timestamp(0), TaskNo(1))).is_some();
        assert!((1..=3).all(is_kept), "{footprint} bytes each");
    }

    #[test]
    fn no_limit_that_is_lowered_concerns_what_is_kept() {
        let usual = Limits::DEFAULT;
        let low = Limits {
            submit_bytes: 1,
            tasks: 1,
            needs: 1,
            output_bytes: 1,
            resolved_bytes: 1,
            json_depth: 1,
            expression_chars: 1,
            expression_fuel: 1,
            queues: 1,
        };
        assert_eq!(for_kept(low), usual);
        let high = Limits { tasks: usual.tasks + 1, ..usual };
        assert_eq!(for_kept(high).tasks, usual.tasks + 1);
    }
}
