//! Results; the test plays the worker of the queue `hand`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use warrener_tests::client::{AMQPValue, Answer, BasicProperties, Client, FieldTable};
use warrener_tests::raw::{CORRELATION_ID, HEADERS, Raw, TYPE, long, short};
use warrener_tests::wait::{SOON, until};

use super::Bench;

/// What becomes of a report.
#[derive(Clone, Debug)]
enum Then {
    /// Nothing, but for a count.
    Ignored,
    /// Nothing; the message is kept.
    Kept,
    /// The attempt fails for good with this code.
    Fails(&'static str),
    /// The attempt succeeds with this output.
    Gives(Value),
    /// The attempt is offered again.
    Again,
}

struct Hand {
    bench: Bench,
    worker: Client,
    seen: BTreeSet<String>,
}

impl Hand {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let queue = format!("{}.hand", bench.cluster.names().tasks());
        let first = bench.client.submit(&json!({"kind": "hand", "queue": "hand"})).await;
        // A queue that is being made refuses its first consumers, and closes their connection.
        let worker = until("the queue is there", SOON, async || {
            let worker = bench.cluster.client().await;
            worker.try_listen(&queue).await.ok().map(|()| worker)
        })
        .await;
        let mut hand = Self { bench, worker, seen: BTreeSet::new() };
        let task = hand.task().await;
        hand.worker.report(answering(&task.correlation_id), b"1").await;
        assert_eq!(hand.bench.client.finished(&first).await.json()["output"], 1);
        hand
    }

    /// The next task message.
    async fn task(&mut self) -> Answer {
        let new = async || self.worker.came().into_iter().find(|task| !self.seen.contains(&task.correlation_id));
        let task = until("a task", SOON, new).await;
        self.seen.insert(task.correlation_id.clone());
        task
    }

    /// A job that waits for our report, and its task message.
    async fn begin(&mut self) -> (String, Answer) {
        let mark = self.bench.client.submit(&json!({"kind": "hand", "queue": "hand", "retry": 3})).await;
        let task = self.task().await;
        (mark, task)
    }

    /// Sends a report and sees what becomes of it.
    async fn try_out(&mut self, what: &str, report: Report, then: Then) {
        let (mark, mut task) = self.begin().await;
        let before = self.bench.database.dead().len();
        let (properties, body) = report(&task.correlation_id);
        self.worker.report(properties, &body).await;
        match &then {
            Then::Ignored => {}
            Then::Kept => assert_eq!(self.bench.dead_after(before, what).await.from, "result", "{what}"),
            Then::Again => task = self.task().await,
            Then::Fails(code) => {
                let end = self.bench.client.finished(&mark).await.json();
                assert_eq!((&end["state"], &end["error"]["code"]), (&json!("failed"), &json!(code)), "{what}: {end}");
                assert_eq!(end["error"]["attempt"], 1, "{what}: {end}");
            }
            Then::Gives(output) => {
                let end = self.bench.client.finished(&mark).await.json();
                assert_eq!((&end["state"], &end["output"]), (&json!("succeeded"), output), "{what}: {end}");
            }
        }
        if matches!(then, Then::Ignored | Then::Kept | Then::Again) {
            let honest = answering(&task.correlation_id).with_type("task.succeeded".into());
            self.worker.report(honest, b"{\"honest\":true}").await;
            let end = self.bench.client.finished(&mark).await.json();
            assert_eq!(end["output"], json!({"honest": true}), "{what}: {end}");
        }
        if matches!(then, Then::Ignored | Then::Again) {
            assert_eq!(self.bench.database.dead().len(), before, "{what}");
        }
        self.bench.probe(what).await;
    }
}

type Report = Box<dyn Fn(&str) -> (BasicProperties, Vec<u8>) + Send>;

fn answering(ticket: &str) -> BasicProperties {
    BasicProperties::default().with_correlation_id(ticket.into()).with_delivery_mode(2)
}

/// A report with the right ticket.
fn typed(kind: &'static str, body: impl Into<Vec<u8>>) -> Report {
    let body = body.into();
    Box::new(move |ticket| {
        let properties = answering(ticket);
        let properties = if kind.is_empty() { properties } else { properties.with_type(kind.into()) };
        (properties, body.clone())
    })
}

/// A success with another ticket, made from the right one.
fn forged(forge: impl Fn(&str) -> String + Send + 'static) -> Report {
    Box::new(move |ticket| (answering(&forge(ticket)).with_type("task.succeeded".into()), b"\"forged\"".to_vec()))
}

fn parts(ticket: &str) -> (i64, i64, String) {
    let mut parts = ticket.split('.');
    let mut number = || parts.next().unwrap().parse().unwrap();
    (number(), number(), parts.next().unwrap().to_owned())
}

fn deep(levels: usize) -> Vec<u8> {
    [vec![b'['; levels], vec![b']'; levels]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_taken_for_what_they_are() {
    let mut hand = Hand::new().await;
    let cases: Vec<_> = tickets().into_iter().chain(reports()).chain(bundles()).chain(answers()).collect();
    assert!(cases.len() >= 40, "{}", cases.len());
    for (what, report, then) in cases {
        hand.try_out(what, report, then).await;
    }
    hand.bench.end();
}

/// A compressed report with the right ticket.
fn gzip(kind: &'static str) -> Report {
    Box::new(move |ticket| {
        let properties = answering(ticket).with_content_encoding("gzip".into());
        let properties = if kind.is_empty() { properties } else { properties.with_type(kind.into()) };
        (properties, b"\x1f\x8b\x08".to_vec())
    })
}

type Case = (&'static str, Report, Then);

/// Tickets that were not given to us.
fn tickets() -> Vec<Case> {
    use Then::{Ignored, Kept};
    let plain = |body: &'static [u8]| -> Report { Box::new(move |_| (BasicProperties::default(), body.to_vec())) };
    vec![
        ("no correlation_id", plain(b"1"), Kept),
        ("an empty correlation_id", forged(|_| String::new()), Kept),
        ("nonsense for a ticket", forged(|_| "nonsense".to_owned()), Ignored),
        ("a ticket of 255 characters", forged(|_| "1".repeat(255)), Ignored),
        ("SQL for a ticket", forged(|_| "1'; DROP TABLE jobs; --".to_owned()), Ignored),
        ("another token", forged(|t| format!("{}.{}.{:032x}", parts(t).0, parts(t).1, 1)), Ignored),
        ("the next attempt", forged(|t| format!("{}.{}.{}", parts(t).0, parts(t).1 + 1, parts(t).2)), Ignored),
        ("no attempt", forged(|t| format!("{}.0.{}", parts(t).0, parts(t).2)), Ignored),
        ("a negative attempt", forged(|t| format!("{}.-1.{}", parts(t).0, parts(t).2)), Ignored),
        ("a huge attempt", forged(|t| format!("{}.99999999999999999999.{}", parts(t).0, parts(t).2)), Ignored),
        ("another task", forged(|t| format!("{}.{}.{}", parts(t).0 + 1, parts(t).1, parts(t).2)), Ignored),
        ("a huge task", forged(|t| format!("{}.{}.{}", i64::MAX, parts(t).1, parts(t).2)), Ignored),
        ("a negative task", forged(|t| format!("-{t}")), Ignored),
        ("a longer ticket", forged(|t| format!("{t}0")), Ignored),
        ("a shorter ticket", forged(|t| t[..t.len() - 1].to_owned()), Ignored),
        ("two tickets", forged(|t| format!("{t},{t}")), Ignored),
    ]
}

/// Reports of a type that we know, or that looks like one.
fn reports() -> Vec<Case> {
    use Then::{Again, Fails, Gives, Ignored, Kept};
    let header: Report = Box::new(|ticket| {
        let mut headers = FieldTable::default();
        headers.insert("type".into(), AMQPValue::LongString("task.failed".into()));
        let body = br#"{"code":"by_header","message":"no","retry":false}"#;
        (answering(ticket).with_headers(headers), body.to_vec())
    });
    vec![
        ("an unknown type", typed("task.done", "1"), Kept),
        ("a type that is a prefix", typed("task.", "1"), Kept),
        ("a success without body", typed("task.succeeded", ""), Kept),
        ("a truncated success", typed("task.succeeded", "{\"a\":"), Kept),
        ("a success that is no text", typed("task.succeeded", *b"\"\xff\""), Kept),
        ("a success and more", typed("task.succeeded", "1 2"), Kept),
        ("a success too deep", typed("task.succeeded", deep(200)), Fails("bad_output")),
        ("a success far too deep", typed("task.succeeded", deep(400_000)), Fails("bad_output")),
        ("a success too large", typed("task.succeeded", format!("\"{}\"", "x".repeat(2 << 20))), Fails("too_large")),
        ("a success with a key twice", typed("task.succeeded", r#"{"a":1,"a":2}"#), Gives(json!({"a": 2}))),
        ("a compressed success", gzip("task.succeeded"), Kept),
        ("a failure without body", typed("task.failed", ""), Kept),
        ("a truncated failure", typed("task.failed", "{\"code\":"), Kept),
        ("a failure that is a list", typed("task.failed", "[]"), Fails("bad_output")),
        ("a failure without message", typed("task.failed", r#"{"code":"a"}"#), Fails("bad_output")),
        ("a failure with a wild code", typed("task.failed", r#"{"code":"A B!","message":"m"}"#), Fails("bad_output")),
        (
            "a failure with a wild retry",
            typed("task.failed", r#"{"code":"a","message":"m","retry":"soon"}"#),
            Fails("bad_output"),
        ),
        ("a failure by header", header, Fails("by_header")),
        ("a failure for good", typed("task.failed", r#"{"code":"a","message":"m","retry":false}"#), Fails("a")),
        ("a failure to retry", typed("task.failed", r#"{"code":"a","message":"m","retry":0.01}"#), Again),
        ("a release without body", typed("task.released", ""), Again),
        ("a release with a reason", typed("task.released", r#"{"code":"busy"}"#), Again),
        ("a release that is a text", typed("task.released", "\"x\""), Fails("bad_output")),
        ("a release of nonsense", typed("task.released", "{{"), Kept),
        ("a claim for ever", typed("task.claimed", r#"{"lease_ms":1e400}"#), Ignored),
        ("a claim for less than nothing", typed("task.claimed", r#"{"lease_ms":-5}"#), Ignored),
        ("a claim of nonsense", typed("task.claimed", "nonsense"), Kept),
        ("progress without body", typed("task.progress", ""), Ignored),
        ("progress without end", typed("task.progress", r#"{"done":1e400,"total":-1,"note":"\u0000"}"#), Ignored),
        ("progress of a wrong type", typed("task.progress", r#"{"done":"much"}"#), Ignored),
    ]
}

/// Many reports in one message, `TICKET` standing for the right ticket.
fn bundle(body: impl Into<String>) -> Report {
    let body = body.into();
    Box::new(move |ticket| {
        let properties = BasicProperties::default().with_type("task.reports".into()).with_delivery_mode(2);
        (properties, body.replace("TICKET", ticket).into_bytes())
    })
}

fn bundles() -> Vec<Case> {
    use Then::{Fails, Gives, Ignored, Kept};
    let forged = r#"{"ticket":"TICKET0","type":"task.succeeded","body":"forged"}"#;
    let good = r#"{"ticket":"TICKET","type":"task.succeeded","body":{"a":1e400,"b": [ ]}}"#;
    let claim = r#"{"ticket":"TICKET","type":"task.claimed","body":{}}"#;
    let failed = r#"{"ticket":"TICKET","type":"task.failed","body":{"code":"a","message":"m","retry":false}}"#;
    let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
    vec![
        (
            "a bundle with one success",
            bundle(r#"[{"ticket":"TICKET","type":"task.succeeded","body":7}]"#),
            Gives(json!(7)),
        ),
        ("a bundle whose first failure counts", bundle(format!("[{forged},{claim},{failed},{good}]")), Fails("a")),
        (
            "a bundle with a success too deep",
            bundle(format!(r#"[{{"ticket":"TICKET","type":"task.succeeded","body":{deep}}}]"#)),
            Fails("bad_output"),
        ),
        ("a bundle of nothing", bundle("[]"), Ignored),
        ("a bundle of forged reports", bundle(format!("[{forged},{forged}]")), Ignored),
        ("a bundle with an unknown type", bundle(r#"[{"ticket":"TICKET","type":"task.done","body":7}]"#), Kept),
        ("a bundle without a body", bundle(r#"[{"ticket":"TICKET","type":"task.succeeded"}]"#), Kept),
        (
            "a bundle in a bundle",
            bundle(format!(r#"[{{"ticket":"TICKET","type":"task.reports","body":[{good}]}}]"#)),
            Kept,
        ),
        ("a bundle that is an object", bundle(good), Kept),
        ("a truncated bundle", bundle(format!("[{good}")), Kept),
        ("a bundle of too many", bundle(format!("[{}]", vec![good; 65].join(","))), Kept),
        ("a bundle of a hundred thousand", bundle(format!("[{}]", vec!["7"; 100_000].join(","))), Kept),
    ]
}

/// What RPC servers answer.
fn answers() -> Vec<Case> {
    use Then::{Fails, Gives};
    vec![
        ("an empty answer", typed("", ""), Gives(Value::Null)),
        ("an answer in text", typed("", "just text"), Gives(json!("just text"))),
        ("an answer that is no text", typed("", *b"\xff\xfe\x00"), Fails("bad_output")),
        ("an answer in brackets", typed("", "[[[["), Gives(json!("[[[["))),
        ("an answer too deep", typed("", deep(129)), Fails("bad_output")),
        ("an answer of another type", typed("whatever", "{\"n\": 1}"), Gives(json!({"n": 1}))),
        ("a compressed answer", gzip(""), Fails("bad_output")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_bad_part_no_more_is_kept_than_of_a_message() {
    let mut hand = Hand::new().await;
    let (mark, task) = hand.begin().await;
    let part = format!(r#"{{"ticket":"7","type":"task.done","body":"{}"}}"#, "x".repeat(2 << 20));
    let (properties, body) = bundle(format!("[7,{part}]"))(&task.correlation_id);
    hand.worker.report(properties, &body).await;
    hand.worker.report(answering(&task.correlation_id), b"1").await;
    assert_eq!(hand.bench.client.finished(&mark).await.json()["output"], 1);
    let dead = hand.bench.database.dead();
    let [first, second] = &dead[..] else { panic!("two parts are bad: {}", dead.len()) };
    // Each can be published again as it is kept.
    assert_eq!(first.body, b"[7]");
    assert_eq!((second.body.len(), &second.body[..3]), (1 << 20, &b"[{\""[..]));
    hand.bench.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_first_report_counts() {
    let mut hand = Hand::new().await;
    let (mark, task) = hand.begin().await;
    let ticket = task.correlation_id.as_str();
    let success = || answering(ticket).with_type("task.succeeded".into());
    hand.worker.report(success(), b"\"first\"").await;
    for number in 0..200 {
        hand.worker.report(success(), number.to_string().as_bytes()).await;
    }
    let failure = br#"{"code":"late","message":"late","retry":false}"#;
    hand.worker.report(answering(ticket).with_type("task.failed".into()), failure).await;
    hand.worker.report(answering(ticket).with_type("task.released".into()), b"").await;
    assert_eq!(hand.bench.client.finished(&mark).await.json()["output"], "first");
    hand.bench.probe("two hundred duplicates").await;
    // A report on an attempt before the latest one.
    let (mark, task) = hand.begin().await;
    let failure = br#"{"code":"once","message":"m","retry":0.01}"#;
    hand.worker.report(answering(&task.correlation_id).with_type("task.failed".into()), failure).await;
    let second = hand.task().await;
    assert_ne!(second.correlation_id, task.correlation_id);
    hand.worker.report(answering(&task.correlation_id), b"\"late\"").await;
    hand.bench.probe("a late report").await;
    hand.worker.report(answering(&second.correlation_id), b"\"in time\"").await;
    assert_eq!(hand.bench.client.finished(&mark).await.json()["output"], "in time");
    // One job's report can't end another job, and a report after a cancel changes nothing.
    let (mark, task) = hand.begin().await;
    let id = hand.bench.client.accepted(&mark).await;
    let (status, body) = hand.bench.cluster.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await;
    assert_eq!(status, 200, "{body}");
    hand.worker.report(answering(&task.correlation_id), b"\"too late\"").await;
    assert_eq!(hand.bench.client.finished(&mark).await.json()["state"], "cancelled");
    hand.bench.probe("a report after a cancel").await;
    assert_eq!(hand.bench.database.dead().len(), 0);
    hand.bench.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_in_raw_bytes_harm_nobody() {
    let mut hand = Hand::new().await;
    let mut raw = Raw::connect(hand.bench.cluster.amqp_url()).await;
    let results = hand.bench.cluster.names().results();
    let broken = b"\xff\xfe\xc3";
    let (mark, task) = hand.begin().await;
    let ticket = short(task.correlation_id.as_bytes());
    let lists = (0..20_000).fold(b"V".to_vec(), |inner, _| [b"A".to_vec(), long(&inner)].concat());
    let table = long(&[short(b"type"), lists].concat());
    raw.publish(&results, b"results", CORRELATION_ID, &short(broken), b"1").await;
    hand.bench.probe("a broken correlation_id").await;
    raw.publish(&results, b"results", TYPE, &short(broken), b"1").await;
    hand.bench.probe("a broken type").await;
    raw.publish(&results, broken, 0, &[], b"1").await;
    hand.bench.probe("a broken key").await;
    raw.publish(&results, b"results", HEADERS | CORRELATION_ID, &[table, ticket].concat(), b"\"fine\"").await;
    assert_eq!(hand.bench.client.finished(&mark).await.json()["output"], "fine");
    hand.bench.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_may_take_every_way_there_is() {
    let mut hand = Hand::new().await;
    let results = hand.bench.cluster.names().results();
    let (mark, task) = hand.begin().await;
    assert_eq!(task.properties.reply_to().as_ref().unwrap().as_str(), results);
    assert_eq!(task.kind, "hand");
    assert!(hand.worker.publish("", &results, answering(&task.correlation_id), b"7").await);
    assert_eq!(hand.bench.client.finished(&mark).await.json()["output"], 7);
    let before = hand.bench.database.dead().len();
    assert!(hand.worker.publish(&results, "reslut", answering(&task.correlation_id), b"7").await);
    assert_eq!(hand.bench.dead_after(before, "a wrong key").await.from, "unrouted");
    hand.bench.probe("a wrong key").await;
    hand.bench.end();
}
