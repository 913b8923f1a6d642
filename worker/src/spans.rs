//! The span of an attempt: how long its handler took, below the span that the orchestrator makes of the attempt.

use std::time::SystemTime;

use warrener_runtime::spans::{KeyValue, Span, SpanKind, SpanNo, Spans, TraceContext};
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::Report;

use crate::session::Ending;

/// Tracing of one worker: the way to the collector, and what all its spans say.
#[derive(Clone, Debug)]
pub(crate) struct HandlerSpans {
    spans: Spans,
    /// Id of the worker.
    worker: String,
    /// Exchange that tasks come through.
    exchange: String,
}

/// Span of an attempt that runs.
#[derive(Debug)]
pub(crate) struct HandlerSpan {
    of: HandlerSpans,
    span: Span,
}

impl HandlerSpans {
    /// Tracing of the worker with this id, whose tasks come through this exchange.
    pub(crate) const fn new(spans: Spans, worker: String, exchange: String) -> Self {
        Self { spans, worker, exchange }
    }

    /// Begins the span of an attempt, and has the handler and whatever it calls see it as the one around them. `None`
    /// if the trace is not recorded.
    pub(crate) fn begin(&self, assignment: &mut Assignment) -> Option<HandlerSpan> {
        let around = assignment.traceparent.as_deref()?.parse::<TraceContext>().ok().filter(|it| it.sampled)?;
        let (_, random) = uuid::Uuid::new_v4().as_u64_pair();
        let context = around.with_span(SpanNo::new(random)?);
        assignment.traceparent = Some(context.to_string());
        let message = format!("{}.{}.{}", assignment.job, assignment.task, assignment.attempt);
        let attributes = vec![
            KeyValue::new("messaging.system", "rabbitmq"),
            KeyValue::new("messaging.operation.name", "process"),
            KeyValue::new("messaging.operation.type", "process"),
            KeyValue::new("messaging.destination.name", self.exchange.clone()),
            KeyValue::new("messaging.message.id", message),
            KeyValue::new("messaging.message.conversation_id", assignment.job.clone()),
            KeyValue::new("warrener.job.id", assignment.job.clone()),
            KeyValue::new("warrener.task", assignment.task.clone()),
            KeyValue::new("warrener.attempt", i64::from(assignment.attempt)),
            KeyValue::new("warrener.kind", assignment.kind.clone()),
            KeyValue::new("warrener.worker", self.worker.clone()),
        ];
        let now = SystemTime::now();
        let span = Span {
            context,
            parent: Some(around.span),
            kind: SpanKind::Consumer,
            name: format!("process {}", assignment.kind),
            start: now,
            end: now,
            attributes,
            moments: Vec::new(),
            links: Vec::new(),
            links_dropped: 0,
            error: None,
        };
        Some(HandlerSpan { of: self.clone(), span })
    }
}

impl HandlerSpan {
    /// Ends the span with its attempt.
    pub(crate) fn end(mut self, ending: &Ending) {
        self.span.end = SystemTime::now();
        self.span.error = match ending {
            // A message may quote the input; a code may not.
            Ending::Reported(Report::Failed { error, .. }) => Some(error.code.to_string()),
            Ending::Reported(_) => None,
            Ending::Interrupted => Some("interrupted".to_owned()),
            Ending::NoRoom { .. } => Some("no_room".to_owned()),
        };
        self.of.spans.record(self.span);
    }
}
