//! Streams: in order, without a gap, to those who may see it, and to the end.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt as _;
use serde_json::Value;
use warrener_runtime::clock::Clock;
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::result::{Progress, Report};

use super::world::World;
use crate::access::tokens::{hash_of, hash_text};

/// Longest wait for what must come; what must not is waited for as long as [`QUIET`].
const SOON: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_millis(600);

/// A stream that is read.
struct Reading {
    body: BodyDataStream,
    text: String,
    /// The id that was seen last.
    at: String,
}

#[derive(Debug, PartialEq)]
struct Event {
    kind: String,
    data: Value,
}

impl Event {
    /// `<job> <type>`
    fn short(&self) -> String {
        format!("{} {}", self.data["job"].as_str().unwrap_or("-"), self.kind)
    }
}

async fn read(world: &World, path: &str, headers: &[(&str, &str)]) -> Reading {
    Reading { body: world.open(path, headers).await, text: String::new(), at: String::new() }
}

impl Reading {
    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) =
                self.text.split_once("\n\n").map(|(block, rest)| (block.to_owned(), rest.to_owned()))
            {
                self.text = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                self.at = field("id").expect("each says where it stands").to_owned();
                let Some(kind) = field("event") else { continue };
                let data = serde_json::from_str(field("data").unwrap()).unwrap();
                return Some(Event { kind: kind.to_owned(), data });
            }
            let piece = tokio::time::timeout(SOON, self.body.next()).await.expect("something in time")?;
            self.text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
    }

    async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(QUIET, self.next()).await.is_err()
    }

    async fn take(&mut self, count: usize) -> Vec<String> {
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(self.next().await.expect("the stream goes on").short());
        }
        taken
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_are_committed_and_go_on_where_a_reader_left() {
    let mut world = World::new();
    let mut stream = read(&world, "/api/v1/events", &[]).await;
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    let all = ["a job.running", "a task.ready", "a task.dispatched", "a task.succeeded", "a job.succeeded"];
    let first = stream.next().await.unwrap();
    assert_eq!((first.short().as_str(), &first.data["sequence"]), (all[0], &1.into()));
    let begin = stream.at.clone();
    let task = world.dispatch().await;
    world.succeed(&task, "1").await;
    assert_eq!(stream.take(4).await, all[1..]);
    assert!(stream.is_quiet().await);
    drop(stream);
    world.submit(r#"{"id":"b","kind":"k"}"#).await;
    // In the middle of what was committed together, by either way of saying it.
    let mut again = read(&world, "/api/v1/events", &[("last-event-id", &begin)]).await;
    let rest = [&all[1..], &["b job.running", "b task.ready", "b task.dispatched"]].concat();
    assert_eq!(again.take(7).await, rest);
    let path = format!("/api/v1/events?cursor={begin}");
    assert_eq!(read(&world, &path, &[]).await.take(7).await, rest);
    assert_eq!(read(&world, "/api/v1/events?cursor=0", &[]).await.take(8).await, [&all[..1], &rest].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_are_told_to_whoever_asks_for_jobs_like_theirs() {
    let world = World::new();
    for team in ["a", "b"] {
        let schedule = format!(r#"{{"cron":"0 0 1 1 *","job":{{"kind":"k","labels":{{"team":"{team}"}}}}}}"#);
        assert_eq!(world.put(&format!("/api/v1/schedules/of-{team}"), schedule).await.status, 201);
    }
    let path = |filter: &str| format!("/api/v1/events?q=type:schedule.*%20{filter}");
    let mut all = read(&world, &path(""), &[]).await;
    let mut some = read(&world, &path("label.team:a"), &[]).await;
    let mut none = read(&world, &path("state:failed"), &[]).await;
    let mut begun = Vec::new();
    for team in ["b", "a"] {
        let started = world.post(&format!("/api/v1/schedules/of-{team}/trigger"), "").await;
        begun.push(started.json()["id"].as_str().unwrap().to_owned());
    }
    let told = [0, 1].map(|at| format!("{} schedule.tick", begun[at]));
    assert_eq!(all.take(2).await, told);
    let event = some.next().await.unwrap();
    assert_eq!((&event.data["schedule"], &event.data["outcome"]), (&"of-a".into(), &"started".into()));
    assert!(none.is_quiet().await && some.is_quiet().await);
    let from_begin = format!("{}&cursor=0", path(""));
    assert_eq!(read(&world, &from_begin, &[]).await.take(2).await, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_about_types_and_jobs() {
    let world = World::new();
    let paths = ["type:job.*%20label.team:a", "id:b%20-type:task.ready", "state:failed", "type:task.ready"];
    let mut streams = Vec::new();
    for filter in paths {
        streams.push(read(&world, &format!("/api/v1/events?q={filter}"), &[]).await);
    }
    world.submit(r#"{"id":"a","kind":"k","labels":{"team":"a"}}"#).await;
    world.submit(r#"{"id":"b","kind":"k"}"#).await;
    assert_eq!(streams[0].take(1).await, ["a job.running"]);
    assert_eq!(streams[1].take(2).await, ["b job.running", "b task.dispatched"]);
    assert_eq!(streams[3].take(2).await, ["a task.ready", "b task.ready"]);
    for stream in &mut streams {
        assert!(stream.is_quiet().await);
    }
    let wrong = world.get("/api/v1/events?q=type").await.problem(400);
    assert!(wrong["detail"].as_str().unwrap().contains("with one of the keys type, state"), "{wrong}");
    for wrong in ["x", "-1", "1.0", "99999999999999999999"] {
        assert_eq!(world.get(&format!("/api/v1/events?cursor={wrong}")).await.problem(400)["parameter"], "cursor");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_kept_any_more_is_a_gap() {
    let mut world = World::new();
    for id in ["a", "b"] {
        world.submit(&format!(r#"{{"id":"{id}","kind":"k"}}"#)).await;
        let task = world.dispatch().await;
        world.succeed(&task, "1").await;
    }
    let mut whole = read(&world, "/api/v1/events?cursor=0", &[]).await;
    whole.take(10).await;
    let end = whole.at.clone();
    let delete = Request::delete("/api/v1/jobs/a").body(Body::empty()).unwrap();
    assert_eq!(world.send(delete).await.status, 204);
    let mut stream = read(&world, "/api/v1/events?cursor=0", &[]).await;
    let gap = stream.next().await.unwrap();
    assert_eq!((gap.kind.as_str(), &gap.data["from"]), ("gap", &"0".into()));
    assert_eq!(gap.data["to"], stream.at.as_str());
    assert_eq!(stream.take(5).await[0], "b job.running");
    assert_eq!(stream.at, end);
    // Somebody who has seen more than there is comes from another database.
    let mut lost = read(&world, "/api/v1/events?cursor=1000", &[]).await;
    let gap = lost.next().await.unwrap();
    assert_eq!((&gap.data["from"], &gap.data["to"]), (&"1000".into(), &end.into()));
    world.submit(r#"{"id":"c","kind":"k"}"#).await;
    assert_eq!(lost.take(1).await, ["c job.running"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_a_job_ends_with_it() {
    let mut world = World::new();
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    let path = "/api/v1/jobs/a/events?follow=true";
    let mut stream = read(&world, path, &[]).await;
    assert_eq!(stream.take(3).await, ["a job.running", "a task.ready", "a task.dispatched"]);
    let at = stream.at.clone();
    assert_eq!(at, "3");
    world.submit(r#"{"id":"b","kind":"k"}"#).await;
    assert!(stream.is_quiet().await);
    let task = world.dispatch().await;
    world.succeed(&task, "1").await;
    assert_eq!(stream.take(2).await, ["a task.succeeded", "a job.succeeded"]);
    assert_eq!(stream.next().await, None);
    let mut rest = read(&world, path, &[("last-event-id", &at)]).await;
    assert_eq!(rest.take(2).await, ["a task.succeeded", "a job.succeeded"]);
    assert_eq!(rest.next().await, None);
    let request = Request::get(path).header("last-event-id", &rest.at);
    let over = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(over.status, 204, "a browser comes back until it is told this");
    world.get("/api/v1/jobs/nobody/events?follow=true").await.problem(404);
    world.get("/api/v1/jobs/a/events?follow=true&limit=3").await.problem(400);
    world.get("/api/v1/jobs/a/events?follow=maybe").await.problem(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_told_until_its_task_is_over() {
    let mut world = World::new();
    world.submit(r#"{"id":"a","kind":"k"}"#).await;
    let mut stream = read(&world, "/api/v1/tasks/a/task/logs?follow=true", &[]).await;
    assert!(stream.is_quiet().await);
    let task = world.dispatch().await;
    for text in ["one\n", "two\n"] {
        let progress = Progress { log: Some(text.to_owned()), ..Progress::default() };
        world.report(&task, Report::Progress(progress)).await;
        let piece = stream.next().await.unwrap();
        assert_eq!((piece.kind.as_str(), &piece.data["text"]), ("log", &text.into()));
    }
    assert_eq!(stream.at, "1.2");
    world.succeed(&task, "1").await;
    assert_eq!(stream.next().await, None);
    let mut rest = read(&world, "/api/v1/tasks/a/task/logs?follow=true", &[("last-event-id", "1.1")]).await;
    assert_eq!(rest.next().await.unwrap().data["text"], "two\n");
    assert_eq!(rest.next().await, None);
    world.get("/api/v1/tasks/a/other/logs?follow=true").await.problem(404);
}

fn token(name: &str, rest: &str) -> String {
    let hash = hash_text(&hash_of(name.as_bytes()));
    format!("[[tokens]]\nname = \"{name}\"\nhash = \"{hash}\"\nscopes = [\"read\", \"submit\"]\n{rest}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_shows_what_its_token_may_see_for_as_long_as_it_counts() {
    let end = Timestamp(Clock::start().now_ms()) + Millis(2_000);
    let tokens = [
        token("all", ""),
        token("mine", "only = \"label.team:a\""),
        token("short", &format!("expires = {}", end.to_rfc3339())),
    ];
    let world = World::guarded(&tokens.concat());
    let submit = async |job: &str| {
        world.ask_with(&axum::http::Method::POST, "/api/v1/jobs", "all", job.to_owned()).await.ok();
    };
    let mut mine = read(&world, "/api/v1/events", &[("authorization", "Bearer mine")]).await;
    let mut short = read(&world, "/api/v1/events?q=type:job.*", &[("authorization", "Bearer short")]).await;
    submit(r#"{"id":"theirs","kind":"k"}"#).await;
    submit(r#"{"id":"mine","kind":"k","labels":{"team":"a"}}"#).await;
    assert_eq!(mine.take(1).await, ["mine job.running"]);
    assert_eq!(short.take(2).await, ["theirs job.running", "mine job.running"]);
    let path = "/api/v1/jobs/theirs/events?follow=true";
    world.ask(&axum::http::Method::GET, path, "mine").await.problem(404);
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    submit(r#"{"id":"late","kind":"k"}"#).await;
    assert_eq!(short.next().await, None, "the token has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stream_too_many_is_refused() {
    let world = World::new();
    let edge = world.edge.clone();
    let mut held = Vec::new();
    while let Ok(place) = edge.follow() {
        held.push(place);
    }
    assert_eq!(held.len(), 1_000);
    for path in ["/api/v1/events", "/api/v1/jobs/a/events?follow=true"] {
        assert_eq!(world.get(path).await.problem(503)["code"], "too_many_streams");
    }
    held.pop();
    read(&world, "/api/v1/events", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_lags_behind_the_latest_misses_nothing() {
    let world = World::new();
    let mut stream = read(&world, "/api/v1/events?q=-name:x", &[]).await;
    // More than is kept of the latest, and than fits into one piece of text.
    let tasks: Vec<String> = (0..100).map(|no| format!(r#""t{no}":{{"kind":"k"}}"#)).collect();
    for no in 0..80 {
        world.submit(&format!(r#"{{"id":"j{no}","tasks":{{{}}}}}"#, tasks.join(","))).await;
    }
    let mut seen = BTreeMap::new();
    while seen.len() < 80 || seen.values().any(|sequence| *sequence < 101) {
        let event = stream.next().await.unwrap();
        let (job, sequence) = (event.data["job"].to_string(), event.data["sequence"].as_u64().unwrap());
        let latest = seen.entry(job).or_insert(0);
        assert_eq!(sequence, *latest + 1, "{event:?}");
        *latest = sequence;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_somebody_whom_a_proxy_signed_in_goes_on() {
    let world = World::behind("10.0.0.0/8", "remote-user", "ops", &["read", "submit"]);
    let shown = [("remote-user", "ada"), ("x-forwarded-groups", "ops")];
    let mut body = world.open_from("10.0.0.1", "/api/v1/events", &shown).await;
    // Longer than a caller counts as known without another look.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let request =
        shown.iter().fold(Request::post("/api/v1/jobs"), |request, (name, value)| request.header(*name, *value));
    let submit = request.body(Body::from(r#"{"kind":"k"}"#)).unwrap();
    assert_eq!(world.send_from("10.0.0.1", submit).await.status, 202);
    let told = async {
        let mut text = String::new();
        while !text.contains("job.") {
            text.push_str(std::str::from_utf8(&body.next().await.expect("it goes on").unwrap()).unwrap());
        }
    };
    tokio::time::timeout(SOON, told).await.expect("in time");
}
