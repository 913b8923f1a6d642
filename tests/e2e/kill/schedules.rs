//! An orchestrator that dies at any moment while schedules tick: no tick is doubled, and none is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use warrener_shared::time::Timestamp;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::postgres::Server;
use warrener_tests::wait::until;

use super::{HEALED, rounds};

/// Schedules, each of which ticks every two seconds.
const SCHEDULES: usize = 100;
const PERIOD_MS: i64 = 2_000;

#[tokio::test(flavor = "multi_thread")]
async fn no_tick_is_doubled_or_lost_on_sqlite() {
    ticks_are_exact("sqlite", Cluster::start(Broker::start().await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tick_is_doubled_or_lost_on_postgres() {
    let server = Server::start();
    ticks_are_exact("postgres", Cluster::on_store(Broker::start().await, server.url()).await).await;
}

async fn ticks_are_exact(store: &str, mut cluster: Cluster) {
    cluster.start_worker("w1", &Plan::default());
    let names: Vec<String> = (0..SCHEDULES).map(|number| format!("s{number}")).collect();
    for name in &names {
        let schedule = json!({
            "every": "2s", "overlap": "allow", "catch_up": "all", "window": "1h", "max_catch_up": 10_000,
            "keep_ticks": 100_000, "job": {"kind": "demo.echo", "input": "${{ schedule.tick }}"},
        });
        let (status, answer) = cluster.put(&format!("/api/v1/schedules/{name}"), &schedule).await;
        assert_eq!(status, 201, "{answer}");
    }
    let kills = rounds(4);
    for kill in 0..kills {
        // Any moment will do; this spreads them, also over the start of the process.
        sleep(Duration::from_millis(u64::try_from(300 + kill * 397 % 2_300).unwrap())).await;
        cluster.kill_orchestrator().await;
        if kill % 3 == 2 {
            sleep(Duration::from_millis(2_500)).await;
        }
        cluster.launch_orchestrator();
    }
    cluster.ready().await;
    sleep(Duration::from_secs(5)).await;
    for name in &names {
        let (status, answer) = cluster.post(&format!("/api/v1/schedules/{name}/pause"), &Value::Null).await;
        assert_eq!(status, 200, "{answer}");
    }
    let (mut ticks, mut doubled, mut lost) = (0, 0, 0);
    let mut jobs = jobs_by_schedule(&mut cluster).await;
    for name in &names {
        let found = all(&cluster, &format!("/api/v1/schedules/{name}/ticks?limit=1000")).await;
        let started: Vec<&Value> = found.iter().filter(|tick| tick["outcome"] == "started").collect();
        let others: Vec<&Value> = found
            .iter()
            .filter(|tick| !["started", "missed_paused"].contains(&tick["outcome"].as_str().unwrap()))
            .collect();
        assert!(others.is_empty(), "{name}: {others:?}");
        let mut moments: Vec<i64> = started.iter().map(|tick| moment(&tick["tick"])).collect();
        moments.sort_unstable();
        let distinct: BTreeSet<i64> = moments.iter().copied().collect();
        let span = distinct.last().unwrap() - distinct.first().unwrap();
        ticks += distinct.len();
        lost += usize::try_from(span / PERIOD_MS + 1).unwrap() - distinct.len();
        doubled += moments.len() - distinct.len();
        // What the ticks say is what there is: a job for each, and no other.
        let mut run = jobs.remove(name).unwrap_or_default();
        run.sort_unstable();
        assert_eq!(run, moments, "{name}: its jobs are not its ticks");
    }
    println!("{store}: {kills} kills, {SCHEDULES} schedules, {ticks} ticks, {doubled} doubled, {lost} lost");
    assert!(ticks >= SCHEDULES * 5, "only {ticks} ticks");
    assert_eq!((doubled, lost), (0, 0));
}

/// The ticks of all jobs, by schedule, once all jobs are over.
async fn jobs_by_schedule(cluster: &mut Cluster) -> BTreeMap<String, Vec<i64>> {
    until("every job is over", HEALED, async || {
        let (_, open) = cluster.get("/api/v1/jobs?q=state:running,scheduled&limit=1").await;
        open["items"].as_array().is_some_and(Vec::is_empty).then_some(())
    })
    .await;
    let mut found: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for job in all(cluster, "/api/v1/jobs?limit=1000").await {
        assert_eq!(job["state"], "succeeded", "{job}");
        assert_eq!(job["output"], job["labels"]["tick"], "{job}");
        let name = job["labels"]["schedule"].as_str().unwrap().to_owned();
        found.entry(name).or_default().push(moment(&job["labels"]["tick"]));
    }
    found
}

/// All elements of a list, page by page.
async fn all(cluster: &Cluster, path: &str) -> Vec<Value> {
    let (mut items, mut next) = (Vec::new(), String::new());
    loop {
        let (status, mut page) = cluster.get(&format!("{path}{next}")).await;
        assert_eq!(status, 200, "{page}");
        items.append(page["items"].as_array_mut().unwrap());
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return items,
        }
    }
}

fn moment(text: &Value) -> i64 {
    Timestamp::parse_rfc3339(text.as_str().unwrap()).unwrap().0
}
