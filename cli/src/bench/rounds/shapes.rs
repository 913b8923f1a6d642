//! The row of large jobs as graphs: whether a task costs more in one of them than in a small one of the same shape.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use warrener_client::JobDocument;
use warrener_client::http::SubmitOptions;
use warrener_shared::time::Timestamp;

use super::super::args::BenchRow;
use super::super::measure::{Measure, median};
use super::super::process::{forget_peak, peak};
use super::super::promise::{CHAIN, CHAIN_MEMORY, FAN_IN, FAN_IN_MEMORY, LAYERS, LAYERS_MEMORY, STAR, STAR_MEMORY};
use super::{Rounds, SMALL, SMALL_JOB_TASKS, payload};
use crate::exit::Exit;
use crate::failure::Failure;

/// A shape, and what its measures are called.
#[derive(Debug)]
struct GraphShape {
    name: &'static str,
    document: fn(usize, &str) -> String,
    /// Small jobs that are measured; one that takes seconds needs no more.
    times: usize,
    time: &'static str,
    work: &'static str,
    memory: &'static str,
    first: &'static str,
    /// None where it would take minutes once more.
    wait: Option<&'static str>,
}

impl Rounds<'_> {
    pub(super) async fn shapes(&self) -> Result<Vec<Measure>, Failure> {
        let mut measures = Vec::new();
        for shape in &SHAPES {
            measures.extend(self.shape(shape).await?);
        }
        Ok(measures)
    }

    async fn shape(&self, shape: &GraphShape) -> Result<Vec<Measure>, Failure> {
        let (orchestrator, many) = (self.stage.system.orchestrator(), self.args.shape_tasks);
        let (mut times, mut work, mut memory) = (Vec::new(), Vec::new(), 0.0_f64);
        let (mut firsts, mut waits) = (Vec::new(), Vec::new());
        for round in self.rounds(&format!("shapes: {}", shape.name)).take(ROUNDS) {
            let (few, few_used) =
                self.cost((shape.document)(SMALL_JOB_TASKS, ""), SMALL_JOB_TASKS, shape.times).await?;
            forget_peak(orchestrator);
            let id = format!("{}-{round}", shape.name);
            let sent = now();
            let (one, one_used) = self.cost((shape.document)(many, &id), many, 1).await?;
            firsts.push(self.first(&id, sent).await?);
            memory = memory.max(peak(orchestrator).unwrap_or(0.0));
            times.push(one / few);
            work.push(one_used / few_used);
            self.say(&format!("  a task: {:.0} µs in {SMALL_JOB_TASKS}, {:.0} µs in {many}", few * 1e6, one * 1e6));
            if shape.wait.is_some() {
                waits.push(self.wait_beside((shape.document)(many, "")).await?);
            }
        }
        let row = |what, unit, value| Measure::new(BenchRow::Shapes, what, unit, value);
        let wait = shape.wait.map(|what| row(what, "ms", waits.into_iter().fold(0.0, f64::max)));
        let measures = [
            row(shape.time, "", median(times)),
            row(shape.work, "", median(work)),
            row(shape.memory, "MB", memory),
            row(shape.first, "ms", median(firsts)),
        ];
        Ok(measures.into_iter().chain(wait).collect())
    }

    /// Milliseconds from a time to the start of the first task of a job.
    async fn first(&self, id: &str, sent: Timestamp) -> Result<f64, Failure> {
        let task = self.stage.system.client()?.task(id, FIRST).await?.value;
        let started = task.started_at.as_deref().and_then(Timestamp::parse_rfc3339);
        let started = started.ok_or_else(|| Failure::new(Exit::Error, format!("measuring: when did {id} start?")))?;
        Ok((started.0 - sent.0) as f64)
    }

    /// The longest that a small job takes while this one is under way, in milliseconds. It needs no worker, so that it
    /// waits for the orchestrator alone.
    async fn wait_beside(&self, job: String) -> Result<f64, Failure> {
        let (client, is_over) = (self.stage.system.client()?, Cell::new(false));
        let large = async {
            let took = self.jobs(job, 1, 1).await;
            is_over.set(true);
            took
        };
        let small = async {
            let mut longest = Duration::ZERO;
            while !is_over.get() {
                let began = Instant::now();
                let job =
                    JobDocument::from_json(NOTHING).map_err(|error| Failure::new(Exit::Error, error.to_string()))?;
                client.submit(&job, SubmitOptions { dry_run: false, wait: Some(PATIENCE) }).await?;
                longest = longest.max(began.elapsed());
            }
            Ok::<_, Failure>(longest)
        };
        let (_, longest) = tokio::try_join!(large, small)?;
        Ok(longest.as_secs_f64() * 1e3)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn head(id: &str) -> String {
    if id.is_empty() { String::new() } else { format!("\"id\":\"{id}\",") }
}

fn job(id: &str, tasks: impl Iterator<Item = String>) -> String {
    format!(r#"{{{}"tasks":{{{}}}}}"#, head(id), tasks.collect::<Vec<_>>().join(","))
}

/// A task that echoes its input; after the first ones, the output of one before.
fn task(at: usize, before: Option<usize>, needs: &str) -> String {
    let input = before.map_or_else(|| payload(SMALL), |before| format!(r#""${{{{ tasks.t{before}.output }}}}""#));
    format!(r#""t{at}":{{"kind":"demo.echo","input":{input}{needs}}}"#)
}

/// Each takes what the one before it gave.
fn chain(tasks: usize, id: &str) -> String {
    job(id, (0..tasks).map(|at| task(at, at.checked_sub(1), "")))
}

/// All others take what the first gave, and the job gives what all others gave.
fn star(tasks: usize, id: &str) -> String {
    job(id, (0..tasks).map(|at| task(at, (at > 0).then_some(0), "")))
}

/// The last needs all others.
fn fan_in(tasks: usize, id: &str) -> String {
    let last = tasks - 1;
    let needs = (0..last).map(|at| format!("\"t{at}\"")).collect::<Vec<_>>().join(",");
    let needs = format!(r#","needs":[{needs}]"#);
    job(id, (0..tasks).map(|at| task(at, None, if at == last { &needs } else { "" })))
}

/// Layers of which each task needs some of the layer before, and takes what one of them gave.
fn layers(tasks: usize, id: &str) -> String {
    let mut chance = SEED;
    job(
        id,
        (0..tasks).map(|at| {
            let Some(layer) = (at / LAYER).checked_sub(1) else { return task(at, None, "") };
            let mut needs = BTreeSet::new();
            while needs.len() < NEEDS {
                needs.insert(layer * LAYER + random(&mut chance) as usize % LAYER);
            }
            let names = needs.iter().map(|at| format!("\"t{at}\"")).collect::<Vec<_>>().join(",");
            task(at, needs.first().copied(), &format!(r#","needs":[{names}]"#))
        }),
    )
}

/// A step of xorshift: the same graph each time.
const fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

const SHAPES: [GraphShape; 4] = [
    GraphShape {
        name: "star",
        document: star,
        times: 10,
        time: STAR,
        work: "star: orchestrator CPU, likewise",
        memory: STAR_MEMORY,
        first: "star: submit to first task",
        wait: Some("star: longest answer beside it"),
    },
    GraphShape {
        name: "fan-in",
        document: fan_in,
        times: 10,
        time: FAN_IN,
        work: "fan-in: orchestrator CPU, likewise",
        memory: FAN_IN_MEMORY,
        first: "fan-in: submit to first task",
        wait: Some("fan-in: longest answer beside it"),
    },
    GraphShape {
        name: "layers",
        document: layers,
        times: 5,
        time: LAYERS,
        work: "layers: orchestrator CPU, likewise",
        memory: LAYERS_MEMORY,
        first: "layers: submit to first task",
        wait: Some("layers: longest answer beside it"),
    },
    GraphShape {
        name: "chain",
        document: chain,
        times: 1,
        time: CHAIN,
        work: "chain: orchestrator CPU, likewise",
        memory: CHAIN_MEMORY,
        first: "chain: submit to first task",
        wait: None,
    },
];
/// Number of rounds: each of these takes minutes.
const ROUNDS: usize = 1;
/// The first task of each shape.
const FIRST: &str = "t0";
const LAYER: usize = 100;
const NEEDS: usize = 3;
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// A job that nobody has to work for.
const NOTHING: &str = r#"{"kind":"warrener.sleep","input":{"for":0}}"#;
/// For such a job.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
