//! Workers that die, and workers that are asked to end.

use nix::sys::signal::Signal;
use serde_json::json;
use warrener_shared::state::Outcome;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::{SOON, until};

use super::judge::{Record, judge};
use super::load::Load;
use super::trace::Trace;
use super::{WORKERS, plan, rounds, under_load};

#[tokio::test(flavor = "multi_thread")]
async fn killed_workers_cost_nothing() {
    let (mut cluster, load) = under_load().await;
    let mut record = Record::default();
    while record.hits < rounds(3) {
        let victim = WORKERS[(record.hits + record.misses) % WORKERS.len()];
        let trace = Trace::of(&cluster, victim);
        until("the victim works", SOON, async || (trace.running() > 0).then_some(())).await;
        cluster.kill_worker(victim).await;
        // Programs outlive a worker that is killed: what runs now ran when it died.
        match trace.running() {
            0 => record.misses += 1,
            running => (record.hits, record.in_flight) = (record.hits + 1, record.in_flight + running),
        }
        load.reaches(10).await;
        std::fs::remove_file(cluster.folder().join(format!("{victim}.trace"))).unwrap();
        cluster.start_worker(victim, &plan(&cluster, victim));
        until("the victim works again", SOON, async || (trace.began() > 0).then_some(())).await;
    }
    judge("worker killed", &mut cluster, load, &record).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_back_from_the_dead_changes_nothing() {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    let client = cluster.client().await;
    cluster.start_worker("w1", &Plan::default().slots(2));
    let job = json!({"kind": "demo.sleep", "input": {"ms": 2500, "output": "once"}, "heartbeat": "1500ms",
        "retry": {"max_attempts": 4, "delay": "10ms"}});
    let mark = client.submit(&job).await;
    let id = client.accepted(&mark).await;
    let database = cluster.database();
    let no = database.job(&id).unwrap().no;
    until("the work began", SOON, async || database.tasks(no)[0].started_at).await;
    cluster.signal_worker("w1", Signal::SIGSTOP);
    cluster.start_worker("w2", &Plan::default().slots(2));
    let lost = async || (database.tasks(no)[0].failures > 0).then_some(());
    until("the attempt is lost", SOON, lost).await;
    // The dead one may hold the next attempt too, until the broker misses its heartbeats.
    let end = client.finished_within(&mark, SOON * 3).await.json();
    assert_eq!((&end["state"], &end["output"]), (&json!("succeeded"), &json!("once")), "{end}");
    let task = database.tasks(no).remove(0);
    assert!(task.attempt > 1 && database.outcomes(task.no).contains(&Outcome::Lost), "{task:?}");
    cluster.signal_worker("w1", Signal::SIGCONT);
    assert!(cluster.stop_worker("w2").await.success());
    // It works again, and what it still had to say about the lost attempt was passed over.
    for number in 0..10 {
        let end = client.run(&json!({"kind": "demo.echo", "input": number})).await;
        assert_eq!(end["output"], number);
    }
    let after = database.tasks(no).remove(0);
    assert_eq!((after.attempt, after.finished_at), (task.attempt, task.finished_at));
    assert_eq!(database.event_faults(), Vec::<String>::new());
    assert!(database.dead().is_empty(), "{:?}", database.dead());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_kills_its_workers_is_given_up_and_its_neighbours_are_not() {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    let client = cluster.client().await;
    let plan = Plan::default().slots(4);
    for name in WORKERS {
        cluster.start_worker(name, &plan);
    }
    let poison = client.submit(&json!({"kind": "demo.crash"})).await;
    let once = client.submit(&json!({"kind": "demo.crash", "input": {"until_delivery": 2}})).await;
    let mut neighbours = Vec::new();
    for number in 0..30 {
        let job = json!({"kind": "demo.sleep", "input": {"ms": 100, "output": number}});
        neighbours.push(client.submit(&job).await);
    }
    let end = until("the poison is given up", SOON * 4, async || {
        cluster.revive(&plan);
        client.find(&poison, &["job.finished"]).filter(|_| client.find(&once, &["job.finished"]).is_some())
    })
    .await
    .json();
    assert_eq!((&end["state"], &end["error"]["code"]), (&json!("failed"), &json!("crashed")), "{end}");
    // Those that died before anything was heard of them at it are only counted.
    let deaths = end["error"]["details"]["deaths"].as_array().map_or(0, Vec::len);
    assert!((1..=3).contains(&deaths) && end["error"]["details"]["crashes"].as_u64() >= Some(3), "{end}");
    // More than its second delivery if it was with a worker that the other one killed.
    let delivery = client.finished(&once).await.json()["output"]["delivery"].as_u64();
    assert!(delivery.is_some_and(|delivery| delivery >= 2), "{delivery:?}");
    for (number, mark) in neighbours.iter().enumerate() {
        assert_eq!(client.finished(mark).await.json()["output"], number);
    }
    let database = cluster.database();
    let jobs = database.jobs();
    let innocent = jobs.iter().filter(|job| Some(job.id.as_str()) != end["job_id"].as_str());
    let accused: u32 = innocent.map(|job| database.tasks(job.no)[0].failures).sum();
    assert_eq!(accused, 0, "neighbours paid for it");
    let dead: Vec<_> = database.dead().into_iter().map(|dead| (dead.from, dead.code)).collect();
    assert_eq!(dead, [("task".to_owned(), "crashed".to_owned())]);
    assert_eq!(database.event_faults(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_killed_its_workers_leaves_evidence() {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    let client = cluster.client().await;
    // The worker is the parent of the program's supervisor.
    let program = "echo the bridge trembles >&2; echo it falls >&2; sleep 2; \
                   kill -9 $(sed 's/.*) [A-Z] //; s/ .*//' /proc/$PPID/stat)";
    let plan = Plan::default().command("poison", &["sh", "-c", program]);
    for name in WORKERS {
        cluster.start_worker(name, &plan);
    }
    let mark = client.submit(&json!({"kind": "poison"})).await;
    let end = until("the poison is given up", SOON * 4, async || {
        cluster.revive(&plan);
        client.find(&mark, &["job.finished"])
    })
    .await
    .json();
    let details = &end["error"]["details"];
    assert_eq!(end["error"]["code"], "crashed", "{end}");
    let deaths = details["deaths"].as_array().expect("a list of deaths");
    let mut workers: Vec<_> = deaths.iter().filter_map(|death| death["worker"].as_str()).collect();
    workers.dedup();
    assert_eq!(workers.len(), 3, "{end}");
    let attempts: Vec<_> = deaths.iter().filter_map(|death| death["attempt"].as_u64()).collect();
    assert!(attempts.is_sorted() && attempts[0] < attempts[2], "{end}");
    assert!(deaths.iter().all(|death| death["at"].is_string()) && details["crashes"] == 3, "{end}");
    let log = details["log"].as_str().expect("a log");
    assert!(log.ends_with("the bridge trembles\nit falls\n"), "{end}");
    let (_, list) = cluster.get("/api/v1/dead").await;
    let id = list["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{list}"));
    let (_, letter) = cluster.get(&format!("/api/v1/dead/{id}")).await;
    assert_eq!(letter["evidence"]["details"], *details, "{letter}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_worker_costs_no_attempt() {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    let client = cluster.client().await;
    let plan = Plan { drain: "100ms".to_owned(), ..Plan::default() };
    cluster.start_worker("w1", &plan);
    let load = Load::without_traces(&cluster);
    let database = cluster.database();
    let mut record = Record::default();
    let rounds = rounds(3);
    while record.hits < rounds {
        assert!(record.misses < rounds, "nothing was released {} times", record.misses);
        // Longer than the grace: these come back.
        let job = json!({"tasks": {"map": {
            "for_each": [1, 2, 3], "kind": "demo.sleep", "input": {"ms": 4000, "output": "${{ item }}"}}}});
        let mark = client.submit(&job).await;
        let id = client.accepted(&mark).await;
        let no = database.job(&id).unwrap().no;
        let started = async || {
            let items = database.tasks(no).into_iter().filter(|task| task.item.is_some() && task.started_at.is_some());
            (items.count() == 3).then_some(())
        };
        until("its items are worked on", SOON, started).await;
        cluster.start_worker("w2", &plan);
        assert!(cluster.stop_worker("w1").await.success());
        let end = client.finished(&mark).await.json();
        assert_eq!(end["output"], json!({"map": [1, 2, 3]}), "{end}");
        let items: Vec<_> = database.tasks(no).into_iter().filter(|task| task.item.is_some()).collect();
        let released = items.iter().filter(|item| database.outcomes(item.no).contains(&Outcome::Released)).count();
        assert!(items.iter().all(|item| item.failures == 0), "{items:?}");
        match released {
            0 => record.misses += 1,
            _ => (record.hits, record.in_flight) = (record.hits + 1, record.in_flight + released),
        }
        load.also(id, json!({"map": [1, 2, 3]}));
        cluster.start_worker("w1", &plan);
        assert!(cluster.stop_worker("w2").await.success());
    }
    judge("worker drained", &mut cluster, load, &record).await;
    assert_eq!(database.outcome_count(Outcome::Failed) + database.outcome_count(Outcome::Lost), 0);
}
