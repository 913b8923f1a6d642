//! The rows that are curves: throughput against the size of a job, latency against the load.

use std::time::Instant;

use super::super::args::BenchRow;
use super::super::load::{Load, Took};
use super::super::measure::{Measure, median, milliseconds, percentile};
use super::super::stage::{ANSWERS, RAW_RESULTS, RAW_SUBMIT, RAW_TASKS};
use super::{Rounds, SMALL, WINDOW, mapped, rate, single};
use crate::failure::Failure;

impl Rounds<'_> {
    /// About as many tasks at each size, as jobs of which some are under way at a time.
    pub(super) async fn sizes(&self) -> Result<Vec<Measure>, Failure> {
        let mut pairs = vec![Vec::new(); SIZES.len()];
        for round in self.rounds("sizes") {
            for (size, pairs) in SIZES.into_iter().zip(&mut pairs) {
                let jobs = (self.args.tasks / size).clamp(1, MOST_JOBS);
                let raw = self.messages_of(jobs, size).await?;
                let window = (UNDER_WAY / size).clamp(1, WINDOW);
                let took = self.jobs(mapped(size, SMALL), jobs, window).await?;
                pairs.push((rate(jobs * size, took.whole), rate(jobs * size, raw)));
                self.say_pair(round, pairs);
            }
        }
        let points = SIZES.into_iter().zip(&pairs);
        Ok(points.map(|(size, pairs)| tasks_of(pairs).at(size as f64)).collect())
    }

    /// The broker alone with as many messages as these jobs are: four for the first task of each, submit and reply
    /// among them, and two for every other.
    async fn messages_of(&self, jobs: usize, size: usize) -> Result<std::time::Duration, Failure> {
        let wire = &self.stage.wire;
        let begun = Instant::now();
        let first = self.bare(RAW_SUBMIT, ANSWERS, jobs, WINDOW, SMALL).run(wire);
        let others = async {
            match jobs * (size - 1) {
                0 => Ok(None),
                count => self.bare(RAW_TASKS, RAW_RESULTS, count, usize::MAX >> 4, SMALL).run(wire).await.map(Some),
            }
        };
        tokio::try_join!(first, others)?;
        Ok(begun.elapsed())
    }

    /// Single jobs that come by the clock, whether those before are done or not: so many of what is possible at most.
    pub(super) async fn offered(&self) -> Result<Vec<Measure>, Failure> {
        let mut most = Vec::new();
        for _ in self.rounds("load, the most that is possible") {
            let jobs = (self.args.tasks / 4).max(1);
            most.push(rate(jobs, self.jobs(single(), jobs, WINDOW).await?.whole));
        }
        let most = median(most);
        let mut spans = vec![(Vec::new(), Vec::new()); PERCENTS.len()];
        for _ in self.rounds("load, and parts of it") {
            for (percent, (ours, raws)) in PERCENTS.into_iter().zip(&mut spans) {
                let pace = most * percent / 100.0;
                self.say(&format!("  {percent} %: {pace:.0}/s"));
                raws.extend(milliseconds(&self.paced(false, pace).await?.each));
                ours.extend(milliseconds(&self.paced(true, pace).await?.each));
            }
        }
        let points = PERCENTS.into_iter().zip(spans).flat_map(|(percent, (ours, raws))| {
            let at = |what, part| {
                let value = percentile(ours.clone(), part);
                let raw = Some(percentile(raws.clone(), part));
                Measure { raw, ..Measure::new(BenchRow::Load, what, "ms", value) }.at(most * percent / 100.0)
            };
            [at(P50, 50), at(P99, 99)]
        });
        let limit = Measure::new(BenchRow::Load, "most that is possible", "/s", most);
        Ok(std::iter::once(limit).chain(points.collect::<Vec<_>>()).collect())
    }

    async fn paced(&self, is_ours: bool, pace: f64) -> Result<Took, Failure> {
        // Nothing is held back: what waits is to be seen in the answers' times.
        let (count, window) = (((pace * SECONDS) as usize).max(1), usize::MAX >> 4);
        let load = if is_ours {
            self.load(single(), count, window)
        } else {
            self.bare(RAW_SUBMIT, ANSWERS, count, window, super::PAYLOAD)
        };
        Load { pace: Some(pace), ..load }.run(&self.stage.wire).await
    }
}

fn tasks_of(pairs: &[(f64, f64)]) -> Measure {
    Measure::compared(BenchRow::Sizes, TASKS, "/s", pairs)
}

/// Name of the points of the plots.
pub(in crate::bench) const TASKS: &str = "tasks, size of the job";
pub(in crate::bench) const P50: &str = "p50, jobs in a second";
pub(in crate::bench) const P99: &str = "p99, jobs in a second";
/// Tasks of a job.
const SIZES: [usize; 6] = [1, 10, 100, 1_000, 10_000, 100_000];
/// A job of one task is several times as much work as a task of a large one.
const MOST_JOBS: usize = 5_000;
/// Tasks under way at a time, where jobs are smaller than that.
const UNDER_WAY: usize = 20_000;
/// Offered load, in percent of the most that is possible.
const PERCENTS: [f64; 5] = [10.0, 25.0, 50.0, 75.0, 90.0];
/// Time at each load in each round.
const SECONDS: f64 = 5.0;
