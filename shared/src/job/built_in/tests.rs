use super::*;

fn work(kind: BuiltIn, input: &str) -> Result<Work, Vec<Problem>> {
    read(kind, input.as_bytes(), &SubmitContext { level: 1, ..SubmitContext::default() }, &Limits::DEFAULT)
}

fn wrong(kind: BuiltIn, input: &str) -> Vec<(String, String)> {
    let problems = work(kind, input).expect_err(input);
    problems.into_iter().map(|problem| (problem.code, problem.pointer)).collect()
}

#[test]
fn inputs_of_built_in_kinds_are_read() {
    assert!(matches!(work(BuiltIn::Sleep, r#"{"for": "1m30s"}"#), Ok(Work::SleepFor(Millis(90_000)))));
    assert!(matches!(work(BuiltIn::Sleep, r#"{"for": 0}"#), Ok(Work::SleepFor(Millis(0)))));
    let until = work(BuiltIn::Sleep, r#"{"until": "1970-01-01T00:00:01Z"}"#);
    assert!(matches!(until, Ok(Work::SleepUntil(Timestamp(1000)))));
    let wait = work(BuiltIn::Wait, r#"{"event": "approval", "key": "order-17"}"#);
    assert!(matches!(wait, Ok(Work::Wait { event, key }) if event == "approval" && key == "order-17"));
    let Ok(Work::Job { spec, body }) = work(BuiltIn::Job, r#"{"job": {"kind": "a", "input": 1e400}}"#) else {
        panic!("a sub-job is read");
    };
    assert_eq!((spec.tasks.len(), &*body), (1, br#"{"kind": "a", "input": 1e400}"#.as_slice()));
    let Ok(Work::Fail(error)) = work(BuiltIn::Fail, r#"{"code": "a.b_1", "message": "m", "details": [1e400]}"#) else {
        panic!("an error is read");
    };
    let expected = br#"{"code":"a.b_1","message":"m","details":[1e400]}"#;
    assert_eq!(error.to_json(), expected, "details stay as they came");
    assert!(matches!(work(BuiltIn::Pass, "null"), Ok(Work::Pass)));
}

#[test]
fn every_problem_of_an_input_has_its_place() {
    let of = |code: &str, pointer: &str| (code.to_owned(), pointer.to_owned());
    assert_eq!(wrong(BuiltIn::Fail, "{}"), [of("missing_field", "")]);
    let four = r#"{"code": "Out of stock", "message": 7, "detail": 1}"#;
    let found = [of("invalid_value", "/code"), of("wrong_type", "/message"), of("unknown_field", "/detail")];
    assert_eq!(wrong(BuiltIn::Fail, four), found);
    assert_eq!(wrong(BuiltIn::Sleep, "null"), [of("wrong_type", "")]);
    assert_eq!(wrong(BuiltIn::Sleep, "{}"), [of("missing_field", "")]);
    assert_eq!(wrong(BuiltIn::Sleep, r#"{"for": "soon"}"#), [of("invalid_duration", "/for")]);
    assert_eq!(wrong(BuiltIn::Sleep, r#"{"until": "noon"}"#), [of("invalid_value", "/until")]);
    let both = r#"{"for": 1, "until": "2026-11-24T15:00:00Z"}"#;
    assert_eq!(wrong(BuiltIn::Sleep, both), [of("contradiction", "/until")]);
    assert_eq!(wrong(BuiltIn::Wait, r#"{"event": ""}"#), [of("invalid_value", "/event"), of("missing_field", "")]);
    assert_eq!(wrong(BuiltIn::Wait, r#"{"event": "a", "key": 1}"#), [of("wrong_type", "/key")]);
    assert_eq!(wrong(BuiltIn::Job, "{}"), [of("missing_field", "")]);
    assert_eq!(wrong(BuiltIn::Job, r#"{"job": {"kind": "a", "inptu": 1}}"#)[0].1, "/job/inptu");
    let named = r#"{"job": {"kind": "a", "id": "x", "unique": {"key": "k"}}}"#;
    assert_eq!(wrong(BuiltIn::Job, named), [of("contradiction", "/job/id"), of("contradiction", "/job/unique")]);
}

#[test]
fn jobs_are_inside_of_jobs_up_to_a_limit() {
    let nested = |levels: usize| {
        let inner = (0..levels).fold(r#"{"kind": "a"}"#.to_owned(), |job, _| {
            format!(r#"{{"kind": "warrener.job", "input": {{"job": {job}}}}}"#)
        });
        parse(inner.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT)
    };
    assert!(nested(usize::from(SUB_JOB_LEVELS)).is_ok());
    let problems = nested(usize::from(SUB_JOB_LEVELS) + 1).expect_err("one level too many");
    assert_eq!(problems[0].code, "out_of_range");
    assert!(problems[0].pointer.ends_with("/input/job"), "{}", problems[0].pointer);
}

#[test]
fn a_literal_input_is_judged_at_submit() {
    let graph = br#"{"tasks": {"nap": {"kind": "warrener.sleep", "input": {"fro": "1m"}}}}"#;
    let problems = parse(graph, &SubmitContext::default(), &Limits::DEFAULT).expect_err("a typing error");
    let places: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(places, ["/tasks/nap/input/fro", "/tasks/nap/input"]);
    let later = br#"{"tasks": {"nap": {"kind": "warrener.sleep", "input": {"for": "${{ input }}"}}}}"#;
    assert!(parse(later, &SubmitContext::default(), &Limits::DEFAULT).is_ok());
}

#[test]
fn a_message_to_send_is_read_whole() {
    let input = r#"{"exchange": "orders", "routing_key": "new", "body": {"n": 1e400}, "properties": {"type": "order",
        "priority": 9, "expiration": "1m", "persistent": false, "headers": {"a": "b", "x-n": -7, "t": true}}}"#;
    let Ok(Work::Publish(parcel)) = work(BuiltIn::Publish, input) else { panic!("a message is read") };
    let Parcel { exchange, key, message } = *parcel;
    assert_eq!((&*exchange, &*key, &*message.body), ("orders", "new", br#"{"n": 1e400}"#.as_slice()));
    assert_eq!((message.kind.as_deref(), message.content_type.as_deref()), (Some("order"), Some("application/json")));
    assert_eq!((message.priority, message.expiration_ms, message.persistent), (Some(9), Some(60_000), false));
    assert_eq!((message.header_text("a"), message.header_int("x-n"), message.headers.len()), (Some("b"), Some(-7), 3));
    let bytes = r#"{"exchange": "", "routing_key": "q", "body_base64": "AP8="}"#;
    let Ok(Work::Publish(parcel)) = work(BuiltIn::Publish, bytes) else { panic!("bytes are read") };
    assert_eq!((&*parcel.message.body, parcel.message.content_type), ([0, 255].as_slice(), None));
}

#[test]
fn a_message_that_cannot_be_sent_is_refused_by_name() {
    let of = |code: &str, pointer: &str| (code.to_owned(), pointer.to_owned());
    let three = [of("missing_field", ""), of("missing_field", ""), of("missing_field", "")];
    assert_eq!(wrong(BuiltIn::Publish, "{}"), three);
    assert_eq!(wrong(BuiltIn::Publish, "[]"), [of("wrong_type", "")]);
    let both = r#"{"exchange": "e", "routing_key": "k", "body": 1, "body_base64": "AA=="}"#;
    assert_eq!(wrong(BuiltIn::Publish, both), [of("contradiction", "/body_base64")]);
    let rest = |more: &str| format!(r#"{{"exchange": "e", "routing_key": "k", "body": 1, {more}}}"#);
    assert_eq!(wrong(BuiltIn::Publish, &rest(r#""key": 1"#)), [of("unknown_field", "/key")]);
    assert_eq!(wrong(BuiltIn::Publish, &rest(r#""properties": []"#)), [of("wrong_type", "/properties")]);
    let four =
        r#""properties": {"priority": 256, "expiration": "soon", "user_id": "x", "headers": {"a": [], "b": 1.5}}"#;
    let found = [
        of("out_of_range", "/properties/priority"),
        of("invalid_duration", "/properties/expiration"),
        of("unknown_field", "/properties/user_id"),
        of("wrong_type", "/properties/headers/a"),
        of("wrong_type", "/properties/headers/b"),
    ];
    assert_eq!(wrong(BuiltIn::Publish, &rest(four)), found);
    let bytes = r#"{"exchange": "e", "routing_key": "k", "body_base64": "?"}"#;
    assert_eq!(wrong(BuiltIn::Publish, bytes), [of("invalid_value", "/body_base64")]);
    let long = format!(r#"{{"exchange": "{}", "routing_key": 7, "body": 1}}"#, "é".repeat(128));
    assert_eq!(wrong(BuiltIn::Publish, &long), [of("too_long", "/exchange"), of("wrong_type", "/routing_key")]);
}
