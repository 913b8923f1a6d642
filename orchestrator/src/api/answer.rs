//! Answers to events that built-in tasks wait for.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use warrener_shared::job::BuiltIn;
use warrener_shared::json;
use warrener_shared::wire::submit::EventBody;

use super::app::{App, requester, respond, to_json};
use super::asked_by::AskedBy;
use super::documented::Example;
use super::http::receive;
use super::problem::Problem;
use super::submit::check_encoding;
use crate::access::Caller;
use crate::driver::{Answer, Asker, Input};

/// Number of tasks that an answer ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Answered)]
pub(super) struct Answered {
    /// Tasks that waited for the event and have its payload as their output; at least 1.
    answered: usize,
}

impl Example for Answered {
    fn example() -> Self {
        Self { answered: 1 }
    }
}

/// `POST /events/{event}/{key}`: the body is the output of every task that waits for the event and key; `null` without
/// a body. Not found if none waits, since nothing is stored for later.
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    Path((event, key)): Path<(String, String)>,
    AskedBy(caller): AskedBy,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    check_encoding(&parts.headers)?;
    let payload = receive(&app.edge, &parts.headers, body, app.shared.limits.output_bytes).await?.bytes;
    let answered = give(&app, &caller, &event, &key, payload).await?;
    Ok(respond(StatusCode::OK, to_json(&Answered { answered })))
}

/// Gives an answer to all tasks that wait for it, and tells how many did.
pub(super) async fn give(
    app: &App,
    caller: &Caller,
    event: &str,
    key: &str,
    payload: Vec<u8>,
) -> Result<usize, Problem> {
    let payload = if payload.trim_ascii().is_empty() { b"null".to_vec() } else { payload };
    json::check(&payload, app.shared.limits.json_depth).map_err(|error| {
        Problem::body(format_args!("line {}, column {}: {}; send JSON", error.line, error.column, error.message))
    })?;
    let body = EventBody { event: event.to_owned(), key: key.to_owned(), payload: json::Doc::trusted(payload) };
    let by = Some(Arc::new(requester(caller)));
    match app.ask(|tell| Input::Event(body, Asker { answer: Some(tell), by })).await? {
        Answer::Answered(answered) => Ok(answered),
        _ => {
            let kind = BuiltIn::Wait.name();
            Err(Problem::not_found(format!(
                "no {kind} task waits for event {event:?} with key {key:?}; nothing is stored for later"
            )))
        }
    }
}
