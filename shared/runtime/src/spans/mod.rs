//! Spans of distributed traces: what took how long, sent to a collector by OTLP.
//!
//! Nothing waits for the collector. Spans queue up to a bound; one that is away, refuses or hangs costs the spans that
//! find no room, which are counted.

mod context;
mod export;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

pub use opentelemetry::trace::SpanKind;
pub use opentelemetry::{KeyValue, Value};
use tokio::sync::{mpsc, oneshot};

pub use self::context::{SpanNo, TraceContext, TraceNo};
pub use self::export::SpansError;
use crate::config::Telemetry;

/// Most spans that wait to be sent.
const WAITING: usize = 16 * 1024;

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct Span {
    /// Identity of the span in its trace.
    pub context: TraceContext,
    /// The span around it; `None` for the first of its trace.
    pub parent: Option<SpanNo>,
    /// Part that its process played.
    pub kind: SpanKind,
    /// Name, the same for all of its sort.
    pub name: String,
    /// Begin of the span.
    pub start: SystemTime,
    /// End of the span.
    pub end: SystemTime,
    /// Facts about it by key. Never payloads, messages of errors, or secrets.
    pub attributes: Vec<KeyValue>,
    /// Moments in it, by name.
    pub moments: Vec<(&'static str, SystemTime)>,
    /// Spans that it followed from.
    pub links: Vec<TraceContext>,
    /// Number of spans that it followed from and that are not listed.
    pub links_dropped: u32,
    /// Code of the error with which it ended; `None` if it ended well.
    pub error: Option<String>,
}

/// Thing in the queue.
#[derive(Debug)]
enum Waiting {
    /// A span to be sent.
    Span(Box<Span>),
    /// Somebody who wants to know when all before it was tried.
    Flush(oneshot::Sender<()>),
}

/// Way of spans to the collector. Copies share it.
#[derive(Clone, Debug)]
pub struct Spans {
    queue: mpsc::Sender<Waiting>,
    /// Number of spans that found no room since it was told last.
    dropped: Arc<AtomicU64>,
}

impl Spans {
    /// Starts sending, as configured; `None` if no collector is named. Must be called inside a runtime.
    ///
    /// `service` is the name of the program unless another is configured, `instance` the identity of this process.
    ///
    /// # Errors
    /// [`SpansError`] if the address of the collector can't be used.
    pub fn start(settings: &Telemetry, service: &str, instance: &str) -> Result<Option<Self>, SpansError> {
        let Some(collector) = export::Collector::of(settings, &|name| std::env::var(name).ok()) else {
            return Ok(None);
        };
        let exporter = collector.exporter(settings, service, instance)?;
        let (queue, inbox) = mpsc::channel(WAITING);
        let dropped = Arc::<AtomicU64>::default();
        tokio::spawn(export::run(exporter, inbox, dropped.clone(), collector.shown()));
        tracing::info!(collector = collector.shown(), "spans are sent to a collector");
        Ok(Some(Self { queue, dropped }))
    }

    /// Has a span sent, if there is room for it. Never waits.
    pub fn record(&self, span: Span) {
        if self.queue.try_send(Waiting::Span(Box::new(span))).is_err() {
            self.dropped(1);
        }
    }

    /// Counts spans that will not be sent.
    pub fn dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
        metrics::counter!("warrener_spans_dropped_total").increment(count);
    }

    /// Waits until all spans so far were tried, but no longer than this.
    pub async fn flush(&self, within: Duration) {
        let (tell, told) = oneshot::channel();
        let flushed = async {
            if self.queue.send(Waiting::Flush(tell)).await.is_ok() {
                told.await.ok();
            }
        };
        if tokio::time::timeout(within, flushed).await.is_err() {
            tracing::debug!("the last spans were not sent in time");
        }
    }
}

#[cfg(test)]
mod tests;
