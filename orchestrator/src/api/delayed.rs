//! Messages of others that go out later: listing and cancelling them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use serde::Serialize;
use utoipa::ToSchema;
use warrener_amqp::Properties;

use super::app::App;
use super::asked_by::AskedBy;
use super::documented::{Example, says};
use super::http::ReadLane;
use super::path::PathText;
use super::problem::Problem;
use super::query::Parameters;
use super::route::{CURSOR, DELAYED_FILTER, Demand, LIMIT, Reach, Route};
use super::shape::List;
use crate::access::Scope;
use crate::driver::Command;
use crate::filter;
use crate::store::DelayedHead;

/// A message that goes out later.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DelayedMessage)]
pub(super) struct DelayedResource {
    /// Id of the message, a number as text.
    id: String,
    /// Exchange that it was published to.
    exchange: String,
    /// Routing key.
    routing_key: String,
    /// The `message_id` of the message; null without one.
    message_id: Option<String>,
    /// Time before which it does not go out; after an attempt that failed, the time of the next.
    due_at: String,
    /// Time at which it came.
    received_at: String,
    /// Bytes of its body.
    size: u64,
    /// Attempts to publish it that failed.
    failures: u32,
    /// Reason why the latest failed.
    reason: Option<String>,
}

impl Example for DelayedResource {
    fn example() -> Self {
        Self {
            id: "1".to_owned(),
            exchange: "orders.delayed".to_owned(),
            routing_key: "order.reminder".to_owned(),
            message_id: Some("reminder-4711".to_owned()),
            due_at: "2026-11-25T15:03:23.120Z".to_owned(),
            received_at: "2026-11-24T15:03:23.120Z".to_owned(),
            size: 17,
            failures: 0,
            reason: None,
        }
    }
}

impl From<DelayedHead> for DelayedResource {
    fn from(head: DelayedHead) -> Self {
        let properties = Properties::from_bytes(&head.properties).unwrap_or_default();
        Self {
            id: head.no.to_string(),
            exchange: head.exchange,
            routing_key: head.routing_key,
            message_id: properties.message_id().map(str::to_owned),
            due_at: head.due_at.to_rfc3339(),
            received_at: head.received_at.to_rfc3339(),
            size: head.size,
            failures: head.failures,
            reason: head.reason,
        }
    }
}

pub(super) const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/delayed",
    demand: Demand::Scope(Scope::Read, Reach::Nothing),
    lane: ReadLane::List,
    query: Some(&[DELAYED_FILTER, CURSOR, LIMIT]),
    document: Some(|| {
        says("Messages that go out later, in the order in which they came")
            .list::<DelayedResource>("A page of messages.")
    }),
    handler: || get(list),
};

pub(super) const CANCEL: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/delayed/{id}",
    demand: Demand::Scope(Scope::Operate, Reach::Nothing),
    lane: ReadLane::Free,
    query: Some(&[]),
    document: Some(|| says("Forgets a message that has not gone out").nothing("It does not go out.")),
    handler: || delete(cancel),
};

/// Page of delayed messages that fit the filter. The cursor is a number.
async fn list(State(app): State<Arc<App>>, parameters: Parameters) -> Result<Response, Problem> {
    let filter = filter::parse_delayed(parameters.get("q").unwrap_or(""));
    let filter = filter.map_err(|why| Problem::parameter("q", why))?;
    let after = parameters.cursor(|text| text.parse().ok().filter(|no: &i64| *no > 0))?.unwrap_or(0);
    let limit = parameters.limit()?;
    app.answer(move |app, snapshot| {
        let page = snapshot.delayed(&filter, after, limit, app.shared.now())?;
        let next_cursor = page.items.last().filter(|_| page.more).map(|last| last.no.to_string());
        Ok(List { items: page.items.into_iter().map(DelayedResource::from).collect(), next_cursor })
    })
    .await
}

/// Has a message forgotten. One that is on its way this very moment may still go out.
async fn cancel(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    PathText(id): PathText<String>,
) -> Result<Response, Problem> {
    let missing =
        || Problem::not_found(format!("there is no delayed message {:?}", id.chars().take(100).collect::<String>()));
    let no = id.parse().ok().filter(|no: &i64| no.to_string() == id).ok_or_else(missing)?;
    let found = app.read(move |_, snapshot| Ok(snapshot.delayed_message(no)?)).await?;
    found.ok_or_else(missing)?;
    app.command(&caller, Command::CancelDelayed(no)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
