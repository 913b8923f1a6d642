//! All pages and forms, as data like the rest of the interface.

use axum::http::Method;
use axum::routing::{get, post};

use super::super::http::ReadLane;
use super::super::route::{
    AUDIT_FILTER, CURSOR, Demand, FILTER, ITEMS, KEY_FILTER, LIMIT, QueryParameter, Reach, Route, SORT,
};
use super::super::some_tasks;
use super::{
    action, answer, asset, audit, backfill, bulk, columns, config, dead, graph, job, jobs, limits, log, overview,
    queues, schedules, sign_in, submit, task, timeline, value, workers,
};
use crate::access::Scope;

type PageHandler = fn() -> axum::routing::MethodRouter<std::sync::Arc<super::super::app::App>>;
type PageQuery = &'static [&'static QueryParameter];

const NONE: PageQuery = &[];
const PAGE: PageQuery = &[CURSOR, LIMIT];
const ID: Reach = Reach::Job("id");
const LETTER: Reach = Reach::Letter("id");

const fn page(path: &'static str, reach: Reach, query: PageQuery, handler: PageHandler) -> Route {
    let demand = Demand::Scope(Scope::Read, reach);
    Route { method: Method::GET, path, demand, lane: ReadLane::List, query: Some(query), document: None, handler }
}

/// Route that everybody may ask for, signed in or not.
const fn open(method: Method, path: &'static str, handler: PageHandler) -> Route {
    Route { method, path, demand: Demand::Nothing, lane: ReadLane::Free, query: None, document: None, handler }
}

/// A form: it changes something, as the API does under another path.
const fn form(path: &'static str, reach: Reach, handler: PageHandler) -> Route {
    let demand = Demand::Scope(Scope::Operate, reach);
    Route { method: Method::POST, path, demand, lane: ReadLane::Free, query: Some(NONE), document: None, handler }
}

/// A page on which a job is written.
const fn write(method: Method, path: &'static str, query: PageQuery, handler: PageHandler) -> Route {
    let demand = Demand::Scope(Scope::Submit, Reach::Own);
    Route { method, path, demand, lane: ReadLane::Single, query: Some(query), document: None, handler }
}

/// A page that asks once more before a form is sent.
const fn question(path: &'static str, reach: Reach, handler: PageHandler) -> Route {
    let demand = Demand::Scope(Scope::Operate, reach);
    Route { method: Method::GET, path, demand, lane: ReadLane::Single, query: Some(NONE), document: None, handler }
}

/// The table.
pub(in super::super) static PAGES: &[Route] = &[
    page("/", Reach::Own, NONE, || get(overview::get)),
    open(Method::GET, "/assets/{name}", || get(asset::get)),
    open(Method::GET, "/sign-in", || get(sign_in::ask)),
    open(Method::POST, "/sign-in", || post(sign_in::sign_in)),
    open(Method::POST, "/sign-out", || post(sign_in::sign_out)),
    write(Method::GET, "/submit", &[submit::EXAMPLE, submit::FROM], || get(submit::ask)),
    write(Method::POST, "/submit", NONE, || post(submit::send)),
    write(Method::POST, "/submit/check", NONE, || post(submit::check)),
    write(Method::POST, "/submit/look", NONE, || post(submit::look)),
    page("/jobs", Reach::Own, &[FILTER, SORT, CURSOR, LIMIT, columns::PARAMETER], || get(jobs::list)),
    page("/jobs/{id}", ID, &[CURSOR, LIMIT, ITEMS, some_tasks::STATE, some_tasks::TASK], || get(job::tasks)),
    page("/jobs/{id}/events", ID, PAGE, || get(job::events)),
    page("/jobs/{id}/graph", ID, &[graph::ALL], || get(graph::get)),
    page("/jobs/{id}/timeline", ID, &[timeline::FAILED], || get(timeline::get)),
    page("/jobs/{id}/data", ID, NONE, || get(job::data)),
    page("/jobs/{id}/values/{value}", ID, NONE, || get(value::of_job)),
    question("/jobs/{id}/do/{verb}", ID, || get(action::ask_job)),
    form("/jobs/{id}/do/{verb}", ID, || post(action::job)),
    page("/jobs/{id}/tasks/{task}", ID, &[CURSOR, LIMIT, log::ATTEMPT, log::FIND], || get(task::get)),
    page("/jobs/{id}/tasks/{task}/log", ID, NONE, || get(log::download)),
    page("/jobs/{id}/tasks/{task}/values/{value}", ID, NONE, || get(value::of_task)),
    question("/jobs/{id}/tasks/{task}/do/{verb}", ID, || get(action::ask_task)),
    form("/jobs/{id}/tasks/{task}/do/{verb}", ID, || post(action::task)),
    Route {
        method: Method::POST,
        path: "/jobs/{id}/tasks/{task}/answer",
        demand: Demand::Scope(Scope::Submit, ID),
        lane: ReadLane::Single,
        query: Some(NONE),
        document: None,
        handler: || post(answer::send),
    },
    page("/bulk", Reach::Own, PAGE, || get(bulk::list)),
    page("/bulk/{id}", Reach::Own, NONE, || get(bulk::get)),
    form("/bulk/{id}/cancel", Reach::Own, || post(bulk::cancel)),
    Route {
        method: Method::GET,
        path: "/bulk/new",
        demand: Demand::Scope(Scope::Operate, Reach::Own),
        lane: ReadLane::List,
        query: Some(&[bulk::ACTION, FILTER]),
        document: None,
        handler: || get(bulk::ask),
    },
    form("/bulk/new", Reach::Own, || post(bulk::begin)),
    page("/queues", Reach::Everything, NONE, || get(queues::list)),
    form("/queues/{name}/do/{verb}", Reach::Nothing, || post(queues::steer)),
    page("/schedules", Reach::Own, PAGE, || get(schedules::list)),
    page("/schedules/{name}", Reach::Own, PAGE, || get(schedules::get)),
    form("/schedules/{name}/do/{verb}", Reach::Own, || post(schedules::steer)),
    Route {
        method: Method::GET,
        path: "/schedules/{name}/backfill",
        demand: Demand::Scope(Scope::Operate, Reach::Own),
        lane: ReadLane::List,
        query: Some(backfill::FIELDS),
        document: None,
        handler: || get(backfill::ask),
    },
    form("/schedules/{name}/backfill", Reach::Own, || post(backfill::begin)),
    page("/limits", Reach::Everything, NONE, || get(limits::list)),
    page("/limits/{name}", Reach::Everything, &[KEY_FILTER, CURSOR, LIMIT], || get(limits::get)),
    page("/limits/{name}/key", Reach::Everything, &[limits::KEY], || get(limits::key)),
    form("/limits/{name}/key", Reach::Nothing, || post(limits::change)),
    page("/workers", Reach::Everything, NONE, || get(workers::list)),
    question("/workers/{id}/drain", Reach::Nothing, || get(workers::ask)),
    form("/workers/{id}/drain", Reach::Nothing, || post(workers::drain)),
    page("/dead", Reach::Own, &[CURSOR, LIMIT, dead::CODE, dead::FROM], || get(dead::list)),
    page("/dead/{id}", LETTER, NONE, || get(dead::get)),
    page("/dead/{id}/body", LETTER, NONE, || get(dead::raw_body)),
    question("/dead/{id}/do/{verb}", LETTER, || get(dead::ask)),
    form("/dead/{id}/do/{verb}", LETTER, || post(dead::steer)),
    Route {
        method: Method::GET,
        path: "/audit",
        demand: Demand::Scope(Scope::Admin, Reach::Nothing),
        lane: ReadLane::List,
        query: Some(&[AUDIT_FILTER, CURSOR, LIMIT]),
        document: None,
        handler: || get(audit::list),
    },
    Route {
        method: Method::GET,
        path: "/config",
        demand: Demand::Scope(Scope::Admin, Reach::Nothing),
        lane: ReadLane::Free,
        query: Some(NONE),
        document: None,
        handler: || get(config::get),
    },
];
