//! Traces of jobs: one for each, kept over retries and fan-out, from the submit to the handlers and back.
//!
//! Nothing of it is stored beside the `traceparent` of the submit, which a job without one is given as it comes in. The
//! numbers of spans are made from the names of what they are about, so that whoever sends a task and whoever later
//! reads its rows means the same span. The spans themselves are made from committed events, by `follow`, beside
//! everything else: a process that is killed loses those of its last moments, and never holds up a job.

mod follow;
mod names;
mod picture;

use std::sync::Arc;

use warrener_runtime::spans::{Spans, TraceContext, TraceNo};
use warrener_shared::wire::Message;

pub(crate) use self::follow::follow;
#[cfg(test)]
pub(crate) use self::follow::look;
use self::names::{TracedTask, attempt_span, outside};

/// Tracing of this process. Where it is switched off there is none.
#[derive(Debug)]
pub struct Traces {
    /// Way to the collector.
    spans: Spans,
    /// Number of traces of which one is recorded.
    one_in: u32,
}

impl Traces {
    /// Tracing with this way to the collector, which records one trace in `one_in`, of those that begin here.
    pub const fn new(spans: Spans, one_in: u32) -> Self {
        Self { spans, one_in }
    }

    /// Trace of a job that comes in: that of its submit, or a new one.
    pub(crate) fn of_submit(&self, traceparent: Option<Arc<str>>) -> Option<Arc<str>> {
        // A malformed one was left out where it came in, except for zeros, which no trace has.
        if traceparent.as_deref().is_some_and(|text| text.parse::<TraceContext>().is_ok()) {
            return traceparent;
        }
        let trace = TraceNo::new(uuid::Uuid::new_v4().as_u128())?;
        let sampled = self.is_sampled(trace);
        let begun = TraceContext { trace, span: outside(trace), sampled };
        Some(begun.to_string().into())
    }

    /// Tells whether a trace is recorded, the same for the same trace in every process.
    fn is_sampled(&self, trace: TraceNo) -> bool {
        // The lower half of a number made by UUID is random but for its first two bits.
        let random = u64::try_from(trace.get() & u128::from(u64::MAX >> 2)).unwrap_or_default();
        random <= (u64::MAX >> 2) / u64::from(self.one_in.max(1))
    }

    /// Names the span of its attempt in a task message, where that of the submit was.
    pub(crate) fn mark(message: &mut Message) {
        let context = message.header_text("traceparent").and_then(|text| text.parse::<TraceContext>().ok());
        let named = message.header_text("job").zip(message.header_text("task"));
        let attempt = message.header_int("attempt").and_then(|number| u32::try_from(number).ok());
        let (Some(context), Some((job, task)), Some(attempt)) = (context, named, attempt) else { return };
        let index = message.header_int("index").and_then(|index| u32::try_from(index).ok());
        let span = attempt_span(context.trace, job, TracedTask { task, index }, attempt);
        message.set_text("traceparent", context.with_span(span).to_string());
    }
}

#[cfg(test)]
mod tests;
