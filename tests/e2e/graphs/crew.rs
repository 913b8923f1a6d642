//! Four workers, made of our library, that write down what they really do and when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use warrener_runtime::config::{Binary, Loader};
use warrener_shared::state::TaskState;
use warrener_tests::cluster::Cluster;
use warrener_tests::database::Task;
use warrener_worker::{Context, Failure, Worker, WorkerError};

use super::plan::{By, Plan, name};

/// The workers and their diary.
pub(super) struct Crew {
    diary: Diary,
    slots: u32,
    stop: CancellationToken,
    workers: Vec<JoinHandle<Result<(), WorkerError>>>,
}

type Diary = Arc<Mutex<Vec<Run>>>;

/// One try, as its worker saw it; in milliseconds since 1970.
#[derive(Clone, Debug)]
struct Run {
    worker: usize,
    job: String,
    task: String,
    index: Option<u32>,
    attempt: u32,
    began: i64,
    ended: i64,
}

#[derive(Deserialize)]
struct Work {
    value: Box<RawValue>,
    ms: u64,
    conduct: String,
}

impl Crew {
    pub(super) fn start(cluster: &Cluster, count: usize, slots: u32) -> Self {
        let (diary, stop) = (Diary::default(), CancellationToken::new());
        let workers = (0..count).map(|number| {
            let variables = [
                ("WARRENER_AMQP__URL", cluster.amqp_url().to_owned()),
                ("WARRENER_AMQP__PREFIX", cluster.names().prefix().to_owned()),
                ("WARRENER_WORKER__SLOTS", slots.to_string()),
            ];
            let variables = variables.map(|(name, value)| (name.to_owned(), value));
            let diary = Arc::clone(&diary);
            let work = move |context: Context, work: Work| run(Arc::clone(&diary), number, context, work);
            let worker = Worker::load(Loader::new(Binary::Worker).environment(variables)).handle("work", work);
            tokio::spawn(worker.run_until(stop.clone()))
        });
        Self { workers: workers.collect(), diary, slots, stop }
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        for worker in self.workers {
            worker.await.unwrap().unwrap();
        }
    }

    /// How many tries there were.
    pub(super) fn runs(&self) -> usize {
        self.diary.lock().unwrap().len()
    }

    /// Tries that should not have been, or not then: without its needs recorded, twice, or never.
    pub(super) fn faults(&self, id: &str, plan: &Plan, tasks: &[Task]) -> Vec<String> {
        let runs = self.of(id);
        let mut faults = Vec::new();
        let recorded: BTreeMap<_, _> =
            tasks.iter().filter(|task| task.item.is_none()).map(|task| (task.position, task.finished_at)).collect();
        let mut counts = BTreeMap::<(usize, Option<usize>), u32>::new();
        for run in &runs {
            let place = place(run);
            for need in &plan.tasks[place].needs {
                if recorded[need].is_none_or(|at| at > run.began) {
                    faults.push(format!(
                        "{id}: {run:?} began before {} was recorded at {:?}",
                        name(*need),
                        recorded[need]
                    ));
                }
            }
            *counts.entry((place, run.index.map(|index| usize::try_from(index).unwrap()))).or_default() += 1;
        }
        for task in tasks {
            let count = counts.remove(&(task.position, task.item)).unwrap_or(0);
            let attempts = if plan.tasks[task.position].by == By::Worker { task.attempt } else { 0 };
            // One that was ended with its mapped task may not have reached a worker.
            let is_right = count == attempts || (task.state == TaskState::Cancelled && count < attempts);
            if !is_right {
                faults.push(format!(
                    "{id}/{}.{:?}: {count} runs for {} attempts",
                    name(task.position),
                    task.item,
                    task.attempt
                ));
            }
        }
        faults.extend(counts.keys().map(|stranger| format!("{id}: {stranger:?} was run and isn't there")));
        let twice = runs.iter().filter(|run| runs.iter().filter(|other| is_same(run, other)).count() > 1);
        faults.extend(twice.map(|run| format!("{id}: run twice: {run:?}")));
        faults
    }

    /// How often two tasks of a job, neither of which needs the other, ran at the same time.
    pub(super) fn overlaps(&self, id: &str, plan: &Plan) -> usize {
        let runs = self.of(id);
        let pairs = runs.iter().enumerate().flat_map(|(at, run)| runs[at + 1..].iter().map(move |other| (run, other)));
        let together = |(run, other): &(&Run, &Run)| {
            let apart = place(run) != place(other) && !plan.tasks[place(other)].needs.contains(&place(run));
            apart && run.began < other.ended && other.began < run.ended
        };
        pairs.filter(together).count()
    }

    /// Number of attempts of a job that ran at once, where that is more than may be open.
    pub(super) fn crowds(&self, id: &str, plan: &Plan) -> Option<String> {
        let runs = self.of(id);
        let at_once =
            |run: &Run| runs.iter().filter(|other| other.began <= run.began && run.began < other.ended).count();
        let (crowd, most) = (runs.iter().map(at_once).max().unwrap_or(0), plan.max_parallel?);
        (crowd > most).then(|| format!("{id}: {crowd} attempts ran at once, {most} may be open"))
    }

    /// Workers that did more at once than they have slots.
    pub(super) fn overloads(&self) -> Vec<String> {
        let mut moments: BTreeMap<usize, Vec<(i64, i32)>> = BTreeMap::new();
        for run in self.diary.lock().unwrap().iter() {
            let moments = moments.entry(run.worker).or_default();
            moments.extend([(run.began, 1), (run.ended, -1)]);
        }
        let most = |moments: &mut Vec<(i64, i32)>| {
            moments.sort_unstable();
            moments
                .iter()
                .scan(0, |open, (_, step)| {
                    *open += step;
                    Some(*open)
                })
                .max()
                .unwrap_or(0)
        };
        let slots = i32::try_from(self.slots).unwrap();
        let busy = moments.iter_mut().map(|(worker, moments)| (worker, most(moments)));
        busy.filter(|(_, most)| *most > slots)
            .map(|(worker, most)| format!("worker {worker} had {most} at once"))
            .collect()
    }

    fn of(&self, id: &str) -> Vec<Run> {
        self.diary.lock().unwrap().iter().filter(|run| run.job == id).cloned().collect()
    }
}

async fn run(diary: Diary, worker: usize, context: Context, work: Work) -> Result<Box<RawValue>, Failure> {
    let began = now();
    tokio::time::sleep(Duration::from_millis(work.ms)).await;
    let run = Run {
        worker,
        job: context.job().to_owned(),
        task: context.task().to_owned(),
        index: context.index(),
        attempt: context.attempt(),
        began,
        ended: now(),
    };
    diary.lock().unwrap().push(run);
    match work.conduct.as_str() {
        "fails" => Err(Failure::new("planned", "as planned").for_good()),
        "stumbles" if context.attempt() == 1 => Err(Failure::new("planned", "as planned, once")),
        _ => Ok(work.value),
    }
}

fn place(run: &Run) -> usize {
    run.task.trim_start_matches('t').split('.').next().unwrap().parse().unwrap()
}

fn is_same(run: &Run, other: &Run) -> bool {
    (&run.task, run.index, run.attempt) == (&other.task, other.index, other.attempt)
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
