//! Jobs without end, submitted as a careful client does: with an id of its own, again and again until accepted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use warrener_shared::wire::topology::{KEY_SUBMIT, Names};
use warrener_tests::broker::unique;
use warrener_tests::client::Client;
use warrener_tests::cluster::Cluster;
use warrener_tests::wait::{SOON, until};

/// Submitters at work.
pub(super) struct Load {
    accepted: Arc<Mutex<BTreeMap<String, Value>>>,
    stop: CancellationToken,
    submitters: Vec<JoinHandle<()>>,
}

impl Load {
    pub(super) fn start(cluster: &Cluster) -> Self {
        Self::of(cluster, &[0, 1, 2, 3])
    }

    /// Only kinds of which workers need no program.
    pub(super) fn without_traces(cluster: &Cluster) -> Self {
        Self::of(cluster, &[1, 3])
    }

    fn of(cluster: &Cluster, shapes: &'static [usize]) -> Self {
        let (accepted, stop) = (Arc::<Mutex<BTreeMap<_, _>>>::default(), CancellationToken::new());
        let submitters = (0..SUBMITTERS).map(|number| {
            let submitter = Submitter {
                url: cluster.amqp_url().to_owned(),
                names: cluster.names().clone(),
                client: None,
                accepted: Arc::clone(&accepted),
                stop: stop.clone(),
                shapes,
            };
            tokio::spawn(submitter.run(number))
        });
        Self { submitters: submitters.collect(), accepted, stop }
    }

    /// How many jobs were accepted so far.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    /// Waits until so many more jobs were accepted.
    pub(super) async fn reaches(&self, more: usize) {
        let aim = self.accepted() + more;
        until(&format!("{more} more jobs are accepted"), SOON * 3, async || (self.accepted() >= aim).then_some(()))
            .await;
    }

    /// Adds a job that somebody else submitted.
    pub(super) fn also(&self, id: String, output: Value) {
        self.accepted.lock().unwrap().insert(id, output);
    }

    /// Ends the load. Every job that was begun is accepted by then; each with the output that it must have.
    pub(super) async fn end(self) -> BTreeMap<String, Value> {
        self.stop.cancel();
        for submitter in self.submitters {
            submitter.await.unwrap();
        }
        self.accepted.lock().unwrap().clone()
    }
}

struct Submitter {
    url: String,
    names: Names,
    client: Option<Client>,
    accepted: Arc<Mutex<BTreeMap<String, Value>>>,
    stop: CancellationToken,
    shapes: &'static [usize],
}

impl Submitter {
    async fn run(mut self, offset: usize) {
        for number in offset.. {
            if self.stop.is_cancelled() {
                return;
            }
            let (job, output) = job(self.shapes[number % self.shapes.len()], number);
            let id = unique("load");
            self.submit(&id, &job).await;
            self.accepted.lock().unwrap().insert(id, output);
            sleep(PACE).await;
        }
    }

    /// Submits one job until it is accepted, over new connections if need be.
    async fn submit(&mut self, id: &str, job: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.try_submit(id, job).await {
            assert!(Instant::now() < deadline, "job {id} was not accepted within {} s", PATIENCE.as_secs());
            sleep(PACE).await;
        }
    }

    async fn try_submit(&mut self, id: &str, job: &str) -> bool {
        let client = match self.client.take() {
            Some(client) => client,
            None => match tokio::time::timeout(ANSWER, Client::try_connect(&self.url, &self.names)).await {
                Ok(Ok(client)) => client,
                _ => return false,
            },
        };
        let mark = unique("q");
        let properties = client.asking_for("accepted", &mark).with_message_id(id.into());
        if !client.publish(&self.names.submit(), KEY_SUBMIT, properties, job.as_bytes()).await {
            return false;
        }
        let deadline = Instant::now() + ANSWER;
        while client.is_connected() && Instant::now() < deadline {
            if let Some(answer) = client.find(&mark, &["job.accepted", "job.rejected"]) {
                assert_eq!(answer.kind, "job.accepted", "{}", answer.text());
                self.client = Some(client);
                return true;
            }
            sleep(Duration::from_millis(5)).await;
        }
        false
    }
}

/// A job and the output that it must have.
fn job(shape: usize, number: usize) -> (String, Value) {
    let ms = 10 + number * 7 % 90;
    match shape {
        0 => (json!({"kind": "traced", "input": {"n": number}}).to_string(), json!({"n": number})),
        1 => (json!({"kind": "demo.sleep", "input": {"ms": ms, "output": number}}).to_string(), json!(number)),
        2 => {
            let job = json!({"input": number, "tasks": {
                "a": {"kind": "demo.sleep", "input": {"ms": ms, "output": "${{ input + 1 }}"}},
                "b": {"kind": "traced", "input": "${{ tasks.a.output * 2 }}"},
                "c": {"kind": "demo.echo", "input": ["${{ tasks.a.output }}", "${{ tasks.b.output }}"]},
            }, "output": "${{ tasks.c.output }}"});
            (job.to_string(), json!([number + 1, (number + 1) * 2]))
        }
        _ => {
            let job = json!({"input": number, "tasks": {
                "list": {"kind": "demo.echo", "input": [1, 2, 3, 4]},
                "map": {
                    "for_each": "${{ tasks.list.output }}", "kind": "demo.sleep",
                    "input": {"ms": ms, "output": "${{ item * input }}"},
                },
                "sum": {"kind": "demo.echo", "input": "${{ tasks.map.output | sum }}"},
            }, "output": "${{ tasks.sum.output }}"});
            (job.to_string(), json!(number * 10))
        }
    }
}

const SUBMITTERS: usize = 3;
/// Between two jobs of one submitter: about half of what the workers can do.
const PACE: Duration = Duration::from_millis(120);
/// How long a client waits for an answer before it submits again.
const ANSWER: Duration = Duration::from_secs(5);
/// How long no broker or orchestrator may be away.
const PATIENCE: Duration = Duration::from_secs(150);
