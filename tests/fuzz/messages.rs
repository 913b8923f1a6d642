//! Messages: submits, reports, bundles of them, tasks, heartbeats, control.

use warrener_shared::limits::Limits;
use warrener_shared::wire::control::Control;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::{Report, parse_bundle, parse_report};
use warrener_shared::wire::submit::{Content, Submission, split};
use warrener_shared::wire::topology::Names;
use warrener_shared::wire::{Header, Message};

use crate::mutate::{fuzz, in_short};

#[test]
fn reports() {
    let seeds = &[
        b"task.succeeded\n1.1.0123456789abcdef0123456789abcdef\napplication/json\n\n{\"a\":1}".as_slice(),
        b"task.failed\n1.1.x\napplication/json\n\n{\"code\":\"c\",\"message\":\"m\",\"retry\":\"30s\",\"details\":{\"x\":[1]}}",
        b"task.released\n1.1.x\n\n\n{\"code\":\"suspect\",\"deliveries\":2}",
        b"task.progress\n1.1.x\n\n\n{\"done\":1,\"total\":2,\"note\":\"n\",\"log\":\"l\"}",
        b"task.claimed\n1.1.x\n\n\n{\"lease_ms\":60000}",
        b"\n1.1.x\ntext/plain\n\nplain text",
    ];
    fuzz("report", seeds, REPORT_WORDS, |input| {
        let message = message(input);
        match parse_report(&message, &Limits::DEFAULT) {
            Ok((ticket, report)) => {
                assert_eq!(Some(ticket), message.correlation_id.as_deref(), "the ticket is echoed as it came");
                let again = report.to_message(ticket);
                let read = parse_report(&again, &Limits::DEFAULT);
                assert!(
                    read.is_ok_and(|(_, read)| word(&read) == word(&report)),
                    "what is written is not what is read"
                );
                word(&report).to_owned()
            }
            Err(unreadable) => in_short([unreadable.code]),
        }
    });
}

#[test]
fn bundles() {
    let seeds = &[
        b"task.reports\n\napplication/json\n\n[{\"type\":\"task.succeeded\",\"ticket\":\"1.1.x\",\"body\":{\"a\":1}}]".as_slice(),
        b"task.reports\n\n\n\n[{\"type\":\"task.failed\",\"ticket\":\"2\",\"body\":{\"code\":\"c\",\"message\":\"m\"}},{}]",
        b"reports\n\n\n\n[]",
    ];
    fuzz("bundle", seeds, REPORT_WORDS, |input| {
        let message = message(input);
        match parse_bundle(&message, &Limits::DEFAULT) {
            Ok(read) => format!("{} of them", read.len().min(9)),
            Err(unreadable) => in_short([unreadable.code]),
        }
    });
}

#[test]
fn submits() {
    let seeds = &[
        b"\nq\napplication/json\nmany\n{\"kind\":\"k\"}".as_slice(),
        b"jobs\nq\n\nfinished\n[{\"kind\":\"k\"},{\"id\":\"x\",\"kind\":\"k\"},{}]",
        b"event\nq\n\nboth\n{\"event\":\"e\",\"key\":\"k\",\"payload\":{}}",
        b"\nq\n\naccepted\n[[1],{},{\"callbacks\":null,\"errbacks\":null,\"chain\":null,\"chord\":null}]",
    ];
    fuzz(
        "submit",
        seeds,
        &["\"kind\"", "\"id\"", "\"event\"", "[", "]", "{", "}", ",", "both", "jobs", "event", "\n"],
        |input| {
            let (message, names) = (message(input), Names::default());
            if let Some(split) = split(&message, &names) {
                return match split {
                    Ok(all) => {
                        let read =
                            all.iter().take(20).map(|one| submitted(&Submission::read(one, &names, &Limits::DEFAULT)));
                        format!("{} of them: {}", all.len().min(9), read.collect::<Vec<_>>().join(" "))
                    }
                    Err(problems) => in_short(problems.iter().map(|problem| &problem.code)),
                };
            }
            submitted(&Submission::read(&message, &names, &Limits::DEFAULT))
        },
    );
}

#[test]
fn tasks() {
    let seeds = &[b"k\n1.1.x\napplication/json\nj\n{\"a\":1}".as_slice(), b"\n\n\n\nnull"];
    fuzz("task", seeds, &["\n", "job", "attempt", "1", "-1", "{}"], |input| {
        let mut message = message(input);
        message.headers.insert("attempt".to_owned(), Header::Int(i64::try_from(input.len()).unwrap_or_default() - 3));
        match Assignment::from_message(message) {
            Ok(_) => "a task".to_owned(),
            Err(error) => in_short([error.to_string()]),
        }
    });
}

#[test]
fn heartbeats_and_control() {
    let seeds = &[
        br#"{"worker":"w","version":"1","queues":["a"],"kinds":["k"],"slots":8,"tickets":["1.1.x"],"draining":true}"#
            .as_slice(),
        br#"{"cancel":["1.1.x"],"drain":true}"#,
    ];
    let words =
        &["\"worker\"", "\"slots\"", "\"cancel\"", "\"drain\"", "-1", "4294967296", "null", "[", "]", "{", "}", ","];
    fuzz("heartbeat", seeds, words, |input| {
        let heartbeat = serde_json::from_slice::<Heartbeat>(input);
        if let Ok(heartbeat) = &heartbeat {
            let again = serde_json::to_vec(heartbeat).expect("it can be written");
            assert_eq!(serde_json::from_slice::<Heartbeat>(&again).expect("it can be read"), *heartbeat);
        }
        let control = serde_json::from_slice::<Control>(input);
        in_short([format!("{:?}", heartbeat.map(|_| ()).map_err(|error| error.classify()))])
            + &in_short([format!("{:?}", control.map(|_| ()).map_err(|error| error.classify()))])
    });
}

fn word(report: &Report) -> &'static str {
    match report {
        Report::Succeeded { .. } => "succeeded",
        Report::Failed { .. } => "failed",
        Report::Released { .. } => "released",
        Report::Claimed { .. } => "claimed",
        Report::Progress(_) => "progress",
    }
}

fn submitted(submission: &Submission) -> String {
    match &submission.content {
        Ok(Content::Job(_)) => "a job".to_owned(),
        Ok(Content::Event(_)) => "an event".to_owned(),
        Ok(Content::Schedule(_)) => "a schedule".to_owned(),
        Err(problems) => in_short(problems.iter().map(|problem| &problem.code)),
    }
}

/// Four lines of properties, then the body.
fn message(input: &[u8]) -> Message {
    let mut parts = input.splitn(5, |byte| *byte == b'\n');
    let mut line = || Some(String::from_utf8_lossy(parts.next()?).into_owned()).filter(|text| !text.is_empty());
    let (kind, correlation_id, content_type, header) = (line(), line(), line(), line());
    let mut message =
        Message { kind, reply_to: correlation_id.clone(), correlation_id, content_type, ..Message::default() };
    for name in ["reply", "job", "task", "type"] {
        message.headers.extend(header.clone().map(|text| (name.to_owned(), Header::Text(text))));
    }
    message.body = parts.next().unwrap_or_default().to_vec();
    message
}

const REPORT_WORDS: &[&str] = &[
    "task.succeeded",
    "task.failed",
    "task.released",
    "task.claimed",
    "task.progress",
    "task.nonsense",
    "\"code\"",
    "\"message\"",
    "\"retry\"",
    "\"details\"",
    "\"lease_ms\"",
    "\"done\"",
    "\"total\"",
    "\"ticket\"",
    "\"type\"",
    "\"body\"",
    "null",
    "true",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\n",
    "-1",
    "\u{feff}",
    "\\ud800",
    "application/json",
];
