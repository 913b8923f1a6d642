//! The document of the API (OpenAPI 3.1), made of the table of routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::app::{App, respond};
use super::documented::{AnswerDocument, BodyDocument, Content, RouteDocument, reference};
use super::http::ReadLane;
use super::problem::{self, ProblemSort};
use super::route::{Demand, Route};
use super::stream::EVENT_STREAM;

/// Schema of a submitted job, as it is published.
const JOB: &str = include_str!("../../../shared/job.schema.json");
/// Description of the whole interface.
const ABOUT: &str = "Submits, reads and steers jobs. Absent values are null, times are RFC 3339 in UTC, and every \
     refusal is a problem document (RFC 9457) with a stable `code`.";
/// Prefix of the names of schemas that belong to a submitted job, apart from the resources' names.
const JOB_PREFIX: &str = "Submitted.";
/// Schema of schedules.
const SCHEDULE: &str = include_str!("../../../shared/schedule.schema.json");
const SCHEDULE_PREFIX: &str = "SubmittedSchedule.";

/// `GET /openapi.json`.
pub(super) async fn get(State(app): State<Arc<App>>) -> Response {
    respond(StatusCode::OK, app.document.to_vec())
}

/// Document of these routes, as bytes. Made once, at the start.
pub(super) fn document(routes: &[Route]) -> Vec<u8> {
    let mut components = submitted();
    components.insert("Problem".to_owned(), problem_schema());
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes {
        let Some(document) = route.document else { continue };
        let operation = operation(route, document(), &mut components);
        let methods = paths.entry(route.path).or_default();
        methods.insert(route.method.as_str().to_ascii_lowercase(), operation);
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Warrener",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        // Seen from where the document is, so that it stays true behind a proxy that takes a prefix away.
        "servers": [{ "url": "../../" }],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of `api.tokens_file`. Without such a file nobody is asked for one.",
            } },
        },
    });
    serde_json::to_vec(&document).expect("it has text keys only")
}

/// Schemas of a submitted job and its parts, under names of their own.
fn submitted() -> Map<String, Value> {
    let mut all = schemas_of(JOB, JOB_PREFIX, "SubmittedJob");
    all.extend(schemas_of(SCHEDULE, SCHEDULE_PREFIX, "SubmittedSchedule"));
    all
}

/// Schemas of a document, with the names of its parts behind a prefix.
fn schemas_of(text: &str, prefix: &str, whole: &str) -> Map<String, Value> {
    let text = text.replace("\"#/$defs/", &format!("\"#/components/schemas/{prefix}"));
    let Ok(Value::Object(mut schema)) = serde_json::from_str(&text) else { panic!("{whole} is an object") };
    let Some(Value::Object(parts)) = schema.remove("$defs") else { panic!("{whole} has parts") };
    schema.retain(|key, _| key != "$schema" && key != "$id");
    let mut all: Map<String, Value> = parts.into_iter().map(|(name, part)| (format!("{prefix}{name}"), part)).collect();
    all.insert(whole.to_owned(), Value::Object(schema));
    all
}

/// Schema of a problem document.
fn problem_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": { "type": "string", "description": "`urn:warrener:problem:` and the code." },
            "title": { "type": "string", "description": "The sort of problem, in words." },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "code": { "type": "string", "pattern": "^[a-z][a-z0-9_]*$", "description": "A stable word for programs." },
            "detail": { "type": "string", "description": "This case, in a sentence." },
            "parameter": { "type": "string", "description": "The parameter that cannot be used." },
            "errors": { "type": "array", "description": "Each problem of a submitted job.", "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": { "pointer": text, "code": text, "detail": text, "hint": text },
            } },
        },
    })
}

/// Description of one method of a path. Adds the schemas that it refers to.
fn operation(route: &Route, document: RouteDocument, components: &mut Map<String, Value>) -> Value {
    let mut parameters: Vec<Value> = path_parameters(route);
    parameters.extend(route.query.unwrap_or_default().iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "description": parameter.about,
            "schema": (parameter.schema)(),
            "example": (parameter.example)(),
        })
    }));
    parameters.extend(document.headers.iter().map(|header| {
        json!({
            "name": header.name,
            "in": "header",
            "description": header.about,
            "schema": { "type": "string" },
            "example": header.example,
        })
    }));
    let mut answers = Map::new();
    let mut sorts = usual_problems(route, document.body);
    sorts.extend(document.problems.iter().copied());
    for answer in document.answers {
        answers.insert(answer.status.to_string(), success(answer, components));
    }
    for (sort, example) in document.texts {
        answers["200"]["content"][sort] = text_content(sort, example);
    }
    for (status, sorts) in by_status(sorts) {
        let refusal = refusal(status, &sorts);
        // Of readiness the status says as much as the body, which is the same either way.
        answers.entry(status.to_string()).or_insert(refusal);
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": document.summary,
        "parameters": parameters,
        "responses": answers,
    });
    match route.demand {
        Demand::Nothing => operation["security"] = json!([]),
        Demand::Scope(scope, _) => {
            operation["description"] = format!("Needs the scope `{scope}`.").into();
            operation["security"] = json!([{ "token": [] }]);
        }
    }
    if let Some(body) = document.body {
        operation["requestBody"] = request_body(body);
    }
    operation
}

/// Id of an operation: `get_jobs_id_tasks` for `GET /api/v1/jobs/{id}/tasks`.
fn operation_id(route: &Route) -> String {
    let path = route.path.trim_start_matches("/api/v1").replace(['{', '}'], "").replace(['/', '.'], "_");
    format!("{}{path}", route.method.as_str().to_ascii_lowercase())
}

/// Parameters in the path of a route.
fn path_parameters(route: &Route) -> Vec<Value> {
    let names = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let describe = |name: &str| {
        let (about, example) = match (route.path, name) {
            (path, "id") if path.contains("/workers/") => ("The worker, as its heartbeat names it.", "worker-1"),
            (path, "id") if path.contains("/bulk/") => ("The operation.", "7"),
            (path, "id") if path.contains("/delayed/") => ("The delayed message.", "1"),
            (path, "id") if path.contains("/dead/") => ("The dead letter.", "1"),
            (_, "id" | "job") => ("The job.", "order-4711"),
            (_, "task") => ("The task, or `<task>.<index>` for an item of a mapped task.", "resize.0"),
            (path, "name") if path.contains("/limits/") => ("The limit.", "openai"),
            (path, "key") if path.contains("/limits/") => ("The key; `*` of a limit without keys.", "acme"),
            (_, "name") => ("The queue.", "default"),
            (_, "event") => ("The event that tasks wait for.", "approval"),
            _ => ("The key that tells those who wait for the same event apart.", "order-4711"),
        };
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": about,
            "schema": { "type": "string", "minLength": 1 },
            "example": example,
        })
    };
    names.map(describe).collect()
}

/// Refusals that follow from the other columns of the table: demand, query, path, method, body and lane.
fn usual_problems(route: &Route, body: Option<BodyDocument>) -> Vec<&'static ProblemSort> {
    let mut sorts = vec![
        &problem::UNREADABLE_REQUEST,
        &problem::SLOW_HEAD,
        &problem::URI_TOO_LONG,
        &problem::HEAD_TOO_LARGE,
        &problem::BAD_HOST,
        &problem::UNKNOWN_HOST,
        &problem::INTERNAL,
    ];
    if route.demand != Demand::Nothing {
        sorts.extend([
            &problem::UNAUTHENTICATED,
            &problem::NOT_ALLOWED,
            &problem::TOO_MANY_CONNECTIONS,
            &problem::UNAVAILABLE,
        ]);
    }
    if route.query.is_some() {
        sorts.push(&problem::PARAMETER);
    }
    if route.path.contains('{') {
        sorts.push(&problem::NOT_FOUND);
    }
    if route.method != Method::GET {
        sorts.extend([&problem::CROSS_SITE, &problem::UNAVAILABLE]);
    }
    if body.is_some() {
        sorts.extend([
            &problem::BODY,
            &problem::SLOW_BODY,
            &problem::TOO_LARGE,
            &problem::ENCODING,
            &problem::NO_MEMORY,
        ]);
    }
    if route.lane != ReadLane::Free {
        sorts.push(&problem::TOO_MANY_READS);
    }
    sorts
}

/// Codes and titles of refusals, by status.
fn by_status(sorts: Vec<&'static ProblemSort>) -> BTreeMap<u16, BTreeMap<&'static str, &'static str>> {
    let mut all: BTreeMap<u16, BTreeMap<_, _>> = BTreeMap::new();
    for sort in sorts {
        all.entry(sort.status.as_u16()).or_default().insert(sort.code, sort.title);
    }
    all
}

/// Description of the refusals with one status, an example for each code.
fn refusal(status: u16, sorts: &BTreeMap<&'static str, &'static str>) -> Value {
    let about: Vec<String> = sorts.iter().map(|(code, title)| format!("`{code}`: {title}.")).collect();
    let examples: Map<String, Value> = sorts
        .iter()
        .map(|(code, title)| {
            let value = json!({
                "type": format!("urn:warrener:problem:{code}"),
                "title": title,
                "status": status,
                "code": code,
                "detail": "what it was in this case, and what to do about it",
            });
            ((*code).to_owned(), json!({ "value": value }))
        })
        .collect();
    let content = json!({ "application/problem+json": { "schema": reference("Problem"), "examples": examples } });
    let mut answer = json!({ "description": about.join(" "), "content": content });
    let header = |about: &str| json!({ "description": about, "schema": { "type": "string" } });
    match status {
        401 => answer["headers"] = json!({ "WWW-Authenticate": header("How to say who you are.") }),
        503 => answer["headers"] = json!({ "Retry-After": header("Seconds after which to ask again.") }),
        _ => {}
    }
    answer
}

/// Description of an answer of a success. Adds the schemas that it refers to.
fn success(answer: AnswerDocument, components: &mut Map<String, Value>) -> Value {
    let content = match answer.content {
        Content::Nothing => return json!({ "description": answer.about }),
        Content::Text(sort, example) => json!({ sort: text_content(sort, example) }),
        Content::Json { schema, schemas, example } => {
            for (name, schema) in schemas {
                let schema = serde_json::to_value(schema).expect("a schema has text keys only");
                components.entry(name).or_insert_with(|| complete(schema));
            }
            json!({ "application/json": { "schema": schema, "example": example } })
        }
    };
    let mut described = json!({ "description": answer.about, "content": content });
    for (name, about) in answer.headers {
        described["headers"][name] = json!({ "description": about, "schema": { "type": "string" } });
    }
    described
}

/// Schema of a resource with all of its keys required but those of mapped tasks: an absent value is null, never a
/// missing key.
fn complete(mut schema: Value) -> Value {
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        parts.iter_mut().for_each(|part| *part = complete(part.take()));
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let always: Vec<&String> = properties.keys().filter(|name| !OF_MAPPED.contains(&name.as_str())).collect();
        let always = json!(always);
        schema["required"] = always;
    }
    schema
}

/// Fields that only a mapped task has.
const OF_MAPPED: [&str; 2] = ["total", "items"];

/// Description of a body that is taken.
fn request_body(body: BodyDocument) -> Value {
    match body {
        BodyDocument::Job => {
            let single = json!({ "value": { "kind": "demo.echo", "input": { "hello": "world" } } });
            let graph = json!({ "value": { "name": "greet", "tasks": {
                "list": { "kind": "demo.echo", "input": [1, 2, 3] },
                "each": { "kind": "demo.echo", "for_each": "${{ tasks.list.output }}", "input": "${{ item }}" },
            } } });
            json!({
                "required": true,
                "description": "One task, or a graph of tasks.",
                "content": { "application/json": {
                    "schema": reference("SubmittedJob"),
                    "examples": { "single": single, "graph": graph },
                } },
            })
        }
        BodyDocument::Schedule => json!({
            "required": true,
            "description": "A schedule, as urn:warrener:schedule.",
            "content": { "application/json": {
                "schema": reference("SubmittedSchedule"),
                "example": {
                    "name": "nightly-report",
                    "cron": "0 3 * * *",
                    "zone": "Europe/Berlin",
                    "job": { "kind": "report.nightly", "input": { "day": "${{ schedule.local }}" } },
                },
            } },
        }),
        BodyDocument::Backfill => json!({
            "required": true,
            "description": "The span, and how its ticks are started.",
            "content": { "application/json": {
                "schema": { "type": "object", "required": ["from", "to"], "additionalProperties": false, "properties": {
                    "from": { "type": "string" }, "to": { "type": "string" }, "rate": { "type": "string" },
                    "overlap": { "enum": ["queue", "allow"] }, "again": { "type": "boolean" },
                    "dry_run": { "type": "boolean" },
                } },
                "example": { "from": "2026-11-17T00:00:00Z", "to": "2026-11-24T00:00:00Z", "rate": "1/s" },
            } },
        }),
        BodyDocument::Bulk => bulk_body(),
        BodyDocument::Anything => json!({
            "required": false,
            "description": "What the tasks that wait are given as their output; null without a body.",
            "content": { "application/json": { "schema": {}, "example": { "approved": true } } },
        }),
        BodyDocument::Limit => limit_body(
            "The limit, with `concurrency`, `rate` or both.",
            &json!({ "on": text(), "key": text(), "concurrency": count(), "rate": text(), "burst": count(),
                "cost": text(), "per": { "enum": ["task", "job"] },
                "when_full": { "enum": ["wait", "cancel_oldest", "cancel_newest", "refuse"] } }),
            &json!({ "on": "kind:llm.*", "key": "${{ job.labels.tenant }}", "concurrency": 5 }),
        ),
        BodyDocument::LimitKey => limit_body(
            "All settings of the key; those that are left out are the limit's again.",
            &json!({ "concurrency": count(), "rate": text(), "weight": count(), "paused_until": text() }),
            &json!({ "concurrency": 20, "paused_until": null }),
        ),
    }
}

/// Description of a text; of a stream, that of each of its events, as OpenAPI sees them.
fn text_content(sort: &str, example: &str) -> Value {
    if sort != EVENT_STREAM {
        return json!({ "schema": { "type": "string" }, "example": example });
    }
    let fields = example.lines().filter_map(|line| line.split_once(": "));
    let example: Map<String, Value> = fields.map(|(name, value)| (name.to_owned(), value.into())).collect();
    let field = json!({ "type": "string" });
    let properties = json!({ "id": field, "event": field, "data": field });
    json!({ "schema": { "type": "object", "properties": properties }, "example": example })
}

/// Description of the body of a bulk operation.
fn bulk_body() -> Value {
    json!({
        "required": true,
        "description": "The action, and the filter of what it is done to; `*` for everything.",
        "content": { "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": false,
                "required": ["action", "filter"],
                "properties": {
                    "action": {
                        "enum": ["cancel", "retry", "pause", "resume", "delete", "skip", "replay", "discard"],
                    },
                    "filter": { "type": "string", "minLength": 1 },
                    "target": { "enum": ["jobs", "tasks", "dead", null] },
                    "rate": { "type": ["string", "null"], "pattern": "^[0-9]+/[smh]$" },
                    "reason": { "type": ["string", "null"], "maxLength": 500 },
                    "dry_run": { "type": "boolean" },
                },
            },
            "example": { "action": "retry", "filter": "state:failed label.team:growth", "rate": "100/s" },
        } },
    })
}

fn limit_body(about: &str, properties: &Value, example: &Value) -> Value {
    let schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let content = json!({ "application/json": { "schema": schema, "example": example } });
    json!({ "required": true, "description": about, "content": content })
}

fn text() -> Value {
    json!({ "type": ["string", "null"] })
}

fn count() -> Value {
    json!({ "type": ["integer", "null"], "minimum": 0 })
}

#[cfg(test)]
mod tests;
