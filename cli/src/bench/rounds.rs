//! The rows: what is sent, how often, and what is made of it.

mod curves;
mod language;
mod shapes;

use std::time::Duration;

use tokio::time::Instant;

use warrener_shared::wire::submit::JOBS;
use warrener_shared::wire::topology::KEY_SUBMIT;

pub(super) use self::curves::{P50, P99, TASKS};
use super::args::{BenchArgs, BenchRow};
use super::load::{Load, Took};
use super::measure::{Measure, milliseconds, percentile};
use super::process::{cpu, forget_peak, peak};
use super::promise::{LARGE_JOB, MEMORY, ORCHESTRATOR_CPU};
use super::stage::{ANSWERS, RAW_RESULTS, RAW_SUBMIT, RAW_TASKS, TestBed};
use super::system::System;
use super::wire::PATIENCE;
use crate::failure::Failure;
use crate::talk;

/// Rounds on a stage.
#[derive(Debug)]
pub(super) struct Rounds<'a> {
    stage: &'a TestBed,
    args: &'a BenchArgs,
}

impl<'a> Rounds<'a> {
    pub(super) const fn new(stage: &'a TestBed, args: &'a BenchArgs) -> Self {
        Self { stage, args }
    }

    /// Makes sure that everything answers, and gives windows and caches the size that they will have.
    pub(super) async fn warm_up(&self) -> Result<(), Failure> {
        self.say("warming up");
        self.jobs(single(), WARM_UP, WINDOW).await?;
        self.jobs(mapped(WARM_UP, PAYLOAD), 1, 1).await?;
        self.raw(RAW_TASKS, RAW_RESULTS, WARM_UP, WINDOW).await?;
        self.raw(RAW_SUBMIT, ANSWERS, WARM_UP, WINDOW).await?;
        Ok(())
    }

    pub(super) async fn measure(&self, row: BenchRow) -> Result<Vec<Measure>, Failure> {
        match row {
            BenchRow::Mapped => self.mapped().await,
            BenchRow::Single => self.single().await,
            BenchRow::Forget => self.forget().await,
            BenchRow::Roundtrip => self.latency(row, &single(), ROUNDTRIPS).await,
            BenchRow::Chain => self.latency(row, &chain(), CHAINS).await,
            BenchRow::Fan => self.latency(row, &fan(), FANS).await,
            BenchRow::Scale => self.scale().await,
            BenchRow::Shapes => self.shapes().await,
            BenchRow::Language => self.language().await,
            BenchRow::Sizes => self.sizes().await,
            BenchRow::Load => self.offered().await,
            // On orchestrators of their own.
            BenchRow::Postgres | BenchRow::Limits | BenchRow::Large => Ok(Vec::new()),
        }
    }

    async fn mapped(&self) -> Result<Vec<Measure>, Failure> {
        let (tasks, mut pairs, mut used) = (self.args.tasks, Vec::new(), Vec::new());
        for round in self.rounds("mapped") {
            let raw = self.raw(RAW_TASKS, RAW_RESULTS, tasks, usize::MAX >> 4).await?;
            let before = self.used();
            let took = self.jobs(mapped(tasks, PAYLOAD), 1, 1).await?;
            used.push(per_task(before, self.used(), tasks));
            pairs.push((rate(tasks, took.whole), rate(tasks, raw.whole)));
            self.say_pair(round, &pairs);
        }
        let tasks = Measure::compared(BenchRow::Mapped, "tasks", "/s", &pairs);
        Ok(std::iter::once(tasks).chain(costs(BenchRow::Mapped, &used)).collect())
    }

    async fn single(&self) -> Result<Vec<Measure>, Failure> {
        let (jobs, mut pairs, mut used) = ((self.args.tasks / 4).max(1), Vec::new(), Vec::new());
        for round in self.rounds("single") {
            let raw = self.raw(RAW_SUBMIT, ANSWERS, jobs, WINDOW).await?;
            let before = self.used();
            let took = self.jobs(single(), jobs, WINDOW).await?;
            used.push(per_task(before, self.used(), jobs));
            pairs.push((rate(jobs, took.whole), rate(jobs, raw.whole)));
            self.say_pair(round, &pairs);
        }
        let jobs = Measure::compared(BenchRow::Single, "jobs", "/s", &pairs);
        Ok(std::iter::once(jobs).chain(costs(BenchRow::Single, &used)).collect())
    }

    /// Jobs that nobody waits for, until the last is over: as a producer that only wants things done. Each in a message
    /// of its own, and many in one.
    async fn forget(&self) -> Result<Vec<Measure>, Failure> {
        let (mut rates, mut used) = (Vec::new(), Vec::new());
        let mut together = Vec::new();
        let messages = (self.args.tasks / 4).max(1);
        let list = format!("[{}]", vec![single(); TOGETHER].join(","));
        for _ in self.rounds("forget") {
            let (rate, cost) = self.tell(self.load(single(), messages, messages), messages).await?;
            rates.push(rate);
            used.push(cost);
            let messages = messages.div_ceil(TOGETHER);
            let lists = Load { kind: JOBS, ..self.load(list.clone(), messages, messages) };
            together.push(self.tell(lists, messages * TOGETHER).await?.0);
        }
        let jobs = Measure::of_rounds(BenchRow::Forget, "jobs", "/s", rates);
        let lists = Measure::of_rounds(BenchRow::Forget, "jobs, 100 in a message", "/s", together);
        let mut measures = vec![jobs, lists];
        measures.extend(costs(BenchRow::Forget, &used));
        Ok(measures)
    }

    async fn tell(&self, load: Load, jobs: usize) -> Result<(f64, [Option<f64>; 4]), Failure> {
        let before = self.used();
        let start = Instant::now();
        load.tell(&self.stage.wire).await?;
        let end = self.stage.system.wait_until_idle(&self.stage.wire).await?;
        Ok((rate(jobs, end - start), per_task(before, self.used(), jobs)))
    }

    /// Runs a job after the other, beside as many messages over the four hops that a task needs.
    async fn latency(&self, row: BenchRow, job: &str, count: usize) -> Result<Vec<Measure>, Failure> {
        let (mut ours, mut raws) = (Vec::new(), Vec::new());
        for _ in self.rounds(&row.to_string()) {
            if row == BenchRow::Roundtrip {
                raws.extend(milliseconds(&self.raw(RAW_SUBMIT, ANSWERS, count, 1).await?.each));
            }
            ours.push(milliseconds(&self.jobs(job.to_owned(), count, 1).await?.each));
        }
        let at = |what, percent| {
            let raw = (!raws.is_empty()).then(|| percentile(raws.clone(), percent));
            let rounds = ours.iter().map(|round| percentile(round.clone(), percent)).collect();
            // Over all rounds: a p99 of one round is its second worst.
            let value = percentile(ours.concat(), percent);
            Measure { raw, value, ..Measure::of_rounds(row, what, "ms", rounds) }
        };
        Ok(vec![at("p50", 50), at("p99", 99)])
    }

    async fn scale(&self) -> Result<Vec<Measure>, Failure> {
        let orchestrator = self.stage.system.orchestrator();
        let (mut times, mut work, mut memory) = (Vec::new(), Vec::new(), 0.0_f64);
        for _ in self.rounds("scale").take(SCALE_ROUNDS) {
            let (few, few_used) = self.cost_of(SMALL_JOB_TASKS, SMALL_JOB_TIMES).await?;
            forget_peak(orchestrator);
            let (many, many_used) = self.cost_of(LARGE_JOB_TASKS, 1).await?;
            memory = memory.max(peak(orchestrator).unwrap_or(0.0));
            times.push(many / few);
            work.push(many_used / few_used);
        }
        Ok(vec![
            Measure::of_rounds(BenchRow::Scale, LARGE_JOB, "", times),
            Measure::of_rounds(BenchRow::Scale, "orchestrator CPU, likewise", "", work),
            Measure::new(BenchRow::Scale, MEMORY, "MB", memory),
        ])
    }

    /// Seconds, and the orchestrator's seconds of CPU, for each task of jobs of so many.
    async fn cost_of(&self, tasks: usize, times: usize) -> Result<(f64, f64), Failure> {
        self.cost(mapped(tasks, SMALL), tasks, times).await
    }

    /// The same of this job, which has so many tasks.
    async fn cost(&self, job: String, tasks: usize, times: usize) -> Result<(f64, f64), Failure> {
        let orchestrator = self.stage.system.orchestrator();
        let before = cpu(orchestrator);
        let patience = PATIENCE + STEP * u32::try_from(tasks).unwrap_or(u32::MAX);
        let took = Load { patience, ..self.load(job, times, 1) }.run(&self.stage.wire).await?;
        let used = cpu(orchestrator).zip(before).map_or(Duration::ZERO, |(after, before)| after - before);
        let all = (tasks * times) as f64;
        Ok((took.whole.as_secs_f64() / all, used.as_secs_f64() / all))
    }

    /// The system that is measured.
    pub(super) const fn own(&self) -> &System {
        &self.stage.system
    }

    /// The same as [`warm_up`](Self::warm_up) of another system.
    pub(super) async fn warm_up_with(&self, system: &System) -> Result<(), Failure> {
        self.say("measuring postgres");
        self.single_with(system, WARM_UP).await?;
        self.on(system, mapped(WARM_UP, PAYLOAD), 1, 1).await.map(drop)
    }

    /// Runs a mapped job on a system.
    pub(super) async fn mapped_with(&self, system: &System) -> Result<Took, Failure> {
        self.on(system, mapped(self.args.tasks, PAYLOAD), 1, 1).await
    }

    /// Runs so many single jobs on a system.
    pub(super) async fn single_with(&self, system: &System, count: usize) -> Result<Took, Failure> {
        self.on(system, single(), count, WINDOW).await
    }

    /// Runs jobs on a system, each of which may be another.
    pub(super) async fn varied(&self, system: &System, work: Work) -> Result<Took, Failure> {
        let Work { body, count, window } = work;
        let load = Load { body_of: Some(body), ..self.load(String::new(), count, window) };
        Load { exchange: system.names.submit(), ..load }.run(&self.stage.wire).await
    }

    /// Submits so many of a job to a system, without an answer.
    pub(super) async fn flood(&self, system: &System, job: &str, count: usize) -> Result<(), Failure> {
        let list = format!("[{}]", vec![job; TOGETHER].join(","));
        let messages = count.div_ceil(TOGETHER);
        let lists = Load { kind: JOBS, exchange: system.names.submit(), ..self.load(list, messages, messages) };
        lists.tell(&self.stage.wire).await
    }

    async fn on(&self, system: &System, job: String, count: usize, window: usize) -> Result<Took, Failure> {
        Load { exchange: system.names.submit(), ..self.load(job, count, window) }.run(&self.stage.wire).await
    }

    /// Submits a job again and again and waits for the end of each.
    async fn jobs(&self, job: String, count: usize, window: usize) -> Result<Took, Failure> {
        self.load(job, count, window).run(&self.stage.wire).await
    }

    fn load(&self, job: String, count: usize, window: usize) -> Load {
        Load {
            exchange: self.stage.system.names.submit(),
            key: KEY_SUBMIT.to_owned(),
            kind: "",
            answers: self.stage.named(ANSWERS),
            body: job.into_bytes().into(),
            body_of: None,
            count,
            window,
            expected: br#""state":"succeeded""#,
            pace: None,
            patience: PATIENCE,
        }
    }

    /// Sends bare messages from queue to queue.
    async fn raw(&self, queue: &str, answers: &str, count: usize, window: usize) -> Result<Took, Failure> {
        self.bare(queue, answers, count, window, PAYLOAD).run(&self.stage.wire).await
    }

    fn bare(&self, queue: &str, answers: &str, count: usize, window: usize, bytes: usize) -> Load {
        Load {
            exchange: String::new(),
            key: self.stage.named(queue),
            kind: "",
            answers: self.stage.named(answers),
            body: payload(bytes).into_bytes().into(),
            body_of: None,
            count,
            window,
            expected: b"",
            pace: None,
            patience: PATIENCE,
        }
    }

    fn rounds(&self, row: &str) -> impl Iterator<Item = usize> {
        self.say(&format!("measuring {row}"));
        0..self.args.rounds
    }

    fn used(&self) -> Used {
        let system = &self.stage.system;
        let ours = std::process::id();
        [Some(system.orchestrator()), Some(system.worker()), self.args.broker_pid, Some(ours)].map(|id| cpu(id?))
    }

    fn say_pair(&self, round: usize, pairs: &[(f64, f64)]) {
        if let Some((ours, raw)) = pairs.last() {
            self.say(&format!("  round {}: {ours:.0}/s, broker alone {raw:.0}/s", round + 1));
        }
    }

    fn say(&self, text: &str) {
        if talk::is_watched() {
            talk::say(text);
        }
    }
}

/// Jobs to be run, and how many of them at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Body of the job of a number, from 0.
    pub(super) body: fn(usize) -> String,
    pub(super) count: usize,
    /// Jobs that the client waits for at a time.
    pub(super) window: usize,
}

/// Processor time that each role has used so far.
type Used = [Option<Duration>; ROLES.len()];

/// The medians of what each role used for a task.
fn costs(row: BenchRow, used: &[[Option<f64>; 4]]) -> Vec<Measure> {
    let of = |role: usize| used.iter().map(|round| round[role]).collect::<Option<Vec<_>>>();
    let costs = ROLES.iter().enumerate().filter_map(|(role, what)| Some((*what, of(role)?)));
    costs.map(|(what, costs)| Measure::of_rounds(row, what, "µs", costs)).collect()
}

/// Microseconds of CPU for each task.
fn per_task(before: Used, after: Used, tasks: usize) -> [Option<f64>; 4] {
    let spent = |role: usize| Some((after[role]? - before[role]?).as_secs_f64() * 1e6 / tasks as f64);
    [spent(0), spent(1), spent(2), spent(3)]
}

pub(super) fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn payload(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes.saturating_sub(2)))
}

pub(super) fn single() -> String {
    format!(r#"{{"kind":"demo.echo","input":{}}}"#, payload(PAYLOAD))
}

fn mapped(items: usize, bytes: usize) -> String {
    let items = vec![payload(bytes); items].join(",");
    format!(
        r#"{{"tasks":{{"each":{{"kind":"demo.echo","for_each":[{items}],"input":"${{{{ item }}}}"}}}},"output":null}}"#
    )
}

fn chain() -> String {
    let echo = |input: &str| format!(r#"{{"kind":"demo.echo","input":{input}}}"#);
    let link = |before: &str| echo(&format!(r#""${{{{ tasks.{before}.output }}}}""#));
    format!(r#"{{"tasks":{{"a":{},"b":{},"c":{}}}}}"#, echo(&payload(PAYLOAD)), link("a"), link("b"))
}

fn fan() -> String {
    let first = format!(r#"{{"kind":"demo.echo","input":{}}}"#, payload(PAYLOAD));
    let items = (0..FAN).map(|item| item.to_string()).collect::<Vec<_>>().join(",");
    let each =
        format!(r#"{{"kind":"demo.echo","needs":"a","for_each":[{items}],"input":"${{{{ tasks.a.output }}}}"}}"#);
    let last = r#"{"kind":"demo.echo","input":"${{ tasks.b.output }}"}"#;
    format!(r#"{{"tasks":{{"a":{first},"b":{each},"c":{last}}},"output":null}}"#)
}

const ROLES: [&str; 4] = [ORCHESTRATOR_CPU, "worker CPU for each", "broker CPU for each", "client CPU for each"];
/// Bytes of an input.
const PAYLOAD: usize = 200;
/// Bytes of an input where so many are in one job that larger ones would exceed the limit of a submit.
const SMALL: usize = 20;
/// Jobs of a warm-up.
const WARM_UP: usize = 500;
/// Jobs that a client waits for at a time.
const WINDOW: usize = 200;
/// Jobs of one message, where many are.
const TOGETHER: usize = 100;
const ROUNDTRIPS: usize = 200;
const CHAINS: usize = 100;
const FANS: usize = 20;
const FAN: usize = 100;
/// Longest time for one task after another, on a machine that is busy.
const STEP: Duration = Duration::from_millis(20);
/// Tasks of the small job that a large one is compared with.
const SMALL_JOB_TASKS: usize = 1000;
/// Times that the small job runs in a round, so that both measures take about as long.
const SMALL_JOB_TIMES: usize = 10;
const LARGE_JOB_TASKS: usize = 100_000;
/// Fewer rounds than usual: each of these takes a minute on a small machine.
const SCALE_ROUNDS: usize = 2;
