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
