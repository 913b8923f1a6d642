//! Routes of limits, as rows of the table of all routes.

use axum::http::Method;
use axum::routing::{delete, get, put};

use super::documented::{BodyDocument, says};
use super::http::ReadLane;
use super::limits::{self, KeyResource, LimitResource};
use super::problem;
use super::route::{CURSOR, Demand, KEY_FILTER, LIMIT, Reach, Route};
use crate::access::Scope;

/// Demand of a route that looks: limits are of no job.
const LOOK: Demand = Demand::Scope(Scope::Read, Reach::Everything);
/// Demand of a route that changes something. Closed to callers for whom only some jobs exist.
const CHANGE: Demand = Demand::Scope(Scope::Operate, Reach::Nothing);

pub(super) const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/limits",
    demand: LOOK,
    lane: ReadLane::Single,
    query: Some(&[CURSOR, LIMIT]),
    document: Some(|| says("Limits, by name").list::<LimitResource>("A page of limits.")),
    handler: || get(limits::list),
};

pub(super) const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/limits/{name}",
    demand: LOOK,
    lane: ReadLane::Single,
    query: Some(&[]),
    document: Some(|| says("A limit").one::<LimitResource>(200, "The limit.")),
    handler: || get(limits::get),
};

pub(super) const PUT: Route = Route {
    method: Method::PUT,
    path: "/api/v1/limits/{name}",
    demand: CHANGE,
    lane: ReadLane::Free,
    query: Some(&[]),
    document: Some(|| {
        let document = says("Makes a limit, or changes it at once").takes(BodyDocument::Limit);
        let document = document.one::<LimitResource>(200, "The limit.");
        document.refuses(&[&problem::CONFLICT, &problem::INVALID_LIMIT])
    }),
    handler: || put(limits::put),
};

pub(super) const REMOVE: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/limits/{name}",
    demand: CHANGE,
    lane: ReadLane::Free,
    query: Some(&[]),
    document: Some(|| {
        let document = says("Removes a limit; what waits for it goes on");
        document.nothing("It is gone.").refuses(&[&problem::CONFLICT])
    }),
    handler: || delete(limits::remove),
};

pub(super) const KEYS: Route = Route {
    method: Method::GET,
    path: "/api/v1/limits/{name}/keys",
    demand: LOOK,
    lane: ReadLane::List,
    query: Some(&[KEY_FILTER, CURSOR, LIMIT]),
    document: Some(|| says("Keys of a limit, by key: what runs and what waits").list::<KeyResource>("A page of keys.")),
    handler: || get(limits::keys),
};

pub(super) const PUT_KEY: Route = Route {
    method: Method::PUT,
    path: "/api/v1/limits/{name}/keys/{key}",
    demand: CHANGE,
    lane: ReadLane::Free,
    query: Some(&[]),
    document: Some(|| {
        let document = says("Gives a key settings of its own").takes(BodyDocument::LimitKey);
        document.one::<KeyResource>(200, "The key.").refuses(&[&problem::INVALID_LIMIT])
    }),
    handler: || put(limits::put_key),
};
