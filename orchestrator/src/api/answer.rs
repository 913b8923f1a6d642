//! Answers to events that built-in tasks wait for.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use warrener_shared::job::BuiltIn;
use warrener_shared::json;
use warrener_shared::time::Millis;
use warrener_shared::wire::submit::{EventBody, parse_keep};

use super::app::{App, requester, respond, to_json};
use super::asked_by::AskedBy;
use super::documented::Example;
use super::http::{BodyBound, receive};
use super::path::PathText;
use super::problem::Problem;
use super::query::Parameters;
use super::shape::time;
use super::submit::check_encoding;
use crate::access::Caller;
use crate::driver::{Answer, Asker, Input};

/// Number of tasks that an answer ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Answered)]
pub(super) struct Answered {
    /// Tasks that waited for the event and have its payload as their output; at least 1, unless it is kept.
    answered: usize,
    /// Time until which it is given to tasks that begin to wait; null if it is not kept.
    kept_until: Option<String>,
}

impl Example for Answered {
    fn example() -> Self {
        Self { answered: 1, kept_until: None }
    }
}

/// `POST /events/{event}/{key}`: the body is the output of every task that waits for the event and key; `null` without
/// a body. With `keep` tasks that begin to wait within that time have it too; without, not found if none waits.
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    PathText((event, key)): PathText<(String, String)>,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let keep = parameters.get("keep").map(parse_keep).transpose().map_err(|why| Problem::parameter("keep", why))?;
    if keep.is_some() && caller.only.is_some() {
        let detail = "a token with `only` keeps no answers: they would reach tasks that it does not see";
        return Err(Problem::not_allowed(detail.to_owned()));
    }
    let (parts, body) = request.into_parts();
    check_encoding(&parts.headers)?;
    let payload = receive(&app.edge, &parts.headers, body, bound(&app)).await?.bytes;
    let kept_until = time(keep.map(|keep| app.shared.now() + keep));
    let answered = give(&app, &caller, (&event, &key), payload, keep).await?;
    Ok(respond(StatusCode::OK, to_json(&Answered { answered, kept_until })))
}

/// Most bytes of an answer.
pub(super) fn bound(app: &App) -> BodyBound {
    BodyBound::set(app.shared.limits.output_bytes, "limits.output_bytes")
}

/// Gives an answer to all tasks that wait for it, and tells how many did.
pub(super) async fn give(
    app: &App,
    caller: &Caller,
    (event, key): (&str, &str),
    payload: Vec<u8>,
    keep: Option<Millis>,
) -> Result<usize, Problem> {
    let payload = if payload.trim_ascii().is_empty() { b"null".to_vec() } else { payload };
    json::check(&payload, app.shared.limits.json_depth).map_err(|error| {
        Problem::body(format_args!("line {}, column {}: {}; send JSON", error.line, error.column, error.message))
    })?;
    let payload = json::Doc::trusted(payload);
    let body = EventBody { event: event.to_owned(), key: key.to_owned(), payload, keep };
    let by = Some(Arc::new(requester(caller)));
    match app.ask(|tell| Input::Event(body, Asker { answer: Some(tell), by })).await? {
        Answer::Answered(answered) => Ok(answered),
        Answer::Refused(problems) => {
            let details: Vec<String> = problems.into_iter().map(|problem| problem.detail).collect();
            Err(Problem::conflict(details.join("; ")))
        }
        _ => {
            let kind = BuiltIn::Wait.name();
            Err(Problem::not_found(format!(
                "no {kind} task waits for event {event:?} with key {key:?}; `keep=1h` keeps an answer for those that \
                 come"
            )))
        }
    }
}
