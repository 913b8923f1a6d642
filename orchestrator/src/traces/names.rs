//! Numbers of spans, made from what they are about.

use std::fmt;

use sha2::{Digest, Sha256};
use warrener_runtime::spans::{SpanNo, TraceNo};

/// A task, or an item of a mapped task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TracedTask<'a> {
    /// The task.
    pub(super) task: &'a str,
    /// The item; `None` is the task itself.
    pub(super) index: Option<u32>,
}

impl fmt::Display for TracedTask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}.{index}", self.task),
            None => f.write_str(self.task),
        }
    }
}

/// Number that stands for the outside of a trace that begins here: no span has it, and the job is the first.
pub(super) fn outside(trace: TraceNo) -> SpanNo {
    number(trace, "", "")
}

/// Number of the span of a job.
pub(super) fn job_span(trace: TraceNo, job: &str) -> SpanNo {
    number(trace, job, "")
}

/// Number of the span of a mapped task, around its items.
pub(super) fn mapped_span(trace: TraceNo, job: &str, task: &str) -> SpanNo {
    number(trace, job, task)
}

/// Number of the span of an attempt.
pub(super) fn attempt_span(trace: TraceNo, job: &str, task: TracedTask<'_>, attempt: u32) -> SpanNo {
    number(trace, job, &format!("{task}#{attempt}"))
}

/// Number made from a name. Names of jobs and tasks hold no zero byte, so that no two names run together.
fn number(trace: TraceNo, job: &str, part: &str) -> SpanNo {
    let mut hash = Sha256::new();
    hash.update(trace.get().to_be_bytes());
    hash.update(job);
    hash.update([0]);
    hash.update(part);
    let digest: [u8; 32] = hash.finalize().into();
    let first = digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    SpanNo::new(first).unwrap_or(SpanNo::MIN)
}
