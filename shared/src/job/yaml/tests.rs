use super::*;
use crate::job::{SubmitContext, parse};

fn json(text: &str) -> String {
    let converted = to_json(text.as_bytes(), &Limits::DEFAULT).unwrap_or_else(|error| panic!("{text}: {error}"));
    crate::json::check(converted.json(), 128).unwrap();
    String::from_utf8(converted.json().to_vec()).unwrap()
}

#[test]
fn scalars_of_the_core_schema() {
    for (yaml, expected) in [
        ("null", "null"),
        ("~", "null"),
        ("Null", "null"),
        ("NULL", "null"),
        ("nUll", r#""nUll""#),
        ("true", "true"),
        ("True", "true"),
        ("FALSE", "false"),
        ("yes", r#""yes""#),
        ("on", r#""on""#),
        ("off", r#""off""#),
        ("n", r#""n""#),
        ("0", "0"),
        ("-0", "-0"),
        ("+7", "7"),
        ("007", "7"),
        ("0o17", "15"),
        ("0xfF", "255"),
        ("-0x1", r#""-0x1""#),
        ("0b1", r#""0b1""#),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.0", "1.0"),
        ("1.", "1.0"),
        (".5", "0.5"),
        ("-.5e3", "-0.5e3"),
        ("1e400", "1e400"),
        ("+12e03", "12e03"),
        ("685_230", r#""685_230""#),
        (".", r#"".""#),
        ("-", "[null]"),
        ("+", r#""+""#),
        ("1e", r#""1e""#),
        ("1.2.3", r#""1.2.3""#),
        ("60:30", r#""60:30""#),
        ("2026-11-24", r#""2026-11-24""#),
        ("\"1\"", r#""1""#),
        ("'true'", r#""true""#),
        ("|\n  1\n", r#""1\n""#),
        ("\"\\0\\n\"", r#""\u0000\n""#),
    ] {
        assert_eq!(json(yaml), expected, "{yaml}");
    }
}

#[test]
fn collections_keys_and_aliases() {
    for (yaml, expected) in [
        ("a: 1\nb: [x, {c: }]", r#"{"a":1,"b":["x",{"c":null}]}"#),
        ("1: a\ntrue: b\n~: c\n1.5: d", r#"{"1":"a","true":"b","~":"c","1.5":"d"}"#),
        ("<<: {a: 1}\nb: 2", r#"{"<<":{"a":1},"b":2}"#),
        ("a: &x [1, &y {b: 2}]\nc: *x\nd: *y", r#"{"a":[1,{"b":2}],"c":[1,{"b":2}],"d":{"b":2}}"#),
        ("a: &x 007\nb: *x\n*x : 1", r#"{"a":7,"b":7,"007":1}"#),
        ("- a\n-\n- - b", r#"["a",null,["b"]]"#),
        ("%YAML 1.2\n---\na: 1\n...\n", r#"{"a":1}"#),
        ("# comment\na: 1 # comment\n", r#"{"a":1}"#),
        ("text: ${{ tasks.a.output }}", r#"{"text":"${{ tasks.a.output }}"}"#),
    ] {
        assert_eq!(json(yaml), expected, "{yaml}");
    }
}

#[test]
fn what_json_cannot_say_is_refused_where_it_stands() {
    for (yaml, line, column, part) in [
        ("a: 1\nb: 2\na: 3", 3, 1, "there twice"),
        ("{a: 1, 'a': 2}", 1, 8, "there twice"),
        ("1: a\n\"1\": b", 2, 1, "there twice"),
        ("a: .inf", 1, 4, "JSON has no number .inf"),
        ("a:\n - -.INF", 2, 4, "JSON has no number -.INF"),
        ("a: .NaN", 1, 4, "JSON has no number .NaN"),
        ("a: !!str 1", 1, 10, "tag"),
        ("a: !x {b: 1}", 1, 7, "tag"),
        ("--- 1\n--- 2", 2, 1, "second document"),
        ("{a: 1}: b", 1, 1, "key must be text"),
        ("? [a]\n: b", 1, 3, "key must be text"),
        ("a: &x [*x]", 1, 8, "inside of what it stands for"),
        ("a: *nothing", 1, 4, ""),
        ("a: [1", 1, 4, ""),
        ("a: b: c", 1, 5, ""),
        ("", 1, 1, "no document"),
        ("# nothing", 1, 1, "no document"),
    ] {
        let error = to_json(yaml.as_bytes(), &Limits::DEFAULT).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{yaml}: {error}");
        assert!(error.message.contains(part), "{yaml}: {error}");
    }
    let error = to_json(b"a: 1\nb: \xff", &Limits::DEFAULT).unwrap_err();
    assert_eq!((error.line, error.column), (2, 4), "{error}");
}

#[test]
fn aliases_cannot_blow_up() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for n in 1..12 {
        let before = n - 1;
        laughs += &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{before}"); 10].join(", "));
    }
    let error = to_json(laughs.as_bytes(), &Limits::DEFAULT).unwrap_err();
    assert!(error.message.contains("limit on a submit"), "{error}");
}

#[test]
fn hostile_depth_is_refused_on_a_small_stack() {
    let texts = ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000)];
    let run = move || texts.iter().filter(|text| to_json(text.as_bytes(), &Limits::DEFAULT).is_err()).count();
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(run).unwrap();
    assert_eq!(thread.join().unwrap(), 4);
}

#[test]
fn problems_of_the_job_lead_back_to_the_file() {
    let yaml = "# a job\ntasks:\n  a:\n    kind: x\n    priority: 99\n  b: {kind: y, needs: [a, zz]}\nx: &x {kind: 1}\nunknown: *x\n";
    let converted = to_json(yaml.as_bytes(), &Limits::DEFAULT).unwrap();
    let problems = parse(converted.json(), &SubmitContext::default(), &Limits::DEFAULT).unwrap_err();
    let mut places: Vec<_> = problems
        .iter()
        .map(|problem| (problem.pointer.as_str(), converted.locate(&problem.pointer).unwrap()))
        .collect();
    places.sort();
    assert_eq!(
        places,
        [("/tasks/a/priority", (5, 5)), ("/tasks/b/needs/1", (6, 27)), ("/unknown", (8, 1)), ("/x", (7, 1))]
    );
    assert_eq!(converted.locate(""), Some((2, 1)));
    assert_eq!(converted.locate("/unknown/kind"), Some((8, 1)));
}

#[test]
fn the_examples_are_jobs() {
    for text in [
        include_str!("tests/chain.yaml"),
        include_str!("tests/sweep.yaml"),
        include_str!("tests/train.yaml"),
        include_str!("tests/word-count.yaml"),
        include_str!("tests/single.json"),
    ] {
        let converted = to_json(text.as_bytes(), &Limits::DEFAULT).unwrap();
        parse(converted.json(), &SubmitContext::default(), &Limits::DEFAULT)
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
    }
}
