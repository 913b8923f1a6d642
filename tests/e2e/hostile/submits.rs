//! Submits.

use serde_json::{Value, json};
use warrener_tests::broker::unique;
use warrener_tests::client::{AMQPValue, BasicProperties, FieldTable};
use warrener_tests::raw::{HEADERS, MESSAGE_ID, Raw, TYPE, long, short};

use super::Bench;

/// Bodies that are no jobs, each with the code of a problem that must be told.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_jobs_are_refused_with_reasons() {
    let mut bench = Bench::new().await;
    let bodies = bodies();
    assert!(bodies.len() >= 60, "{}", bodies.len());
    let mut wrong = Vec::new();
    for (body, code) in &bodies {
        let (properties, mark) = bench.client.asking();
        bench.client.send(properties, body).await;
        let answer = bench.client.answer(&mark, &["job.accepted", "job.rejected"]).await;
        let problems = answer.problems();
        let pointers = problems.iter().all(|(_, pointer)| pointer.is_empty() || pointer.starts_with('/'));
        let shown: String = String::from_utf8_lossy(body).chars().take(120).collect();
        if answer.kind != "job.rejected" || !pointers || !problems.iter().any(|(found, _)| found == code) {
            let told: String = format!("{problems:?}").chars().take(400).collect();
            wrong.push(format!("{shown}\n    {code} expected, told {told}"));
        }
        assert!(answer.body.len() < 200_000, "a refusal of {} bytes for {shown}", answer.body.len());
        bench.probe(&shown).await;
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), bodies.len(), wrong.join("\n"));
    bench.end();
}

fn bodies() -> Vec<(Vec<u8>, &'static str)> {
    let mut bodies: Vec<(Vec<u8>, &'static str)> = Vec::new();
    let mut bytes = |body: Vec<u8>, code| bodies.push((body, code));
    bytes(b"".to_vec(), "invalid_json");
    bytes(b"{\"kind\":\"a\xff\"}".to_vec(), "invalid_json");
    bytes(b"{\"ki\xc3\x28nd\":1}".to_vec(), "invalid_json");
    bytes(b"{\"kind\":\"a\0b\"}".to_vec(), "invalid_json");
    bytes(b"\0\0\0\0".to_vec(), "invalid_json");
    bytes("{\"kind\":\"a\"}".encode_utf16().flat_map(u16::to_be_bytes).collect(), "invalid_json");
    bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec(), "invalid_json");
    bytes(deep("[", "]", 100_000), "too_deep");
    bytes(deep("{\"a\":", "}", 10_000), "too_deep");
    bytes(deep("[", "]", 200), "too_deep");
    bytes("[".repeat(1_000_000).into_bytes(), "too_deep");
    bytes(format!("{{\"kind\":\"a\",\"labels\":{{{}}}}}", members(40)).into_bytes(), "too_many");
    bytes(format!("{{\"tasks\":{{{}}}}}", tasks(100_001)).into_bytes(), "too_many");
    bytes(format!("{{\"kind\":\"{}\"}}", "k".repeat(101)).into_bytes(), "invalid_name");
    bytes(format!("{{\"kind\":\"a\",\"{}\":1}}", "f".repeat(500_000)).into_bytes(), "unknown_field");
    bytes(format!("{{\"tasks\":{{\"{}\":{{{}}}}}}}", "k".repeat(1_000_000), members(90)).into_bytes(), "invalid_name");
    bytes(expression(&"(".repeat(2000)), "invalid_expression");
    bytes(expression(&format!("1{}", "+1".repeat(3000))), "too_long");
    bytes(expression(&"[".repeat(4000)), "invalid_expression");
    bytes(expression(&format!("{}1", "-".repeat(4000))), "too_long");
    for (body, code) in TEXTS {
        bytes(body.as_bytes().to_vec(), code);
    }
    bodies
}

fn deep(open: &str, close: &str, levels: usize) -> Vec<u8> {
    format!("{{\"kind\":\"a\",\"input\":{}null{}}}", open.repeat(levels), close.repeat(levels)).into_bytes()
}

fn members(count: usize) -> String {
    (0..count).map(|number| format!("\"l{number}\":\"v\"")).collect::<Vec<_>>().join(",")
}

fn tasks(count: usize) -> String {
    (0..count).map(|number| format!("\"t{number}\":{{\"kind\":\"a\"}}")).collect::<Vec<_>>().join(",")
}

fn expression(text: &str) -> Vec<u8> {
    format!("{{\"tasks\":{{\"a\":{{\"kind\":\"k\",\"input\":\"${{{{ {text} }}}}\"}}}}}}").into_bytes()
}

const TEXTS: &[(&str, &str)] = &[
    ("null", "wrong_type"),
    ("[]", "wrong_type"),
    ("42", "wrong_type"),
    ("\"kind\"", "wrong_type"),
    ("{", "invalid_json"),
    (r#"{"kind":"demo.echo""#, "invalid_json"),
    (r#"{"kind":"demo.echo"}}"#, "invalid_json"),
    (r#"{"kind":"a"}{"kind":"a"}"#, "invalid_json"),
    (r#"{"kind":"a",}"#, "invalid_json"),
    (r#"{'kind':'a'}"#, "invalid_json"),
    (r#"{"kind":"a","input":NaN}"#, "invalid_json"),
    (r#"{"kind":"a","input":01}"#, "invalid_json"),
    ("kind: demo.echo", "invalid_json"),
    (r#"{"kind":"a","kind":"b"}"#, "duplicate_key"),
    (r#"{"kind":"a","\u006bind":"b"}"#, "duplicate_key"),
    (r#"{"kind":"a","input":{"x":1,"x":2}}"#, "duplicate_key"),
    ("{}", "missing_field"),
    (r#"{"kind":7}"#, "wrong_type"),
    (r#"{"kind":""}"#, "invalid_name"),
    (r#"{"kind":"a b"}"#, "invalid_name"),
    (r#"{"kind":"a\nb"}"#, "invalid_name"),
    (r#"{"kind":"../etc"}"#, "invalid_name"),
    (r#"{"kind":"task.run"}"#, "reserved_kind"),
    (r#"{"kind":"warrener.nope"}"#, "unknown_kind"),
    (r#"{"kind":"a","inptu":1}"#, "unknown_field"),
    (r#"{"kind":"a","__proto__":{}}"#, "unknown_field"),
    (r##"{"kind":"a","queue":"#"}"##, "invalid_name"),
    (r#"{"kind":"a","queue":["default"]}"#, "wrong_type"),
    (r#"{"kind":"a","id":"../../etc/passwd"}"#, "invalid_name"),
    (r#"{"kind":"a","id":17}"#, "wrong_type"),
    (r#"{"kind":"a","priority":10}"#, "out_of_range"),
    (r#"{"kind":"a","priority":-1}"#, "out_of_range"),
    (r#"{"kind":"a","priority":"high"}"#, "wrong_type"),
    (r#"{"kind":"a","timeout":"soon"}"#, "invalid_duration"),
    (r#"{"kind":"a","timeout":"999999999999999999999999d"}"#, "out_of_range"),
    (r#"{"kind":"a","timeout":"366d"}"#, "out_of_range"),
    (r#"{"kind":"a","timeout":0}"#, "out_of_range"),
    (r#"{"kind":"a","timeout":{}}"#, "wrong_type"),
    (r#"{"kind":"a","retry":-1}"#, "out_of_range"),
    (r#"{"kind":"a","retry":{"max_attempts":0}}"#, "out_of_range"),
    (r#"{"kind":"a","retry":{"backoff":"sometimes"}}"#, "invalid_value"),
    (r#"{"kind":"a","retry":{"tries":3}}"#, "unknown_field"),
    (r#"{"kind":"a","delay":"1s","run_at":"2030-01-01T00:00:00Z"}"#, "contradiction"),
    (r#"{"kind":"a","run_at":"tomorrow"}"#, "invalid_value"),
    (r#"{"kind":"a","labels":[]}"#, "wrong_type"),
    (r#"{"kind":"a","labels":{"a":1}}"#, "wrong_type"),
    (r#"{"kind":"a","tasks":{"b":{"kind":"c"}}}"#, "contradiction"),
    (r#"{"tasks":{}}"#, "too_few"),
    (r#"{"tasks":[]}"#, "wrong_type"),
    (r#"{"tasks":{"A":{"kind":"a"}}}"#, "invalid_name"),
    (r#"{"tasks":{"a-b":{"kind":"a"}}}"#, "invalid_name"),
    (r#"{"tasks":{"":{"kind":"a"}}}"#, "invalid_name"),
    (r#"{"tasks":{"a":null}}"#, "wrong_type"),
    (r#"{"tasks":{"a":{"kind":"k","needs":"a"}}}"#, "self_reference"),
    (r#"{"tasks":{"a":{"kind":"k","needs":"b"},"b":{"kind":"k","needs":"c"},"c":{"kind":"k","needs":"a"}}}"#, "cycle"),
    (r#"{"tasks":{"a":{"kind":"k","needs":"zz"}}}"#, "unknown_task"),
    (r#"{"tasks":{"a":{"kind":"k"},"b":{"kind":"k","needs":["a","a"]}}}"#, "duplicate_need"),
    (r#"{"tasks":{"a":{"kind":"k","input":"${{ tasks.zz.output }}"}}}"#, "unknown_task"),
    (r#"{"tasks":{"a":{"kind":"k","input":"${{ tasks[input.x].output }}"}}}"#, "invalid_expression"),
    (r#"{"tasks":{"a":{"kind":"k","input":"${{ "}}}"#, "invalid_expression"),
    (r#"{"tasks":{"a":{"kind":"k","input":"${{ input | exec('id') }}"}}}"#, "unknown_name"),
    (r#"{"tasks":{"a":{"kind":"k","input":"${{ nobody }}"}}}"#, "unknown_name"),
    (r#"{"tasks":{"a":{"kind":"k","if":""}}}"#, "invalid_expression"),
    (r#"{"tasks":{"a":{"kind":"k","if":true}}}"#, "wrong_type"),
    (r#"{"tasks":{"a":{"kind":"k","run_on":"never"}}}"#, "invalid_value"),
    (r#"{"tasks":{"a":{"kind":"k","for_each":{"items":[1],"max_failures":"101%"}}}}"#, "invalid_value"),
    (r#"{"tasks":{"a":{"kind":"k","for_each":{"items":[1],"matrix":{"a":[1]}}}}}"#, "contradiction"),
    (r#"{"tasks":{"a":{"kind":"k","for_each":17}}}"#, "wrong_type"),
    (r#"{"kind":"a","unique":{}}"#, "missing_field"),
];

/// Properties that are wrong or that only look dangerous.
#[tokio::test(flavor = "multi_thread")]
async fn properties_are_judged_like_bodies() {
    let mut bench = Bench::new().await;
    let job = br#"{"kind": "demo.echo", "input": 1}"#;
    let base = |mark: &str| bench.client.asking_for("both", mark);
    let header = |name: &str, value: AMQPValue| {
        let mut headers = FieldTable::default();
        headers.insert(name.into(), value);
        headers
    };
    let text = |text: &str| AMQPValue::LongString(text.into());
    let mut celery = header("task", text("app.add"));
    celery.insert("lang".into(), text("py"));
    let refused = [
        ("gzip", base("gzip").with_content_encoding("gzip".into()), "content_encoding", ""),
        ("reply", base("reply").with_headers(header("reply", text("never"))), "invalid_header", ""),
        ("reply-int", base("reply-int").with_headers(header("reply", AMQPValue::LongInt(1))), "invalid_header", ""),
        ("id", base("id").with_message_id("no id at all".into()), "invalid_name", "/id"),
        ("long-id", base("long-id").with_message_id("x".repeat(255).as_str().into()), "invalid_name", "/id"),
        ("celery", base("celery").with_headers(celery), "celery_message", ""),
        ("event", base("event").with_type("event".into()), "", ""),
    ];
    for (mark, properties, code, pointer) in refused {
        bench.client.send(properties, job).await;
        let problems = bench.client.rejected(mark).await.problems();
        let fits = |(found, at): &(String, String)| code.is_empty() || (found == code && at == pointer);
        assert!(problems.iter().any(fits), "{mark}: {problems:?}");
    }
    let mut odd = header("x-death", AMQPValue::Boolean(true));
    odd.insert("x-delivery-count".into(), AMQPValue::LongLongInt(99));
    odd.insert("deliveries".into(), AMQPValue::LongInt(-1));
    odd.insert("reply".into(), text("both"));
    odd.insert("traceparent".into(), text("00-zz"));
    let accepted = [
        ("odd", base("odd").with_headers(odd)),
        ("priority", base("priority").with_priority(255)),
        ("xml", base("xml").with_content_type("application/xml".into())),
        ("type", base("type").with_type("task.succeeded".into())),
        ("app", base("app").with_app_id("x".repeat(255).as_str().into()).with_timestamp(u64::MAX)),
    ];
    for (mark, properties) in accepted {
        bench.client.send(properties, job).await;
        assert_eq!(bench.client.finished(mark).await.json()["output"], 1, "{mark}");
    }
    let mark = "m".repeat(255);
    bench.client.send(base(&mark), job).await;
    assert_eq!(bench.client.finished(&mark).await.json()["output"], 1);
    bench.probe("properties").await;
    bench.end();
}

/// Submits that nobody can be told about are kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_be_told_is_kept() {
    let mut bench = Bench::new().await;
    let job = json!({"kind": "demo.echo", "input": 1}).to_string().into_bytes();
    let submit = bench.cluster.names().submit();
    let silent = BasicProperties::default();
    let ours = BasicProperties::default().with_reply_to(bench.cluster.names().results().as_str().into());
    let huge = vec![b'{'; 400_000];
    let kept: [(&str, &str, BasicProperties, &[u8]); 5] = [
        ("no reply_to", "submit", silent.clone(), b"not a job"),
        ("our own queue", "submit", ours, &job),
        ("a wrong key", "sumbit", silent.clone(), &job),
        ("no key", "", silent.clone(), &job),
        ("a huge body", "submit", silent.clone(), &huge),
    ];
    for (what, key, properties, body) in kept {
        let before = bench.database.dead().len();
        assert!(bench.client.publish(&submit, key, properties, body).await, "{what}");
        let dead = bench.dead_after(before, what).await;
        let from = if key == "submit" { "submit" } else { "unrouted" };
        assert_eq!(dead.from, from, "{what}: {dead:?}");
        assert!(body.starts_with(&dead.body[..dead.body.len().min(body.len())]), "{what}");
        bench.probe(what).await;
    }
    // Whoever is gone can't be told either, and nobody waits for that.
    for address in [unique("gone"), "/queues/none".to_owned(), "x".repeat(255)] {
        let gone = BasicProperties::default().with_reply_to(address.as_str().into());
        bench.client.send(gone, &job).await;
        bench.probe(&address).await;
    }
    bench.end();
}

/// Bytes in properties that are no text.
#[tokio::test(flavor = "multi_thread")]
async fn properties_that_are_no_text_harm_nobody() {
    let mut bench = Bench::new().await;
    let mut raw = Raw::connect(bench.cluster.amqp_url()).await;
    let submit = bench.cluster.names().submit();
    let broken = b"a\xff\xfe\xc3z";
    let job = br#"{"kind": "demo.echo", "input": 1}"#;
    let nested = (0..5_000).fold(Vec::new(), |inner, _| [short(b"a"), b"F".to_vec(), long(&inner)].concat());
    let lists = (0..20_000).fold(b"V".to_vec(), |inner, _| [b"A".to_vec(), long(&inner)].concat());
    let named = long(&[short(broken), b"t\x01".to_vec()].concat());
    let cases: [(&str, &[u8], u16, Vec<u8>); 7] = [
        ("message_id", b"submit", MESSAGE_ID, short(broken)),
        ("type", b"submit", TYPE, short(broken)),
        ("header", b"submit", HEADERS, named),
        ("tables", b"submit", HEADERS, long(&nested)),
        ("lists", b"submit", HEADERS, long(&[short(b"a"), lists].concat())),
        ("key", broken, 0, Vec::new()),
        ("many", b"submit", HEADERS, long(&many_headers(2_000))),
    ];
    for (what, key, flags, properties) in cases {
        raw.publish(&submit, key, flags, &properties, job).await;
        bench.probe(what).await;
    }
    bench.end();
}

fn many_headers(count: usize) -> Vec<u8> {
    (0..count).flat_map(|number| [short(format!("h{number}").as_bytes()), b"t\x01".to_vec()].concat()).collect()
}

/// A job that is as large as may be, in every direction.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_just_allowed_is_done() {
    let mut bench = Bench::new().await;
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    let mark = bench.client.submit_text(&format!(r#"{{"kind":"demo.echo","input":{deep}}}"#)).await;
    let end = bench.client.finished(&mark).await.text();
    assert!(end.contains(&format!(r#""output":{deep}"#)), "{end}");
    let odd =
        json!({"": 1, "${{ x }}": "$${{ x }}", "\u{202e}": "\u{0}\u{7f}\u{ffff}", "k": "\\\"\n", "__proto__": {}});
    let end = bench.client.run(&json!({"kind": "demo.echo", "input": odd})).await;
    assert_eq!(end["output"], odd);
    let wide: Value = (0..2000).map(|n| (format!("t{n}"), json!({"kind": "demo.echo", "input": n}))).collect();
    let end = bench.client.run(&json!({"tasks": wide})).await;
    assert_eq!(end["output"].as_object().map(serde_json::Map::len), Some(2000));
    bench.probe("large jobs").await;
    bench.end();
}
