use super::*;

const TICKET: &str = "7.1.0123456789abcdef0123456789abcdef";

/// Type, body, and what comes of it.
struct Row(&'static str, Option<&'static str>, &'static [u8], Expected);

enum Expected {
    Output(&'static str),
    Failed(&'static str, RetryAdvice),
    Released(Option<&'static str>, Option<u32>),
    Claimed(u64),
    Progress(Option<f64>, Option<f64>, Option<&'static str>),
    Dead(&'static str),
}

use Expected::{Claimed, Dead, Failed, Output, Released};
use RetryAdvice::{After, Never, Policy};

fn message(kind: Option<&str>, body: &[u8]) -> Message {
    Message {
        kind: kind.map(str::to_owned),
        correlation_id: Some(TICKET.to_owned()),
        body: body.to_vec(),
        ..Message::default()
    }
}

fn agrees(found: &Result<(&str, Report), Unreadable>, expected: &Expected) -> bool {
    match (found, expected) {
        (Ok((TICKET, Report::Succeeded { output })), Output(text)) => output == text.as_bytes(),
        (Ok((TICKET, Report::Failed { error, retry })), Failed(code, advice)) => error.code == *code && retry == advice,
        (Ok((TICKET, Report::Released { code, deliveries, .. })), Released(word, count)) => {
            code.as_deref() == *word && deliveries == count
        }
        (Ok((TICKET, Report::Claimed { lease })), Claimed(millis)) => lease.0 == *millis,
        (Ok((TICKET, Report::Progress(progress))), Expected::Progress(done, total, note)) => {
            progress.done == *done && progress.total == *total && progress.note.as_deref() == *note
        }
        (Err(unreadable), Dead(code)) => unreadable.code == *code,
        _ => false,
    }
}

#[test]
fn every_report_means_exactly_one_thing() {
    let mut failures = Vec::new();
    for Row(name, kind, body, expected) in ROWS {
        let message = message(*kind, body);
        let found = parse_report(&message, &Limits::DEFAULT);
        if !agrees(&found, expected) {
            failures.push(format!("{name}: {kind:?} {}: {found:?}", body.escape_ascii()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(ROWS.len() >= 50);
}

const OK: Option<&str> = Some(SUCCEEDED);
const BAD: Option<&str> = Some(FAILED);
const BACK: Option<&str> = Some(RELEASED);
const HOLD: Option<&str> = Some(CLAIMED);
const NEWS: Option<&str> = Some(PROGRESS);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Answers of RPC servers that never heard of us.
    Row("no type, nothing", None, b"", Output("null")),
    Row("no type, JSON", None, br#"{"a": 1}"#, Output(r#"{"a": 1}"#)),
    Row("no type, white space around JSON", None, b" 30\n", Output("30")),
    Row("no type, white space alone", None, b" \n", Output(r#"" \n""#)),
    Row("no type, text", None, b"hello \"you\"", Output(r#""hello \"you\"""#)),
    Row("no type, text like JSON", None, b"{not json", Output(r#""{not json""#)),
    Row("no type, NaN", None, b"NaN", Output(r#""NaN""#)),
    Row("no type, two values", None, b"1 2", Output(r#""1 2""#)),
    Row("no type, byte order mark", None, "\u{feff}1".as_bytes(), Output("1")),
    Row("no type, byte order mark before text", None, "\u{feff}text".as_bytes(), Output("\"text\"")),
    Row("no type, U+0000", None, b"\0", Output(r#""\u0000""#)),
    Row("no type, neither JSON nor text", None, b"\xff\xfe", Failed("bad_output", Never)),
    Row("no type, JSON with broken text", None, b"\"\xff\"", Failed("bad_output", Never)),
    Row("no type, big number", None, b"123456789012345678901234567890", Output("123456789012345678901234567890")),
    Row("no type, repeated key", None, br#"{"a":1,"a":2}"#, Output(r#"{"a":1,"a":2}"#)),
    Row("other type", Some("fib.result"), b"832040", Output("832040")),
    Row("empty type", Some(""), b"1", Output("1")),
    Row("type in capitals", Some("TASK.FAILED"), b"1", Output("1")),
    Row("AMQP 1.0 value", Some("amqp-1.0"), b"\x00\x53\x77\xa1\x01a", Failed("bad_output", Never)),
    // task.succeeded
    Row("succeeded", OK, b"[1]", Output("[1]")),
    Row("succeeded with null", OK, b"null", Output("null")),
    Row("succeeded, byte order mark", OK, "\u{feff}[1]".as_bytes(), Output("[1]")),
    Row("succeeded with nothing", OK, b"", Dead("invalid_json")),
    Row("succeeded with text", OK, b"hello", Dead("invalid_json")),
    Row("succeeded cut short", OK, br#"{"a":"#, Dead("invalid_json")),
    Row("succeeded with bytes", OK, b"\xff", Dead("invalid_json")),
    // task.failed
    Row("failed", BAD, br#"{"code":"smtp.refused","message":"no"}"#, Failed("smtp.refused", Policy)),
    Row("failed for good", BAD, br#"{"code":"x","message":"","retry":false}"#, Failed("x", Never)),
    Row("failed, retry true", BAD, br#"{"code":"x","message":"m","retry":true}"#, Failed("x", Policy)),
    Row("failed, retry null", BAD, br#"{"code":"x","message":"m","retry":null,"details":null}"#, Failed("x", Policy)),
    Row("failed, retry in text", BAD, br#"{"code":"x","message":"m","retry":"1m30s"}"#, Failed("x", After(Millis(90_000)))),
    Row("failed, retry in seconds", BAD, br#"{"code":"x","message":"m","retry":1.5}"#, Failed("x", After(Millis(1500)))),
    Row("failed, retry at once", BAD, br#"{"code":"x","message":"m","retry":0}"#, Failed("x", After(Millis(0)))),
    Row("failed, retry soon", BAD, br#"{"code":"x","message":"m","retry":"soon"}"#, Failed("bad_output", Never)),
    Row("failed, retry negative", BAD, br#"{"code":"x","message":"m","retry":-1}"#, Failed("bad_output", Never)),
    Row("failed, retry in two years", BAD, br#"{"code":"x","message":"m","retry":"730d"}"#, Failed("bad_output", Never)),
    Row("failed, retry a list", BAD, br#"{"code":"x","message":"m","retry":[]}"#, Failed("bad_output", Never)),
    Row("failed without code", BAD, br#"{"message":"m"}"#, Failed("bad_output", Never)),
    Row("failed without message", BAD, br#"{"code":"x"}"#, Failed("bad_output", Never)),
    Row("failed, code a number", BAD, br#"{"code":1,"message":"m"}"#, Failed("bad_output", Never)),
    Row("failed, code in capitals", BAD, br#"{"code":"ValueError","message":"m"}"#, Failed("bad_output", Never)),
    Row("failed, code empty", BAD, br#"{"code":"","message":"m"}"#, Failed("bad_output", Never)),
    Row("failed, message null", BAD, br#"{"code":"x","message":null}"#, Failed("bad_output", Never)),
    Row("failed with a list", BAD, b"[]", Failed("bad_output", Never)),
    Row("failed with text in quotes", BAD, br#""boom""#, Failed("bad_output", Never)),
    Row("failed with nothing", BAD, b"", Dead("invalid_json")),
    Row("failed with text", BAD, b"boom", Dead("invalid_json")),
    Row("failed, unknown field", BAD, br#"{"code":"x","message":"m","extra":1}"#, Failed("x", Policy)),
    Row("failed, code twice", BAD, br#"{"code":"x","message":"m","code":"y"}"#, Failed("y", Policy)),
    // task.released
    Row("released", BACK, b"", Released(None, None)),
    Row("released, empty object", BACK, b"{}", Released(None, None)),
    Row("released, unknown kind", BACK, br#"{"code":"unknown_kind"}"#, Released(Some("unknown_kind"), None)),
    Row("released, suspect", BACK, br#"{"code":"suspect","deliveries":2}"#, Released(Some("suspect"), Some(2))),
    Row("released, code null", BACK, br#"{"code":null}"#, Released(None, None)),
    Row("released, code a number", BACK, br#"{"code":1}"#, Failed("bad_output", Never)),
    Row("released, deliveries below zero", BACK, br#"{"deliveries":-1}"#, Failed("bad_output", Never)),
    Row("released, null", BACK, b"null", Failed("bad_output", Never)),
    Row("released, text", BACK, b"bye", Dead("invalid_json")),
    // task.claimed
    Row("claimed", HOLD, b"", Claimed(60_000)),
    Row("claimed for long", HOLD, br#"{"lease_ms":120000}"#, Claimed(120_000)),
    Row("claimed too short", HOLD, br#"{"lease_ms":1}"#, Claimed(10_000)),
    Row("claimed below zero", HOLD, br#"{"lease_ms":-5}"#, Claimed(10_000)),
    Row("claimed too long", HOLD, br#"{"lease_ms":99999999999999999999}"#, Claimed(3_600_000)),
    Row("claimed for ever", HOLD, br#"{"lease_ms":1e400}"#, Claimed(3_600_000)),
    Row("claimed in doubles", HOLD, br#"{"lease_ms":20000.0}"#, Claimed(20_000)),
    Row("claimed in text", HOLD, br#"{"lease_ms":"60s"}"#, Failed("bad_output", Never)),
    Row("claimed with a list", HOLD, b"[]", Failed("bad_output", Never)),
    Row("claimed, broken", HOLD, b"{", Dead("invalid_json")),
    // task.progress
    Row("progress", NEWS, br#"{"done":3,"total":10,"note":"half"}"#, Expected::Progress(Some(3.0), Some(10.0), Some("half"))),
    Row("progress, nothing", NEWS, b"", Expected::Progress(None, None, None)),
    Row("progress, nulls", NEWS, br#"{"done":null,"total":null,"note":null}"#, Expected::Progress(None, None, None)),
    Row("progress, endless", NEWS, br#"{"done":1,"total":1e400}"#, Expected::Progress(Some(1.0), None, None)),
    Row("progress, done a text", NEWS, br#"{"done":"3","total":4}"#, Expected::Progress(None, Some(4.0), None)),
    Row("progress, done below zero", NEWS, br#"{"done":-1,"note":"n"}"#, Expected::Progress(None, None, Some("n"))),
    Row("progress, the most", NEWS, br#"{"done":9223372036854775807}"#, Expected::Progress(Some(9_223_372_036_854_775_807.0), None, None)),
    Row("progress, more than the most", NEWS, br#"{"done":9223372036854775808}"#, Expected::Progress(None, None, None)),
    Row("progress, a fraction", NEWS, br#"{"done":0.5,"total":1}"#, Expected::Progress(Some(0.5), Some(1.0), None)),
    Row("progress, note a number", NEWS, br#"{"note":3,"done":1}"#, Expected::Progress(Some(1.0), None, None)),
    Row("progress, a list", NEWS, b"[1,2]", Expected::Progress(None, None, None)),
    Row("progress, a number", NEWS, b"50", Expected::Progress(None, None, None)),
    Row("progress, broken", NEWS, b"50%", Dead("invalid_json")),
    // Other words of ours.
    Row("unknown word", Some("task.finished"), b"1", Dead("unknown_type")),
    Row("no word", Some("task."), b"1", Dead("unknown_type")),
];

#[test]
fn the_type_may_come_as_a_header() {
    let with = |kind: Option<&str>, header: &str| {
        let mut message = message(kind, b"{}");
        message.set_text("type", header);
        parse_report(&message, &Limits::DEFAULT).map(|(_, report)| report)
    };
    let released = Ok(Report::Released { code: None, deliveries: None, pause: None });
    assert_eq!(with(None, RELEASED), released);
    assert_eq!(with(Some("fib.result"), RELEASED), released);
    assert_eq!(with(Some(RELEASED), "fib.result"), released);
    assert_eq!(with(Some("task.unknown"), RELEASED), released);
    assert_eq!(with(None, "task.unknown").unwrap_err().code, "unknown_type");
}

#[test]
fn without_a_ticket_it_is_a_dead_letter() {
    for ticket in [None, Some(String::new())] {
        let message = Message { correlation_id: ticket, ..message(OK, b"1") };
        assert_eq!(parse_report(&message, &Limits::DEFAULT).unwrap_err().code, "no_correlation_id");
    }
    let forged = Message { correlation_id: Some("guess".to_owned()), ..message(OK, b"1") };
    assert_eq!(parse_report(&forged, &Limits::DEFAULT).unwrap().0, "guess");
}

#[test]
fn answers_beyond_a_limit_fail_for_good() {
    let tight = Limits { output_bytes: 10, json_depth: 3, ..Limits::DEFAULT };
    let code = |kind: Option<&str>, body: &[u8]| match parse_report(&message(kind, body), &tight) {
        Ok((_, Report::Failed { error, retry: Never })) => error.code.into_owned(),
        Ok((_, Report::Succeeded { output })) => String::from_utf8(output).unwrap(),
        other => format!("{other:?}"),
    };
    for kind in [None, OK] {
        assert_eq!(code(kind, b"1234567890"), "1234567890");
        assert_eq!(code(kind, b"12345678901"), "too_large");
        assert_eq!(code(kind, b"[[[1]]]"), "[[[1]]]");
        assert_eq!(code(kind, b"[[[[1]]]]"), "bad_output");
    }
    assert_eq!(code(None, b"[[[[text"), r#""[[[[text""#);
    assert_eq!(code(None, b"123456789a"), "too_large", "quotes count");
    assert_eq!(code(BAD, br#"{"code":"x","message":"long"}"#), "too_large");
    assert!(code(OK, b"[[[[1").contains("invalid_json"));
}

#[test]
fn other_encodings_are_not_read() {
    let with = |kind: Option<&str>, encoding: &str| {
        let message = Message { content_encoding: Some(encoding.to_owned()), ..message(kind, b"1") };
        parse_report(&message, &Limits::DEFAULT).map(|(_, report)| report)
    };
    assert_eq!(with(None, "UTF-8"), Ok(Report::Succeeded { output: b"1".to_vec() }));
    assert!(matches!(with(None, "gzip"), Ok(Report::Failed { error, retry: Never }) if error.code == "bad_output"));
    assert_eq!(with(OK, "gzip").unwrap_err().code, "invalid_json");
}

#[test]
fn details_stay_as_they_came_and_notes_are_cut() {
    let body = br#"{"code":"x","message":"m","details":{ "n": 123456789012345678901234567890 }}"#;
    let message = message(BAD, body);
    let Ok((_, Report::Failed { error, .. })) = parse_report(&message, &Limits::DEFAULT) else { panic!("a failure") };
    assert_eq!(error.details.unwrap().get(), r#"{ "n": 123456789012345678901234567890 }"#);
    let long = format!(r#"{{"note":"{}"}}"#, "é".repeat(2000));
    let message = self::message(NEWS, long.as_bytes());
    let Ok((_, Report::Progress(progress))) = parse_report(&message, &Limits::DEFAULT) else { panic!("progress") };
    assert_eq!(progress.note.unwrap().chars().count(), NOTE_CHARS);
}

#[test]
fn hostile_depth_does_not_overflow_a_small_stack() {
    let deep = "[".repeat(500_000) + &"]".repeat(500_000);
    let details = format!(r#"{{"code":"x","message":"m","details":{deep}}}"#);
    let limits = Limits { output_bytes: 2_000_000, ..Limits::DEFAULT };
    let run = move || {
        let code = |kind, body: &str| match parse_report(&message(kind, body.as_bytes()), &limits) {
            Ok((_, Report::Failed { error, .. })) => error.code.into_owned(),
            other => format!("{other:?}"),
        };
        [code(None, &deep), code(OK, &deep), code(BAD, &details)]
    };
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(run).unwrap();
    assert_eq!(thread.join().unwrap(), ["bad_output", "bad_output", "bad_output"]);
}

#[test]
fn progress_never_fails_and_tells_what_it_leaves_out() {
    let unusable = |message: &Message| match parse_report(message, &Limits::DEFAULT) {
        Ok((_, Report::Progress(progress))) => progress.unusable,
        other => panic!("{other:?}"),
    };
    assert_eq!(unusable(&message(NEWS, br#"{"done":1,"total":2,"note":"n","log":"l"}"#)), None);
    assert_eq!(unusable(&message(NEWS, b"")), None);
    let both = unusable(&message(NEWS, br#"{"done":"3","log":[1]}"#)).unwrap();
    assert!(both.starts_with(r#"done is "3", log is [1] (done and total are numbers"#), "{both}");
    let deep = "[".repeat(200) + &"]".repeat(200);
    let endless = format!(r#"{{"note":"{}"}}"#, "x".repeat(2_000_000));
    for body in [b"[]".as_slice(), b"null", deep.as_bytes(), endless.as_bytes()] {
        assert!(unusable(&message(NEWS, body)).is_some(), "{}", body[..4].escape_ascii());
    }
    let of_another_protocol = Message { content_type: Some("amqp-1.0".to_owned()), ..message(NEWS, b"\0") };
    assert!(unusable(&of_another_protocol).is_some());
}

#[test]
fn an_answer_that_is_said_to_be_json_must_be_json() {
    let with = |content_type: &str, body: &[u8]| {
        let message = Message { content_type: Some(content_type.to_owned()), ..message(None, body) };
        match parse_report(&message, &Limits::DEFAULT) {
            Ok((_, Report::Succeeded { output })) => String::from_utf8(output).unwrap(),
            Ok((_, Report::Failed { error, retry: Never })) => error.code.into_owned(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(with("application/json", br#"{"a": 1}"#), r#"{"a": 1}"#);
    assert_eq!(with("application/json", b""), "null");
    assert_eq!(with("text/plain", b"NaN"), r#""NaN""#);
    for content_type in ["application/json", "application/json; charset=utf-8", "application/ld+JSON"] {
        assert_eq!(with(content_type, br#"{"a": NaN}"#), "bad_output", "{content_type}");
        assert_eq!(with(content_type, b"text"), "bad_output", "{content_type}");
    }
}
