//! Jobs that are written in the input of a task, and templates.

use super::*;
use crate::job::built_in::{self, Work};

fn problems(body: &str) -> Vec<Problem> {
    parse(body.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT).err().unwrap_or_default()
}

fn places(body: &str) -> Vec<(String, String)> {
    wrong(body.as_bytes())
}

/// A graph whose task `s` runs this job; there is a task `a` beside it.
fn around(job: &str) -> String {
    format!(r#"{{"tasks": {{"a": {{"kind": "x"}}, "s": {{"kind": "warrener.job", "input": {{"job": {job}}}}}}}}}"#)
}

/// The same with items.
fn mapped(job: &str) -> String {
    format!(
        r#"{{"tasks": {{"a": {{"kind": "x"}}, "s": {{"kind": "warrener.job", "for_each": [1],
        "input": {{"job": {job}}}}}}}}}"#
    )
}

fn at(code: &str, below: &str) -> Vec<(String, String)> {
    vec![(code.to_owned(), format!("/tasks/s/input/job{below}"))]
}

#[test]
fn a_sub_job_is_checked_in_all_that_no_expression_decides() {
    for (job, expected) in [
        (r#"{"kindd": "k", "input": "${{ item }}", "kind": "k"}"#, at("unknown_field", "/kindd")),
        (
            r#"{"name": "${{ item }}", "tasks": {"b": {"kind": "k", "needs": "nope"}}}"#,
            at("unknown_task", "/tasks/b/needs"),
        ),
        (r#"{"input": "${{ item }}", "tasks": {"B": {"kind": "k"}}}"#, at("invalid_name", "/tasks/B")),
        (r#"{"input": "${{ item }}", "tasks": {"b": {"kind": "task.x"}}}"#, at("reserved_kind", "/tasks/b/kind")),
        (
            r#"{"input": "${{ item }}", "tasks": {"b": {"kind": "k", "needs": "c"}, "c": {"kind": "k", "needs": "b"}}}"#,
            at("cycle", "/tasks/b"),
        ),
        (
            r#"{"input": "${{ item }}", "tasks": {"b": {"kind": "k", "input": "$${{ inptu.x }}"}}}"#,
            at("unknown_name", "/tasks/b/input"),
        ),
        (
            r#"{"tasks": {"b": {"kind": "k", "input": "${{ item }} and $${{ tasks.c.output }}"}}}"#,
            at("unknown_task", "/tasks/b/input"),
        ),
        (
            r#"{"input": "${{ item }}", "tasks": {"b": {"kind": "k", "if": "1 +"}}}"#,
            at("invalid_expression", "/tasks/b/if"),
        ),
        (
            r#"{"input": "${{ item }}", "tasks": {"b": {"kind": "k", "timeout": "soon"}}}"#,
            at("invalid_duration", "/tasks/b/timeout"),
        ),
        (r#"{"id": "x", "kind": "k", "input": "${{ item }}"}"#, at("contradiction", "/id")),
        (r#"{"unique": {"key": "${{ item }}"}, "kind": "k"}"#, at("contradiction", "/unique")),
        (r#"{"tasks": {}, "input": "${{ item }}"}"#, at("too_few", "/tasks")),
        (
            r#"{"tasks": {"b": {"kind": "warrener.sleep", "input": {"for": "${{ item }}", "x": 1}}}}"#,
            at("unknown_field", "/tasks/b/input/x"),
        ),
        (
            r#"{"tasks": {"b": {"kind": "warrener.job", "input": {"job": {"tasks": {"c": {"kind": "${{ item }}", "nedds": "b"}}}}}}}"#,
            at("unknown_field", "/tasks/b/input/job/tasks/c/nedds"),
        ),
        (
            r#"{"tasks": {"b": {"kind": "warrener.job", "input": {"job": {"tasks": {"c": {"kind": "k", "input": "$$${{ nope }}"}}}}}}}"#,
            at("unknown_name", "/tasks/b/input/job/tasks/c/input"),
        ),
        (r#"{"tasks": {"b": {"kind": "k", "if": "${{ item.ok }}"}}}"#, at("invalid_expression", "/tasks/b/if")),
        (
            r#"{"tasks": {"b": {"kind": "k", "for_each": {"items": "${{ item }}", "max_paralel": 2}}}}"#,
            at("unknown_field", "/tasks/b/for_each/max_paralel"),
        ),
    ] {
        assert_eq!(places(&mapped(job)), expected, "{job}");
    }
}

#[test]
fn what_an_expression_decides_is_left_alone() {
    for job in [
        r#""${{ item }}""#,
        r#"{"kind": "${{ item.kind }}", "input": {"a": "${{ item }}"}}"#,
        r#"{"tasks": "${{ item.tasks }}", "output": "$${{ tasks.x.output }}"}"#,
        r#"{"tasks": {"b": {"kind": "k", "needs": "${{ item.needs }}", "timeout": "${{ item.t }}", "priority": "${{ item.p }}",
            "retry": {"max_attempts": "${{ item.n }}", "backoff": "${{ item.b }}", "jitter": "${{ item.j }}"},
            "run_on": "${{ item.on }}", "queue": "${{ item.q }}", "labels": {"a": "${{ item.l }}"}, "allow_failure": "${{ item.f }}",
            "for_each": {"items": "${{ item.list }}", "max_parallel": "${{ item.m }}", "max_failures": "${{ item.x }}%"}}},
            "defaults": {"timeout": "${{ item.t }}s"}, "name": "n ${{ item }}", "fail_fast": "${{ item.ff }}", "deadline": "${{ item.d }}"}"#,
        r#"{"tasks": {"b": {"kind": "k", "if": "${{ item.n }} > 3"}}}"#,
        r#"{"tasks": {"b": {"kind": "k"}, "c": {"kind": "k", "input": ["$${{ tasks.b.output }}", "${{ tasks.a.output }}"]}}}"#,
        r#"{"tasks": {"b": {"kind": "k", "input": "$${{ tasks.${{ item }}.output }}"}}}"#,
        r#"{"tasks": {"b": {"kind": "k", "for_each": "${{ item }}", "input": "$${{ item }}"}}}"#,
        r#"{"tasks": {"b": {"kind": "warrener.wait", "input": {"event": "e", "key": "${{ item }}"}}}}"#,
    ] {
        assert_eq!(problems(&mapped(job)), [], "{job}");
    }
    assert_eq!(problems(r#"{"tasks": {"s": {"kind": "warrener.job", "input": "${{ input }}"}}}"#), []);
}

#[test]
fn what_was_meant_in_a_sub_job_is_said() {
    for (body, expected) in [
        (
            around(r#"{"tasks": {"b": {"kind": "k", "input": "$${{ tasks.a.output }}"}}}"#),
            "`a` is a task of the job around",
        ),
        (
            around(r#"{"tasks": {"b": {"kind": "k", "if": "tasks.a.status == 'failed'"}}}"#),
            "`a` is a task of the job around",
        ),
        (around(r#"{"tasks": {"b": {"kind": "k", "needs": "a"}}}"#), "`a` is a task of the job around"),
        (
            around(r#"{"tasks": {"b": {"kind": "k"}, "c": {"kind": "k", "input": "${{ tasks.b.output }}"}}}"#),
            "`b` is a task of the sub-job: write `$${{ tasks.b.… }}`",
        ),
        (mapped(r#"{"tasks": {"b": {"kind": "k", "if": "${{ item.ok }}"}}}"#), "write `if: input.ok` here"),
        (r#"{"tasks": {"s": {"kind": "warrener.job"}}}"#.to_owned(), "an object such as {\"job\": "),
        (
            r#"{"tasks": {"s": {"kind": "warrener.job", "input": {"tasks": {"b": {"kind": "k"}}}}}}"#.to_owned(),
            "`tasks` belongs to the job: {\"job\": {\"tasks\": …}}",
        ),
        (r#"{"kind": "warrener.sleep"}"#.to_owned(), "an object such as {\"for\": \"5m\"}"),
    ] {
        let found = hint(&body);
        assert!(found.contains(expected), "{body}: {found}");
    }
}

const BUILD: &str = r#""build": {"input": {"x": 1}, "tasks": {"b": {"kind": "k", "input": "${{ input.x }}"}}, "output": "${{ tasks.b.output }}"}"#;

/// A graph with these templates whose task `s` has this input.
fn using(templates: &str, input: &str) -> String {
    format!(r#"{{"jobs": {{{templates}}}, "tasks": {{"s": {{"kind": "warrener.job", "input": {input}}}}}}}"#)
}

#[test]
fn templates_are_checked_once_and_whole() {
    assert_eq!(problems(&using(BUILD, r#"{"use": "build", "input": {"x": "${{ input.y }}"}}"#)), []);
    for (templates, input, expected) in [
        (BUILD, r#"{"use": "biuld"}"#, vec![("unknown_name", "/tasks/s/input/use")]),
        (BUILD, r#"{"use": "${{ input.which }}"}"#, vec![("invalid_value", "/tasks/s/input/use")]),
        (BUILD, r#"{"use": "b-${{ input.which }}"}"#, vec![("invalid_value", "/tasks/s/input/use")]),
        (BUILD, r#"{"use": "build", "job": {"kind": "k"}}"#, vec![("contradiction", "/tasks/s/input/use")]),
        (BUILD, r#"{"job": {"kind": "k"}, "input": 1}"#, vec![("contradiction", "/tasks/s/input/input")]),
        (BUILD, r#"{"use": "build", "inptu": 1}"#, vec![("unknown_field", "/tasks/s/input/inptu")]),
        (BUILD, "{}", vec![("missing_field", "/tasks/s/input")]),
        (r#""a": 1"#, "{\"use\": \"a\"}", vec![("wrong_type", "/jobs/a")]),
        (r#""A": {"tasks": {"b": {"kind": "k"}}}"#, "{\"use\": \"A\"}", vec![("invalid_name", "/jobs/A")]),
        (
            r#""a": {"kind": "k"}"#,
            "{\"use\": \"a\"}",
            vec![("missing_field", "/jobs/a"), ("unknown_field", "/jobs/a/kind")],
        ),
        (
            r#""a": {"id": "x", "tasks": {"b": {"kindd": "k"}}}"#,
            "{\"use\": \"a\"}",
            vec![
                ("missing_field", "/jobs/a/tasks/b"),
                ("unknown_field", "/jobs/a/id"),
                ("unknown_field", "/jobs/a/tasks/b/kindd"),
            ],
        ),
        (
            r#""a": {"tasks": {"b": {"kind": "k", "needs": "s"}}}"#,
            "{\"use\": \"a\"}",
            vec![("unknown_task", "/jobs/a/tasks/b/needs")],
        ),
        (
            r#""a": {"tasks": {"b": {"kind": "warrener.job", "input": {"use": "a"}}}}"#,
            "{\"use\": \"a\"}",
            vec![("cycle", "/jobs/a")],
        ),
        (
            r#""a": {"tasks": {"x": {"kind": "warrener.job", "input": {"use": "b"}}}},
            "b": {"tasks": {"x": {"kind": "warrener.job", "input": {"job": {"tasks": {"y": {"kind": "warrener.job", "input": {"use": "c"}}}}}}}},
            "c": {"tasks": {"x": {"kind": "warrener.job", "input": {"use": "d"}}}},
            "d": {"tasks": {"x": {"kind": "warrener.job", "input": {"use": "a"}}}}"#,
            "{\"use\": \"a\"}",
            vec![("cycle", "/jobs/a")],
        ),
        (
            BUILD,
            r#"{"job": {"jobs": {"build": {"tasks": {"b": {"kind": "k"}}}}, "tasks": {"b": {"kind": "k"}}}}"#,
            vec![("contradiction", "/tasks/s/input/job/jobs/build")],
        ),
        (
            BUILD,
            r#"{"job": {"tasks": {"b": {"kind": "warrener.job", "input": {"use": "nope"}}}}}"#,
            vec![("unknown_name", "/tasks/s/input/job/tasks/b/input/use")],
        ),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|(code, place)| (code.to_owned(), place.to_owned())).collect();
        assert_eq!(places(&using(templates, input)), expected, "{templates} {input}");
    }
    assert_eq!(places(r#"{"jobs": 1, "kind": "k"}"#), [("wrong_type".to_owned(), "/jobs".to_owned())]);
}

/// Templates that use each other in a row, from `t0` to one that uses none.
fn row(length: usize) -> String {
    let using = |at: usize| {
        format!(r#""t{at}": {{"tasks": {{"a": {{"kind": "warrener.job", "input": {{"use": "t{}"}}}}}}}}"#, at + 1)
    };
    let mut all: Vec<String> = (0..length - 1).map(using).collect();
    all.push(format!(r#""t{}": {{"tasks": {{"a": {{"kind": "k"}}}}}}"#, length - 1));
    all.join(",")
}

#[test]
fn templates_end_within_the_depth_of_jobs() {
    let deepest = usize::from(crate::limits::SUB_JOB_LEVELS);
    assert_eq!(problems(&using(&row(deepest), r#"{"use": "t0"}"#)), []);
    let too_deep = using(&row(deepest + 1), r#"{"use": "t0"}"#);
    assert_eq!(places(&too_deep), [("out_of_range".to_owned(), "/jobs/t0".to_owned())]);
    assert_eq!(problems(&using(&row(1_000), r#"{"use": "t995"}"#)), []);
}

#[test]
fn templates_that_nothing_uses_are_known() {
    let templates = format!(
        r#"{BUILD}, "b": {{"tasks": {{"x": {{"kind": "warrener.job", "input": {{"use": "c"}}}}}}}},
        "c": {{"tasks": {{"x": {{"kind": "k"}}}}}}"#
    );
    let unused = |input: &str| job(&using(&templates, input)).templates.unused().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(unused(r#"{"use": "b"}"#), ["build"]);
    assert_eq!(unused(r#"{"use": "c"}"#), ["build", "b"]);
    assert_eq!(unused(r#"{"job": {"kind": "warrener.job", "input": {"use": "build"}}}"#), ["b", "c"]);
    let by_its_own = r#"{"job": {"jobs": {"own": {"tasks": {"x": {"kind": "warrener.job", "input": {"use": "build"}}}}},
        "kind": "warrener.job", "input": {"use": "own"}}}"#;
    assert_eq!(unused(by_its_own), ["b", "c"]);
}

#[test]
fn a_circle_through_a_template_of_a_job_inside_is_found() {
    let templates = r#""a": {"tasks": {"x": {"kind": "warrener.job", "input": {"job": {
        "jobs": {"b": {"tasks": {"y": {"kind": "warrener.job", "input": {"use": "a"}}}}},
        "tasks": {"z": {"kind": "warrener.job", "input": {"use": "b"}}}}}}}}"#;
    let found = problems(&using(templates, r#"{"use": "a"}"#));
    assert!(found.iter().any(|problem| problem.code == "cycle"), "{found:?}");
}

/// The sub-job that a task with this input runs, where the job has these templates.
fn sub_job(templates: &str, input: &str) -> Result<(JobSpec, String), Vec<Problem>> {
    let around = job(&using(templates, r#"{"job": {"kind": "k"}}"#)).templates;
    let context = SubmitContext { level: 1, templates: Some(&around), ..SubmitContext::default() };
    match built_in::read(BuiltIn::Job, input.as_bytes(), &context, &Limits::DEFAULT)? {
        Work::Job { spec, body } => Ok((JobSpec::clone(&spec), String::from_utf8(body.to_vec()).unwrap())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_job_of_a_template_stands_for_itself() {
    let templates = format!(
        r#"{BUILD}, "two": {{"tasks": {{"x": {{"kind": "warrener.job", "input": {{"use": "build"}}}}}}}},
        "unused": {{"tasks": {{"x": {{"kind": "k"}}}}}}"#
    );
    let (spec, body) = sub_job(&templates, r#"{"use": "build", "input": {"x": 5}}"#).unwrap();
    assert_eq!((spec.name.as_deref(), spec.input.bytes()), (Some("build"), br#"{"x": 5}"#.as_slice()));
    assert_eq!(body.matches("\"input\"").count(), 2, "{body}");
    let (spec, _) = sub_job(&templates, r#"{"use": "build"}"#).unwrap();
    assert_eq!(spec.input.bytes(), br#"{"x": 1}"#, "a template has an input of its own for those who give none");
    for input in [
        r#"{"use": "two"}"#,
        r#"{"job": {"tasks": {"t": {"kind": "warrener.job", "input": {"use": "two"}}}}}"#,
        r#"{"job": {"kind": "warrener.job", "input": {"use": "two"}}}"#,
        r#"{"job": {"jobs": {}, "tasks": {"t": {"kind": "warrener.job", "input": {"use": "two"}}}}}"#,
        r#"{"job": {"jobs": {"own": {"tasks": {"x": {"kind": "warrener.job", "input": {"use": "two"}}}}}, "tasks": {"t": {"kind": "warrener.job", "input": {"use": "own"}}, "u": {"kind": "warrener.job", "input": {"use": "two"}}}}}"#,
        r#"{"job": {"jobs": {"own": {"tasks": {"x": {"kind": "warrener.job", "input": {"use": "two"}}}}}, "tasks": {"t": {"kind": "warrener.job", "input": {"use": "own"}}}}}"#,
        r#"{"job": {"tasks": {"t": {"kind": "warrener.job", "input": {"job": {"tasks": {"t": {"kind": "warrener.job", "input": {"use": "two"}}}}}}}}}"#,
    ] {
        let (spec, body) = sub_job(&templates, input).unwrap_or_else(|problems| panic!("{input}: {problems:?}"));
        assert!(!body.contains("unused") && body.contains("\"two\"") && body.contains("\"build\""), "{body}");
        // As the store gives it back.
        let context = SubmitContext { level: 1, ..SubmitContext::default() };
        let again = parse(body.as_bytes(), &context, &Limits::DEFAULT)
            .unwrap_or_else(|problems| panic!("{body}: {problems:?}"));
        assert_eq!((again.tasks.len(), again.templates.unused().count()), (spec.tasks.len(), 0));
    }
    let (spec, body) = sub_job(&templates, r#"{"job": {"kind": "k"}}"#).unwrap();
    assert_eq!((body.as_str(), spec.templates.is_empty()), (r#"{"kind": "k"}"#, true));
    let problems = sub_job(&templates, r#"{"use": "nope"}"#).unwrap_err();
    assert_eq!((&*problems[0].code, &*problems[0].pointer), ("unknown_name", "/use"));
}

#[test]
fn templates_are_handed_down_to_what_is_written_alone() {
    let doc = |text: &str| Doc::trusted(text.as_bytes());
    assert!(built_in::hands_down(&doc(r#"{"use": "a", "input": "${{ item }}"}"#)));
    assert!(built_in::hands_down(&doc(r#"{"job": {"tasks": {}}}"#)));
    for input in [r#""${{ item }}""#, r#"{"use": "${{ item }}"}"#, r#"{"job": "${{ item }}"}"#, "null"] {
        assert!(!built_in::hands_down(&doc(input)), "{input}");
    }
    let input = br#"{"use": "build"}"#;
    let context = SubmitContext { level: 1, ..SubmitContext::default() };
    let problems = built_in::read(BuiltIn::Job, input, &context, &Limits::DEFAULT).unwrap_err();
    assert_eq!((&*problems[0].code, &*problems[0].pointer), ("unknown_name", "/use"));
}

#[test]
fn a_thousand_uses_cost_as_much_as_one() {
    let tasks: Vec<String> =
        (0..50).map(|at| format!(r#""t{at}": {{"kind": "k", "input": {{"a": "${{{{ input.x }}}}"}}}}"#)).collect();
    let template = format!(r#""build": {{"tasks": {{{}}}}}"#, tasks.join(","));
    let uses = |count: usize| {
        let uses: Vec<String> = (0..count)
            .map(|at| {
                format!(r#""u{at}": {{"kind": "warrener.job", "input": {{"use": "build", "input": {{"x": {at}}}}}}}"#)
            })
            .collect();
        format!(r#"{{"jobs": {{{template}}}, "tasks": {{{}}}}}"#, uses.join(","))
    };
    let best = |body: &str| {
        (0..5)
            .map(|_| {
                let start = std::time::Instant::now();
                job(body);
                start.elapsed()
            })
            .min()
            .unwrap()
    };
    let (one, thousand) = (best(&uses(1)), best(&uses(1_000)));
    // Without optimization; the promise is 200 ms of an optimized build.
    assert!(thousand.as_millis() < 1_000, "one took {one:?}, a thousand {thousand:?}");
    let spec = job(&uses(1_000));
    assert!(spec.templates.unused().next().is_none());
}

/// Whatever is cut out of a sound job with sub-jobs and templates, or put twice into it, the parser answers.
#[test]
fn damaged_jobs_are_refused_or_taken() {
    let templates = format!(
        r#"{BUILD}, "two": {{"tasks": {{"x": {{"kind": "warrener.job", "input": {{"use": "build", "input": {{"x": "$${{{{ 1 }}}}"}}}}}}}}}}"#
    );
    let whole = using(
        &templates,
        r#"{"job": {"name": "${{ input.n }} $${{ x", "tasks": {"a": {"kind": "k", "if": "${{ input.c }}"}, "b": {"kind": "warrener.job", "input": {"use": "two"}}}}}"#,
    );
    let cuts: Vec<usize> = whole.char_indices().map(|(at, _)| at).collect();
    for (nth, &from) in cuts.iter().enumerate() {
        for length in [1, 2, 7, 20] {
            let to = cuts.get(nth + length).copied().unwrap_or(whole.len());
            let cut = format!("{}{}", &whole[..from], &whole[to..]);
            let twice = format!("{}{}", &whole[..to], &whole[from..]);
            for text in [cut, twice] {
                let found = problems(&text);
                assert!(found.len() <= 101, "{text}");
            }
        }
    }
}
