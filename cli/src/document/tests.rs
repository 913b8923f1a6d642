use super::*;

fn changed(json: &str, set: &[&str]) -> Result<String, String> {
    let source = JobSource { name: "job.json".to_owned(), written: Written::Json(json.into()) };
    let set: Result<Vec<_>, _> = set.iter().map(|written| SetOption::parse(written)).collect();
    let document = set.and_then(|set| source.changed(None, &set));
    document.map(|document| String::from_utf8(document.bytes().to_vec()).unwrap()).map_err(|error| error.to_string())
}

#[test]
fn values_are_set_where_the_path_leads() {
    let job = r#"{"kind": "a", "n": 123456789012345678901234567890, "needs": ["x", "y"], "labels": {"a.b": "1"}}"#;
    let cases: [(&[&str], &str); 7] = [
        (&[], job),
        (&["kind=b"], r#"{"kind":"b","n":123456789012345678901234567890,"needs":["x","y"],"labels":{"a.b":"1"}}"#),
        (
            &["needs.1=z", "needs.2=\"w\""],
            r#"{"kind":"a","n":123456789012345678901234567890,"needs":["x","z","w"],"labels":{"a.b":"1"}}"#,
        ),
        (
            &["labels.a\\.b=2"],
            r#"{"kind":"a","n":123456789012345678901234567890,"needs":["x","y"],"labels":{"a.b":2}}"#,
        ),
        (
            &["retry.delay=10s", "retry.max_attempts=3"],
            concat!(
                r#"{"kind":"a","n":123456789012345678901234567890,"needs":["x","y"],"labels":{"a.b":"1"},"#,
                r#""retry":{"delay":"10s","max_attempts":3}}"#
            ),
        ),
        (&["n=1e400"], r#"{"kind":"a","n":1e400,"needs":["x","y"],"labels":{"a.b":"1"}}"#),
        (&["n={\"x\":[1, 2]}"], r#"{"kind":"a","n":{"x":[1,2]},"needs":["x","y"],"labels":{"a.b":"1"}}"#),
    ];
    for (set, expected) in cases {
        assert_eq!(changed(job, set).unwrap(), expected, "{set:?}");
    }
}

#[test]
fn what_cannot_be_set_is_said() {
    let job = r#"{"kind": "a", "needs": ["x"]}"#;
    let cases = [
        ("kind", "there is no `=`"),
        ("a..b=1", "a part of the path is empty"),
        ("=1", "a part of the path is empty"),
        ("kind.x=1", "there is no \"x\" in \"a\", which is no object and no list"),
        ("needs.2=y", "\"2\" is no index from 0 to 1 of the list"),
        ("needs.x=y", "\"x\" is no index from 0 to 1 of the list"),
    ];
    for (set, expected) in cases {
        let error = changed(job, &[set]).unwrap_err();
        assert!(error.contains(expected) && error.starts_with("error: --set "), "{set}: {error}");
    }
}

#[test]
fn input_is_json_or_a_file_of_either_sort() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("@{}", path.display())
    };
    assert_eq!(input("[1, 1e400]").unwrap().compact(), "[1,1e400]");
    assert_eq!(input(&file("a.json", "{\"x\": 1}")).unwrap().compact(), r#"{"x":1}"#);
    assert_eq!(input(&file("a.yaml", "x: [1, yes]\n")).unwrap().compact(), r#"{"x":[1,"yes"]}"#);
    let error = input("hello").unwrap_err();
    assert!(error.exit == Exit::Usage && error.to_string().contains(r#"--input '"hello"'"#), "{error}");
    assert!(input("@/nowhere/x").unwrap_err().to_string().contains("reading /nowhere/x: No such file"));
}

#[test]
fn problems_are_found_again_in_both_sorts_of_files() {
    let problem = Problem { pointer: "/tasks/b".into(), code: "c".into(), detail: "d".into(), hint: Some("h".into()) };
    let cases = [
        ("j.json", "{\"tasks\":\n  {\"a\": 1,\n   \"b\": 2}}", "j.json:3:4: d\n  hint: h"),
        ("j.yaml", "tasks:\n  a: 1\n  b: 2\n", "j.yaml:3:3: d\n  hint: h"),
        ("-", "  {\"tasks\": {\"b\": 2}}", "-:1:14: d\n  hint: h"),
    ];
    for (name, text, expected) in cases {
        let source = JobSource::parse(name.to_owned(), Path::new(name), text.into()).unwrap();
        assert_eq!(source.place(&problem), expected, "{name}");
    }
    let failure = JobSource::parse("x.yaml".to_owned(), Path::new("x.yaml"), b"a: [1".to_vec()).unwrap_err();
    assert!(failure.to_string().contains("\nx.yaml:"), "{failure}");
}

#[test]
fn some_tasks_are_kept_with_what_they_need() {
    let job = r#"{"input": 1e400, "tasks": {"a": {"kind": "k"}, "b": {"kind": "k", "input": "${{ tasks.a.output }}"},
        "c": {"kind": "k", "needs": "b"}, "d": {"kind": "k"}}, "output": {"x": "${{ tasks.b.output }}"}}"#;
    let source = JobSource { name: "job.json".to_owned(), written: Written::Json(job.into()) };
    let whole = JobDocument::from_json(job).unwrap();
    let reduced = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let reduced = source.reduced(&whole, &names).map_err(|failure| failure.to_string());
        reduced.map(|(document, left_out)| (String::from_utf8(document.bytes().to_vec()).unwrap(), left_out))
    };
    let (document, left_out) = reduced(&["b"]).unwrap();
    let expected = concat!(
        r#"{"input":1e400,"tasks":{"a":{"kind":"k"},"b":{"kind":"k","input":"${{ tasks.a.output }}"}},"#,
        r#""output":{"x":"${{ tasks.b.output }}"}}"#
    );
    assert_eq!((document.as_str(), left_out.as_str()), (expected, "c, d"));
    let (document, left_out) = reduced(&["d", "a"]).unwrap();
    assert_eq!(document, r#"{"input":1e400,"tasks":{"a":{"kind":"k"},"d":{"kind":"k"}}}"#);
    assert_eq!(left_out, "b, c, the job's output, which names some of them");
    assert_eq!(reduced(&["c", "d"]).unwrap().1, "nothing");
    let refused = reduced(&["b", "e"]).unwrap_err();
    assert!(refused.contains("--only e: there is no such task; there are a, b, c, d"), "{refused}");
}
