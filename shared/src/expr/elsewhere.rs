//! Names and functions of other languages and systems, and what does here what they do there.

/// The words for a name that stands for a value elsewhere.
pub(super) fn name(name: &str) -> Option<&'static str> {
    Some(match name {
        "null" | "nil" | "NULL" | "Null" | "undefined" => "write `none`",
        "AND" | "OR" | "NOT" | "IN" | "TRUE" | "FALSE" => "words of the language are written in small letters",
        "needs" | "steps" | "nodes" | "workflow" | "outputs" | "dag" => "write `tasks.<name>.output`",
        "status" | "output" | "error" | "result" | "results" | "attempts" => {
            "of which task? Write `tasks.<name>.output` or `tasks.<name>.status`"
        }
        "self" | "this" | "token" => {
            "a task does not see itself, and another is `tasks.<name>`; who waits for an answer from outside is of \
             `kind: warrener.wait`, with an event and a key of your choice"
        }
        "inputs" | "params" | "parameters" | "args" | "arguments" | "payload" | "data" => "write `input`",
        "matrix" | "element" | "each" | "it" => "write `item`, in the input of a task with `for_each`",
        "env" | "secrets" | "vars" | "github" | "context" | "ctx" | "runner" | "event" => {
            "an expression sees `input`, `tasks` and `job` alone: hand it in by the job's `input`"
        }
        _ => return None,
    })
}

/// The words for a function, filter or test of another language.
pub(super) fn call(name: &str, sort: &str) -> Option<&'static str> {
    if sort != "function" {
        return None;
    }
    Some(match name {
        "success" | "succeeded" => "write `run_on: success` in the task, or `tasks.<name> is succeeded`",
        "failure" | "failed" => "write `run_on: failure` in the task, or `tasks.<name> is failed`",
        "always" | "cancelled" | "canceled" => "write `run_on: done` in the task",
        "len" | "length" | "size" | "count" => "write `x | length`",
        "str" | "string" | "String" | "toString" => "write `x | string`",
        "int" | "parseInt" | "Number" => "write `x | int`",
        "float" | "asFloat" => "write `x | float`",
        "bool" => "write `x | bool`",
        "contains" | "includes" => "write `part in whole`",
        "startsWith" | "startswith" => "write `x is startingwith('a')`",
        "endsWith" | "endswith" => "write `x is endingwith('a')`",
        "toJSON" | "toJson" | "json" => "write `x | tojson`",
        "fromJSON" | "fromJson" => "leave it out: an output that is JSON is a value already",
        "exists" | "defined" | "has" | "hashFiles" => "write `x | default(none) is not none`",
        "ifnull" | "nvl" | "isnull" | "firstOf" | "first_of" => "write `coalesce(a, b)`",
        "sum" => "it is a filter: write `x | sum`",
        "min" => "it is a filter: write `x | min`",
        "max" => "it is a filter: write `x | max`",
        "sort" | "join" | "format" | "round" | "abs" | "upper" | "lower" | "split" | "map" | "zip" => {
            "it is a filter: what it works on comes first, as in `x | sort` or `x | join(', ')`"
        }
        "now" | "today" | "random" | "uuid" => {
            "expressions have no clock and no chance: hand it in by the job's `input`"
        }
        _ => return None,
    })
}
