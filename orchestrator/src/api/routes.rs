//! All paths, as data: the router is made from it, and so are the tests of what holds for every path.

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::routing::{MethodRouter, get, post};

use super::app::App;
use super::{answer, dead, events, health, job, jobs, logs, queues, submit, task, tasks, workers};

/// One method of one path.
pub(super) struct Route {
    /// `GET` takes nothing from the writer: it answers while the writer is stopped.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests of what holds for every path go by it"))]
    pub(super) method: Method,
    /// As the router writes it, with a name in braces for each part that varies.
    pub(super) path: &'static str,
    /// Who answers.
    handler: fn() -> MethodRouter<Arc<App>>,
}

const fn read(path: &'static str, handler: fn() -> MethodRouter<Arc<App>>) -> Route {
    Route { method: Method::GET, path, handler }
}

const fn change(path: &'static str, handler: fn() -> MethodRouter<Arc<App>>) -> Route {
    Route { method: Method::POST, path, handler }
}

/// The table. A method appears once for each path.
pub(super) static ROUTES: &[Route] = &[
    read("/livez", || get(health::live)),
    read("/readyz", || get(health::ready)),
    read("/metrics", || get(health::metrics)),
    read("/api/v1/jobs", || get(jobs::list)),
    change("/api/v1/jobs", || post(submit::submit)),
    read("/api/v1/jobs/{id}", || get(job::get)),
    read("/api/v1/jobs/{id}/tasks", || get(tasks::list)),
    read("/api/v1/jobs/{id}/events", || get(events::list)),
    change("/api/v1/jobs/{id}/cancel", || post(job::cancel)),
    change("/api/v1/jobs/{id}/pause", || post(job::pause)),
    change("/api/v1/jobs/{id}/retry", || post(job::retry)),
    change("/api/v1/jobs/{id}/resume", || post(job::resume)),
    read("/api/v1/tasks/{job}/{task}", || get(task::get)),
    read("/api/v1/tasks/{job}/{task}/logs", || get(logs::list)),
    change("/api/v1/tasks/{job}/{task}/retry", || post(task::retry)),
    change("/api/v1/tasks/{job}/{task}/skip", || post(task::skip)),
    change("/api/v1/events/{event}/{key}", || post(answer::answer)),
    read("/api/v1/queues", || get(queues::list)),
    change("/api/v1/queues/{name}/pause", || post(queues::pause)),
    change("/api/v1/queues/{name}/resume", || post(queues::resume)),
    read("/api/v1/queues/{name}/scaling", || get(queues::scaling)),
    read("/api/v1/workers", || get(workers::list)),
    change("/api/v1/workers/{id}/drain", || post(workers::drain)),
    read("/api/v1/dead", || get(dead::list)),
    read("/api/v1/dead/{id}", || get(dead::get)),
    change("/api/v1/dead/{id}/replay", || post(dead::replay)),
    change("/api/v1/dead/{id}/discard", || post(dead::discard)),
];

/// A router of all of them.
pub(super) fn router() -> Router<Arc<App>> {
    ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()))
}
