use std::time::Duration;

use super::*;

#[derive(Debug, thiserror::Error)]
#[error("resizing the picture")]
struct Outer(#[source] std::num::ParseIntError);

#[test]
fn an_error_brings_its_sources_along() {
    let failure = Failure::from(Outer("x".parse::<u8>().unwrap_err()));
    assert_eq!((failure.code(), failure.message()), ("error", "resizing the picture: invalid digit found in string"));
    assert_eq!(failure.retry(), RetryAdvice::Policy);
}

#[test]
fn a_code_that_is_none_moves_into_the_message() {
    let failure = Failure::new("Card refused", "no money");
    assert_eq!((failure.code(), failure.message()), ("error", "Card refused: no money"));
}

#[test]
fn the_last_word_on_retrying_counts() {
    let failure = Failure::new("busy", "later").for_good().retry_after(Duration::from_secs(2));
    assert_eq!(failure.retry(), RetryAdvice::After(Millis(2000)));
    let failure = failure.retry_after(Duration::MAX);
    assert_eq!(failure.retry(), RetryAdvice::After(Millis(31_536_000_000)));
}

#[test]
fn details_are_kept_as_json() {
    let failure = Failure::new("busy", "later").with_details(serde_json::json!({"queue": 3}));
    assert_eq!(failure.details().map(RawValue::get), Some(r#"{"queue":3}"#));
}
