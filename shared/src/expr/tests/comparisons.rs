//! Choices, order, and how tasks ended.

use super::*;

#[test]
fn the_first_that_is_neither_null_nor_undefined() {
    for (expression, expected) in [
        ("coalesce(input.nope, input.z, input.n, 9)", "5"),
        ("coalesce(input.a.b.c, 'x')", r#""x""#),
        ("coalesce(input.z)", "null"),
        ("coalesce(input.nope)", "null"),
        ("coalesce(none, false)", "false"),
        ("coalesce(0, 1)", "0"),
        ("coalesce('', 1)", r#""""#),
        ("coalesce((input.nope), ((input.a.b)), 1)", "1"),
        ("coalesce(input.rows[index].id, input.rows[0].id)", "2"),
        ("coalesce(input.nope, coalesce(input.a.b, input.z), 3)", "3"),
        ("coalesce(input.nope , input.huge)", "1e400"),
        ("coalesce(input.o, 1)", r#"{ "b" : 1, "a": [1,  2, {"k": "v"}], "b c": 3 }"#),
        ("coalesce(tasks.bad.output.x, tasks.list.output.n) + 1", "4"),
        ("coalesce(input.a, 1) if input.t else input.b", "1"),
        ("[coalesce(input.nope, [1, 2]), coalesce(input.nope, {'a': 1})]", r#"[[1,2],{"a":1}]"#),
        ("{'a': coalesce(input.nope, 1)}", r#"{"a":1}"#),
        ("coalesce(input.nope | default(none), 1)", "1"),
        ("coalesce(input.big, 1) + 1", "123456789012345678901234567891"),
    ] {
        assert_eq!(value(expression).as_deref(), Ok(expected), "{expression}");
    }
    let (code, detail, _) = refused("coalesce()");
    assert_eq!((code, detail.as_str()), ("invalid_expression", "`coalesce()` has nothing to choose from"));
}

#[test]
fn values_of_different_types_have_no_order() {
    for (expression, message) in [
        ("'3' > 2", "a string and a number have no order"),
        ("input.s < 3", "a string and a number have no order"),
        ("input.n >= '5'", "a number and a string have no order"),
        ("input.z < 1", "null and a number have no order"),
        ("input.t <= 1", "a boolean and a number have no order"),
        ("input.l > input.o", "a list and an object have no order"),
        ("1 < 2 < 'x'", "a number and a string have no order"),
        ("input.n is lt('x')", "a number and a string have no order"),
        ("input.rows | selectattr('name', 'gt', 1) | list", "a string and a number have no order"),
        ("1 if input.s > 1 else 2", "a string and a number have no order"),
        ("[input.n + 1 < input.s ~ 'x']", "a number and a string have no order"),
        ("not input.s > 1", "a string and a number have no order"),
        ("(input.s) > (1)", "a string and a number have no order"),
        ("range(*[input.n > 'a'])", "a number and a string have no order"),
        ("dict(a=input.n > 'a')", "a number and a string have no order"),
        ("input.rows[index] > 1", "a value in it is undefined"),
        ("input.n is number < 3", "a boolean and a number have no order"),
    ] {
        let error = value(expression).expect_err(expression);
        assert_eq!((error.code, error.message), ("expression_error", format!("`{expression}`: {message}")));
    }
    for (expression, expected) in [
        ("'3' == 3", "false"),
        ("input.z == 0", "false"),
        ("input.t == 1", "true"),
        ("input.s != 3", "true"),
        ("3 > 2.5", "true"),
        ("input.big > 1", "true"),
        ("'a' < 'b'", "true"),
        ("[1, 2] < [1, 3]", "true"),
        ("input.l[0:1] <= [3]", "true"),
        ("input.l | list >= input.l[:2]", "true"),
        ("false < true", "true"),
        ("1 < 2 < 3", "true"),
        ("1 < 2 > 3", "false"),
        ("1 < 2 == 2", "true"),
        ("3 == 3 >= 3 != 4", "true"),
        ("1 < 2 < 1 < 'x'", "false"),
        ("-1 < -input.m and not 1 > 2", "true"),
        ("1 + 1 < 2 * 2", "true"),
        ("(1 < 2) == (2 < 3)", "true"),
        ("1 < 2 and 'x' in input.o or false", "false"),
        ("[1 < 2, 3 > 4]", "[true,false]"),
        ("{'a': 1 < 2}", r#"{"a":true}"#),
        ("range(*[1, 2]) | length < 2", "true"),
        ("range(2 if 1 < 2 else 3)", "[0,1]"),
        ("input.l[0 if 1 < 2 else 1]", "3"),
        ("1 if input.n < 9 else 0", "1"),
        ("2 not in input.l == false", "false"),
        ("input.n is in [5] and 1 <= 1", "true"),
        ("input.rows | rejectattr('id', '<', 2) | map(attribute='id') | list", "[2]"),
    ] {
        assert_eq!(value(expression).as_deref(), Ok(expected), "{expression}");
    }
    let (code, detail, _) = refused("1 < 2 in input.l");
    assert_eq!((code, detail.as_str()), ("invalid_expression", "`<` and `in` in a row"));
    for expression in ["< 3", "3 <", "1 < < 2", "(1 <)", "[1 <, 2]", "1 < )"] {
        let quoted = Doc::text(&format!("${{{{ {expression} }}}}"));
        assert!(Template::parse(&quoted, MAPPED, &LIMITS).is_err(), "{expression}");
    }
}

#[test]
fn tasks_are_asked_how_they_ended() {
    for (expression, expected) in [
        ("tasks.bad is failed", "true"),
        ("tasks.bad is not failed", "false"),
        ("tasks.list is succeeded and tasks.bad is failed", "true"),
        ("not tasks.bad is failed", "false"),
        ("(tasks.bad) is skipped", "false"),
        ("tasks.bad.status is failed", "true"),
        ("tasks['bad'] is timed_out", "false"),
        ("[tasks.bad is cancelled, tasks.bad is failed]", "[false,true]"),
        ("'x' if tasks.bad is failed else 'y'", r#""x""#),
        ("input.rows | map('string') | select('succeeded') | list", "[]"),
        ("tasks.map.results | selectattr('status', 'succeeded') | list | length", "1"),
    ] {
        assert_eq!(value(expression).as_deref(), Ok(expected), "{expression}");
    }
    for expression in ["input.x is failed", "tasks.bad.output is failed", "[tasks.bad] is skipped", "1 is succeeded"] {
        let (code, detail, hint) = refused(expression);
        assert_eq!(code, "invalid_expression", "{expression}");
        assert!(detail.ends_with("is asked of something that is no task"), "{detail}");
        assert!(hint.is_some_and(|hint| hint.contains("tasks.<name> is ")), "{expression}");
    }
    let condition = Condition::parse("tasks.a is failed", Roots::default(), &LIMITS).unwrap();
    let seen = condition.references().first().map(|r| (r.task.as_str(), r.output, r.error, r.results));
    assert_eq!(seen, Some(("a", false, false, false)), "the status alone is loaded");
}

#[test]
fn comparisons_that_never_hold_are_refused() {
    let all = "it is one of succeeded, failed, cancelled, skipped, timed_out";
    for (expression, detail, hint) in [
        ("tasks.a.status == 'Succeeded'", r#"`tasks.a.status` is never "Succeeded""#, "did you mean `succeeded`?"),
        ("'Failed' != tasks.a.status", r#"`tasks.a.status` is never "Failed""#, "did you mean `failed`?"),
        ("tasks['a'].status == ('error')", r#"`tasks.a.status` is never "error""#, "did you mean `failed`?"),
        (
            "input.x or (tasks.a.status) == \"success\"",
            r#"`tasks.a.status` is never "success""#,
            "did you mean `succeeded`?",
        ),
        (
            "tasks.a.status in ['failed', 'Timeout']",
            r#"`tasks.a.status` is never "Timeout""#,
            "did you mean `timed_out`?",
        ),
        (
            "tasks.a.status not in ('failed', 'canceled')",
            r#"`tasks.a.status` is never "canceled""#,
            "did you mean `cancelled`?",
        ),
        ("tasks.a.status == 'running'", r#"`tasks.a.status` is never "running""#, all),
        ("tasks.a.status == 'ready'", "`tasks.a.status` is never `ready`: the task has ended when this is judged", all),
        ("tasks.a.status == 0", "`tasks.a.status` is text, and never 0", all),
        ("tasks.a.status == none", "`tasks.a.status` is text, and never none", all),
        ("tasks.a.status is eq('Failed')", r#"`tasks.a.status` is never "Failed""#, "did you mean `failed`?"),
        ("tasks.a.status is not eq 'Failed'", r#"`tasks.a.status` is never "Failed""#, "did you mean `failed`?"),
        ("tasks.a.status is in(['x'])", r#"`tasks.a.status` is never "x""#, all),
        ("tasks.a == 'failed'", "`tasks.a` is the task as a whole: no comparison with it holds", WHOLE),
        ("[1 if none != tasks.a else 2]", "`tasks.a` is the task as a whole: no comparison with it holds", WHOLE),
        ("tasks.a in ['failed']", "`tasks.a` is the task as a whole: no comparison with it holds", WHOLE),
        ("tasks.a > 1", "`tasks.a` is the task as a whole: no comparison with it holds", WHOLE),
        ("tasks.a is eq('x')", "`tasks.a` is the task as a whole: no comparison with it holds", WHOLE),
        ("tasks.b == tasks.a", "`tasks.b` is the task as a whole: no comparison with it holds", ""),
    ] {
        let (code, found, hinted) = refused(expression);
        assert_eq!((code, found.as_str()), ("invalid_expression", detail), "{expression}");
        assert!(hint.is_empty() || hinted.as_deref() == Some(hint), "{expression}: {hinted:?}");
    }
    for expression in [
        "tasks.a.status == 'failed'",
        "tasks.a.status in ['failed', 'timed_out']",
        "tasks.a.status not in ('failed', 'skipped')",
        "tasks.a.status in input.states",
        "tasks.a.status in 'failed or timed_out'",
        "'fail' in tasks.a.status",
        "tasks.a.status | upper == 'FAILED'",
        "tasks.a.status ~ 'x' == 'failedx'",
        "tasks.a.status == tasks.b.status",
        "tasks.a.status == input.wanted",
        "tasks.a.output == 'Succeeded'",
        "tasks.a.output.status == 'Succeeded'",
        "(tasks.a.status == 'failed') == false",
        "tasks.a | length == 5",
    ] {
        let quoted = Doc::text(&format!("${{{{ {expression} }}}}"));
        Template::parse(&quoted, MAPPED, &LIMITS).unwrap_or_else(|problems| panic!("{expression}: {problems:?}"));
    }
}

const WHOLE: &str = "compare a part, such as `tasks.a.output`, or ask `tasks.a is succeeded`";
