//! Workers: those that were heard of lately, and draining one.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::asked_by::AskedBy;
use super::documented::Example;
use super::path::PathText;
use super::problem::Problem;
use super::query::Parameters;
use super::shape::List;
use crate::driver::Command;
use crate::pulse::Seen;

/// Kinds of one queue that are named in a sentence.
const NAMED: usize = 8;

/// A worker as everybody sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Worker)]
pub(super) struct WorkerResource {
    /// Id of the worker process.
    pub(super) id: String,
    /// Version of the worker's program.
    pub(super) version: String,
    /// Queues that it serves.
    pub(super) queues: Vec<String>,
    /// Kinds that it knows; empty if it did not say.
    pub(super) kinds: Vec<String>,
    /// Attempts that it works on at once.
    pub(super) slots: u32,
    /// Attempts that it has now.
    pub(super) running: usize,
    /// True once it takes no more and finishes what it holds.
    pub(super) draining: bool,
    /// Reason why the broker refuses its reports; null while they are taken. It takes no tasks meanwhile.
    pub(super) refused: Option<String>,
    /// Time of its latest heartbeat.
    pub(super) seen_at: String,
}

impl Example for WorkerResource {
    fn example() -> Self {
        Self {
            id: "worker-1".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            queues: vec!["default".to_owned()],
            kinds: vec!["image.resize".to_owned()],
            slots: 8,
            running: 3,
            draining: false,
            refused: None,
            seen_at: "2026-11-24T15:03:23.120Z".to_owned(),
        }
    }
}

impl From<Seen> for WorkerResource {
    fn from(seen: Seen) -> Self {
        let heartbeat = seen.heartbeat;
        Self {
            id: heartbeat.worker,
            version: heartbeat.version,
            queues: heartbeat.queues,
            kinds: heartbeat.kinds,
            slots: heartbeat.slots,
            running: heartbeat.tickets.len(),
            draining: heartbeat.draining,
            refused: heartbeat.refused,
            seen_at: seen.at.to_rfc3339(),
        }
    }
}

/// `GET /workers`. The cursor is the id of the last worker seen.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    parameters: Parameters,
) -> Result<Json<List<WorkerResource>>, Problem> {
    let all = resources(&app);
    let limit = parameters.limit()?;
    Ok(Json(List::slice(all, |worker: &WorkerResource| &worker.id, parameters.get("cursor"), limit)))
}

/// `POST /workers/{id}/drain`: has a live worker take no more and finish what it holds.
pub(super) async fn drain(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    PathText(id): PathText<String>,
) -> Result<Json<WorkerResource>, Problem> {
    let seen = live(&app, &id)?;
    app.command(&caller, Command::Drain(Arc::from(id.as_str()))).await?;
    Ok(Json(WorkerResource { draining: true, ..seen.into() }))
}

/// All workers as everybody sees them.
pub(super) fn resources(app: &App) -> Vec<WorkerResource> {
    app.shared.workers.all().into_iter().map(WorkerResource::from).collect()
}

/// Sentences on queues whose workers serve different kinds: tasks of the others wander from worker to worker.
pub(super) fn wandering(workers: &[WorkerResource]) -> Vec<String> {
    let mut queues: BTreeMap<&str, (usize, BTreeMap<&str, usize>)> = BTreeMap::new();
    // Those that did not say what they know are taken to know everything, as everywhere.
    for worker in workers.iter().filter(|worker| !worker.draining && !worker.kinds.is_empty()) {
        for queue in &worker.queues {
            let (serving, kinds) = queues.entry(queue).or_default();
            *serving += 1;
            worker.kinds.iter().for_each(|kind| *kinds.entry(kind).or_default() += 1);
        }
    }
    let sentence = |(queue, (serving, kinds)): (&str, (usize, BTreeMap<&str, usize>))| {
        let partly = kinds.iter().filter(|(_, count)| **count < serving);
        let partly: Vec<_> = partly.take(NAMED).map(|(kind, count)| format!("{kind} ({count} of {serving})")).collect();
        (!partly.is_empty()).then(|| {
            let kinds = partly.join(", ");
            format!("The workers of queue {queue} serve different kinds, so that tasks wander between them: {kinds}.")
        })
    };
    queues.into_iter().filter_map(sentence).collect()
}

/// The live worker with this id.
pub(super) fn live(app: &App, id: &str) -> Result<Seen, Problem> {
    let known = app
        .shared
        .workers
        .all()
        .into_iter()
        .find(|seen| seen.heartbeat.worker == id && app.shared.workers.is_live(seen));
    known.ok_or_else(|| {
        let id: String = id.chars().take(100).collect();
        Problem::not_found(format!("no live worker has the id {id:?}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_of_a_queue_that_know_different_kinds_are_noticed() {
        let worker = |queues: &[&str], kinds: &[&str], draining: bool| WorkerResource {
            queues: queues.iter().map(|name| (*name).to_owned()).collect(),
            kinds: kinds.iter().map(|name| (*name).to_owned()).collect(),
            draining,
            ..WorkerResource::example()
        };
        let told = wandering(&[worker(&["q", "r"], &["a", "b"], false), worker(&["q"], &["a"], false)]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("queue q ") && told[0].contains("b (1 of 2)") && !told[0].contains("a ("), "{told:?}");
        for harmless in [worker(&["q"], &["a", "b"], false), worker(&["q"], &[], false), worker(&["q"], &["c"], true)] {
            let told = wandering(&[worker(&["q"], &["a", "b"], false), harmless]);
            assert!(told.is_empty(), "{told:?}");
        }
    }
}
