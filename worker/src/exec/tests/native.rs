use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::*;
use crate::exec::Handler;

#[derive(Deserialize)]
struct Resize {
    width: u32,
}

#[derive(Serialize)]
struct Resized {
    area: u32,
}

async fn run(handler: Handler, input: &str) -> String {
    shown(&attempt(handler, context(), input.as_bytes().to_vec(), FOR_EVER).await)
}

#[tokio::test]
async fn input_and_output_are_typed() {
    let handler = || Handler::typed(|_, input: Resize| async move { Ok(Resized { area: input.width * 2 }) });
    assert_eq!(run(handler(), r#"{"width": 4}"#).await, r#"ok {"area":8}"#);
    assert_eq!(
        run(handler(), r#"{"width": -1}"#).await,
        "bad_input: reading the input: invalid value: integer `-1`, expected u32 at line 1 column 12, for good"
    );
}

#[tokio::test]
async fn a_standard_error_becomes_a_failure() {
    let handler = Handler::typed(|_, text: String| async move { Ok(text.parse::<u8>()?) });
    assert_eq!(run(handler, r#""x""#).await, "error: invalid digit found in string");
}

#[tokio::test]
async fn a_panic_becomes_a_failure() {
    let handler = Handler::typed(|_, number: u32| async move { Ok(1 / (number - number % 2)) });
    assert_eq!(run(handler, "1").await, "panicked: attempt to divide by zero");
    let early = Handler::bytes(|_, input| {
        assert!(input.is_empty(), "before the first await: {}", input.len());
        async { Ok(Vec::new()) }
    });
    assert_eq!(run(early, "1").await, "panicked: before the first await: 1");
}

#[tokio::test]
async fn an_output_over_the_limit_fails_for_good() {
    let handler = Handler::bytes(|_, _| async { Ok(vec![b' '; 1024 * 1024 + 1]) });
    let ending = run(handler, "1").await;
    assert!(ending.starts_with("too_large: the output is larger than 1048576 bytes") && ending.ends_with("for good"));
}

#[tokio::test]
async fn a_context_tells_the_ids() {
    let handler = Handler::typed(|ctx: Context, (): ()| async move {
        Ok((ctx.job().to_owned(), ctx.task().to_owned(), ctx.index(), ctx.attempt(), ctx.max_attempts()))
    });
    assert_eq!(run(handler, "null").await, r#"ok ["j","count.3",3,2,5]"#);
}

#[tokio::test]
async fn time_that_is_up_is_a_failure_and_tells_the_handler() {
    let handler = Handler::typed(|ctx: Context, (): ()| async move {
        ctx.cancelled().cancelled().await;
        Err::<(), _>(Failure::new("half", "saved half of it").with_details("half"))
    });
    let ending = attempt(handler, context(), b"null".to_vec(), within(20)).await;
    assert_eq!(shown(&ending), "timed_out: the attempt took longer than its timeout of 20ms");
    assert_eq!(details(&ending), "half");
}

#[tokio::test]
async fn a_stopped_handler_that_ends_well_counts_and_one_that_gives_up_is_interrupted() {
    let stubborn = |well: bool| {
        let started = Arc::new(Notify::new());
        let signal = Arc::clone(&started);
        let handler = Handler::typed(move |ctx: Context, (): ()| {
            let signal = Arc::clone(&signal);
            async move {
                signal.notify_one();
                ctx.cancelled().cancelled().await;
                if well { Ok(7) } else { Err(Failure::new("stopped", "gave up")) }
            }
        });
        (handler, started)
    };
    for (well, expected) in [(true, "ok 7"), (false, "interrupted")] {
        let (handler, started) = stubborn(well);
        let context = context();
        let stop = context.cancelled();
        let running = tokio::spawn(attempt(handler, context, b"null".to_vec(), FOR_EVER));
        started.notified().await;
        stop.cancel();
        assert_eq!(shown(&running.await.unwrap()), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_ignores_its_end_is_dropped() {
    let handler = Handler::typed(|_, (): ()| std::future::pending::<Result<(), Failure>>());
    let begun = tokio::time::Instant::now();
    let ending = attempt(handler, context(), b"null".to_vec(), within(1000)).await;
    assert_eq!(shown(&ending), "timed_out: the attempt took longer than its timeout of 1s");
    assert_eq!(begun.elapsed().as_millis() / 100, 33, "timeout, grace and two seconds");
}

#[tokio::test]
async fn bytes_that_are_no_json_are_no_output() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let cases = [
        ("{\"a\": ", "bad_output: the handler's output is not JSON, for good"),
        ("", "bad_output: the handler's output is not JSON, for good"),
        (&deep, "bad_output: the output is JSON nested deeper than 128, for good"),
    ];
    for (bytes, expected) in cases {
        let echo = Handler::bytes(|_, input| async { Ok(input) });
        let ending = attempt(echo, context(), bytes.as_bytes().to_vec(), FOR_EVER).await;
        assert_eq!(shown(&ending), expected);
    }
}
