use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Instant;

use super::export::Collector;
use super::*;

const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn settings(otlp: Option<String>) -> Telemetry {
    Telemetry { otlp, ..Telemetry::default() }
}

fn span() -> Span {
    let now = SystemTime::now();
    Span {
        context: TEXT.parse().unwrap(),
        parent: None,
        kind: SpanKind::Internal,
        name: "job nightly".to_owned(),
        start: now,
        end: now,
        attributes: vec![KeyValue::new("warrener.job.id", "j1")],
        moments: Vec::new(),
        links: Vec::new(),
        links_dropped: 0,
        error: None,
    }
}

#[test]
fn a_trace_context_is_read_as_the_standard_says() {
    let context: TraceContext = TEXT.parse().unwrap();
    assert_eq!(context.to_string(), TEXT);
    assert!(context.sampled);
    let unsampled = format!("{}00", &TEXT[..TEXT.len() - 2]);
    assert!(!unsampled.parse::<TraceContext>().unwrap().sampled);
    // A later version is read as far as this one goes.
    assert!(format!("cc{}-more", &TEXT[2..]).parse::<TraceContext>().is_ok());
    let zero_trace = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
    let zero_span = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", "0".repeat(16));
    let bad = ["", "00", &TEXT.to_uppercase(), &format!("{TEXT}-more"), &format!("ff{}", &TEXT[2..])];
    for text in bad.into_iter().chain([&*zero_trace, &*zero_span]) {
        assert!(text.parse::<TraceContext>().is_err(), "{text}");
    }
}

#[test]
fn a_collector_is_named_by_the_configuration_or_by_the_standard_variables() {
    let of = |otlp: Option<&str>, variables: &[(&str, &str)]| {
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Collector::of(&settings(otlp.map(str::to_owned)), &variable).map(|collector| collector.shown())
    };
    assert_eq!(of(None, &[]), None);
    assert_eq!(of(Some("http://c:4318"), &[]).unwrap(), "http://c:4318/v1/traces");
    assert_eq!(of(Some("http://c:4318/v1/traces"), &[]).unwrap(), "http://c:4318/v1/traces");
    let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://e:4318/");
    assert_eq!(of(None, &[base]).unwrap(), "http://e:4318/v1/traces");
    assert_eq!(of(Some("http://c:4318"), &[base]).unwrap(), "http://c:4318/v1/traces");
    assert_eq!(of(None, &[base, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/x")]).unwrap(), "http://t/x");
    assert_eq!(of(Some("http://c:4318"), &[("OTEL_SDK_DISABLED", "true")]), None);
    assert_eq!(of(Some("http://me:secret@c:4318"), &[]).unwrap(), "http://me:***@c:4318/v1/traces");
}

/// A collector that takes connections and never answers.
fn silent() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_up_nobody_and_what_finds_no_room_is_counted() {
    let listener = silent();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let spans = Spans::start(&settings(Some(address)), "test", "1").unwrap().unwrap();
    let begun = Instant::now();
    for _ in 0..3 * WAITING {
        spans.record(span());
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let dropped = usize::try_from(spans.dropped.load(Ordering::Relaxed)).unwrap();
    assert!((WAITING..=2 * WAITING).contains(&dropped), "{dropped} dropped");
    let begun = Instant::now();
    spans.flush(Duration::from_millis(200)).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_reaches_the_collector() {
    let listener = silent();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        let has_all = |heard: &[u8]| heard.windows(11).any(|window| window == b"job nightly");
        while !has_all(&heard) {
            let count = connection.read(&mut buffer).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&buffer[..count]);
        }
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(&heard).into_owned()
    });
    let spans = Spans::start(&settings(Some(address)), "test", "1").unwrap().unwrap();
    spans.record(span());
    spans.flush(Duration::from_secs(10)).await;
    let heard = heard.join().unwrap();
    assert!(heard.starts_with("POST /v1/traces HTTP/1.1"), "{heard}");
    assert!(heard.contains("application/x-protobuf"), "{heard}");
}
