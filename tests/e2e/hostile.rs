//! Messages that nobody in his right mind would send, from anybody who may publish. After each one the system must be
//! there and right: a job goes through.

mod elsewhere;
mod results;
mod submits;

use serde_json::json;
use warrener_tests::broker::Broker;
use warrener_tests::client::Client;
use warrener_tests::cluster::Cluster;
use warrener_tests::database::Database;
use warrener_tests::wait::{SOON, until};

/// A system under attack, and an honest client.
struct Bench {
    cluster: Cluster,
    client: Client,
    database: Database,
}

impl Bench {
    async fn new() -> Self {
        let cluster = Cluster::with_workers(Broker::shared().await, 1).await;
        let client = cluster.client().await;
        let database = cluster.database();
        Self { cluster, client, database }
    }

    /// Fails unless a job goes through.
    async fn probe(&mut self, after: &str) {
        let end = self.client.run(&json!({"kind": "demo.echo", "input": after})).await;
        assert_eq!(end["output"], after, "after {after}: {end}");
        assert_eq!(self.cluster.orchestrator().end(), None, "after {after}");
    }

    /// Waits until there are more dead letters than so many; the newest.
    async fn dead_after(&self, before: usize, what: &str) -> warrener_tests::database::Dead {
        let found = async || {
            let mut dead = self.database.dead();
            if dead.len() > before { dead.pop() } else { None }
        };
        until(&format!("a dead letter for {what}"), SOON, found).await
    }

    /// The last word: nothing panicked, the database is sound.
    fn end(mut self) {
        let log = self.cluster.orchestrator().log();
        let panics: Vec<_> = log.lines().filter(|line| line.contains("panic")).collect();
        assert!(panics.is_empty(), "{panics:?}");
        assert!(!log.contains("ERROR"), "{log}");
        assert!(self.database.is_sound());
        assert_eq!(self.database.event_faults(), Vec::<String>::new());
    }
}
