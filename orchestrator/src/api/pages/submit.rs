//! Submitting a job by a form, which is judged as one types by the same rules that judge the job itself.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts as _, State};
use axum::http::request::Parts;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::value::RawValue;
use warrener_shared::id::JobId;
use warrener_shared::job::locate;
use warrener_shared::shown;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::dry_run;
use super::super::http::{Arrival, receive};
use super::super::job::JobResource;
use super::super::path::no_job;
use super::super::problem::{self, Problem};
use super::super::query::Parameters;
use super::super::route::QueryParameter;
use super::super::submit::{self, hand_in};
use super::super::wish::Wish;
use super::action::go_to;
use super::badge;
use super::frame::{Sheet, fragment, show, show_as};
use super::visit::Visit;
use crate::access::{Caller, Scope};

/// Problems that are shown at once.
const PROBLEMS: usize = 50;
/// Bytes of a job for which commands are shown.
const COMMANDS_MAX: usize = 20_000;

/// Name of an example to begin with.
pub(super) const EXAMPLE: &QueryParameter = &QueryParameter {
    name: "example",
    about: "Begins with an example.",
    schema: || serde_json::json!({ "type": "string" }),
    example: || serde_json::json!("one"),
};
/// Id of a job to begin with.
pub(super) const FROM: &QueryParameter = &QueryParameter {
    name: "from",
    about: "Begins with what another job was submitted as, without its id.",
    schema: || serde_json::json!({ "type": "string" }),
    example: || serde_json::json!("order-4711"),
};

/// Jobs to begin with: word, name, document.
const EXAMPLES: [(&str, &str, &str); 5] = [
    (
        "one",
        "One task",
        r#"{
  "kind": "demo.echo",
  "input": {"hello": "world"}
}"#,
    ),
    (
        "graph",
        "A graph",
        r#"{
  "name": "greet",
  "tasks": {
    "who": {"kind": "demo.echo", "input": {"name": "world"}},
    "greet": {
      "kind": "demo.echo",
      "needs": ["who"],
      "input": {"text": "hello ${{ tasks.who.output.name }}"}
    }
  }
}"#,
    ),
    (
        "map",
        "A list, one task for each",
        r#"{
  "name": "each",
  "tasks": {
    "work": {
      "for_each": {"items": [1, 2, 3, 4, 5], "max_parallel": 2},
      "kind": "demo.echo",
      "input": {"number": "${{ item }}"}
    }
  }
}"#,
    ),
    (
        "retry",
        "With retries and limits",
        r#"{
  "kind": "demo.echo",
  "input": {"n": 1},
  "labels": {"team": "growth"},
  "priority": 7,
  "timeout": "30s",
  "retry": {"max_attempts": 3}
}"#,
    ),
    (
        "wait",
        "Waiting for an answer",
        r#"{
  "name": "approve",
  "tasks": {
    "ask": {"kind": "warrener.wait", "input": {"event": "approval", "key": "1"}},
    "go": {"kind": "demo.echo", "needs": ["ask"], "input": "${{ tasks.ask.output }}"}
  }
}"#,
    ),
];

/// Judgement on a job that is being written.
enum Judgement {
    /// Nothing is written yet.
    Empty,
    /// Job that would be kept, or is there already.
    Good(Box<JobResource>),
    /// Problems for which it would be refused.
    Bad(Problem),
}

pub(super) async fn ask(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let text = match (parameters.get("from"), parameters.get("example")) {
        (Some(id), _) => again(&app, &caller, id).await?,
        (None, Some(word)) => {
            let example = EXAMPLES.iter().find(|(known, ..)| *known == word);
            example.ok_or_else(|| Problem::parameter("example", "there is no such example"))?.2.to_owned()
        }
        _ => String::new(),
    };
    let commands = html! {};
    Ok(show(
        &visit,
        &Sheet { title: "Submit", place: "submit", body: form(&visit, &text, &Judgement::Empty, &commands) },
    ))
}

/// The document of a job, as far as a new one may have the same.
async fn again(app: &Arc<App>, caller: &Arc<Caller>, id: &str) -> Result<String, Problem> {
    if !caller.may(Scope::Read) {
        return Err(Problem::not_allowed(format!("{} lacks the scope read, which this needs", caller.who)));
    }
    let (id, caller) = (JobId::new(id).map_err(|_| no_job(id))?, caller.clone());
    app.read(move |app, snapshot| {
        let fits = match &caller.only {
            Some(only) => snapshot.fits(&id, only, app.shared.now())?,
            None => true,
        };
        let record = snapshot.job_record(&id)?.filter(|_| fits).ok_or_else(|| no_job(id.as_str()))?;
        Ok(without_id(&record.body))
    })
    .await
}

/// A document without its id, which only one job can have; all other bytes stay.
fn without_id(body: &[u8]) -> String {
    let fields: Result<Fields, _> = serde_json::from_slice(body);
    let Ok(Fields(fields)) = fields else { return String::from_utf8_lossy(body).into_owned() };
    let kept: Vec<String> = fields
        .iter()
        .filter(|(key, _)| key != "id")
        .map(|(key, value)| format!("  {}: {}", serde_json::Value::from(key.as_str()), value.get()))
        .collect();
    format!("{{\n{}\n}}", kept.join(",\n"))
}

/// The fields of an object in their order, each value as it is written.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

fn form(visit: &Visit, text: &str, verdict: &Judgement, commands: &Markup) -> Markup {
    html! {
        h1 { "Submit a job" }
        p.options {
            span.muted { "Begin with: " }
            @for (word, name, _) in EXAMPLES { a href=(format!("?example={word}")) { (name) } " " }
        }
        form method="post" action=(visit.to(&["submit"])) {
            label.visually-hidden for="job" { "The job as JSON" }
            textarea #job name="job" rows="18" spellcheck="false" autocomplete="off" required
                hx-post=(visit.to(&["submit", "check"])) hx-trigger="input changed delay:300ms, load"
                hx-target="#verdict" hx-swap="innerHTML" { "\n" (text) }
            div #verdict aria-live="polite" { (judged(text, verdict)) (commands) }
            div.actions {
                button.first type="submit" { "Submit" }
                button type="submit" formaction=(visit.to(&["submit", "look"])) { "Only check" }
            }
        }
    }
}

fn judged(text: &str, verdict: &Judgement) -> Markup {
    match verdict {
        Judgement::Empty => html! {},
        Judgement::Good(job) => html! {
            div.notice.good {
                @if job.created_at.is_some() {
                    p { "This job is there already: " code { (job.id.as_deref().unwrap_or_default()) } }
                } @else {
                    p { "This would be taken. " (badge::job(job.state, false, false)) " " (badge::bar(job.tasks.0)) }
                }
            }
        },
        Judgement::Bad(problem) => html! { (refused(text, problem)) },
    }
}

/// Everything that is wrong, each with its place.
fn refused(text: &str, problem: &Problem) -> Markup {
    let errors = problem.errors.as_deref().unwrap_or_default();
    html! {
        div.notice.bad {
            @if errors.is_empty() { p { (shown::text(&problem.detail)) } }
            ul {
                @for error in errors.iter().take(PROBLEMS) {
                    li {
                        @if let Some((line, column)) = locate(text.as_bytes(), &error.pointer) {
                            span.muted { "line " (line) ", column " (column) " " }
                        }
                        code { (if error.pointer.is_empty() { "/".into() } else { shown::line(&error.pointer) }) } " "
                        (shown::text(&error.detail))
                        @if let Some(hint) = &error.hint { " " em { (shown::text(hint)) } }
                    }
                }
                @if errors.len() > PROBLEMS { li { "and " (errors.len() - PROBLEMS) " more" } }
            }
        }
    }
}

/// The same job by other ways.
fn commands(app: &App, parts: &Parts, text: &str) -> Markup {
    if text.len() > COMMANDS_MAX {
        return html! {};
    }
    let address = address(app, parts);
    // Who is asked for a token has it in a file; nobody's is written here.
    let (header, file) = match app.access.asks() {
        true => (" -H \"authorization: Bearer $(cat TOKEN_FILE)\"", " --token-file TOKEN_FILE"),
        false => ("", ""),
    };
    let (broker, exchange) = (broker(app, parts), app.shared.names.submit());
    let quoted = text.trim().replace('\'', r"'\''");
    let python = serde_json::Value::from(text.trim()).to_string();
    let ways = [
        ("curl", format!("curl {address}/api/v1/jobs{header} -H 'content-type: application/json' -d '{quoted}'")),
        ("warrener", format!("warrener --server {address}{file} submit - <<'JSON'\n{}\nJSON", text.trim())),
        (
            "pika",
            format!(
                "import pika\n\nurl = \"{broker}\"\nwith \
                 pika.BlockingConnection(pika.URLParameters(url)) as connection:\n    channel = \
                 connection.channel()\n    channel.confirm_delivery()\n    \
                 properties = pika.BasicProperties(content_type=\"application/json\", delivery_mode=2)\n    \
                 channel.basic_publish(\"{exchange}\", \"submit\", {python}, properties)"
            ),
        ),
    ];
    html! {
        @for (name, command) in &ways {
            details.command {
                summary { "The same with " (name) }
                pre.log tabindex="0" { (shown::text(command)) }
                button.copy type="button" data-copy=(command) hidden { "Copy" }
            }
        }
    }
}

/// The address of the broker with a place for a name of one's own; its host is for those who may see the configuration.
fn broker(app: &App, parts: &Parts) -> String {
    let known = app.settings.iter().find(|setting| setting.path == "amqp.url");
    let url = known.map_or("", |setting| setting.value.trim_matches('"'));
    if url.is_empty() || url.contains("//guest:") {
        return "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned();
    }
    let place = url.rsplit_once('@').filter(|_| AskedBy::of(parts).0.may(Scope::Admin)).map(|(_, place)| place);
    let scheme = url.split_once("://").map_or("amqp", |(scheme, _)| scheme);
    format!("{scheme}://USER:PASSWORD@{}", place.unwrap_or("BROKER/%2f"))
}

/// The address under which the caller reaches us.
fn address(app: &App, parts: &Parts) -> String {
    let peer = parts.extensions.get::<Arrival>().map(|arrival| arrival.peer.ip());
    let way = app.access.proxies.forwarded(peer, &parts.headers);
    let named = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = way.host.or(named).unwrap_or("localhost:8080");
    let is_secret = way.proto.map_or(app.is_tls, |proto| proto.eq_ignore_ascii_case("https"));
    let scheme = if is_secret { "https" } else { "http" };
    format!("{scheme}://{host}{}", way.prefix.unwrap_or_default().trim_end_matches('/'))
}

/// A form as it came: who sends it, what it asks for, and the job.
struct Sent {
    visit: Visit,
    parts: Parts,
    wish: Wish,
    text: String,
}

impl Sent {
    async fn read(app: &Arc<App>, request: Request<Body>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Ok(visit) = Visit::from_request_parts(&mut parts, app).await;
        let bound = submit::bound(app);
        let bytes = receive(&app.edge, &parts.headers, body, bound.in_form()).await?.bytes;
        let field = form_urlencoded::parse(&bytes).find(|(key, _)| key == "job");
        let text = field.map(|(_, value)| value.into_owned()).unwrap_or_default();
        if text.len() > bound.bytes {
            return Err(Problem::too_large(bound));
        }
        let wish = Wish::of(app, &parts)?;
        Ok(Self { visit, parts, wish, text })
    }
}

/// Judges a job, unless nothing is written yet.
async fn judge(app: &Arc<App>, wish: Wish, text: &str) -> Result<Judgement, Problem> {
    if text.trim().is_empty() {
        return Ok(Judgement::Empty);
    }
    match dry_run::judge(app, wish, text.as_bytes().to_vec()).await {
        Ok(job) => Ok(Judgement::Good(Box::new(job))),
        Err(problem) if is_about_the_job(&problem) => Ok(Judgement::Bad(problem)),
        Err(problem) => Err(problem),
    }
}

/// Tells whether somebody who writes a job can do something about a problem.
fn is_about_the_job(problem: &Problem) -> bool {
    let codes = [problem::INVALID_JOB.code, problem::CONFLICT.code, problem::NOT_ALLOWED.code, problem::BODY.code];
    codes.contains(&problem.sort.code)
}

/// The verdict alone, for the page that is open.
pub(super) async fn check(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Response, Problem> {
    let Sent { visit, parts, wish, text } = Sent::read(&app, request).await?;
    let verdict = judge(&app, wish, &text).await?;
    let ways = matches!(verdict, Judgement::Good(_)).then(|| commands(&app, &parts, &text));
    Ok(fragment(&visit, html! { (judged(&text, &verdict)) @if let Some(ways) = ways { (ways) } }))
}

/// The page with the verdict, for whoever has no JavaScript.
pub(super) async fn look(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Response, Problem> {
    let Sent { visit, parts, wish, text } = Sent::read(&app, request).await?;
    let verdict = judge(&app, wish, &text).await?;
    let ways = commands(&app, &parts, &text);
    Ok(show(&visit, &Sheet { title: "Submit", place: "submit", body: form(&visit, &text, &verdict, &ways) }))
}

pub(super) async fn send(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Response, Problem> {
    let Sent { visit, wish, text, .. } = Sent::read(&app, request).await?;
    let may_read = wish.caller.may(Scope::Read);
    match hand_in(&app, wish, text.as_bytes().to_vec()).await {
        Ok((id, ..)) if may_read => Ok(go_to(&visit.to(&["jobs", id.as_str()]))),
        Ok((id, ..)) => {
            let body = html! { h1 { "Taken" } p { "The job is " code { (id) } "." } };
            Ok(show(&visit, &Sheet { title: "Submit", place: "submit", body }))
        }
        Err(problem) if is_about_the_job(&problem) => {
            let body = form(&visit, &text, &Judgement::Bad(problem), &html! {});
            Ok(show_as(StatusCode::UNPROCESSABLE_ENTITY, &visit, &Sheet { title: "Submit", place: "submit", body }))
        }
        Err(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use warrener_shared::job::{SubmitContext, parse};
    use warrener_shared::limits::Limits;

    use super::*;

    #[test]
    fn examples_are_sound() {
        for (word, _, text) in EXAMPLES {
            let parsed = parse(text.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT);
            assert!(parsed.is_ok(), "{word}: {:?}", parsed.err());
        }
    }

    #[test]
    fn a_job_is_written_again_without_its_id() {
        let text = without_id(br#"{"kind":"k","id":"a","input":{"n":1.50,"id":2}}"#);
        assert_eq!(text, "{\n  \"kind\": \"k\",\n  \"input\": {\"n\":1.50,\"id\":2}\n}");
        assert_eq!(without_id(b"nonsense"), "nonsense");
    }
}
