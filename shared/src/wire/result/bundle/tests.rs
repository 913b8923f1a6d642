use std::borrow::Cow;

use super::*;
use crate::error::ErrorObject;
use crate::time::Millis;
use crate::wire::result::{FAILED, Progress, RetryAdvice, SUCCEEDED};

fn succeeded(output: &str) -> Report {
    Report::Succeeded { output: output.as_bytes().to_vec() }
}

fn reports() -> Vec<Report> {
    let note = Some("half of \"it\"".to_owned());
    vec![
        succeeded(r#"{ "n" : 1e400, "lone": "\ud800" }"#),
        Report::Failed { error: ErrorObject::new("busy", "later"), retry: RetryAdvice::After(Millis(1500)) },
        Report::Released { code: None, deliveries: None, pause: None },
        Report::Released { code: Some("suspect".to_owned()), deliveries: Some(2), pause: None },
        Report::Claimed { lease: Millis::from_secs(60) },
        Report::Progress(Progress { done: Some(1.0), total: None, note, ..Progress::default() }),
        succeeded("null"),
    ]
}

type Part = Result<(String, Report), (String, &'static str)>;

fn parse(body: &[u8]) -> Result<Vec<Part>, &'static str> {
    let message = Message::json(REPORTS, body.to_vec());
    let owned = |read: Read<'_>| match read {
        Ok((ticket, report)) => Ok((ticket.into_owned(), report)),
        Err((part, why)) => Err((String::from_utf8_lossy(part).into_owned(), why.code)),
    };
    let parsed = parse_bundle(&message, &Limits::default());
    parsed.map(|parts| parts.into_iter().map(owned).collect()).map_err(|why| why.code)
}

#[test]
fn what_is_put_in_comes_out_as_if_it_had_come_alone() {
    let mut bundle = Bundle::default();
    for (number, report) in reports().iter().enumerate() {
        assert!(bundle.push(&format!("7.{number}.ab"), report, 64));
    }
    let message = bundle.into_message();
    assert!(is_bundle(&message) && message.persistent && message.correlation_id.is_none());
    let found = parse(&message.body).unwrap();
    let alone = |(number, report): (usize, Report)| Ok((format!("7.{number}.ab"), report));
    assert_eq!(found, reports().into_iter().enumerate().map(alone).collect::<Vec<_>>());
}

#[test]
fn a_bundle_is_full_at_its_number_or_its_bytes() {
    let mut bundle = Bundle::default();
    let taken = (0..100).filter(|_| bundle.push("7.1.ab", &succeeded("1"), 3)).count();
    assert_eq!(taken, 3);
    assert!(!bundle.push("7.1.ab", &succeeded("1"), 3));

    let large = succeeded(&format!("\"{}\"", "x".repeat(10_000)));
    let mut bundle = Bundle::default();
    let taken = (0..100).filter(|_| bundle.push("7.1.ab", &large, 64)).count();
    assert_eq!(taken, 3);
    assert!(bundle.push("7.1.ab", &succeeded("1"), 64), "a small one still fits");
    assert!(bundle.into_message().body.len() <= BYTES_MAX);

    let larger = succeeded(&format!("\"{}\"", "x".repeat(BYTES_MAX)));
    assert!(!Bundle::default().push("7.1.ab", &larger, 64), "it travels alone");
}

#[test]
fn one_bad_part_spoils_no_other() {
    let good = r#"{"ticket":"7.1.ab","type":"task.succeeded","body":1}"#;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let rows = [
        (r#"{"ticket":"7.2.ab","type":"task.done","body":1}"#.to_owned(), Err("unknown_type")),
        (r#"{"ticket":"7.2.ab","type":"task.reports","body":[]}"#.to_owned(), Err("unknown_type")),
        (r#"{"ticket":"7.2.ab","type":"task.succeeded"}"#.to_owned(), Err("invalid_json")),
        (r#"{"ticket":7,"type":"task.succeeded","body":1}"#.to_owned(), Err("invalid_json")),
        ("7".to_owned(), Err("invalid_json")),
        (r#"{"ticket":"7.2.ab","type":"task.failed","body":{}}"#.to_owned(), Ok("bad_output")),
        (format!(r#"{{"ticket":"7.2.ab","type":"{SUCCEEDED}","body":{deep}}}"#), Ok("bad_output")),
    ];
    for (bad, expected) in rows {
        let found = parse(format!("[{good},{bad} , {good}]").as_bytes()).unwrap();
        let [first, middle, last] = found.as_slice() else { panic!("three parts, not {found:?}") };
        assert_eq!((first, last), (&Ok(("7.1.ab".to_owned(), succeeded("1"))), first));
        match (middle, expected) {
            (Err((part, code)), Err(wanted)) => assert_eq!((part, *code), (&bad, wanted)),
            (Ok((_, Report::Failed { error, retry: RetryAdvice::Never })), Ok(wanted)) => {
                assert_eq!(error.code, Cow::Borrowed(wanted), "{FAILED} of {bad}");
            }
            _ => panic!("{bad}: {middle:?}"),
        }
    }
}

#[test]
fn what_is_no_list_of_so_many_is_a_dead_letter_as_a_whole() {
    let one = r#"{"ticket":"7.1.ab","type":"task.succeeded","body":1}"#;
    assert_eq!(parse(format!("[{}]", vec![one; 64].join(",")).as_bytes()).map(|parts| parts.len()), Ok(64));
    assert_eq!(parse(format!("[{}]", vec![one; 65].join(",")).as_bytes()), Err("too_many"));
    assert_eq!(parse(b"[]"), Ok(vec![]));
    for body in ["", "{}", "1", one, "[1", "[1]]", " nul"] {
        assert_eq!(parse(body.as_bytes()), Err("invalid_json"), "{body}");
    }
}
