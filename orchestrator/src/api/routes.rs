//! The table of all routes. The router is made from it, and so are the tests of what holds for every path.

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::routing::{MethodRouter, delete, get, post, put};
use serde_json::json;

use super::answer::Answered;
use super::app::App;
use super::backfill::BackfillForecast;
use super::dead::{LetterDetail, LetterResource};
use super::documented::{BodyDocument, RouteDocument, says};
use super::events::EventResource;
use super::graph::GraphResource;
use super::health::Readiness;
use super::http::ReadLane;
use super::job::JobResource;
use super::logs::LogResource;
use super::pages::PAGES;
use super::queues::{QueueResource, Scaling};
use super::route::{
    AFTER, CURSOR, DRY_RUN, Demand, EVENT_FILTER, FILTER, FOLLOW, ITEMS, KEEP, LIMIT, QueryParameter, Reach, Route,
    SORT, TICKS, WAIT,
};
use super::schedule_resource::{Preview, ScheduleResource, TickResource};
use super::task::{TaskDetail, TaskResource};
use super::workers::WorkerResource;
use super::{
    answer, audit, bulk, config, dead, delayed, events, graph, health, job, jobs, limit_routes, logs, openapi,
    overview, problem, queues, schedules, stream, submit, task, tasks, workers,
};
use crate::access::Scope;

/// Maker of a route's handler.
type Handler = fn() -> MethodRouter<Arc<App>>;
/// Parameters of a route's query.
type Query = &'static [&'static QueryParameter];

/// Query without parameters.
const NONE: Query = &[];
/// Query of a list without a filter.
const PAGE: Query = &[CURSOR, LIMIT];
const FOLLOWED: Query = &[FOLLOW, CURSOR, LIMIT];

/// Reach to the job in `{id}`.
const ID: Reach = Reach::Job("id");
/// Reach to the job in `{job}`.
const JOB: Reach = Reach::Job("job");
/// Reach to the dead letter in `{id}`.
const LETTER: Reach = Reach::Letter("id");

/// Maker of a route's description.
type Says = fn() -> RouteDocument;

/// Route that reads, with the scope `read`.
const fn read(
    path: &'static str,
    reach: Reach,
    lane: ReadLane,
    query: Query,
    handler: Handler,
    document: Says,
) -> Route {
    let demand = Demand::Scope(Scope::Read, reach);
    Route { method: Method::GET, path, demand, lane, query: Some(query), document: Some(document), handler }
}

/// Route that changes something by a `POST`, with any scope.
const fn change(
    path: &'static str,
    scope: Scope,
    reach: Reach,
    query: Query,
    handler: Handler,
    document: Says,
) -> Route {
    let (method, lane, demand) = (Method::POST, ReadLane::Free, Demand::Scope(scope, reach));
    Route { method, path, demand, lane, query: Some(query), document: Some(document), handler }
}

/// Route that changes something by a `POST` without parameters, with the scope `operate`.
const fn operate(path: &'static str, reach: Reach, handler: Handler, document: Says) -> Route {
    change(path, Scope::Operate, reach, NONE, handler, document)
}

/// Route that removes something by a `DELETE`, with the scope `operate`.
const fn remove(path: &'static str, reach: Reach, handler: Handler, document: Says) -> Route {
    let (method, lane, demand) = (Method::DELETE, ReadLane::Free, Demand::Scope(Scope::Operate, reach));
    Route { method, path, demand, lane, query: Some(NONE), document: Some(document), handler }
}

/// Route that probes and scrapers ask, with any query.
const fn probe(path: &'static str, demand: Demand, lane: ReadLane, handler: Handler, document: Says) -> Route {
    Route { method: Method::GET, path, demand, lane, query: None, document: Some(document), handler }
}

/// The table. A method appears once for each path.
pub(super) static ROUTES: &[Route] = &[
    probe(
        "/livez",
        Demand::Nothing,
        ReadLane::Free,
        || get(health::live),
        || says("Whether the process lives").text("It does.", "text/plain; charset=utf-8", "ok\n"),
    ),
    probe(
        "/readyz",
        Demand::Nothing,
        ReadLane::Free,
        || get(health::ready),
        || {
            let document = says("Whether the process is ready").one::<Readiness>(200, "It is.");
            document.one::<Readiness>(503, "It is not: a check says why.")
        },
    ),
    probe(
        "/metrics",
        Demand::Scope(Scope::Read, Reach::Everything),
        ReadLane::Single,
        || get(health::metrics),
        || {
            let sort = "text/plain; version=0.0.4; charset=utf-8";
            says("Numbers for Prometheus").text("All metrics.", sort, "warrener_dead_letters 0\n")
        },
    ),
    read(
        "/api/v1/openapi.json",
        Reach::Everything,
        ReadLane::Free,
        NONE,
        || get(openapi::get),
        || says("This document").json("The document.", json!({ "openapi": "3.1.0" })),
    ),
    read(
        "/api/v1/jobs",
        Reach::Own,
        ReadLane::List,
        &[FILTER, SORT, CURSOR, LIMIT],
        || get(jobs::list),
        || says("Jobs, the newest or the oldest first").list::<JobResource>("A page of jobs."),
    ),
    change(
        "/api/v1/jobs",
        Scope::Submit,
        Reach::Own,
        &[DRY_RUN, WAIT],
        || post(submit::submit),
        || {
            let document = says("Submits a job")
                .takes(BodyDocument::Job)
                .looks_at(&[submit::IDEMPOTENCY_KEY, submit::TRACEPARENT]);
            let document = document.one::<JobResource>(202, "The job is kept, and not final yet.");
            let document = document.with(&[("Location", "The path of the job.")]);
            let document = document.one::<JobResource>(200, "The job was there already, is final, or would be kept.");
            document.refuses(&[&problem::CONFLICT, &problem::INVALID_JOB, &problem::TOO_MANY_WAITING])
        },
    ),
    read(
        "/api/v1/jobs/{id}",
        ID,
        ReadLane::Single,
        NONE,
        || get(job::get),
        || says("A job").one::<JobResource>(200, "The job."),
    ),
    remove(
        "/api/v1/jobs/{id}",
        ID,
        || delete(job::delete),
        || says("Removes a final job with all of its data").nothing("It is gone.").refuses(&[&problem::CONFLICT]),
    ),
    read(
        "/api/v1/jobs/{id}/tasks",
        ID,
        ReadLane::List,
        &[ITEMS, CURSOR, LIMIT],
        || get(tasks::list),
        || says("The tasks of a job, as written").list::<TaskResource>("A page of tasks."),
    ),
    read(
        "/api/v1/jobs/{id}/events",
        ID,
        ReadLane::List,
        FOLLOWED,
        || get(events::list),
        || stream::streamed(says("What happened to a job, in order").list::<EventResource>("A page of events.")),
    ),
    read(
        "/api/v1/jobs/{id}/graph",
        ID,
        ReadLane::List,
        &[graph::FORMAT],
        || get(graph::get),
        || {
            graph::drawn(
                says("The graph of a job, with a place for every task").one::<GraphResource>(200, "The graph."),
            )
        },
    ),
    operate("/api/v1/jobs/{id}/cancel", ID, || post(job::cancel), || steered("Stops a job")),
    operate("/api/v1/jobs/{id}/pause", ID, || post(job::pause), || steered("Dispatches nothing more of a job")),
    operate(
        "/api/v1/jobs/{id}/retry",
        ID,
        || post(job::retry),
        || steered("Runs again what did not succeed in a final job"),
    ),
    operate("/api/v1/jobs/{id}/resume", ID, || post(job::resume), || steered("Dispatches a job again")),
    read(
        "/api/v1/tasks/{job}/{task}",
        JOB,
        ReadLane::Single,
        NONE,
        || get(task::get),
        || says("A task or an item").one::<TaskDetail>(200, "The task."),
    ),
    read(
        "/api/v1/tasks/{job}/{task}/logs",
        JOB,
        ReadLane::List,
        FOLLOWED,
        || get(logs::list),
        || stream::streamed(says("What the attempts of a task wrote").list::<LogResource>("A page of pieces.")),
    ),
    operate(
        "/api/v1/tasks/{job}/{task}/retry",
        JOB,
        || post(task::retry),
        || {
            let document = says("Runs a task again, and everything downstream of it");
            document.one::<TaskDetail>(200, "The task.").refuses(&[&problem::CONFLICT])
        },
    ),
    operate(
        "/api/v1/tasks/{job}/{task}/skip",
        JOB,
        || post(task::skip),
        || says("Leaves a task out").one::<TaskDetail>(200, "The task.").refuses(&[&problem::CONFLICT]),
    ),
    read(
        "/api/v1/events",
        Reach::Own,
        ReadLane::Free,
        &[EVENT_FILTER, AFTER],
        || get(stream::follow_all),
        || {
            let about = "Server-sent events as they are committed, to no end. `event: gap` with `from` and `to`: those \
                         between are not kept any more.";
            let document = says("What happens to all jobs").text(about, stream::EVENT_STREAM, stream::SAMPLE);
            document.looks_at(&[stream::LAST_EVENT_ID]).refuses(&[&problem::TOO_MANY_STREAMS])
        },
    ),
    change(
        "/api/v1/events/{event}/{key}",
        Scope::Submit,
        Reach::Own,
        &[KEEP],
        || post(answer::answer),
        || {
            let document = says("Answers the tasks that wait for an event").takes(BodyDocument::Anything);
            document
                .one::<Answered>(200, "They have it, and those that begin to wait while it is kept.")
                .refuses(&[&problem::CONFLICT])
        },
    ),
    read(
        "/api/v1/queues",
        Reach::Everything,
        ReadLane::List,
        PAGE,
        || get(queues::list),
        || says("Queues, by name").list::<QueueResource>("A page of queues."),
    ),
    operate(
        "/api/v1/queues/{name}/pause",
        Reach::Nothing,
        || post(queues::pause),
        || {
            let document = says("Dispatches nothing more to a queue");
            document.one::<QueueResource>(200, "The queue.").refuses(&[&problem::CONFLICT])
        },
    ),
    operate(
        "/api/v1/queues/{name}/resume",
        Reach::Nothing,
        || post(queues::resume),
        || {
            let document = says("Dispatches to a queue again");
            document.one::<QueueResource>(200, "The queue.").refuses(&[&problem::CONFLICT])
        },
    ),
    read(
        "/api/v1/queues/{name}/scaling",
        Reach::Everything,
        ReadLane::Single,
        NONE,
        || get(queues::scaling),
        || says("How many slots a queue could use, for an autoscaler").one::<Scaling>(200, "The numbers."),
    ),
    read(
        "/api/v1/schedules",
        Reach::Own,
        ReadLane::List,
        PAGE,
        || get(schedules::list),
        || says("Schedules, by name").list::<ScheduleResource>("A page of schedules."),
    ),
    read(
        "/api/v1/schedules/{name}",
        Reach::Own,
        ReadLane::Single,
        NONE,
        || get(schedules::get),
        || says("A schedule").one::<ScheduleResource>(200, "The schedule.").with(ETAG),
    ),
    Route {
        method: Method::PUT,
        path: "/api/v1/schedules/{name}",
        demand: Demand::Scope(Scope::Operate, Reach::Own),
        lane: ReadLane::Free,
        query: Some(NONE),
        document: Some(|| {
            let document = says("Makes a schedule what the body says").takes(BodyDocument::Schedule);
            let document = document.looks_at(&[schedules::IF_MATCH]);
            let document = document.one::<ScheduleResource>(200, "It was there, and is so now.");
            let document = document.one::<ScheduleResource>(201, "It is new.").with(ETAG);
            document.refuses(&[&problem::INVALID_SCHEDULE, &problem::STALE, &problem::CONFLICT])
        }),
        handler: || put(schedules::put),
    },
    remove(
        "/api/v1/schedules/{name}",
        Reach::Own,
        || delete(schedules::delete),
        || {
            let document = says("Removes a schedule and its ticks; its jobs stay");
            document.looks_at(&[schedules::IF_MATCH]).nothing("It is gone.").refuses(&[&problem::STALE])
        },
    ),
    operate(
        "/api/v1/schedules/{name}/pause",
        Reach::Own,
        || post(schedules::pause),
        || scheduled("Starts nothing more of a schedule; what passes meanwhile is missed"),
    ),
    operate(
        "/api/v1/schedules/{name}/resume",
        Reach::Own,
        || post(schedules::resume),
        || scheduled("Lets a schedule start jobs again"),
    ),
    operate(
        "/api/v1/schedules/{name}/trigger",
        Reach::Own,
        || post(schedules::trigger),
        || {
            let document = says("Starts a job of a schedule now, whatever else is so");
            document.one::<JobResource>(202, "The job.").refuses(&[&problem::CONFLICT])
        },
    ),
    change(
        "/api/v1/schedules/{name}/backfill",
        Scope::Operate,
        Reach::Own,
        &[DRY_RUN],
        || post(schedules::backfill),
        || {
            let document = says("Starts ticks of the past that were not started").takes(BodyDocument::Backfill);
            let document = document.one::<BackfillForecast>(200, "What it would start.");
            let document = document.one::<ScheduleResource>(202, "It is at work.");
            document.refuses(&[&problem::CONFLICT])
        },
    ),
    read(
        "/api/v1/schedules/{name}/ticks",
        Reach::Own,
        ReadLane::List,
        PAGE,
        || get(schedules::ticks),
        || says("What became of the ticks of a schedule, the latest first").list::<TickResource>("A page of ticks."),
    ),
    change(
        "/api/v1/schedules/preview",
        Scope::Read,
        Reach::Own,
        &[TICKS],
        || post(schedules::preview),
        || {
            let document = says("The next ticks of a schedule that is not kept").takes(BodyDocument::Schedule);
            document.one::<Preview>(200, "The ticks.").refuses(&[&problem::INVALID_SCHEDULE])
        },
    ),
    delayed::LIST,
    delayed::CANCEL,
    limit_routes::LIST,
    limit_routes::GET,
    limit_routes::PUT,
    limit_routes::REMOVE,
    limit_routes::KEYS,
    limit_routes::PUT_KEY,
    read(
        "/api/v1/workers",
        Reach::Everything,
        ReadLane::Free,
        PAGE,
        || get(workers::list),
        || says("The workers that were heard of lately").list::<WorkerResource>("A page of workers."),
    ),
    operate(
        "/api/v1/workers/{id}/drain",
        Reach::Nothing,
        || post(workers::drain),
        || {
            let document = says("Lets a worker take no more and finish what it holds");
            document.one::<WorkerResource>(200, "The worker.").refuses(&[&problem::CONFLICT])
        },
    ),
    read(
        "/api/v1/dead",
        Reach::Own,
        ReadLane::List,
        PAGE,
        || get(dead::list),
        || says("Dead letters, the newest first").list::<LetterResource>("A page of dead letters."),
    ),
    read(
        "/api/v1/dead/{id}",
        LETTER,
        ReadLane::Single,
        NONE,
        || get(dead::get),
        || says("A dead letter with its contents").one::<LetterDetail>(200, "The dead letter."),
    ),
    operate(
        "/api/v1/dead/{id}/replay",
        LETTER,
        || post(dead::replay),
        || {
            let document = says("Sends the message of a dead letter again");
            document.one::<LetterResource>(202, "It is on its way.").refuses(&[&problem::CONFLICT])
        },
    ),
    operate(
        "/api/v1/dead/{id}/discard",
        LETTER,
        || post(dead::discard),
        || says("Throws a dead letter away").one::<LetterResource>(200, "It was this.").refuses(&[&problem::CONFLICT]),
    ),
    read("/api/v1/bulk", Reach::Own, ReadLane::List, PAGE, || get(bulk::list), bulk::documents::list),
    operate("/api/v1/bulk", Reach::Own, || post(bulk::begin), bulk::documents::begin),
    read("/api/v1/bulk/{id}", Reach::Own, ReadLane::Single, NONE, || get(bulk::get), bulk::documents::get),
    operate("/api/v1/bulk/{id}/cancel", Reach::Own, || post(bulk::cancel), bulk::documents::cancel),
    audit::ROUTE,
    config::ROUTE,
    overview::ROUTE,
];

/// Document of a route that steers a schedule.
fn scheduled(summary: &'static str) -> RouteDocument {
    let document = says(summary).looks_at(&[schedules::IF_MATCH]);
    document.one::<ScheduleResource>(200, "The schedule.").with(ETAG).refuses(&[&problem::STALE])
}

/// Header with the revision of a schedule.
const ETAG: &[(&str, &str)] = &[("ETag", "Revision of its document, for If-Match.")];

/// Description of a route that changes a job and answers with it.
fn steered(summary: &'static str) -> RouteDocument {
    says(summary).one::<JobResource>(200, "The job.").refuses(&[&problem::CONFLICT])
}

/// Everything that is served: the interface for programs, and the pages.
fn all() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(PAGES)
}

/// Route of a request, by the path as the router writes it; `None` for a path or method that there is not.
pub(super) fn find(method: &Method, path: &str) -> Option<&'static Route> {
    // Whatever answers GET answers HEAD.
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    all().find(|route| route.path == path && route.method == *method)
}

/// Router of all routes.
pub(super) fn router() -> Router<Arc<App>> {
    all().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()))
}
