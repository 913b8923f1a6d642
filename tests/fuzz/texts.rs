//! Documents and texts: JSON, jobs, YAML, expressions, durations, points in time, configuration.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use warrener_orchestrator::config::Config;
use warrener_runtime::config::{Binary, Loader};
use warrener_shared::expr::{Condition, ItemScope, Roots, RoundScope, Rounds, Scope, TaskScope, Template};
use warrener_shared::job::{self, SubmitContext, canonical_content, parse_duration, parse_seconds, yaml};
use warrener_shared::json::{Doc, canonical, check};
use warrener_shared::limits::Limits;
use warrener_shared::shown;
use warrener_shared::state::TaskState;
use warrener_shared::time::{Millis, Timestamp};

use crate::mutate::{fuzz, in_short};

#[test]
fn json() {
    let seeds: &[&[u8]] =
        &[br#"{"a":[1,2.5e3,"x\u00e9\ud83d\ude00",null,true,{}],"b":{"c":[]}}"#, b"-1.0e+10", b"\"\\n\""];
    fuzz("json", seeds, JSON_WORDS, |input| {
        let ours = check(input, Limits::DEFAULT.json_depth);
        let theirs = serde_json::from_slice::<&RawValue>(input);
        match (&ours, &theirs) {
            (Ok(()), Err(error)) => panic!("we take what serde does not: {error}"),
            (Err(error), Ok(_)) => {
                // What we refuse beside: depth, and halves of characters.
                let text = error.to_string();
                assert!(text.contains("deep") || text.contains("surrogate"), "we refuse what serde takes: {text}");
            }
            _ => {}
        }
        if ours.is_ok() {
            let once = canonical(input);
            assert_eq!(canonical(&once), once, "canonical of canonical is another");
        }
        in_short(ours.err())
    });
}

#[test]
fn jobs() {
    let context = SubmitContext::default();
    fuzz("job", JOBS, JOB_WORDS, |input| match job::parse(input, &context, &Limits::DEFAULT) {
        Ok(spec) => {
            canonical_content(input);
            format!("{} tasks", spec.tasks.len().min(9))
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a problem");
            in_short(problems.iter().map(|problem| &problem.code))
        }
    });
}

#[test]
fn yaml_documents() {
    fuzz("yaml", YAML, YAML_WORDS, |input| match yaml::to_json(input, &Limits::DEFAULT) {
        Ok(converted) => {
            check(converted.json(), usize::MAX).expect("YAML becomes JSON");
            let problems = job::parse(converted.json(), &SubmitContext::default(), &Limits::DEFAULT).err();
            for problem in problems.iter().flatten() {
                converted.locate(&problem.pointer);
            }
            in_short(problems.iter().flatten().map(|problem| &problem.code))
        }
        Err(error) => in_short([error]),
    });
}

#[test]
fn expressions() {
    let input = br#"{"n": [1, 2, {"x": "y"}], "s": "text", "f": 1.5, "big": 123456789012345678901234567890}"#;
    let input = Doc::trusted(input.as_slice());
    let output = Doc::trusted(br#"{"a": [1, 2, 3], "b": null}"#.as_slice());
    let task = TaskScope {
        status: TaskState::Succeeded,
        output: output.clone(),
        error: Doc::null(),
        attempts: 2,
        results: Doc::null(),
    };
    let labels = BTreeMap::from([("team".to_owned(), "growth".to_owned())]);
    let scope = Scope {
        input: &input,
        job_id: "j",
        job_name: None,
        job_labels: &labels,
        tasks: BTreeMap::from([("a", task.clone()), ("b", task)]),
        item: Some(ItemScope { item: output.clone(), index: 0, total: 3 }),
        round: Some(RoundScope { round: 2, previous: Doc::null(), output }),
        schedule: None,
        task: None,
    };
    fuzz("expression", EXPRESSIONS, EXPRESSION_WORDS, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return "not text".to_owned() };
        let limits = &Limits::DEFAULT;
        let until = Roots { rounds: Rounds::Until, ..Roots::default() };
        let judged = match Condition::parse(text, until, limits) {
            Err(problem) => in_short([problem.detail]),
            Ok(condition) => match condition.judge(&scope, limits) {
                Ok(holds) => format!("{holds}"),
                Err(error) => in_short([error.to_string()]),
            },
        };
        let document = Doc::text(text);
        let Ok(template) = Template::parse(
            &document,
            Roots { item: true, rounds: Rounds::Input, schedule: false, task: false },
            limits,
        ) else {
            return judged;
        };
        match template.render(&scope, limits) {
            Ok(rendered) => {
                check(&rendered, usize::MAX).expect("what is rendered is JSON");
                judged + " rendered"
            }
            Err(error) => judged + &in_short([error.to_string()]),
        }
    });
}

#[test]
fn durations_and_times() {
    let seeds: &[&[u8]] =
        &[b"1h30m", b"90s", b"PT5M", b"1.5h", b"250ms", b"P1DT2H", b"90", b"1.5e3", b"2026-11-30T08:00:00Z"];
    let words = &["d", "h", "m", "s", "ms", "PT", "P", "T", "Z", "+00:00", "-", ":", ".", "9999-12-31", "1e3", "365d"];
    fuzz("duration", seeds, words, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return "not text".to_owned() };
        let longest = Millis::from_secs(365 * 24 * 3_600);
        let mut said = String::new();
        for parsed in [parse_duration(text), parse_seconds(text)] {
            said += &match parsed {
                Ok(span) => {
                    assert!(span <= longest, "{text}: longer than a year");
                    let is_zero = text.bytes().filter(u8::is_ascii_digit).all(|digit| digit == b'0');
                    assert!(is_zero || span > Millis::from_secs(0) || text.contains(['e', 'E']), "{text} is not zero");
                    "a span".to_owned()
                }
                Err(error) => in_short([error.hint()]),
            };
        }
        if let Some(time) = Timestamp::parse_rfc3339(text) {
            assert_eq!(Timestamp::parse_rfc3339(&time.to_rfc3339()), Some(time), "{text} is another time when shown");
            said += "a time";
        }
        said
    });
}

#[test]
fn words_for_a_terminal() {
    let seeds: &[&[u8]] = &[b"plain", "\u{1b}[31mred\u{1b}[0m".as_bytes(), "\u{202e}gnirts\n\t".as_bytes()];
    let words = &["\u{1b}]0;", "\u{7}", "\u{9b}31m", "\u{202d}", "\u{2066}", "\r\n", "\u{7f}", "\u{0}", "\u{85}"];
    fuzz("shown", seeds, words, |input| {
        let text = String::from_utf8_lossy(input);
        let shown = shown::text(&text).to_string();
        let harmful = |c: char| (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!shown.contains(harmful), "{shown:?}");
        format!("{}", shown == text)
    });
}

#[test]
fn configuration() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("warrener.toml");
    fuzz("configuration", CONFIGURATIONS, CONFIGURATION_WORDS, |input| {
        std::fs::write(&file, input).expect("a file can be written");
        let mut said = String::new();
        for binary in [Binary::Orchestrator, Binary::Worker] {
            let loader = Loader::new(binary).environment([]).directory(folder.path());
            let problems = match binary {
                Binary::Worker => warrener_worker::Settings::load(loader).err(),
                _ => loader.load::<Config>().err(),
            };
            said += &in_short(problems.iter().flat_map(|errors| &errors.0).map(|problem| problem.to_string()));
        }
        said
    });
}

const JSON_WORDS: &[&str] =
    &["null", "true", "\"", "\\u0000", "\\ud800", "\\udc00", "{}", "[]", ",", ":", "1e5", "\u{feff}", "\\", "NaN"];
const JOBS: &[&[u8]] = &[
    br#"{"kind":"demo.echo","input":{"a":1},"timeout":"1m","retry":3,"labels":{"x":"y"},"priority":9}"#,
    br#"{"input":{"n":[1,2]},"defaults":{"queue":"gpu"},"tasks":{"a":{"kind":"k","for_each":"${{ input.n }}","input":"${{ item }}"},"b":{"kind":"k","needs":["a"],"if":"tasks.a.status == 'succeeded'"}},"output":"${{ tasks.b.output }}"}"#,
    br#"{"tasks":{"a":{"kind":"warrener.sleep","input":{"for":"1s"}},"b":{"kind":"warrener.wait","input":{"event":"e","key":"k"},"needs":"a","run_on":"failure"},"c":{"kind":"warrener.job","input":{"job":{"kind":"k"}}}},"unique":{"key":"x","on_conflict":"reject"},"deadline":"1h","run_at":"2026-11-30T08:00:00Z"}"#,
    br#"{"tasks":{"m":{"kind":"k","for_each":{"matrix":{"x":[1,2],"y":["a"]},"exclude":[{"x":1}],"max_parallel":2,"max_failures":"5%"},"allow_failure":true,"retry":{"max_attempts":3,"backoff":"linear","delay":"1s","only_on":["lost"]}}}}"#,
];
const JOB_WORDS: &[&str] = &[
    "\"tasks\"",
    "\"kind\"",
    "\"needs\"",
    "\"for_each\"",
    "\"matrix\"",
    "\"exclude\"",
    "\"if\"",
    "\"retry\"",
    "\"unique\"",
    "\"input\"",
    "\"output\"",
    "\"defaults\"",
    "\"${{ tasks.a.output }}\"",
    "${{",
    "}}",
    "\"a\":",
    "null",
    "[]",
    "{}",
    ",",
    "\"warrener.job\"",
    "\"warrener.sleep\"",
    "\"P1D\"",
    "\"1h\"",
    "\"5%\"",
    "\"run_on\"",
    "\"done\"",
    "\\u0000",
];
const YAML: &[&[u8]] = &[
    b"kind: demo.echo\ninput: {a: 1, b: [x, y]}\ntimeout: 1m\n",
    b"tasks:\n  a: &x\n    kind: k\n    input: ${{ input.n }}\n  b:\n    <<: *x\n    needs: [a]\n",
    b"kind: k\ninput: |\n  lines\n   more\ndescription: >-\n  folded\n  text\n",
    b"- 0x1f\n- 0o17\n- ~\n- 'it''s'\n- \"\\u00e9\\n\"\n- .5\n- 1_000\n- 2026-01-01\n",
];
const YAML_WORDS: &[&str] = &[
    "&a ",
    "*a",
    "<<: ",
    "|",
    ">-",
    "\n  ",
    "\n",
    ": ",
    "- ",
    "? ",
    "---\n",
    "...\n",
    "!!str ",
    "!x ",
    "#",
    "{",
    "}",
    "[",
    "]",
    "%YAML 1.2\n",
    "\t",
    "'",
    "\"",
    ".inf",
    ".nan",
    "0x",
    "~",
    "\u{feff}",
    "${{ a }}",
];
const EXPRESSIONS: &[&[u8]] = &[
    b"input.n[0] + 1 > 2 and tasks.a.status == 'succeeded'",
    b"${{ tasks.a.output.a | sum }} of ${{ total }}",
    b"${{ input.big * 2 }}",
    b"(input.s ~ '!') in ['text!'] or not (input.f is defined)",
    b"input.missing | default('x') | upper",
    b"[x for x in []] == [] if true else {'a': 1}.a",
];
const EXPRESSION_WORDS: &[&str] = &[
    "tasks.a.output",
    "tasks.b.results",
    "input.n",
    "item",
    "index",
    "job.labels.team",
    "${{ ",
    " }}",
    "$${{",
    " and ",
    " or ",
    "not ",
    " in ",
    " is defined",
    " if ",
    " else ",
    "| length",
    "| sum",
    "| join(',')",
    "| default(1)",
    "| tojson",
    "| range",
    "range(1000000000)",
    "'",
    "\"",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "**",
    "//",
    "%",
    "~",
    "==",
    "<=",
    "-",
    ".",
    "[0]",
    "['a']",
    "none",
    "| replace('a', 'b' * 100000)",
    "* 100000",
    "| list",
    "| batch(2)",
    "| sort",
    "{% for %}",
    "{{",
    "{#",
];
const CONFIGURATIONS: &[&[u8]] = &[
    b"[amqp]\nurl = \"amqp://guest:guest@127.0.0.1:5672/%2f\"\nprefix = \"warrener\"\n[http]\nlisten = \"127.0.0.1:8080\"\nhosts = [\"a.b\"]\n",
    b"retention = \"7d\"\n[store]\nurl = \"postgres://u:p@h/db?sslmode=disable\"\n[limits]\ntasks = 10\n[queues.rpc]\naddress = \"rpc_queue\"\n",
    b"[worker]\nqueues = [\"a\", \"b\"]\nslots = 8\ndemo = true\ndrain = \"30s\"\n[kinds.\"a.b\"]\ncommand = [\"cat\"]\n[kinds.x]\nhttp = \"http://127.0.0.1:1/x\"\n",
];
const CONFIGURATION_WORDS: &[&str] = &[
    "[http]\n",
    "[kinds.\"x\"]\n",
    "[[queues]]\n",
    "url = ",
    "\"",
    "\"\"\"",
    "= [",
    "]",
    "1979-05-27T07:32:00Z",
    "0x10",
    "inf",
    "nan",
    "amqp://",
    "amqps://h?cacertfile=",
    "sqlite://",
    "%zz",
    "postgres:///",
    "[::1]:",
    "true",
    "\n",
    ".",
    "max_body = ",
    "5d",
    "a.b.c = ",
];
