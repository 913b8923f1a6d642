//! Messages written to `golden/` for programs in other languages, and kept fresh.
//!
//! `WARRENER_TEST_GOLDEN=write cargo test -p warrener-shared golden` writes them anew.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json, value::RawValue};

use super::control::Control;
use super::dispatch::{Assignment, Dispatch, MAX_REPORTS};
use super::event::{CLOUD_EVENTS, JobEvent, SCHEDULE_TICK, TickEvent, cloud_event, cloud_tick};
use super::heartbeat::Heartbeat;
use super::result::{Bundle, Progress, REPORTS_MAX, Report, RetryAdvice, parse_bundle, parse_report};
use super::submit::{Content, Refusal, ReplyAddress, Submission, accepted, finished, rejected, split};
use super::topology::{KEY_CONTROL_ALL, KEY_RESULTS, KEY_SUBMIT, Names, control_key};
use super::{Header, JSON, Message};
use crate::error::ErrorObject;
use crate::id::{JobId, Kind, QueueName, TaskAddress, TaskNo, Ticket, Token};
use crate::job::{SubmitContext, parse};
use crate::limits::Limits;
use crate::state::JobState;
use crate::time::Millis;

/// A message and the way it goes.
struct Golden {
    name: &'static str,
    exchange: String,
    routing_key: String,
    message: Message,
}

const JOB: &str = "0193a1b2-7c3d-7e4f-8a9b-0c1d2e3f4a5b";
const WORKER: &str = "0193a1b2-0000-7000-8000-000000000001";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn ticket() -> Ticket {
    Ticket { task: TaskNo(4711), attempt: 1, token: Token(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef) }
}

fn dispatch(task: &str, input: &str) -> Dispatch {
    Dispatch {
        ticket: ticket(),
        job: JobId::new(JOB).unwrap(),
        task: task.parse::<TaskAddress>().unwrap(),
        attempt: 1,
        max_attempts: 5,
        kind: Kind::new("img.resize").unwrap(),
        queue: QueueName::default_queue(),
        priority: 4,
        timeout: Millis::from_secs(1800),
        heartbeat: None,
        deliveries: None,
        traceparent: None,
        input: input.as_bytes().to_vec(),
    }
}

fn tasks(names: &Names) -> Vec<Golden> {
    let plain = dispatch("resize", r#"{"file":"cat.jpg","width":320}"#);
    let mut item = dispatch("count.17", "null");
    (item.heartbeat, item.traceparent) = (Some(Millis::from_secs(60)), Some(TRACE.to_owned()));
    let mut suspect = dispatch("resize", r#"{"file":"cat.jpg","width":320}"#);
    suspect.deliveries = Some(2);
    [("task", plain), ("task_item", item), ("task_suspect", suspect)]
        .map(|(name, dispatch)| {
            let routing_key = dispatch.queue.to_string();
            let mut message = dispatch.into_message(&names.results());
            message.set_int(MAX_REPORTS, i64::from(REPORTS_MAX));
            Golden { name, exchange: names.tasks(), routing_key, message }
        })
        .into()
}

fn reports(names: &Names) -> Vec<Golden> {
    let mut error = ErrorObject::new("timed_out", "no answer from the mail server within 30 s");
    error.details = RawValue::from_string(r#"{"host":"mx.example.org"}"#.to_owned()).ok();
    let refused = ErrorObject::new("bad_input", "width must be positive");
    let note = Some("frames".to_owned());
    let reports = [
        ("succeeded", Report::Succeeded { output: br#"{"path":"cat-320.jpg"}"#.to_vec() }),
        ("failed", Report::Failed { error: refused, retry: RetryAdvice::Never }),
        ("failed_retry_after", Report::Failed { error, retry: RetryAdvice::After(Millis::from_secs(30)) }),
        ("released", Report::Released { code: None, deliveries: None, pause: None }),
        (
            "released_unknown_kind",
            Report::Released { code: Some("unknown_kind".to_owned()), deliveries: None, pause: None },
        ),
        ("released_suspect", Report::Released { code: Some("suspect".to_owned()), deliveries: Some(2), pause: None }),
        ("claimed", Report::Claimed { lease: Millis::from_secs(60) }),
        ("progress", Report::Progress(Progress { done: Some(3.0), total: Some(10.0), note, ..Progress::default() })),
    ];
    reports
        .into_iter()
        .map(|(name, report)| {
            let message = report.to_message(&ticket().to_string());
            Golden { name, exchange: names.results(), routing_key: KEY_RESULTS.to_owned(), message }
        })
        .collect()
}

/// Several reports by one message.
fn bundle(names: &Names) -> Golden {
    let mut bundle = Bundle::default();
    let error = ErrorObject::new("bad_input", "width must be positive");
    let other = Ticket { task: TaskNo(4712), ..ticket() };
    let reports = [
        (ticket(), Report::Succeeded { output: br#"{"path":"cat-320.jpg"}"#.to_vec() }),
        (other, Report::Failed { error, retry: RetryAdvice::Never }),
    ];
    for (ticket, report) in reports {
        assert!(bundle.push(&ticket.to_string(), &report, REPORTS_MAX));
    }
    let (exchange, routing_key, message) = (names.results(), KEY_RESULTS.to_owned(), bundle.into_message());
    Golden { name: "reports", exchange, routing_key, message }
}

/// Answer of an RPC server that never heard of us.
fn plain_answer(names: &Names) -> Golden {
    let message =
        Message { correlation_id: Some(ticket().to_string()), body: b"832040".to_vec(), ..Message::default() };
    Golden { name: "answer", exchange: String::new(), routing_key: names.results(), message }
}

fn workers(names: &Names) -> Vec<Golden> {
    let heartbeat = Heartbeat {
        worker: WORKER.to_owned(),
        version: "0.1.0".to_owned(),
        queues: vec!["default".to_owned(), "gpu".to_owned()],
        kinds: vec!["img.resize".to_owned()],
        slots: 8,
        tickets: vec![ticket().to_string()],
        draining: false,
        refused: None,
    };
    let transient = |body: Vec<u8>| Message { content_type: Some(JSON.to_owned()), body, ..Message::default() };
    let control = |control: Control| transient(serde_json::to_vec(&control).unwrap());
    let cancel = Control { cancel: vec![ticket().to_string()], drain: false };
    let drain = Control { cancel: vec![], drain: true };
    let golden = |name, exchange, routing_key: &str, message| Golden {
        name,
        exchange,
        routing_key: routing_key.to_owned(),
        message,
    };
    vec![
        golden("heartbeat", names.workers(), "", transient(serde_json::to_vec(&heartbeat).unwrap())),
        golden("control_cancel", names.control(), &control_key(WORKER), control(cancel)),
        golden("control_drain", names.control(), KEY_CONTROL_ALL, control(drain)),
    ]
}

fn submits(names: &Names) -> Vec<Golden> {
    let submit = |name, body: &str, change: fn(&mut Message)| {
        let content_type = Some(JSON.to_owned());
        let mut message = Message { content_type, persistent: true, body: body.into(), ..Message::default() };
        change(&mut message);
        Golden { name, exchange: names.submit(), routing_key: KEY_SUBMIT.to_owned(), message }
    };
    let graph = r#"{"tasks":{"load":{"kind":"http.get"},
        "resize":{"kind":"img.resize","input":{"file":"${{ tasks.load.output.path }}"}}}}"#;
    vec![
        submit("submit", r#"{"kind":"demo.echo","input":{"hello":"world"}}"#, |_| {}),
        submit("submit_graph_with_reply", graph, |message| {
            message.message_id = Some("order-4711".to_owned());
            message.reply_to = Some("amq.rabbitmq.reply-to".to_owned());
            message.correlation_id = Some("1".to_owned());
            message.priority = Some(7);
            message.set_text("reply", "both");
            message.set_text("traceparent", TRACE);
        }),
        submit(
            "submit_many",
            r#"[{"kind":"demo.echo","input":1},{"id":"order-4711","kind":"demo.echo"}]"#,
            |message| {
                message.kind = Some("jobs".to_owned());
            },
        ),
        submit("submit_event", r#"{"event":"paid","key":"4711","payload":{"eur":12}}"#, |message| {
            message.kind = Some("event".to_owned());
        }),
    ]
}

/// Messages about schedules, and the answer.
fn schedules(names: &Names) -> Vec<Golden> {
    let ask = |name, kind: &str, body: &str| {
        let message = Message {
            reply_to: Some("client.replies".to_owned()),
            correlation_id: Some("1".to_owned()),
            ..Message::json(kind, body.into())
        };
        Golden { name, exchange: names.submit(), routing_key: KEY_SUBMIT.to_owned(), message }
    };
    let nightly = r#"{"name":"nightly","cron":"0 3 * * *","zone":"Europe/Berlin","job":{"kind":"demo.echo"}}"#;
    let applied = br#"{"name":"nightly","next_at":"2026-11-25T02:00:00.000Z"}"#.to_vec();
    let message = Message { correlation_id: Some("1".to_owned()), ..Message::json("schedule.applied", applied) };
    vec![
        ask("submit_schedule", "schedule", nightly),
        ask("submit_schedule_pause", "schedule.pause", r#"{"name":"nightly"}"#),
        Golden { name: "schedule_applied", exchange: String::new(), routing_key: "client.replies".to_owned(), message },
    ]
}

#[cfg(feature = "schedule")]
#[test]
fn golden_schedules_are_read_as_what_they_say() {
    use super::submit::{ScheduleWish, applied};
    let names = Names::default();
    let [apply, pause, answer] = <[Golden; 3]>::try_from(schedules(&names)).ok().unwrap();
    let read = |message| Submission::read(&message, &names, &Limits::DEFAULT).content.unwrap();
    let Content::Schedule(ScheduleWish::Apply(spec)) = read(apply.message) else { panic!("a schedule is read") };
    assert_eq!(spec.name.as_str(), "nightly");
    assert!(matches!(read(pause.message), Content::Schedule(ScheduleWish::Pause(_, true))));
    let to = ReplyAddress { queue: "client.replies".to_owned(), correlation_id: Some("1".to_owned()) };
    assert_eq!(applied(&to, answer.message.body.clone()), answer.message);
}

fn replies() -> Vec<Golden> {
    let to = ReplyAddress { queue: "client.replies".to_owned(), correlation_id: Some("1".to_owned()) };
    let broken = br#"{"tasks":{"a":{"kind":"x","depends_on":"b"}}}"#;
    let problems = parse(broken, &SubmitContext::default(), &Limits::DEFAULT).unwrap_err();
    let error = ErrorObject::new("timed_out", "30m passed").to_json();
    [
        ("accepted", accepted(&to, JOB)),
        ("rejected", rejected(&to, Refusal::of(&problems), problems)),
        ("finished", finished(&to, JOB, JobState::Succeeded, br#"{"hello":"world"}"#, b"null")),
        ("finished_failed", finished(&to, JOB, JobState::Failed, b"null", &error)),
    ]
    .map(|(name, message)| Golden { name, exchange: String::new(), routing_key: to.queue.clone(), message })
    .into()
}

fn event(names: &Names) -> Golden {
    let event = JobEvent {
        sequence: 7,
        time: "2026-11-24T15:03:23.120Z".into(),
        kind: "task.succeeded".into(),
        task: Some("count".into()),
        index: Some(17),
        attempt: Some(1),
        state: "succeeded".into(),
        error: None,
    };
    let message = Message {
        content_type: Some(CLOUD_EVENTS.to_owned()),
        persistent: true,
        body: cloud_event(JOB, &event),
        ..Message::default()
    };
    Golden { name: "event", exchange: names.events(), routing_key: event.kind.into_owned(), message }
}

fn tick_event(names: &Names) -> Golden {
    let event = TickEvent {
        time: "2026-11-24T15:00:00.004Z".into(),
        kind: SCHEDULE_TICK.into(),
        schedule: "nightly".into(),
        tick: "2026-11-24T15:00:00Z".into(),
        run: 1,
        outcome: "started".into(),
        job: Some("nightly:20261124T150000Z".into()),
        reason: None,
    };
    let message = Message {
        content_type: Some(CLOUD_EVENTS.to_owned()),
        persistent: true,
        body: cloud_tick(&event),
        ..Message::default()
    };
    Golden { name: "event_tick", exchange: names.events(), routing_key: event.kind.into_owned(), message }
}

fn all() -> Vec<Golden> {
    let names = Names::default();
    let mut all = tasks(&names);
    all.extend(reports(&names));
    all.extend([plain_answer(&names), bundle(&names)]);
    all.extend(workers(&names));
    all.extend(submits(&names));
    all.extend(schedules(&names));
    all.extend(replies());
    all.push(event(&names));
    all.push(tick_event(&names));
    all
}

impl Golden {
    fn path(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(self.name).with_extension("json")
    }

    fn text(&self) -> String {
        let message = &self.message;
        let headers: Map<String, Value> = message
            .headers
            .iter()
            .map(|(name, header)| {
                let value = match header {
                    Header::Text(text) => json!(text),
                    Header::Int(number) => json!(number),
                    Header::Bool(truth) => json!(truth),
                    Header::Other(what) => panic!("{name} is {what}"),
                };
                (name.clone(), value)
            })
            .collect();
        let properties = json!({
            "content_type": message.content_type,
            "type": message.kind,
            "message_id": message.message_id,
            "correlation_id": message.correlation_id,
            "reply_to": message.reply_to,
            "priority": message.priority,
            "delivery_mode": if message.persistent { 2 } else { 1 },
        });
        let properties: Map<String, Value> =
            properties.as_object().unwrap().clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        let golden = json!({
            "exchange": self.exchange, "routing_key": self.routing_key,
            "properties": properties, "headers": headers, "body": body,
        });
        serde_json::to_string_pretty(&golden).unwrap() + "\n"
    }
}

#[test]
fn golden_messages_are_fresh() {
    for golden in all() {
        if std::env::var("WARRENER_TEST_GOLDEN").is_ok_and(|wish| wish == "write") {
            std::fs::create_dir_all(golden.path().parent().unwrap()).unwrap();
            std::fs::write(golden.path(), golden.text()).unwrap();
        }
        let found = std::fs::read_to_string(golden.path()).unwrap_or_default();
        assert_eq!(found, golden.text(), "{} is stale", golden.path().display());
    }
}

#[test]
fn every_golden_file_belongs_to_a_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut expected: Vec<PathBuf> = all().iter().map(Golden::path).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn only_the_exact_text_of_a_ticket_is_an_echo() {
    let exact = ticket().to_string();
    assert_eq!(exact.parse(), Ok(ticket()));
    let (task, rest) = exact.split_once('.').unwrap();
    let (attempt, token) = rest.split_once('.').unwrap();
    let upper = token.to_uppercase();
    assert_ne!(upper, token, "a token without letters proves nothing");
    for forged in [
        format!("{task}.{attempt}.{upper}"),
        format!("+{task}.{attempt}.{token}"),
        format!("0{task}.{attempt}.{token}"),
        format!("-{task}.{attempt}.{token}"),
        format!("{task}.+{attempt}.{token}"),
        format!("{task}.0{attempt}.{token}"),
        format!(" {exact}"),
        format!("{exact} "),
        format!("{exact}.1"),
        format!("{task}..{token}"),
    ] {
        assert!(forged.parse::<Ticket>().is_err(), "{forged}");
    }
}

#[test]
fn golden_messages_are_read_as_what_they_say() {
    let names = Names::default();
    for golden in tasks(&names) {
        let task = Assignment::from_message(golden.message).unwrap();
        assert_eq!(task.max_reports, REPORTS_MAX);
        assert_eq!(
            (task.ticket, task.job.as_str(), task.timeout),
            (ticket().to_string(), JOB, Some(Millis(1_800_000)))
        );
    }
    for golden in reports(&names).into_iter().chain([plain_answer(&names)]) {
        let (text, report) = parse_report(&golden.message, &Limits::DEFAULT).unwrap();
        assert_eq!(text.parse::<Ticket>().unwrap(), ticket());
        let again = report.to_message(text);
        assert_eq!(parse_report(&again, &Limits::DEFAULT).unwrap(), (text, report), "{}", golden.name);
    }
    let golden = bundle(&names);
    let found = parse_bundle(&golden.message, &Limits::DEFAULT).unwrap();
    assert!(found.len() == 2 && found.iter().all(Result::is_ok), "{found:?}");
    for golden in submits(&names) {
        if let Some(jobs) = split(&golden.message, &names) {
            let sound = |job: &Message| Submission::read(job, &names, &Limits::DEFAULT).content.is_ok();
            assert!(golden.name == "submit_many" && jobs.unwrap().iter().all(sound));
            continue;
        }
        let submission = Submission::read(&golden.message, &names, &Limits::DEFAULT);
        let is_event = matches!(submission.content.unwrap(), Content::Event(_));
        assert_eq!(is_event, golden.name == "submit_event");
    }
}
