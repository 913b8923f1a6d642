//! `GET /config`: the configuration that this process runs with, secrets masked, as `warrener config show` prints it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;
use warrener_runtime::config::Setting;

use super::app::{App, respond, to_json};
use super::documented::{Example, says};
use super::http::ReadLane;
use super::route::{Demand, Reach, Route};
use super::shape::List;
use crate::access::Scope;

/// Row of the table of all routes.
pub(super) const ROUTE: Route = Route {
    method: Method::GET,
    path: "/api/v1/config",
    demand: Demand::Scope(Scope::Admin, Reach::Nothing),
    lane: ReadLane::Free,
    query: Some(&[]),
    document: Some(|| says("The configuration that this process runs with").list::<SettingResource>("All settings.")),
    handler: || get(list),
};

/// An effective setting.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Setting)]
pub(super) struct SettingResource {
    /// Path, such as `http.listen`.
    path: String,
    /// Value as it would be written in the environment, secrets masked.
    value: String,
    /// Place where the value was set: a line of a file, a variable, a flag, or `built-in default`.
    origin: String,
    /// Meaning of the key, in one line.
    about: &'static str,
}

impl From<&Setting> for SettingResource {
    fn from(setting: &Setting) -> Self {
        let Setting { path, value, origin, about } = setting.clone();
        Self { path, value, origin: origin.to_string(), about }
    }
}

impl Example for SettingResource {
    fn example() -> Self {
        Self {
            path: "store.url".to_owned(),
            value: "\"postgres://warrener:***@db.example/warrener\"".to_owned(),
            origin: "environment variable WARRENER_STORE__URL".to_owned(),
            about: "The database.",
        }
    }
}

/// All settings, in the order of the documentation. They fit on one page.
async fn list(State(app): State<Arc<App>>) -> Response {
    let items: Vec<SettingResource> = app.settings.iter().map(SettingResource::from).collect();
    respond(StatusCode::OK, to_json(&List { items, next_cursor: None }))
}
