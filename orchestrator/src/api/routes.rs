//! All paths, as data: the router is made from it, and so are the tests of what holds for every path.

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::routing::{MethodRouter, get, post};

use super::app::App;
use super::http::Lane;
use super::route::{CURSOR, DRY_RUN, FILTER, ITEMS, LIMIT, Parameter, Route, WAIT};
use super::{answer, dead, events, health, job, jobs, logs, queues, submit, task, tasks, workers};

type Handler = fn() -> MethodRouter<Arc<App>>;
type Query = &'static [&'static Parameter];

const NONE: Query = &[];
const PAGE: Query = &[CURSOR, LIMIT];

const fn read(path: &'static str, lane: Lane, query: Query, handler: Handler) -> Route {
    Route { method: Method::GET, path, lane, query: Some(query), handler }
}

const fn change(path: &'static str, query: Query, handler: Handler) -> Route {
    Route { method: Method::POST, path, lane: Lane::Free, query: Some(query), handler }
}

const fn probe(path: &'static str, lane: Lane, handler: Handler) -> Route {
    Route { method: Method::GET, path, lane, query: None, handler }
}

/// The table. A method appears once for each path.
pub(super) static ROUTES: &[Route] = &[
    probe("/livez", Lane::Free, || get(health::live)),
    probe("/readyz", Lane::Free, || get(health::ready)),
    probe("/metrics", Lane::Single, || get(health::metrics)),
    read("/api/v1/jobs", Lane::List, &[FILTER, CURSOR, LIMIT], || get(jobs::list)),
    change("/api/v1/jobs", &[DRY_RUN, WAIT], || post(submit::submit)),
    read("/api/v1/jobs/{id}", Lane::Single, NONE, || get(job::get)),
    read("/api/v1/jobs/{id}/tasks", Lane::List, &[ITEMS, CURSOR, LIMIT], || get(tasks::list)),
    read("/api/v1/jobs/{id}/events", Lane::List, PAGE, || get(events::list)),
    change("/api/v1/jobs/{id}/cancel", NONE, || post(job::cancel)),
    change("/api/v1/jobs/{id}/pause", NONE, || post(job::pause)),
    change("/api/v1/jobs/{id}/retry", NONE, || post(job::retry)),
    change("/api/v1/jobs/{id}/resume", NONE, || post(job::resume)),
    read("/api/v1/tasks/{job}/{task}", Lane::Single, NONE, || get(task::get)),
    read("/api/v1/tasks/{job}/{task}/logs", Lane::List, PAGE, || get(logs::list)),
    change("/api/v1/tasks/{job}/{task}/retry", NONE, || post(task::retry)),
    change("/api/v1/tasks/{job}/{task}/skip", NONE, || post(task::skip)),
    change("/api/v1/events/{event}/{key}", NONE, || post(answer::answer)),
    read("/api/v1/queues", Lane::List, PAGE, || get(queues::list)),
    change("/api/v1/queues/{name}/pause", NONE, || post(queues::pause)),
    change("/api/v1/queues/{name}/resume", NONE, || post(queues::resume)),
    read("/api/v1/queues/{name}/scaling", Lane::Single, NONE, || get(queues::scaling)),
    read("/api/v1/workers", Lane::Free, PAGE, || get(workers::list)),
    change("/api/v1/workers/{id}/drain", NONE, || post(workers::drain)),
    read("/api/v1/dead", Lane::List, PAGE, || get(dead::list)),
    read("/api/v1/dead/{id}", Lane::Single, NONE, || get(dead::get)),
    change("/api/v1/dead/{id}/replay", NONE, || post(dead::replay)),
    change("/api/v1/dead/{id}/discard", NONE, || post(dead::discard)),
];

/// The route that a request is for, by the path as the router writes it; none for a path or method that there is not.
pub(super) fn find(method: &Method, path: &str) -> Option<&'static Route> {
    // Whatever answers GET answers HEAD.
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    ROUTES.iter().find(|route| route.path == path && route.method == *method)
}

/// A router of all of them.
pub(super) fn router() -> Router<Arc<App>> {
    ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()))
}
