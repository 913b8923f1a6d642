use super::*;
use crate::limits::Limits;
use crate::state::JobState;
use crate::wire::submit::Refusal;
use crate::wire::submit::{Content, Submission, accepted, finished, rejected};

fn submit(change: impl FnOnce(&mut Message)) -> Message {
    let mut message = Message { body: br#"{"kind": "a"}"#.to_vec(), ..Message::default() };
    change(&mut message);
    message
}

fn read(message: &Message) -> (Submission, Vec<(String, String)>) {
    let submission = Submission::read(message, &Names::default(), &Limits::DEFAULT);
    let problems = submission.content.as_ref().err().cloned().unwrap_or_default();
    (submission, problems.into_iter().map(|problem| (problem.code, problem.pointer)).collect())
}

#[test]
fn hostile_properties_are_refused_for_exactly_their_reasons() {
    type Row = (&'static str, fn(&mut Message), &'static [(&'static str, &'static str)]);
    let rows: [Row; 20] = [
        ("plain", |_| {}, &[]),
        ("any content_type", |m| m.content_type = Some("text/plain".into()), &[]),
        ("utf-8", |m| m.content_encoding = Some("UTF-8".into()), &[]),
        ("gzip", |m| m.content_encoding = Some("gzip".into()), &[("content_encoding", "")]),
        ("AMQP 1.0 value", |m| m.kind = Some("amqp-1.0".into()), &[("content_encoding", "")]),
        ("reply accepted", |m| m.set_text("reply", "accepted"), &[]),
        ("reply in capitals", |m| m.set_text("reply", "Both"), &[("invalid_header", "")]),
        ("reply a number", |m| m.set_int("reply", 1), &[("invalid_header", "")]),
        ("reply_to ours", |m| m.reply_to = Some("warrener.results".into()), &[("invalid_value", "")]),
        (
            "reply_to ours, encoded",
            |m| m.reply_to = Some("/queues/warrener%2Eresults".into()),
            &[("invalid_value", "")],
        ),
        ("reply_to half encoded", |m| m.reply_to = Some("/queues/a%2".into()), &[("invalid_value", "")]),
        ("reply_to not UTF-8", |m| m.reply_to = Some("/queues/%ff".into()), &[("invalid_value", "")]),
        ("reply_to of no queue", |m| m.reply_to = Some("/queues/".into()), &[("invalid_value", "")]),
        ("reply_to like ours", |m| m.reply_to = Some("warreners.x".into()), &[]),
        ("message_id", |m| m.message_id = Some("no id".into()), &[("invalid_name", "/id")]),
        (
            "body and header",
            |m| {
                m.set_text("reply", "x");
                m.body = b"{}".to_vec();
            },
            &[("invalid_header", ""), ("missing_field", "")],
        ),
        (
            "Celery 2",
            |m| {
                m.set_text("task", "tasks.add");
                m.body = b"[[1, 2], {}, {}]".to_vec();
            },
            &[("celery_message", "")],
        ),
        (
            "Celery 2 in pickle",
            |m| {
                m.set_text("task", "x");
                m.set_text("lang", "py");
                m.content_encoding = Some("binary".into());
            },
            &[("celery_message", "")],
        ),
        (
            "Celery 1",
            |m| m.body = br#"{"task": "x", "id": "y", "args": [], "kwargs": {}}"#.to_vec(),
            &[("celery_message", "")],
        ),
        ("a job with a header task", |m| m.set_text("task", "x"), &[]),
    ];
    for (name, change, expected) in rows {
        let (_, found) = read(&submit(change));
        let expected: Vec<_> = expected.iter().map(|(code, at)| ((*code).to_owned(), (*at).to_owned())).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_properties_say_where_answers_go() {
    let (submission, _) = read(&submit(|message| {
        message.reply_to = Some("/queues/my%20queue%2Fa".into());
        message.correlation_id = Some("c".into());
        message.set_text("reply", "both");
        message.set_text("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        message.set_text("tracestate", "a=b");
    }));
    let envelope = submission.envelope;
    let reply = envelope.reply.unwrap();
    assert_eq!(
        (&*reply.queue, reply.correlation_id.as_deref(), envelope.mode),
        ("my queue/a", Some("c"), ReplyMode::Both)
    );
    assert!(envelope.traceparent.is_some() && envelope.tracestate.is_some());
}

#[test]
fn a_refused_address_gets_no_answer_and_a_broken_trace_is_left_out() {
    let (submission, _) = read(&submit(|message| {
        message.reply_to = Some("warrener.submit".into());
        message.set_text("traceparent", "00-XYZ-1-01");
        message.set_text("tracestate", "a=b");
    }));
    let envelope = submission.envelope;
    assert_eq!((envelope.reply, envelope.traceparent, envelope.tracestate), (None, None, None));
}

#[test]
fn the_properties_fill_in_for_the_body() {
    let (submission, _) = read(&submit(|message| {
        message.message_id = Some("order-7".into());
        message.priority = Some(200);
    }));
    let Ok(Content::Job(job)) = submission.content else { panic!("a job") };
    assert_eq!((job.id.as_ref().map(|id| id.as_str()), job.tasks[0].policy.priority), (Some("order-7"), 9));
}

#[test]
fn events_answer_waiting_tasks() {
    let event = |body: &str| {
        let (submission, problems) = read(&submit(|message| {
            message.kind = Some("event".into());
            message.body = body.as_bytes().to_vec();
        }));
        let content = submission.content.ok().map(|content| match content {
            Content::Event(event) => {
                (event.event, event.key, String::from_utf8(event.payload.bytes().to_vec()).unwrap())
            }
            _ => panic!("no event"),
        });
        (content, problems.into_iter().map(|(code, pointer)| format!("{code} {pointer}")).collect::<Vec<_>>())
    };
    let taken =
        |event: &str, key: &str, payload: &str| (Some((event.to_owned(), key.to_owned(), payload.to_owned())), vec![]);
    assert_eq!(
        event(r#"{"event": "paid", "key": "7", "payload": { "eur": 1.0 }}"#),
        taken("paid", "7", r#"{ "eur": 1.0 }"#)
    );
    assert_eq!(event(r#"{"event": "paid", "key": "7"}"#), taken("paid", "7", "null"));
    for (body, problems) in [
        ("", &["invalid_json "][..]),
        ("[]", &["wrong_type "]),
        ("{}", &["missing_field ", "missing_field "]),
        (r#"{"event": 1, "key": ""}"#, &["wrong_type /event", "invalid_value /key"]),
        (r#"{"event": "a", "key": "b", "data": 1}"#, &["unknown_field /data"]),
        (r#"{"event": "a", "event": "b", "key": "b"}"#, &["duplicate_key /event"]),
    ] {
        assert_eq!(event(body), (None, problems.iter().map(|&text| text.to_owned()).collect()), "{body}");
    }
}

#[test]
fn answers_echo_the_correlation_id() {
    let to = ReplyAddress { queue: "q".into(), correlation_id: Some("c".into()) };
    let body = |message: &Message| String::from_utf8(message.body.clone()).unwrap();
    let answer = accepted(&to, "j");
    assert_eq!(
        (answer.kind.as_deref(), answer.correlation_id.as_deref(), &*body(&answer)),
        (Some("job.accepted"), Some("c"), r#"{"job_id":"j"}"#)
    );
    let answer = finished(&to, "j", JobState::Succeeded, b"[1e400]", b"null");
    assert_eq!(body(&answer), r#"{"job_id":"j","state":"succeeded","output":[1e400],"error":null}"#);
    let problems = vec![Problem::of_message("conflict", "another job", None)];
    let answer = rejected(&to, Refusal::of(&problems), problems);
    assert_eq!(answer.content_type.as_deref(), Some("application/problem+json"));
    assert_eq!(
        body(&answer),
        r#"{"type":"urn:warrener:problem:conflict","title":"Another job holds the id or the key","status":409,"detail":"the message: another job","errors":[{"pointer":"","code":"conflict","detail":"another job"}]}"#
    );
}
