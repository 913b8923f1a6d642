//! Traces: a job over three processes as a collector of OpenTelemetry sees it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::{Value, json};
use warrener_tests::broker::Broker;
use warrener_tests::client::{AMQPValue, BasicProperties, FieldTable};
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::{SOON, until};

/// Trace of whoever submits, and the span in it that does.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SUBMITTER: &str = "00f067aa0ba902b7";
/// Word that stands in every payload, password and message of an error.
const CANARY: &str = "canary5f1";

/// A span, with the name of the service that made it.
#[derive(Clone)]
struct CollectedSpan {
    service: String,
    span: Span,
}

impl CollectedSpan {
    fn id(&self) -> String {
        hex(&self.span.span_id)
    }

    fn attribute(&self, key: &str) -> String {
        let found = self.span.attributes.iter().find(|attribute| attribute.key == key);
        match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
            Some(Any::StringValue(text)) => text.clone(),
            Some(Any::IntValue(number)) => number.to_string(),
            other => panic!("{key} of {} is {other:?}", self.span.name),
        }
    }

    /// Code of the error with which it ended, if it did.
    fn error(&self) -> Option<String> {
        let failed = self.span.status.as_ref().is_some_and(|status| status.code == 2);
        failed.then(|| self.attribute("error.type"))
    }

    /// Name with the item and the number of the attempt.
    fn title(&self) -> String {
        let has = |key: &str| self.span.attributes.iter().any(|attribute| attribute.key == key);
        match has("warrener.attempt") {
            true => {
                format!("{} {}#{}", self.span.name, self.attribute("warrener.task"), self.attribute("warrener.attempt"))
            }
            false => self.span.name.clone(),
        }
    }
}

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<CollectedSpan>>>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    /// Starts one, and gives its address.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (collector, address.to_string())
    }

    fn seen(&self) -> Vec<CollectedSpan> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(State(collector): State<Collector>, body: axum::body::Bytes) {
    collector.bytes.lock().unwrap().extend_from_slice(&body);
    let request = ExportTraceServiceRequest::decode(body).expect("a message as OTLP describes it");
    for of_resource in request.resource_spans {
        assert_eq!(of_resource.schema_url, "https://opentelemetry.io/schemas/1.45.0");
        let resource = of_resource.resource.unwrap();
        let service = resource.attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
        let Some(Any::StringValue(service)) = service.value.clone().unwrap().value else { panic!("{service:?}") };
        for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            collector.spans.lock().unwrap().push(CollectedSpan { service: service.clone(), span });
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Spans below one, as a tree of text: names in the order of their begin, with links in brackets.
fn tree(seen: &[CollectedSpan], below: &str, depth: usize, out: &mut String) {
    let titles: BTreeMap<_, _> = seen.iter().map(|one| (one.id(), one.title())).collect();
    let mut children: Vec<_> = seen.iter().filter(|one| hex(&one.span.parent_span_id) == below).collect();
    children.sort_by_key(|one| (one.title(), one.span.start_time_unix_nano));
    for one in children {
        write!(out, "{}{} ({})", "  ".repeat(depth), one.title(), one.service).unwrap();
        if let Some(error) = one.error() {
            write!(out, " !{error}").unwrap();
        }
        let mut links: Vec<_> = one.span.links.iter().map(|link| titles[&hex(&link.span_id)].as_str()).collect();
        links.sort_unstable();
        if !links.is_empty() {
            write!(out, " <- {}", links.join(", ")).unwrap();
        }
        out.push('\n');
        tree(seen, &one.id(), depth + 1, out);
    }
}

fn configuration(address: &str) -> String {
    // A collector behind a password: neither may show.
    format!("[telemetry]\notlp = \"http://me:{CANARY}@{address}\"\n")
}

async fn cluster(collector: &str) -> Cluster {
    let mut cluster = Cluster::configured(Broker::shared().await, &configuration(collector)).await;
    let plan = Plan { more: configuration(collector), ..Plan::default().slots(2) };
    let plan = plan.command("trace", &["/bin/sh", "-c", "printf '\"%s\"' \"$TRACEPARENT\""]);
    cluster.start_worker("w1", &plan);
    cluster.start_worker("w2", &plan.queues(&["other"]));
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fan_out_over_three_processes_is_one_trace() {
    let (collector, address) = Collector::start().await;
    let cluster = cluster(&address).await;
    let client = cluster.client().await;
    let job = json!({
        "name": "report",
        "input": {"password": CANARY},
        "tasks": {
            "fetch": {"kind": "demo.echo", "input": [CANARY, "b"]},
            "flaky": {"kind": "demo.fail", "queue": "other", "retry": {"max_attempts": 2, "delay": "10ms"},
                "input": {"until_attempt": 2, "code": "too_bad", "message": CANARY}},
            "resize": {"kind": "demo.echo", "queue": "other", "for_each": "${{ tasks.fetch.output }}",
                "input": "${{ item }}"},
            "publish": {"kind": "trace", "needs": ["resize", "flaky"]},
            "inner": {"kind": "warrener.job", "needs": "publish", "input": {"job": {"kind": "demo.echo", "input": CANARY}}}
        }
    });
    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), AMQPValue::LongString(format!("00-{TRACE}-{SUBMITTER}-01").into()));
    let (asking, mark) = client.asking();
    client.send(asking.with_headers(headers), job.to_string().as_bytes()).await;
    let answer = client.finished(&mark).await.json();
    assert_eq!(answer["state"], "succeeded", "{answer}");
    let id = answer["job_id"].as_str().unwrap();

    // Two jobs, fetch, flaky twice, resize with two items, publish, inner and its task, and a span of each handler.
    let seen = until("all spans came", SOON, async || Some(collector.seen()).filter(|seen| seen.len() >= 18)).await;
    let mut text = String::new();
    tree(&seen, SUBMITTER, 0, &mut text);
    println!("{text}");
    assert_eq!(text, EXPECTED, "\n{text}");
    assert_eq!(seen.len(), 18, "no span came twice");
    assert!(seen.iter().all(|one| hex(&one.span.trace_id) == TRACE));

    // The program was told the span of its handler, and that is what an instrumented one would hang its own below.
    let told = cluster.get(&format!("/api/v1/tasks/{id}/publish")).await.1["output"].as_str().unwrap().to_owned();
    let handler = seen.iter().find(|one| one.span.name == "process trace").unwrap();
    assert_eq!(told, format!("00-{TRACE}-{}-01", handler.id()));

    let attempt = seen.iter().find(|one| one.title() == "task publish publish#1").unwrap();
    assert_eq!(attempt.span.kind, SpanKind::Producer as i32);
    assert_eq!(attempt.attribute("messaging.system"), "rabbitmq");
    assert_eq!(attempt.attribute("messaging.operation.type"), "send");
    assert_eq!(attempt.attribute("messaging.destination.name"), format!("{}:default", cluster.names().tasks()));
    assert_eq!(attempt.attribute("messaging.message.id"), format!("{id}.publish.1"));
    assert!(attempt.span.start_time_unix_nano <= handler.span.start_time_unix_nano);
    assert_eq!(handler.span.kind, SpanKind::Consumer as i32);

    let bytes = collector.bytes.lock().unwrap().clone();
    let leaks = |bytes: &[u8]| bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
    assert!(!leaks(&bytes), "a payload, a password or a message of an error is in a span");
    let mut cluster = cluster;
    let logs = [cluster.orchestrator().log(), cluster.worker_log("w1"), cluster.worker_log("w2")];
    assert!(logs.iter().all(|log| !leaks(log.as_bytes())), "a password is in a log");
}

/// The trace, below the span of whoever submitted.
const EXPECTED: &str = "\
job report (warrener-orchestrator)
  task fetch fetch#1 (warrener-orchestrator)
    process demo.echo fetch#1 (warrener-worker)
  task flaky flaky#1 (warrener-orchestrator) !too_bad
    process demo.fail flaky#1 (warrener-worker) !too_bad
  task flaky flaky#2 (warrener-orchestrator)
    process demo.fail flaky#2 (warrener-worker)
  task inner inner#1 (warrener-orchestrator) <- task publish publish#1
    job demo.echo (warrener-orchestrator)
      task task task#1 (warrener-orchestrator)
        process demo.echo task#1 (warrener-worker)
  task publish publish#1 (warrener-orchestrator) <- task flaky flaky#2, task resize
    process trace publish#1 (warrener-worker)
  task resize (warrener-orchestrator) <- task fetch fetch#1
    task resize resize.0#1 (warrener-orchestrator) <- task fetch fetch#1
      process demo.echo resize.0#1 (warrener-worker)
    task resize resize.1#1 (warrener-orchestrator) <- task fetch fetch#1
      process demo.echo resize.1#1 (warrener-worker)
";

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_a_job_nothing_and_is_told_of_once() {
    let nobody = "127.0.0.1:1";
    let mut cluster = cluster(nobody).await;
    let client = cluster.client().await;
    for _ in 0..20 {
        assert_eq!(client.run(&json!({"kind": "demo.echo", "input": 1})).await["output"], Value::from(1));
    }
    let complaint = "the collector takes no spans";
    until("the log says it", SOON, async || cluster.orchestrator().log().contains(complaint).then_some(())).await;
    assert_eq!(client.run(&json!({"kind": "demo.echo", "input": 2})).await["output"], Value::from(2));
    assert_eq!(cluster.orchestrator().log().matches(complaint).count(), 1);
    let dropped = until("they are counted", SOON, async || {
        let metrics = cluster.text("/metrics").await;
        metrics.lines().find_map(|line| line.strip_prefix("warrener_spans_dropped_total ")?.parse::<u64>().ok())
    })
    .await;
    assert!(dropped > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_the_context_of_the_submit_is_handed_on_as_it_came() {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    cluster
        .start_worker("w1", &Plan::default().command("trace", &["/bin/sh", "-c", "printf '\"%s\"' \"$TRACEPARENT\""]));
    let client = cluster.client().await;
    let submitted = format!("00-{TRACE}-{SUBMITTER}-01");
    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), AMQPValue::LongString(submitted.clone().into()));
    let (asking, mark) = client.asking();
    let properties: BasicProperties = asking.with_headers(headers);
    client.send(properties, br#"{"kind": "trace"}"#).await;
    assert_eq!(client.finished(&mark).await.json()["output"], submitted);
    assert_eq!(client.run(&json!({"kind": "trace"})).await["output"], "");
}
