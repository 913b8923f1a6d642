//! Large and deep jobs: linear time, a small stack, compact memory.

use std::fmt::Write as _;

use super::*;

/// Far more than any of these takes, far less than anything quadratic would.
const SECONDS: u64 = 20;
const TASKS: usize = 100_000;

fn graph(task: impl Fn(usize) -> String) -> String {
    let mut body = String::from("{\"tasks\":{");
    for n in 0..TASKS {
        let comma = if n > 0 { "," } else { "" };
        write!(body, "{comma}\"t{n}\":{}", task(n)).unwrap();
    }
    body + "}}"
}

fn root_or(n: usize, task: String) -> String {
    if n == 0 { r#"{"kind":"x"}"#.to_owned() } else { task }
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = std::time::Instant::now();
    let result = run();
    assert!(start.elapsed().as_secs() < SECONDS, "{what} took {:?}", start.elapsed());
    result
}

#[test]
fn a_hundred_thousand_tasks_in_a_chain_a_star_and_a_fan_in() {
    let chain = graph(|n| root_or(n, format!(r#"{{"kind":"x","needs":"t{}"}}"#, n.saturating_sub(1))));
    let chain = timed("a chain", || job(&chain));
    assert_eq!((&chain.tasks[99_999].needs[..], &chain.tasks[0].dependents[..]), (&[99_998][..], &[1][..]));
    let star = graph(|n| root_or(n, r#"{"kind":"x","needs":["t0"]}"#.to_owned()));
    assert_eq!(timed("a star", || job(&star)).tasks[0].dependents.len(), TASKS - 1);
    let all: Vec<String> = (1..TASKS).map(|n| format!("\"t{n}\"")).collect();
    let all = format!(r#"{{"kind":"x","needs":[{}]}}"#, all.join(","));
    let fan_in = graph(|n| if n == 0 { all.clone() } else { r#"{"kind":"x"}"#.to_owned() });
    assert_eq!(timed("a fan-in", || job(&fan_in)).tasks[0].needs.len(), TASKS - 1);
}

#[test]
fn tasks_are_compact_and_share_equal_policies() {
    let body = graph(|n| format!(r#"{{"kind":"x","retry":{},"queue":"gpu"}}"#, n % 2));
    let job = job(&body);
    let distinct: std::collections::BTreeSet<_> = job.tasks.iter().map(|task| Arc::as_ptr(&task.policy)).collect();
    assert_eq!(distinct.len(), 2);
    assert!(size_of::<TaskSpec>() <= 320, "{} bytes a task", size_of::<TaskSpec>());
}

#[test]
fn a_cycle_through_a_hundred_thousand_tasks_is_printed_short() {
    let body = graph(|n| format!(r#"{{"kind":"x","needs":"t{}"}}"#, (n + 1) % TASKS));
    let problems = timed("a long cycle", || parse(body.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT));
    let problems = problems.unwrap_err();
    assert_eq!((problems.len(), &*problems[0].code), (1, "cycle"));
    let detail = &problems[0].detail;
    assert!(detail.starts_with("these tasks wait for each other: t0 -> t1 -> ") && detail.ends_with(" -> t0"));
    assert!(detail.len() < 500, "{detail}");
}

#[test]
fn a_hundred_thousand_unknown_names_are_refused_in_bounded_time() {
    let body = graph(|n| format!(r#"{{"kind":"x","needs":"t{n}x"}}"#));
    let problems = timed("unknown names", || parse(body.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT));
    assert_eq!(problems.unwrap_err().len(), 101);
}

#[test]
fn a_million_needs_are_fine() {
    let body = graph(|n| {
        let needs = (1..=10).filter_map(|back| n.checked_sub(back)).map(|at| format!("\"t{at}\""));
        format!(r#"{{"kind":"x","needs":[{}]}}"#, needs.collect::<Vec<_>>().join(","))
    });
    let job = timed("a million needs", || job(&body));
    assert_eq!(job.tasks.iter().map(|task| task.needs.len()).sum::<usize>(), 999_945);
}

#[test]
fn deep_nesting_does_not_overflow_a_small_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!(r#"{{"kind": "a", "input": {}1{}}}"#, open.repeat(100_000), close.repeat(100_000));
        let run = move || {
            let generous = Limits { json_depth: 1_000_000, ..Limits::DEFAULT };
            (wrong(deep.as_bytes()), wrong_with(deep.as_bytes(), &SubmitContext::default(), &generous))
        };
        let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(run).unwrap();
        assert_eq!(thread.join().unwrap(), (vec![("too_deep".to_owned(), String::new())], vec![]));
    }
}

#[test]
fn each_of_a_hundred_thousand_tasks_is_found_by_its_name() {
    let job = job(&graph(|_| r#"{"kind":"x"}"#.to_owned()));
    // One after the other they would be compared 5,000,000,000 times.
    timed("finding all", || {
        for (at, task) in job.tasks.iter().enumerate() {
            assert_eq!(job.position(task.name.as_str()), u32::try_from(at).ok());
        }
    });
    assert_eq!((job.position("t100000"), job.position("")), (None, None));
}
