//! Sending spans in batches, by OTLP over HTTP with binary protobuf.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::{Span, SpanNo, TraceContext, Waiting};
use crate::address::masked;
use crate::config::Telemetry;

/// Version of OpenTelemetry's semantic conventions that names and attributes follow.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.45.0";
/// Path of the collector's receiver of traces.
const PATH: &str = "/v1/traces";
/// Most spans in one request.
const BATCH: usize = 512;
/// Time for which spans gather. Fewer requests serve them all.
const GATHER: Duration = Duration::from_millis(500);
/// Longest time for one batch, with all tries.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two lines in the log about a collector that takes nothing.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Reasons why spans can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum SpansError {
    /// The address or a variable of the environment can't be used.
    #[error("telemetry.otlp = {0}: {1}")]
    Exporter(String, ExporterBuildError),
    /// The HTTP client can't be set up.
    #[error("setting up the HTTP client for telemetry.otlp: {0}")]
    Client(#[from] reqwest::Error),
}

/// Address of a collector, with the path of its receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Collector(String);

impl Collector {
    /// The configured one, or that of the standard variables; `None` if there is none, or tracing is switched off.
    pub(super) fn of(settings: &Telemetry, variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        if given("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return None;
        }
        let base = |address: &str| Self(format!("{}{PATH}", address.trim_end_matches('/')));
        if let Some(address) = &settings.otlp {
            let is_whole = address.trim_end_matches('/').ends_with(PATH);
            return Some(if is_whole { Self(address.clone()) } else { base(address) });
        }
        let whole = given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").map(Self);
        whole.or_else(|| given("OTEL_EXPORTER_OTLP_ENDPOINT").map(|address| base(&address)))
    }

    /// The address without credentials.
    pub(super) fn shown(&self) -> String {
        masked(&self.0)
    }

    /// Exporter to this collector.
    pub(super) fn exporter(
        &self,
        settings: &Telemetry,
        service: &str,
        instance: &str,
    ) -> Result<SpanExporter, SpansError> {
        if rustls::crypto::CryptoProvider::get_default().is_none()
            && rustls::crypto::ring::default_provider().install_default().is_err()
        {
            tracing::debug!("somebody else has just installed a TLS provider");
        }
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .user_agent(concat!("warrener/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(&self.0)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| SpansError::Exporter(self.shown(), error))?;
        let named = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
        let name = settings.service_name.clone().or(named).unwrap_or_else(|| service.to_owned());
        let attributes = [
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.to_owned()),
        ];
        let resource = Resource::builder().with_service_name(name).with_schema_url(attributes, SCHEMA).build();
        exporter.set_resource(&resource);
        Ok(exporter)
    }
}

/// Sends what is recorded until nobody can record any more.
pub(super) async fn run(
    exporter: SpanExporter,
    mut inbox: mpsc::Receiver<Waiting>,
    dropped: Arc<AtomicU64>,
    collector: String,
) {
    let mut complaint = Complaint { collector, dropped, told: None };
    let mut taken = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut taken, BATCH).await > 0 {
        let hurried = taken.iter().any(|one| matches!(one, Waiting::Flush(_)));
        if taken.len() < BATCH && !hurried {
            sleep(GATHER).await;
            while taken.len() < BATCH
                && let Ok(next) = inbox.try_recv()
            {
                taken.push(next);
            }
        }
        let (mut batch, mut waiting) = (Vec::with_capacity(taken.len()), Vec::new());
        for one in taken.drain(..) {
            match one {
                Waiting::Span(span) => batch.push(data(*span)),
                Waiting::Flush(tell) => waiting.push(tell),
            }
        }
        if !batch.is_empty() {
            let count = batch.len() as u64;
            let sent = tokio::time::timeout(PATIENCE * 2, exporter.export(batch)).await;
            match sent {
                Ok(Ok(())) => complaint.sent(count),
                Ok(Err(error)) => complaint.failed(count, &error.to_string()),
                Err(_) => complaint.failed(count, "no answer in time"),
            }
        }
        for tell in waiting {
            // Nobody waits any more if it took too long.
            tell.send(()).ok();
        }
    }
}

/// Account of what was lost, told once a minute at most.
struct Complaint {
    collector: String,
    /// Number of spans that were lost since it was told last.
    dropped: Arc<AtomicU64>,
    /// Time of the latest line in the log; `None` while all is well.
    told: Option<Instant>,
}

impl Complaint {
    fn sent(&mut self, count: u64) {
        metrics::counter!("warrener_spans_sent_total").increment(count);
        if self.told.take().is_some() {
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            tracing::info!(collector = self.collector, dropped, "the collector takes spans again");
        }
    }

    fn failed(&mut self, count: u64, why: &str) {
        metrics::counter!("warrener_spans_dropped_total").increment(count);
        self.dropped.fetch_add(count, Ordering::Relaxed);
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            // An error of the client may quote the address, where a user may have put a password.
            let why = if why.contains("://") { "it cannot be reached" } else { why };
            tracing::warn!(collector = self.collector, dropped, why, "the collector takes no spans; they are dropped");
            self.told = Some(Instant::now());
        }
    }
}

/// The span as the exporter wants it.
fn data(span: Span) -> SpanData {
    let mut events = SpanEvents::default();
    events.events.extend(span.moments.into_iter().map(|(name, at)| Event::new(name, at, Vec::new(), 0)));
    let mut links = SpanLinks::default();
    links.links.extend(span.links.into_iter().map(|link| Link::with_context(context(link))));
    links.dropped_count = span.links_dropped;
    let mut attributes = span.attributes;
    let status = match span.error {
        None => Status::Unset,
        Some(code) => {
            attributes.push(KeyValue::new("error.type", code));
            Status::error("")
        }
    };
    SpanData {
        span_context: context(span.context),
        parent_span_id: span.parent.map_or(SpanId::INVALID, span_id),
        parent_span_is_remote: span.parent.is_some(),
        span_kind: span.kind,
        name: span.name.into(),
        start_time: span.start,
        // A clock that was set back must not make a span end before it began.
        end_time: span.end.max(span.start),
        attributes,
        dropped_attributes_count: 0,
        events,
        links,
        status,
        instrumentation_scope: InstrumentationScope::builder("warrener")
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA)
            .build(),
    }
}

fn context(context: TraceContext) -> SpanContext {
    let flags = if context.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let trace = TraceId::from_bytes(context.trace.get().to_be_bytes());
    SpanContext::new(trace, span_id(context.span), flags, true, TraceState::default())
}

fn span_id(span: SpanNo) -> SpanId {
    SpanId::from_bytes(span.get().to_be_bytes())
}
