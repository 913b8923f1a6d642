//! What holds for every path, with the paths as the router has them.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::result::{Progress, Report};

use super::world::World;
use crate::api::route::Route;
use crate::api::routes::ROUTES;
use crate::driver::Input;
use crate::store::DeadLetter;
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::tests::postgres_server::Server;

/// Longest that anybody who looks may wait.
const AT_ONCE: Duration = Duration::from_secs(1);

const GRAPH: &str = r#"{"id":"g","tasks":{
    "list":{"kind":"k"},
    "each":{"kind":"k","for_each":{"items":"${{ tasks.list.output }}","max_parallel":2},"input":{"n":"${{ item }}"}},
    "last":{"kind":"k","needs":["each","list"]}}}"#;

/// Every `GET` there is, with something that exists in each place that varies, and with something that does not.
pub(in crate::api) fn every_get() -> Vec<(&'static str, String)> {
    let routes = ROUTES.iter().filter(|route| route.method == Method::GET);
    routes.flat_map(|route| paths(route).map(|path| (route.path, path))).collect()
}

/// A path of a route with something that exists once there is [`GRAPH`], and one with something that does not.
pub(super) fn paths(route: &Route) -> [String; 2] {
    let known = |name: &str| match (route.path, name) {
        (path, "id") if path.starts_with("/api/v1/dead/") => ["1", "99"],
        (path, "id") if path.starts_with("/api/v1/workers/") => ["w1", "w9"],
        (path, "id") if path.starts_with("/api/v1/bulk/") => ["1", "99"],
        (_, "id" | "job") => ["g", "other"],
        (_, "task") => ["each.1", "list"],
        (path, "name") if path.starts_with("/api/v1/limits/") => ["api", "other"],
        (_, "name") => ["default", "other"],
        (_, "event") => ["approval", "other"],
        (_, "key") => ["1", "2"],
        (path, name) => panic!("say here what {name} of {path} may be"),
    };
    [0, 1].map(|which| {
        let parts = route.path.split('/').map(|part| match part.strip_prefix('{') {
            Some(name) => known(name.trim_end_matches('}'))[which],
            None => part,
        });
        parts.collect::<Vec<_>>().join("/")
    })
}

/// Leaves something to look at.
pub(in crate::api) async fn furnish(world: &mut World) {
    world.submit(GRAPH).await;
    let first = world.dispatch().await;
    world.succeed(&first, "[1, 2, 3]").await;
    let item = world.dispatch().await;
    let progress = Progress { log: Some("at it\n".to_owned()), ..Progress::default() };
    world.report(&item, Report::Progress(progress)).await;
    world.hear(&["default"], &["k"]);
    world.input(Input::Dead(letter())).await;
    let schedule = r#"{"cron":"0 3 * * *","zone":"Europe/Berlin","exclude":["2026-12-25"],"job":{"kind":"k"}}"#;
    assert_eq!(world.put("/api/v1/schedules/default", schedule).await.status, StatusCode::CREATED);
    assert_eq!(world.post("/api/v1/schedules/default/trigger", "").await.status, StatusCode::ACCEPTED);
    world.post("/api/v1/bulk", r#"{"action":"retry","filter":"state:failed"}"#).await.ok();
}

pub(super) fn letter() -> DeadLetter {
    DeadLetter {
        from: "result",
        code: "unreadable".to_owned(),
        message: "not understood".to_owned(),
        job: None,
        task: None,
        received_at: Timestamp(1),
        body: b"?".to_vec(),
        size: 1,
        headers: "{}".to_owned(),
        evidence: None,
    }
}

/// Submits until nothing more can be kept.
async fn exhaust(world: &World) {
    let job = format!(r#"{{"kind":"k","input":"{}"}}"#, "x".repeat(50_000));
    while world.post("/api/v1/jobs", job.clone()).await.status != StatusCode::SERVICE_UNAVAILABLE {}
}

async fn every_get_answers(world: &World) {
    let mut seen = 0;
    for (route, path) in every_get() {
        let answer = tokio::time::timeout(AT_ONCE, world.get(&path)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{path} does not answer"));
        let status = answer.status.as_u16();
        // That the process is not ready is what is asked there.
        let wanted: &[u16] = if route == "/readyz" { &[200, 503] } else { &[200, 404] };
        assert!(wanted.contains(&status), "{path}: {status} {}", answer.text);
        seen += usize::from(status == 200);
    }
    let gets = ROUTES.iter().filter(|route| route.method == Method::GET).count();
    assert!(seen >= gets - 1, "only {seen} of {gets} paths showed something");
    let item = world.get("/api/v1/tasks/g/each.2").await.ok();
    assert_eq!(item["input"]["n"], 3, "{item}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_get_answers_while_the_writer_is_stopped() {
    let mut world = World::new();
    furnish(&mut world).await;
    // Whoever else writes to the file holds the writer in its commit, for some seconds.
    let other = rusqlite::Connection::open(world.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    while world.leave(Input::Dead(letter())) {}
    every_get_answers(&world).await;
    let letters = world.get("/api/v1/dead").await.ok();
    assert_eq!(letters["items"].as_array().unwrap().len(), 1, "the writer went on meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_get_answers_while_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder.path().join("full.db")).unwrap();
    store.leave_room(100).unwrap();
    let view = store.view().unwrap();
    let mut world = World::over(store, view);
    furnish(&mut world).await;
    exhaust(&world).await;
    every_get_answers(&world).await;
    assert_eq!(world.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_get_answers_while_the_server_may_only_be_read() {
    let server = Server::start();
    let store = Postgres::open(&server.url()).unwrap();
    let view = store.view();
    let mut world = World::over(store, view);
    furnish(&mut world).await;
    server.sql("ALTER SYSTEM SET default_transaction_read_only = on");
    server.sql("SELECT pg_reload_conf()");
    exhaust(&world).await;
    every_get_answers(&world).await;
    assert_eq!(world.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
}
