use warrener_runtime::config::Telemetry;

use super::names::{job_span, mapped_span};
use super::*;

const SUBMIT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn traces(one_in: u32) -> Traces {
    let settings = Telemetry { otlp: Some("http://127.0.0.1:1".to_owned()), ..Telemetry::default() };
    Traces::new(Spans::start(&settings, "test", "1").unwrap().unwrap(), one_in)
}

fn task(attempt: i64, index: Option<i64>, traceparent: &str) -> Message {
    let mut message = Message::default();
    message.set_text("job", "j1");
    message.set_text("task", "resize");
    message.set_int("attempt", attempt);
    index.into_iter().for_each(|index| message.set_int("index", index));
    message.set_text("traceparent", traceparent);
    message
}

fn marked(attempt: i64, index: Option<i64>) -> TraceContext {
    let mut message = task(attempt, index, SUBMIT);
    Traces::mark(&mut message);
    message.header_text("traceparent").unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_job_joins_the_trace_of_its_submit_or_begins_one() {
    let traces = traces(1);
    assert_eq!(traces.of_submit(Some(SUBMIT.into())).as_deref(), Some(SUBMIT));
    let begun: TraceContext = traces.of_submit(None).unwrap().parse().unwrap();
    assert!(begun.sampled && begun.span == outside(begun.trace));
    let another: TraceContext = traces.of_submit(None).unwrap().parse().unwrap();
    assert_ne!(begun.trace, another.trace);
    let zeros = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
    assert_ne!(traces.of_submit(Some(zeros.as_str().into())).as_deref(), Some(&*zeros));
}

#[tokio::test]
async fn one_trace_in_so_many_is_recorded_and_that_of_a_submit_as_it_says() {
    let traces = traces(4);
    let is_sampled = |text: Option<Arc<str>>| text.unwrap().parse::<TraceContext>().unwrap().sampled;
    let recorded = (0..4_000).filter(|_| is_sampled(traces.of_submit(None))).count();
    assert!((800..1_200).contains(&recorded), "{recorded} of 4000");
    assert!((0..100).all(|_| is_sampled(traces.of_submit(Some(SUBMIT.into())))));
}

#[test]
fn each_attempt_is_a_span_of_its_own_in_the_trace_of_the_submit() {
    let submit: TraceContext = SUBMIT.parse().unwrap();
    let all = [marked(1, None), marked(2, None), marked(1, Some(0)), marked(1, Some(1))];
    assert!(all.iter().all(|one| one.trace == submit.trace && one.sampled));
    let mut spans: Vec<_> = all.iter().map(|one| one.span).collect();
    spans.extend([submit.span, outside(submit.trace), job_span(submit.trace, "j1")]);
    spans.push(mapped_span(submit.trace, "j1", "resize"));
    let count = spans.len();
    spans.sort_unstable();
    spans.dedup();
    assert_eq!(spans.len(), count, "two spans have the same number");
    // Whoever reads the rows later finds the same number.
    assert_eq!(marked(1, Some(1)), all[3]);
}

#[test]
fn a_message_without_a_trace_stays_as_it_is() {
    let mut message = task(1, None, "nonsense");
    Traces::mark(&mut message);
    assert_eq!(message.header_text("traceparent"), Some("nonsense"));
}
