mod comparisons;

use std::collections::BTreeMap;

use super::*;
use crate::job::Source;
use crate::json::check;
use crate::limits::Limits;

const LIMITS: Limits = Limits::DEFAULT;
const MAPPED: Roots = Roots { item: true, rounds: Rounds::None, schedule: false, task: false };

fn doc(text: &str) -> Doc {
    check(text.as_bytes(), 128).unwrap();
    Doc::trusted(text.as_bytes())
}

/// Runs with a scope that has a bit of everything.
fn scoped<T>(run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let input = doc(INPUT);
    let labels = BTreeMap::from([("team".to_owned(), "growth".to_owned()), ("a-b".to_owned(), "ü\"".to_owned())]);
    let done = |output: &str| TaskScope {
        status: TaskState::Succeeded,
        output: doc(output),
        error: Doc::null(),
        attempts: 2,
        results: Doc::null(),
    };
    let failed = TaskScope {
        status: TaskState::Failed,
        output: Doc::null(),
        error: doc(r#"{"code":"lost","message":"gone"}"#),
        ..done("null")
    };
    let mapped = TaskScope { results: doc(r#"[{"status":"succeeded","output":1}]"#), ..done("[1]") };
    let tasks = BTreeMap::from([
        ("list", done(r#"{"files": ["a", "b"], "n": 3, "f1": 0.9, "tmp": null}"#)),
        ("bad", failed),
        ("map", mapped),
        ("odd-name", done("7")),
    ]);
    let item = ItemScope { item: doc(r#"{"lr": 0.10, "name": "x"}"#), index: 4, total: 9 };
    run(&Scope {
        input: &input,
        job_id: "j-1",
        job_name: None,
        job_labels: &labels,
        tasks,
        item: Some(item),
        round: None,
        schedule: None,
        task: None,
    })
}

const INPUT: &str = r#"{"n": 5, "m": -7, "big": 123456789012345678901234567890, "huge": 1e400,
    "beyond": 1234567890123456789012345678901234567890123, "near": 170141183460469231731687303715884105727,
    "f": 1.50, "three": 3.0, "s": "text", "q": "a \"b\" \\ \u0000 \ud83d\ude00 é", "lone": "x\ud800y", "t": true, "no": false,
    "z": null, "e": [], "o": { "b" : 1, "a": [1,  2, {"k": "v"}], "b c": 3 }, "l": [3, 1, 2],
    "rows": [{"id": 2, "name": "two"}, {"id": 1, "name": "one"}], "path": "/data", "odd": {"b": 1, "b": 2},
    "hugelist": [1, 1e400], "half": 0.5}"#;

fn rendered(template: &str) -> Result<String, ExprError> {
    let template = Template::parse(&doc(template), MAPPED, &LIMITS).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let bytes = scoped(|scope| template.render(scope, &LIMITS))?;
    check(&bytes, 128).unwrap();
    Ok(String::from_utf8(bytes).unwrap())
}

/// The value of one expression as JSON.
fn value(expression: &str) -> Result<String, ExprError> {
    let quoted = Doc::text(&format!("${{{{ {expression} }}}}"));
    rendered(std::str::from_utf8(quoted.bytes()).unwrap())
}

fn problems(template: &str, roots: Roots) -> Vec<TemplateProblem> {
    Template::parse(&doc(template), roots, &LIMITS).expect_err("has problems")
}

fn refused(expression: &str) -> (&'static str, String, Option<String>) {
    let quoted = Doc::text(&format!("${{{{ {expression} }}}}"));
    let mut found = Template::parse(&quoted, MAPPED, &LIMITS).map(|_| ()).expect_err(expression);
    let first = found.remove(0);
    (first.code, first.detail, first.hint)
}

#[test]
fn bare_paths_copy_bytes() {
    for (expression, expected) in [
        ("input.n", "5"),
        ("input.big", "123456789012345678901234567890"),
        ("input.huge", "1e400"),
        ("input.beyond", "1234567890123456789012345678901234567890123"),
        ("input.f", "1.50"),
        ("input.z", "null"),
        ("input.q", r#""a \"b\" \\ \u0000 \ud83d\ude00 é""#),
        ("input.lone", r#""x\ud800y""#),
        ("input.o", r#"{ "b" : 1, "a": [1,  2, {"k": "v"}], "b c": 3 }"#),
        ("input.odd", r#"{"b": 1, "b": 2}"#),
        ("input.odd.b", "2"),
        (r#"input["o"]["b c"]"#, "3"),
        (r"input['o'].a[2].k", r#""v""#),
        (r#"input["\u006f"].b"#, "1"),
        ("input.o.a[-1]", r#"{"k": "v"}"#),
        ("  input . n  ", "5"),
        ("item", r#"{"lr": 0.10, "name": "x"}"#),
        ("item.lr", "0.10"),
        ("index", "4"),
        ("total", "9"),
        ("job.id", r#""j-1""#),
        ("job.name", "null"),
        ("job.labels.team", r#""growth""#),
        (r#"job.labels["a-b"]"#, r#""ü\"""#),
        ("job.labels", r#"{"a-b":"ü\"","team":"growth"}"#),
        ("job", r#"{"id":"j-1","name":null,"labels":{"a-b":"ü\"","team":"growth"}}"#),
        ("tasks.list.status", r#""succeeded""#),
        ("tasks.list.output.files[1]", r#""b""#),
        (r#"tasks["list"].output.n"#, "3"),
        (r#"tasks["odd-name"].output"#, "7"),
        (r#"tasks.list["output"]["n"]"#, "3"),
        ("tasks.bad.error.code", r#""lost""#),
        ("tasks.bad.output", "null"),
        ("tasks.list.attempts", "2"),
        ("tasks.map.results[0].output", "1"),
        (
            "tasks.bad",
            r#"{"status":"failed","output":null,"error":{"code":"lost","message":"gone"},"attempts":2,"results":null}"#,
        ),
    ] {
        assert_eq!(value(expression).as_deref(), Ok(expected), "{expression}");
    }
}

#[test]
fn computed_values() {
    for (expression, expected) in COMPUTED {
        assert_eq!(value(expression).as_deref(), Ok(*expected), "{expression}");
    }
}

const COMPUTED: &[(&str, &str)] = &[
    ("1 + 1", "2"),
    ("input.n + 1", "6"),
    ("input.n / 2", "2.5"),
    ("input.n // 2", "2"),
    ("input.m // 2", "-4"),
    ("input.m % 3", "2"),
    ("input.n ** 2", "25"),
    ("-input.n", "-5"),
    ("input.big + 1", "123456789012345678901234567891"),
    ("input.big * 2 - input.big", "123456789012345678901234567890"),
    ("input.near", "170141183460469231731687303715884105727"),
    ("input.near + 1", "170141183460469231731687303715884105728"),
    ("input.three", "3.0"),
    ("input.three + 0", "3.0"),
    ("input.f * 2", "3.0"),
    ("1e22 * 1", "1e+22"),
    ("0.1 + 0.2", "0.30000000000000004"),
    ("1e-7 * 1", "1e-7"),
    ("6 / 2", "3.0"),
    ("(6 / 2) | int", "3"),
    ("input.n > 3 and not input.no", "true"),
    ("input.n == 5.0", "true"),
    ("1 < input.n <= 5", "true"),
    ("input.s ~ '-' ~ input.n", r#""text-5""#),
    ("input.s + '!'", r#""text!""#),
    ("'a' 'b'", r#""ab""#),
    ("input.q | length", "13"),
    ("input.q | replace('\\u0000', '') | length", "12"),
    ("'yes' if input.t else 'no'", r#""yes""#),
    ("input.nope.deeper if input.no else 1", "1"),
    ("input.t or input.nope", "true"),
    ("[input.n, 'x', none, true]", r#"[5,"x",null,true]"#),
    ("{'b': 1, 'a': input.o.a}", r#"{"a":[1,  2, {"k": "v"}],"b":1}"#),
    ("{}", "{}"),
    ("[]", "[]"),
    ("(1, 2)", "[1,2]"),
    (r#"{"a": {"b": 1}}"#, r#"{"a":{"b":1}}"#),
    ("input.l | length", "3"),
    ("input.o | length", "3"),
    ("input.l | sort", "[1,2,3]"),
    ("input.l | sum", "6"),
    ("input.l | min", "1"),
    ("input.l | max", "3"),
    ("input.l | first", "3"),
    ("input.l | last", "2"),
    ("input.l | reverse | list", "[2,1,3]"),
    ("input.l | join('+')", r#""3+1+2""#),
    ("input.l + input.e + [9]", "[3,1,2,9]"),
    ("input.l[0:2]", "[3,1]"),
    ("input.l[::-1]", "[2,1,3]"),
    ("input.l[index - 3]", "1"),
    ("input.rows[input.n - 5].name", r#""two""#),
    ("input['path']", r#""/data""#),
    ("input[input.s ~ ''] | default(9)", "9"),
    ("input.rows | map(attribute='name') | list", r#"["two","one"]"#),
    ("input.rows | sort(attribute='id') | map(attribute='id') | list", "[1,2]"),
    ("input.rows | selectattr('id', 'gt', 1) | list", r#"[{"id": 2, "name": "two"}]"#),
    ("input.l | select('odd') | list", "[3,1]"),
    ("input.l | map('string') | list", r#"["3","1","2"]"#),
    ("(input.l + [3]) | unique", "[3,1,2]"),
    ("input.rows | groupby('id') | length", "2"),
    ("2 in input.l", "true"),
    ("'b' in input.o", "true"),
    ("'ex' in input.s", "true"),
    ("{'k': 'v'} in input.o.a", "true"),
    ("input.l == [3, 1, 2]", "true"),
    ("input.l == [3, 1]", "false"),
    ("input.o.a[2] == {'k': 'v'}", "true"),
    ("input.rows[0] == input.rows[0]", "true"),
    ("input.rows[0] == input.rows[1]", "false"),
    ("{'x': 1, 'y': 2} == dict(y=2, x=1)", "true"),
    ("input.o | items | list", r#"[["b",1],["a",[1,  2, {"k": "v"}]],["b c",3]]"#),
    ("input.o | dictsort | first", r#"["a",[1,  2, {"k": "v"}]]"#),
    ("input.o | list", r#"["b","a","b c"]"#),
    ("input.s | upper", r#""TEXT""#),
    ("' x ' | trim", r#""x""#),
    ("'a,b' | split(',') | list", r#"["a","b"]"#),
    ("2.567 | round(1)", "2.6"),
    ("'12' | int", "12"),
    ("'1.5' | float", "1.5"),
    ("-3 | abs", "3"),
    ("input.l | tojson", r#""[3, 1, 2]""#),
    ("input.n * 2 * -input.m", "70"),
    ("2 * input.l | sum", "12"),
    ("'ab' * 2", r#""abab""#),
    ("2 * 'ab' 'c'", r#""abcabc""#),
    ("2 * input.o.a[1] ** 2 + 1", "9"),
    ("-2 * (1 + 1)", "-4"),
    ("1 if 2 * 1 == 2 else 0", "1"),
    ("range(*[2])", "[0,1]"),
    ("input.z is none", "true"),
    ("input.n is number", "true"),
    ("input.n is not string", "true"),
    ("input.l is sequence", "true"),
    ("input.o is mapping", "true"),
    ("input.n is divisibleby(5)", "true"),
    ("range(3)", "[0,1,2]"),
    ("dict(a=1)", r#"{"a":1}"#),
    ("'%s-%d' | format('a', 3)", r#""a-3""#),
    ("job.labels | length", "2"),
    ("job.labels.team == 'growth' and index < total", "true"),
    ("item.lr * 10", "1.0"),
    ("tasks.list.output.f1 < input.n", "true"),
    ("tasks.bad.status in ['failed', 'timed_out']", "true"),
    ("tasks.map.results | map(attribute='output') | sum", "1"),
    ("tasks.bad | items | list | length", "5"),
    ("tasks.list.output.files | map('upper') | join", r#""AB""#),
];

#[test]
fn what_cannot_be_computed_with_can_be_copied() {
    for (expression, expected) in [
        ("input.huge if input.t else 0", "1e400"),
        ("[input.huge, input.beyond]", "[1e400,1234567890123456789012345678901234567890123]"),
        ("{'a': input.lone}", r#"{"a":"x\ud800y"}"#),
        ("input.huge | default(1)", "1e400"),
        ("(input.huge | default(1))", "1e400"),
        ("input.hugelist", "[1, 1e400]"),
        ("{'x': input.hugelist}", r#"{"x":[1, 1e400]}"#),
        ("input.hugelist | length", "2"),
        ("input.hugelist[index - 3]", "1e400"),
        ("input.f | default(0)", "1.50"),
        ("input.lone or 1", r#""x\ud800y""#),
    ] {
        assert_eq!(value(expression).as_deref(), Ok(expected), "{expression}");
    }
    let huge = "the number 1e400 is too large to compute with; it can only be copied";
    for (expression, message) in [
        ("input.huge + 1", huge),
        ("-input.huge", huge),
        ("input.huge < 1", huge),
        ("1 > input.huge", huge),
        ("input.hugelist | sum", huge),
        ("input.hugelist | max", huge),
        ("input.hugelist | sort", huge),
        ("input.huge is number", huge),
        ("input.huge ~ ''", huge),
        ("input.huge | string", huge),
        ("input.huge | int", huge),
        ("input.hugelist | tojson", huge),
        (
            "input.beyond // 2",
            "the number 1234567890123456789012345678901234567890 is too large to compute with; it can only be copied",
        ),
        ("input.lone | upper", "the string \"x\\ud800y\" has a lone surrogate; it can only be copied"),
        ("input.lone ~ '!'", "the string \"x\\ud800y\" has a lone surrogate; it can only be copied"),
    ] {
        let error = value(expression).expect_err(expression);
        assert_eq!(error.message, format!("`{expression}`: {message}"));
    }
}

#[test]
fn what_has_no_value() {
    for (expression, message) in [
        ("input.nope", "`input.nope` is undefined: `input` has no key `nope`"),
        ("input.nope.x.y", "`input.nope` is undefined: `input` has no key `nope`"),
        ("input.z.x", "`input.z.x` is undefined: `input.z` is null"),
        ("input.n.x", "`input.n.x` is undefined: `input.n` is a number"),
        ("input.l.x", "`input.l.x` is undefined: `input.l` is a list"),
        ("input.o[0]", "`input.o[0]` is undefined: `input.o` is an object"),
        ("input.l[3]", "`input.l[3]` is undefined: `input.l` has 3 elements"),
        ("tasks.map.output[-2]", "`tasks.map.output[-2]` is undefined: `tasks.map.output` has 1 element"),
        ("tasks.bad.output.model", "`tasks.bad.output.model` is undefined: `tasks.bad.output` is null"),
        (r#"input["a b"].c"#, r#"`input["a b"]` is undefined: `input` has no key `a b`"#),
        ("item.nope", "`item.nope` is undefined: `item` has no key `nope`"),
        ("job.labels.nope", "`job.labels.nope` is undefined: `job.labels` has no key `nope`"),
        ("tasks.other.output", "`tasks.other.output` is not in scope here"),
        ("input.nope + 1", "`input.nope + 1`: `input.nope` is undefined: `input` has no key `nope`"),
        (
            "(input.a.b ~ '') | default(1)",
            "`(input.a.b ~ '') | default(1)`: `input.a` is undefined: `input` has no key `a`",
        ),
        ("coalesce(input.a ~ '', 1)", "`coalesce(input.a ~ '', 1)`: `input.a` is undefined: `input` has no key `a`"),
        ("coalesce(-input.a, 1)", "`coalesce(-input.a, 1)`: `input.a` is undefined: `input` has no key `a`"),
        ("[coalesce(1, 2), input.a]", "`[coalesce(1, 2), input.a]`: `input.a` is undefined: `input` has no key `a`"),
        (
            "tasks.other.output | default(1)",
            "`tasks.other.output | default(1)`: `tasks.other.output` is not in scope here",
        ),
        ("-input.rows[index].a | default(1)", "`-input.rows[index].a | default(1)`: invalid operation"),
        ("-input.a | default(1)", "`-input.a | default(1)`: `input.a` is undefined: `input` has no key `a`"),
        ("input.a | upper", "`input.a | upper`: `input.a` is undefined: `input` has no key `a`"),
        ("[input.a]", "`[input.a]`: `input.a` is undefined: `input` has no key `a`"),
        ("input.a is none", "`input.a is none`: `input.a` is undefined: `input` has no key `a`"),
        ("input.a == 1", "`input.a == 1`: `input.a` is undefined: `input` has no key `a`"),
        ("input.a or 1", "`input.a or 1`: `input.a` is undefined: `input` has no key `a`"),
        ("1 if input.a", "`1 if input.a`: `input.a` is undefined: `input` has no key `a`"),
        ("1 if input.no", "`1 if input.no`: it is undefined"),
        ("input.rows[index]", "`input.rows[index]`: it is undefined"),
        ("input.rows[index].id", "`input.rows[index].id`: a value in it is undefined"),
        (
            "input.rows | map(attribute='x') | list",
            "`input.rows | map(attribute='x') | list`: it gives a value that is undefined",
        ),
        ("input.n + input.s", "`input.n + input.s`: tried to use + operator on unsupported types number and string"),
        ("1 / 0", "`1 / 0`: unable to calculate 1 / 0"),
        ("1e308 * 10", "`1e308 * 10`: it gives a number that is not finite"),
        ("[-1e308 * 10]", "`[-1e308 * 10]`: it gives a number that is not finite"),
        ("'inf' | float", "`'inf' | float`: it gives a number that is not finite"),
        ("input.near * 4", "`input.near * 4`: unable to calculate 170141183460469231731687303715884105727 * 4"),
        ("2 ** 200", "`2 ** 200`: unable to calculate 2 ** 200"),
        ("[0] * 3", "`[0] * 3`: lists cannot be multiplied"),
        ("3 * [0]", "`3 * [0]`: lists cannot be multiplied"),
        ("3 * 'a,b' | split(',')", "`3 * 'a,b' | split(',')`: lists cannot be multiplied"),
        ("2 * (1, 2)", "`2 * (1, 2)`: lists cannot be multiplied"),
        ("input.l[1:] * 2", "`input.l[1:] * 2`: lists cannot be multiplied"),
        ("{1: 2}", "`{1: 2}`: the key 1 of an object is not a string"),
    ] {
        let error = value(expression).expect_err(expression);
        assert_eq!((error.code, error.message.as_str()), ("expression_error", message), "{expression}");
    }
}

#[test]
fn defaults() {
    for (expression, expected) in [
        ("input.nope | default(none)", "null"),
        ("input.nope|default(none)", "null"),
        ("input.nope | d('x')", r#""x""#),
        ("input.nope | default", r#""""#),
        ("input.nope | default([])", "[]"),
        ("input.nope | default({})", "{}"),
        ("input.nope | default(007)", "7"),
        ("input.nope | default('a\\n\"')", r#""a\n\"""#),
        ("input.nope | default(input.n)", "5"),
        ("input.nope | default(input.other | default(3))", "3"),
        ("(input.nope) | default(1)", "1"),
        ("((input.nope)) | default(1) + 1", "2"),
        ("1 - input.nope | default(1)", "0"),
        ("input.l[7] | default(0)", "0"),
        ("input.z.x | default(0)", "0"),
        ("input.z | default(1)", "null"),
        ("input.z | default(1, true)", "1"),
        ("input.nope | default(1) | string", r#""1""#),
        ("tasks.bad.output.tmp | default(none)", "null"),
        ("tasks.list.output.tmp | default(1)", "null"),
        ("input.rows[index].x | default(1) if input.no else 2", "2"),
        ("(input.rows | first).nope | default('d')", r#""d""#),
        ("input.nope | default(none) is none", "true"),
        ("input.a.b.c | default(1)", "1"),
        ("input.z.b[0].c | default([])", "[]"),
        ("input.n.x.y | default(1)", "1"),
        ("(input.a).b.c | default(1)", "1"),
        ("((input.a).b).c | default(1) + 1", "2"),
        ("input.a[index].b | default(1)", "1"),
        ("input.rows[index].id | default(0)", "0"),
        ("input.rows[index - 4].id | default(0)", "2"),
        ("input.rows[index].id[index].x | default(0)", "0"),
        ("input.o.a[index - 2].k | default(0)", r#""v""#),
        ("input.o.a[index - 2].k.x.y | default(0)", "0"),
        ("input.o.a.1 | default(0)", "2"),
        ("(input.rows | first).a.b | default(1)", "1"),
        ("(input.rows | first).a['b'] | d('x')", r#""x""#),
        ("[input.rows[index].id | default(0)]", "[0]"),
        ("input.l[0:2][0] | default(9)", "3"),
        ("2 * input.rows[index].id | default(3)", "6"),
        ("tasks.bad.output.model.name | default('none')", r#""none""#),
    ] {
        assert_eq!(value(expression).as_deref(), Ok(expected), "{expression}");
    }
}

#[test]
fn whole_strings_and_texts() {
    for (template, expected) in [
        (r#""${{ input.n }}""#, "5"),
        (r#""${{input.n}}""#, "5"),
        (r#""${{ input.n }} ""#, r#""5 ""#),
        (r#"" ${{ input.n }}""#, r#"" 5""#),
        (r#""a ${{ input.s }} b ${{ input.t }}""#, r#""a text b true""#),
        (r#""${{ input.n }}${{ input.n }}""#, r#""55""#),
        (
            r#""n=${{ input.big }} h=${{ input.huge }} f=${{ input.f }}""#,
            r#""n=123456789012345678901234567890 h=1e400 f=1.50""#,
        ),
        (r#""q: ${{ input.q }}""#, r#""q: a \"b\" \\ \u0000 \ud83d\ude00 é""#),
        (r#""${{ input.lone }}!""#, r#""x\ud800y!""#),
        (r#""${{ input.q ~ '' }}!""#, r#""a \"b\" \\ \u0000 😀 é!""#),
        (r#""${{ input.n + 0.5 }}s ${{ 1 == 1 }}""#, r#""5.5s true""#),
        (r#""${{ input.huge if input.t }}, ${{ input.lone if input.t }}""#, r#""1e400, x\ud800y""#),
        (r#""\ud800 \n ${{ input.n }} \ud800 \u0041""#, r#""\ud800 \n 5 \ud800 \u0041""#),
        (r#""$${{ input.n }}""#, r#""${{ input.n }}""#),
        (r#""$${{ x ${{ input.n }}""#, r#""${{ x 5""#),
        (r#""$$${{ input.n }} $ {{ }} ${ ${x}""#, r#""$${{ input.n }} $ {{ }} ${ ${x}""#),
        (r#""\u0024{\u007b input.n }\u007d""#, "5"),
        (r#""a\u0024${{ b""#, r#""a${{ b""#),
        (r#""é\t${{ \"x\" ~ 'y' }}é""#, r#""é\txyé""#),
        (r#""${{ {\"a\": {\"b\": 1}} }}""#, r#"{"a":{"b":1}}"#),
        (r#""${{ '}}' }}""#, r#""}}""#),
        (r#""${{ \"\\\"}}\" }}""#, r#""\"}}""#),
        (r#""${{ input.o.a[0] }}/${{ input[\"s\"] }}""#, r#""1/text""#),
        (r#""{{ input.n }}""#, r#""{{ input.n }}""#),
        (
            r#" {"${{ input.n }}" : "${{ input.n }}", "a":[1,"${{ input.z }}", {"b": "x${{ input.n }}"}], "\ud800": 1e400} "#,
            r#"{"${{ input.n }}" : 5, "a":[1,null, {"b": "x5"}], "\ud800": 1e400}"#,
        ),
        (r#"[{"k": "v", "k": "${{ index }}"}, []]"#, r#"[{"k": "v", "k": 4}, []]"#),
    ] {
        assert_eq!(rendered(template).as_deref(), Ok(expected), "{template}");
    }
    for (template, message) in [
        (r#""a${{ input.l }}""#, "`input.l`: a list cannot be part of a text; only strings, numbers and booleans can"),
        (r#""a${{ input.z }}""#, "`input.z`: null cannot be part of a text; only strings, numbers and booleans can"),
        (r#""a${{ {} }}""#, "`{}`: an object cannot be part of a text; only strings, numbers and booleans can"),
        (
            r#""a${{ input.o.a[0:1] }}""#,
            "`input.o.a[0:1]`: a list cannot be part of a text; only strings, numbers and booleans can",
        ),
    ] {
        assert_eq!(rendered(template).unwrap_err().message, message);
    }
}

#[test]
fn values_are_never_evaluated_twice() {
    let template = Template::parse(&doc(r#"["${{ input.x }}", "a ${{ input.x }}"]"#), MAPPED, &LIMITS).unwrap();
    let input = doc(r#"{"x": "${{ input.secret }}"}"#);
    let labels = BTreeMap::new();
    let scope = Scope {
        input: &input,
        job_id: "j",
        job_name: Some("n"),
        job_labels: &labels,
        tasks: BTreeMap::new(),
        item: None,
        round: None,
        schedule: None,
        task: None,
    };
    let bytes = template.render(&scope, &LIMITS).unwrap();
    assert_eq!(bytes, br#"["${{ input.secret }}", "a ${{ input.secret }}"]"#);
    let item = Template::parse(&doc(r#""${{ item }}""#), MAPPED, &LIMITS).unwrap();
    assert_eq!(item.render(&scope, &LIMITS).unwrap_err().message, "`item` is not in scope here");
}

#[test]
fn literals_stay_as_they_are() {
    let text = r#"{ "a" : "$ {{ x }}",  "k${{ x }}": [1.0, "\u00e9\/"] }"#;
    for template in [Template::parse(&doc(text), Roots::default(), &LIMITS).unwrap(), Template::literal(doc(text))] {
        assert!(template.is_literal());
        assert!(template.references().is_empty());
        assert_eq!(scoped(|scope| template.render(scope, &LIMITS)).unwrap(), text.as_bytes());
    }
    let data = Template::literal(doc(r#""${{ input.n }}""#));
    assert_eq!(scoped(|scope| data.render(scope, &LIMITS)).unwrap(), br#""${{ input.n }}""#);
    assert!(!Template::parse(&doc(r#""$${{""#), MAPPED, &LIMITS).unwrap().is_literal());
}

#[test]
fn what_an_expression_refers_to() {
    let text = r#"{"a": "${{ tasks.b.output.x + (tasks[\"a\"].attempts) }}", "b": ["x ${{ tasks.b.error }} y"],
        "c": "${{ tasks.c | length }}", "d": "${{ input.tasks.x }} ${{ 'tasks.no' }} ${{ dict(tasks=1) | length }}",
        "e": "${{ tasks.d.results | map(attribute='tasks.no') | list }}", "f": "${{ tasks.f.output.x | default(tasks.e.status) }}"}"#;
    let template = Template::parse(&doc(text), Roots::default(), &LIMITS).unwrap();
    let flags = |r: &Reference| format!("{} {} {} {}", r.task, r.output, r.error, r.results);
    assert_eq!(
        template.references().iter().map(flags).collect::<Vec<_>>(),
        [
            "a false false false",
            "b true true false",
            "c true true true",
            "d false false true",
            "e false false false",
            "f true false false"
        ]
    );
    let condition =
        Condition::parse("${{ tasks.y.output > 1 or tasks.x.status == 'failed' }}", Roots::default(), &LIMITS).unwrap();
    assert_eq!(condition.references().iter().map(|r| r.task.as_str()).collect::<Vec<_>>(), ["x", "y"]);
}

#[test]
fn names_that_do_not_exist() {
    for (expression, detail, hint) in [
        ("inptu.x", "there is no `inptu`", "did you mean `input`?"),
        ("foo", "there is no `foo`", "known are `input`, `tasks`, `job`, `item`, `index`, `total`"),
        ("slot0", "there is no `slot0`", "known are `input`, `tasks`, `job`, `item`, `index`, `total`"),
        ("self", "there is no `self`", ""),
        ("loop.index", "there is no `loop`", ""),
        ("range", "there is no `range`", "`range` is a function: call it with `range(…)`"),
        ("tasks.x.outptu", "`tasks.x.outptu`: a task has no `outptu`", "did you mean `output`?"),
        (
            "tasks.x.foo",
            "`tasks.x.foo`: a task has no `foo`",
            "known are `status`, `output`, `error`, `attempts`, `results`",
        ),
        ("job.nmae", "`job.nmae`: the job has no `nmae`", "did you mean `name`?"),
        ("tasks.my-task.output", "there is no `task`", "a hyphen is a minus here; names of tasks have underscores"),
        ("input.x | uper", "there is no filter `uper`", "did you mean `upper`?"),
        ("input.x | pprint", "there is no filter `pprint`", ""),
        ("input.x is evn", "there is no test `evn`", "did you mean `even`?"),
        (
            "input.x is not defined",
            "there is no test `defined`",
            "only `default()` accepts what is undefined: `x | default(none) is none`",
        ),
        ("debug()", "there is no function `debug`", ""),
        ("namespace()", "there is no function `namespace`", ""),
        ("lipsum(5)", "there is no function `lipsum`", ""),
        ("cycler(1)", "there is no function `cycler`", ""),
        ("now()", "there is no function `now`", ""),
        ("rnge(3)", "there is no function `rnge`", "did you mean `range`?"),
    ] {
        let (code, found, hinted) = refused(expression);
        assert_eq!((code, found.as_str()), ("unknown_name", detail), "{expression}");
        assert!(hint.is_empty() || hinted.as_deref() == Some(hint), "{expression}: {hinted:?}");
    }
    let found = problems(r#"{"a": "${{ item.x }}"}"#, Roots::default());
    assert_eq!(found[0].detail, "`item` is known only in the `input` of a task with `for_each`");
}

#[test]
fn expressions_that_are_refused() {
    for (expression, detail) in [
        ("", "the expression is empty"),
        ("1 +", "`1 +`: unexpected end of input, expected expression"),
        ("input.x input.y", "`input.x input.y`: unexpected input after expression"),
        ("a ? b", "`a ? b`: unexpected `?`"),
        ("not in(input.t, [1])", "`not in(input.t, [1])`: unexpected `in`"),
        ("in", "`in`: unexpected `in`"),
        ("input.a or in", "`input.a or in`: unexpected `in`"),
        ("and", "`and`: unexpected `and`"),
        ("(if)", "`(if)`: unexpected `if`"),
        ("tasks", "`tasks` alone is not a value"),
        ("tasks | length", "`tasks` alone is not a value"),
        ("tasks[input.name].output", "`tasks[…]` with a computed name is refused"),
        ("tasks['a' ~ 'b']", "`tasks[…]` with a computed name is refused"),
        ("tasks[0]", "`tasks[…]` with a computed name is refused"),
        ("tasks.x[0]", "`tasks.x` is not a list"),
        ("input.s.upper()", "`input.s.upper(…)`: values have no methods"),
        ("input.o.items()", "`input.o.items(…)`: values have no methods"),
        ("'x'.upper()", "`upper(…)`: values have no methods"),
        ("(input.s).upper()", "`upper(…)`: values have no methods"),
        ("(input.s)()", "`)(…)`: values have no methods"),
        ("input['s']()", "`input['s'](…)`: values have no methods"),
        ("''.__class__.__mro__()", "`__mro__(…)`: values have no methods"),
    ] {
        let (code, found, _) = refused(expression);
        assert_eq!((code, found.as_str()), ("invalid_expression", detail), "{expression}");
    }
    for template in ["x ${{ input.n", "${{ 'a }}", "${{ (1 }}", "${{ 1) }}", "${{ [1} }}", "${{", "${{ {'a': 1 }}"] {
        let found = Template::parse(&Doc::text(template), MAPPED, &LIMITS).expect_err(template);
        assert_eq!((found.len(), found[0].code), (1, "invalid_expression"), "{template}");
        assert!(found[0].hint.as_deref().is_some_and(|hint| hint.contains("$${{")), "{found:?}");
    }
}

#[test]
fn all_problems_at_once_with_pointers() {
    let text = r#"{"a": "${{ foo }}", "b": [1, "${{ bar }} and ${{ input.x }} and ${{ baz + qux }}"],
        "c/d~e": {"f": "${{ 1 + }}"}, "g": "${{ '"}"#;
    let found = problems(text, Roots::default());
    let seen: Vec<(&str, &str)> = found.iter().map(|p| (p.pointer.as_str(), p.code)).collect();
    assert_eq!(
        seen,
        [
            ("/a", "unknown_name"),
            ("/b/1", "unknown_name"),
            ("/b/1", "unknown_name"),
            ("/b/1", "unknown_name"),
            ("/c~1d~0e/f", "invalid_expression"),
            ("/g", "invalid_expression"),
        ]
    );
    assert_eq!(problems(r#""${{ x }}""#, Roots::default())[0].pointer, "");
    let many = format!("[{}]", vec![r#""${{ x }}""#; 5_000].join(","));
    assert_eq!(problems(&many, Roots::default()).len(), 1_000);
}

#[test]
fn limits_are_named() {
    let long = format!("\"${{{{ '{}' }}}}\"", "é".repeat(4095));
    let found = problems(&long, MAPPED);
    assert_eq!(found[0].code, "too_long");
    assert_eq!(found[0].detail, "the expression has 4097 characters; 4096 are allowed (limit `expression_chars`)");
    let fits = format!("\"${{{{ '{}' }}}}\"", "é".repeat(4094));
    assert!(rendered(&fits).is_ok());
    let limits = Limits { resolved_bytes: 20, ..LIMITS };
    let render = |text: &str| {
        let template = Template::parse(&doc(text), MAPPED, &limits).unwrap();
        scoped(|scope| template.render(scope, &limits))
    };
    assert_eq!(render(r#"["${{ input.s }}", 12345678]"#).unwrap().len(), 18);
    for text in [
        r#"["${{ input.s }}", 12345678901]"#,
        r#""${{ input.o }}""#,
        r#""${{ range(100) }}""#,
        r#""${{ input.s }}${{ input.s }}${{ input.s }}${{ input.s }}${{ input.s }}""#,
        r#""123456789012345678901234567890""#,
    ] {
        let error = render(text).unwrap_err();
        assert_eq!(error.code, "too_large", "{text}");
        assert_eq!(error.message, "the resolved value has more than 20 bytes (limit `resolved_bytes`)");
    }
    let deep = format!("{}\"${{{{ input.o }}}}\"{}", "[".repeat(126), "]".repeat(126));
    let error = Template::parse(&doc(&deep), MAPPED, &LIMITS).map(|t| scoped(|scope| t.render(scope, &LIMITS)));
    assert_eq!(
        error.unwrap().unwrap_err().message,
        "the resolved value is nested more than 128 deep (limit `json_depth`)"
    );
}

#[test]
fn conditions() {
    for (text, expected) in [
        ("input.t", Ok(true)),
        ("${{ input.no }}", Ok(false)),
        (" ${{ input.n > 3 }} ", Ok(true)),
        ("input.n > 3 and tasks.list.status == 'succeeded'", Ok(true)),
        ("not input.t", Ok(false)),
        ("input.nope | default(false)", Ok(false)),
        ("input.n", Err("`input.n`: it gives a number, not a boolean")),
        ("input.z", Err("`input.z`: it gives null, not a boolean")),
        ("input.l", Err("`input.l`: it gives a list, not a boolean")),
        ("input.n + 1", Err("`input.n + 1`: it gives a number, not a boolean")),
        ("input.s ~ ''", Err("`input.s ~ ''`: it gives a string, not a boolean")),
        ("input.nope", Err("`input.nope` is undefined: `input` has no key `nope`")),
        ("input.nope > 1", Err("`input.nope > 1`: `input.nope` is undefined: `input` has no key `nope`")),
    ] {
        let condition = Condition::parse(text, Roots::default(), &LIMITS).unwrap();
        let judged = scoped(|scope| condition.judge(scope, &LIMITS));
        assert_eq!(judged.as_ref().map_err(|error| error.message.as_str()).copied_ok(), expected, "{text}");
    }
    assert_eq!(Condition::parse("item.x > 1", Roots::default(), &LIMITS).unwrap_err().code, "unknown_name");
    assert_eq!(Condition::parse("  ", Roots::default(), &LIMITS).unwrap_err().code, "invalid_expression");
    assert_eq!(Condition::parse("a ${{ input.x }}", Roots::default(), &LIMITS).unwrap_err().code, "invalid_expression");
}

trait CopiedOk<'a> {
    fn copied_ok(self) -> Result<bool, &'a str>;
}

impl<'a> CopiedOk<'a> for Result<&bool, &'a str> {
    fn copied_ok(self) -> Result<bool, &'a str> {
        self.copied()
    }
}

#[test]
fn hostile_expressions_end_quickly() {
    let nested = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let mut hostile: Vec<String> = HOSTILE.iter().map(|&text| text.to_owned()).collect();
    for (open, inner, close) in
        [("(", "1", ")"), ("[", "", "]"), ("{'a':", "1", "}"), ("not ", "true", ""), ("-", "1", "")]
    {
        hostile.push(nested(open, inner, close, 4096 / (open.len() + close.len() + 1)));
    }
    for (first, repeated) in [
        ("1", "+1"),
        ("1", "**1"),
        ("input", ".a"),
        ("(input)", ".a"),
        ("1", "|abs"),
        ("1", " if 1 else 1"),
        ("1", " is odd"),
        ("[1]", "[0:]"),
        ("1", " in []"),
        ("input.n", "==input.n"),
        ("'a'", "~'a'"),
        ("'a'", "'a'"),
        ("input.x", "|default(input.x"),
    ] {
        // As long as a text may be, and as long as an expression may be in words.
        hostile.push(format!("{first}{}", repeated.repeat(4000 / repeated.len())));
        let count = |text: &str| token::tokens(text).unwrap().len();
        let words = count(&format!("{first}{repeated}")) - count(first);
        hostile.push(format!("{first}{}", repeated.repeat((990 / words).min(4000 / repeated.len()))));
    }
    // A debug build with a small stack: recursion shows here first.
    let run = move || {
        for expression in hostile {
            let quoted = Doc::text(&format!("${{{{ {expression} }}}}"));
            let Ok(template) = Template::parse(&quoted, MAPPED, &LIMITS) else { continue };
            if let Ok(bytes) = scoped(|scope| template.render(scope, &LIMITS)) {
                check(&bytes, 128).unwrap();
            }
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

const HOSTILE: &[&str] = &[
    "range(10**9) | list",
    "range(100000) | list | length if range(100000) | map('string') | join | length else 0",
    "'x' * 10**10",
    "'x' * 10**7",
    "[0] * 10**9",
    "([0] * 10**8) | length if ([0] * 10**8) | sum else 0",
    "'%1000000000d' | format(1)",
    "2 ** 100000",
    "9 ** 9 ** 9",
    "'x' | indent(10**9)",
    "('x' * 1000) * 1000 * 1000",
    "[[0] * 10**6] * 10**6",
    "[range(100000)] * 100000",
    "1 in [0] * 10**8",
    "([0] * 10**8)[99999999:]",
    "([0] * 10**8)[99999999:] | list",
    "([0] * 10**8)[::99999999]",
    "([0] * 10**8)[99999999:] | first",
    "([0] * 10**8)[:-1] | first",
    "([0] * 10**8) | reverse | first",
    "([0] * 10**8)[::-1] | first",
    "[([0] * 10**8)[99999999:]] * 3",
    "1 in ([0] * 10**8)[99999999:]",
    "([[]] * 10**8) | sum(start=[])",
    "([0] * 10**8) + [1] | last",
    "(([0] * 10**8) + [1])[100000000:]",
    "[not []] * ((not []) + (not [])) ** 26 == 1",
    "([0] * 10**8) | slice(3) | list",
    "([0] * 10**8) | batch(3) | first",
    "[[]] * 10**8 | map('length')",
    "dict(a=1) | items * 10**8",
    "([[]] * 10**8) is eq([[]] * 10**8)",
    "([0] * 10**8) is in([[0] * 10**8 + [1]])",
    "([[0] * 10**8] * 3) | unique",
    "([[0] * 10**8] * 3) | sort",
    "([[0] * 10**8] * 3) | max",
    "([[0] * 10**8] * 3) | groupby(0)",
    "{'a': [0] * 10**8} == {'a': [0] * 10**8}",
    "[[0] * 10**8] == [[0] * 10**8]",
    "[[0] * 10**8] < [[0] * 10**8]",
    "([0] * 10**8) ~ ''",
    "([0] * 10**8) | string",
    "([0] * 10**8) | tojson",
    "'%s' | format([0] * 10**8)",
    "([0] * 10**8) | join | length",
    "([0] * 10**8) | zip([0] * 10**8) | list",
    "([0] * 10**8) | chain([0] * 10**8) | list",
    "([0] * 10**8) | chain([0] * 10**8) | last",
    "dict([[[0] * 10**8, 1]])",
    "{'k': 1}[[0] * 10**8]",
    "{([0] * 10**8): 1, ([0] * 10**8): 2}",
    "[0] * 10**8 == [0] * 10**8",
    "([0] * 10**8)[99999999]",
    "([0] * 10**8) | last",
    "([0] * 10**8) | unique | list",
    "[1, 2, 3] | batch(1000000000) | list",
    "'a' | replace('', 'x' * 100000) | replace('x', 'y' * 1000)",
];

#[test]
fn fuel_is_limited() {
    let limits = Limits { expression_fuel: 100, ..LIMITS };
    let template = Template::parse(&Doc::text("${{ range(10000) | map('string') | list }}"), MAPPED, &limits).unwrap();
    let error = scoped(|scope| template.render(scope, &limits)).unwrap_err();
    assert_eq!(error.code, "expression_error");
    assert_eq!(
        error.message,
        "`range(10000) | map('string') | list`: it takes too many steps (limit `expression_fuel`, 100)"
    );
}

#[test]
fn looks_at_data_are_limited_too() {
    // Here the engine itself counts nothing: skipping what a slice leaves out.
    let limits = Limits { expression_fuel: 100, ..LIMITS };
    let list: Vec<String> = (0..700).map(|n| n.to_string()).collect();
    let input = doc(&format!("[{}]", list.join(",")));
    let labels = BTreeMap::new();
    let scope = Scope {
        input: &input,
        job_id: "j",
        job_name: None,
        job_labels: &labels,
        tasks: BTreeMap::new(),
        item: None,
        round: None,
        schedule: None,
        task: None,
    };
    let render = |text: &str| Template::parse(&Doc::text(text), MAPPED, &limits).unwrap().render(&scope, &limits);
    assert_eq!(render("${{ input[699:] }}").unwrap(), b"[699]");
    assert_eq!(
        render("${{ (input + input)[1399:] }}").unwrap_err().message,
        "`(input + input)[1399:]`: it looks at too many elements (limit `expression_fuel`)"
    );
}

#[test]
fn the_engine_has_what_the_lists_say() {
    for filter in engine::FILTERS {
        let error = value(&format!("input.z | {filter}")).err().map(|error| error.message).unwrap_or_default();
        assert!(!error.contains("unknown filter"), "{error}");
    }
    for test in engine::TESTS {
        let of = if engine::STATES.contains(test) { "tasks.bad" } else { "input.z" };
        let error = value(&format!("{of} is {test}")).err().map(|error| error.message).unwrap_or_default();
        assert!(!error.contains("unknown test"), "{error}");
    }
    // Filters take names as text too.
    for expression in ["['x'] | map('pprint') | list", "['x'] | select('defined') | list"] {
        assert!(value(expression).is_err(), "{expression}");
    }
}

fn expanded(source: &Source, limits: &Limits) -> Result<Vec<String>, ExprError> {
    let items = scoped(|scope| expand(source, scope, limits))?;
    let text = |at| String::from_utf8(items.get(at).bytes().to_vec()).unwrap();
    assert!(items.get(items.len()).is_null());
    Ok((0..items.len()).map(text).collect())
}

fn template(text: &str) -> Template {
    Template::parse(&doc(text), Roots::default(), &LIMITS).unwrap()
}

fn matrix(axes: &[(&str, &str)], exclude: Option<&str>) -> Source {
    let axes = axes.iter().map(|(key, values)| ((*key).to_owned(), template(values))).collect();
    Source::Matrix { axes, exclude: exclude.map(template) }
}

#[test]
fn items_of_lists() {
    for (text, expected) in [
        (r#""${{ tasks.list.output.files }}""#, Ok(vec!["\"a\"", "\"b\""])),
        (r#""${{ input.hugelist }}""#, Ok(vec!["1", "1e400"])),
        (r#""${{ input.e }}""#, Ok(vec![])),
        (r#"[1, "${{ input.n }}", {"a":  "${{ input.s }}"}]"#, Ok(vec!["1", "5", r#"{"a":  "text"}"#])),
        (r#""${{ range(input.n) }}""#, Ok(vec!["0", "1", "2", "3", "4"])),
        (r#""${{ input.n }}""#, Err("`for_each` must give a list: \"${{ input.n }}\" gives a number")),
        (r#""${{ input.z }}""#, Err("`for_each` must give a list: \"${{ input.z }}\" gives null")),
        (r#""${{ input.nope }}""#, Err("`input.nope` is undefined: `input` has no key `nope`")),
    ] {
        let found = expanded(&Source::Items(template(text)), &LIMITS);
        assert_eq!(found.map_err(|error| error.message), expected.map(to_strings).map_err(str::to_owned), "{text}");
    }
    let limits = Limits { tasks: 2, ..LIMITS };
    let error = expanded(&Source::Items(template("[1,2,3]")), &limits).unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        ("too_large", "`for_each` gives more than 2 items (limit `tasks`)")
    );
}

fn to_strings(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

#[test]
fn items_of_matrices() {
    let axes = [("lr", "[0.10, 0.01]"), ("depth", r#"[4, "${{ input.n }}", {"a": 1, "b": 2}]"#)];
    let all = [
        r#"{"lr":0.10,"depth":4}"#,
        r#"{"lr":0.10,"depth":5}"#,
        r#"{"lr":0.10,"depth":{"a": 1, "b": 2}}"#,
        r#"{"lr":0.01,"depth":4}"#,
        r#"{"lr":0.01,"depth":5}"#,
        r#"{"lr":0.01,"depth":{"a": 1, "b": 2}}"#,
    ];
    for (exclude, kept) in [
        (None, vec![0, 1, 2, 3, 4, 5]),
        (Some("[]"), vec![0, 1, 2, 3, 4, 5]),
        (Some(r#"[{"lr": 0.10, "depth": 4}]"#), vec![1, 2, 3, 4, 5]),
        (Some(r#"[{"lr": 0.1, "depth": 4}]"#), vec![0, 1, 2, 3, 4, 5]),
        (Some(r#"[{"depth": "${{ input.n }}"}, {"lr": 0.01, "depth": {"b": 2,"a":1}}]"#), vec![0, 2, 3]),
        (Some(r#"[{"lr": 0.10}, {"lr": 0.01}]"#), vec![]),
        (Some(r#"[{"lr": 7}]"#), vec![0, 1, 2, 3, 4, 5]),
    ] {
        let expected: Vec<String> = kept.into_iter().map(|at: usize| all[at].to_owned()).collect();
        assert_eq!(expanded(&matrix(&axes, exclude), &LIMITS), Ok(expected), "{exclude:?}");
    }
    for (exclude, message) in [
        ("{}", "`exclude` must give a list: {} gives an object"),
        ("[1]", "`exclude[0]` must be an object, and is a number"),
        (r#"[{"lr": 1}, {"rl": 1}]"#, "`exclude[1]` names `rl`, which the matrix does not have"),
    ] {
        assert_eq!(expanded(&matrix(&axes, Some(exclude)), &LIMITS).unwrap_err().message, message);
    }
    let error = expanded(&matrix(&[("a", "\"${{ input.s }}\"")], None), &LIMITS).unwrap_err();
    assert_eq!(error.message, "`matrix.a` must give a list: \"${{ input.s }}\" gives a string");
}

#[test]
fn large_matrices() {
    let axis = |length: usize| format!("[{}]", (0..length).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    let axes = |a: &str, b: &str, c: &str| matrix(&[("a", a), ("b", b), ("c", c)], None);
    let (ten, hundred) = (axis(10), axis(100));
    let items = scoped(|scope| expand(&axes(&ten, &hundred, &hundred), scope, &LIMITS)).unwrap();
    assert_eq!(items.len(), 100_000);
    assert_eq!(items.get(98_765).bytes(), br#"{"a":9,"b":87,"c":65}"#);
    assert!(items.bytes() < 10_000);
    let (code, message) = ("too_large", "`for_each` gives more than 100000 items (limit `tasks`)");
    let thousand = axis(1000);
    for source in [
        axes(&thousand, &thousand, &thousand),
        matrix(&[("a", &thousand), ("b", &thousand)], Some(r#"[{"a": 0}]"#)),
        matrix(&[("a", &thousand), ("b", &thousand), ("c", &ten)], Some(r#"[{"a": 0}]"#)),
    ] {
        let error = scoped(|scope| expand(&source, scope, &LIMITS)).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (code, message));
    }
    let kept = matrix(&[("a", &thousand), ("b", &hundred), ("c", "[0,1]")], Some(r#"[{"c": 0}]"#));
    let items = scoped(|scope| expand(&kept, scope, &LIMITS)).unwrap();
    assert_eq!((items.len(), items.get(99_999).bytes()), (100_000, &br#"{"a":999,"b":99,"c":1}"#[..]));
    assert!(scoped(|scope| expand(&axes("[]", &ten, &ten), scope, &LIMITS)).unwrap().is_empty());
}

#[test]
fn every_item_of_a_large_list() {
    let files: Vec<String> = (0..100_000).map(|n| format!("\"file-{n}\"")).collect();
    let input = doc(&format!("{{\"files\": [{}], \"k\": 2}}", files.join(",")));
    let labels = BTreeMap::new();
    let text = r#"{"file": "${{ item }}", "shard": "${{ index }}", "of": "${{ input.files[3] }}", "name": "${{ index }}-${{ item }}", "next": "${{ index * input.k }}"}"#;
    let template = Template::parse(&doc(text), MAPPED, &LIMITS).unwrap();
    let mut scope = Scope {
        input: &input,
        job_id: "j",
        job_name: None,
        job_labels: &labels,
        tasks: BTreeMap::new(),
        item: None,
        round: None,
        schedule: None,
        task: None,
    };
    let items = expand(&Source::Items(self::template(r#""${{ input.files }}""#)), &scope, &LIMITS).unwrap();
    for index in 0..100_000_u32 {
        scope.item = Some(ItemScope { item: items.get(index as usize), index, total: 100_000 });
        let bytes = template.render(&scope, &LIMITS).unwrap();
        if index % 1_000 == 0 {
            let expected = format!(
                "{{\"file\": \"file-{index}\", \"shard\": {index}, \"of\": \"file-3\", \"name\": \"{index}-file-{index}\", \"next\": {}}}",
                index * 2
            );
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        }
    }
}
