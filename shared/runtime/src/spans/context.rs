//! The W3C trace context: which trace, which span in it, and whether anybody wants to see it.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

/// Number of a trace.
pub type TraceNo = NonZeroU128;
/// Number of a span in its trace.
pub type SpanNo = NonZeroU64;

/// A span of a trace, written as `traceparent`: `00-<trace>-<span>-<flags>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceNo,
    /// The span.
    pub span: SpanNo,
    /// True if the trace is recorded.
    pub sampled: bool,
}

impl TraceContext {
    /// Context of another span of the same trace.
    #[must_use]
    pub const fn with_span(self, span: SpanNo) -> Self {
        Self { span, ..self }
    }
}

/// The text is no trace context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent: 00-<32 digits>-<16 digits>-<2 digits> in lower-case hexadecimal")]
pub struct NotATraceContext;

impl FromStr for TraceContext {
    type Err = NotATraceContext;

    fn from_str(text: &str) -> Result<Self, NotATraceContext> {
        let hexadecimal = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let mut parts = text.split('-');
        let mut part = |length: usize| parts.next().filter(|part| part.len() == length && hexadecimal(part));
        let fields = (part(2), part(32), part(16), part(2));
        let (Some(version), Some(trace), Some(span), Some(flags)) = fields else { return Err(NotATraceContext) };
        // A later version may have more parts; this one has four.
        let rest = parts.next();
        if version == "ff" || (version == "00" && rest.is_some()) {
            return Err(NotATraceContext);
        }
        let trace = u128::from_str_radix(trace, 16).ok().and_then(TraceNo::new).ok_or(NotATraceContext)?;
        let span = u64::from_str_radix(span, 16).ok().and_then(SpanNo::new).ok_or(NotATraceContext)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| NotATraceContext)?;
        Ok(Self { trace, span, sampled: flags & 1 == 1 })
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}
