//! Programs of workers that are killed or frozen: none may work on beside its second run.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::{OpenOptions, Receiver};
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::{SOON, within};

/// A pipe that every process holds which a program starts: reading it ends when the last of them does.
struct Leash {
    path: PathBuf,
    end: Receiver,
}

impl Leash {
    fn new(cluster: &Cluster, name: &str) -> Self {
        let path = cluster.folder().join(name);
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
        let end = OpenOptions::new().open_receiver(&path).unwrap();
        Self { path, end }
    }

    /// A program that starts processes of every sort that do not want to end, four in all.
    fn script(&self) -> String {
        format!(
            "exec 3>{}; trap '' TERM HUP INT; \
             stay='trap \"\" TERM HUP INT; printf . >&3; while :; do sleep 60; done'; \
             sh -c \"$stay\" & setsid sh -c \"$stay\" & (setsid sh -c \"($stay) & exit\" &); \
             printf . >&3; while :; do sleep 60; done",
            self.path.display()
        )
    }

    async fn all_there(&mut self) {
        within("the program and its children run", SOON, self.end.read_exact(&mut [0; 4])).await.unwrap();
    }

    async fn all_gone(&mut self) {
        let mut rest = Vec::new();
        within("nothing is left of the program", Duration::from_secs(10), self.end.read_to_end(&mut rest))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_do_not_outlive_a_worker_that_is_killed() {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    let client = cluster.client().await;
    for (number, freeze) in [false, true].into_iter().enumerate() {
        let (queue, name) = (format!("wild{number}"), format!("w{number}"));
        let mut leash = Leash::new(&cluster, &format!("leash{number}"));
        let plan = Plan::default().queues(&[&queue]).slots(1).command("wild", &["sh", "-c", &leash.script()]);
        cluster.start_worker(&name, &plan);
        client.submit(&json!({"kind": "wild", "queue": queue})).await;
        leash.all_there().await;
        if freeze {
            cluster.signal_worker(&name, Signal::SIGSTOP);
        }
        cluster.kill_worker(&name).await;
        leash.all_gone().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_leaves_its_group_does_not_outlive_its_time() {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    let client = cluster.client().await;
    let mut leash = Leash::new(&cluster, "leash");
    cluster.start_worker("w1", &Plan::default().slots(1).command("wild", &["sh", "-c", &leash.script()]));
    let job = json!({"kind": "wild", "timeout": "1s", "retry": 0});
    let mark = client.submit(&job).await;
    leash.all_there().await;
    let end = client.finished(&mark).await.json();
    assert_eq!(end["error"]["code"], "timed_out", "{end}");
    leash.all_gone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_descriptors_cost_no_attempt() {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    let client = cluster.client().await;
    // Room for 5 programs in 16 slots.
    let plan = Plan { descriptors: Some(84), ..Plan::default() };
    cluster.start_worker("w1", &plan.slots(16).command("short", &["sh", "-c", "sleep 0.2; cat"]));
    let items: Vec<u32> = (0..60).collect();
    let job = json!({"tasks": {"map": {"for_each": items, "kind": "short", "input": "${{ item }}", "retry": 0}}});
    let mark = client.submit(&job).await;
    let end = client.finished_within(&mark, SOON * 4).await.json();
    assert_eq!((&end["state"], &end["output"]["map"]), (&json!("succeeded"), &json!(items)), "{end}");
    let log = cluster.worker_log("w1");
    assert!(log.contains("too few files may be open") && log.contains("no room for them"), "{log}");
}
