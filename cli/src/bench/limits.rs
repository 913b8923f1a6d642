//! Limits and shared queues: what they cost a job beside none, and how fair a queue is while a tenant floods it.

use std::time::Duration;

use warrener_client::http::JobQuery;
use warrener_shared::wire::topology::Names;

use super::args::{BenchArgs, BenchRow};
use super::measure::{Measure, milliseconds, percentile};
use super::promise::{FAIR, IDLE_LIMIT, JAIN, KEYS, QUIET};
use super::rounds::{Rounds, Work, rate};
use super::stage::TestBed;
use super::system::{System, Variable};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// Measures systems of their own, each beside the one on the stage, which has no limits.
pub(super) async fn measure(stage: &TestBed, args: &BenchArgs, rounds: &Rounds<'_>) -> Result<Vec<Measure>, Failure> {
    let mut measures = Vec::new();
    for (what, settings) in [(IDLE_LIMIT, idle_limit()), (KEYS, one_at_once()), (FAIR, shared())] {
        let prefix = format!("{}-limits{}", stage.system.names.prefix(), measures.len());
        let mut system = System::new(&stage.url, Names::new(&prefix), args.slots)?;
        let bench = Bench { stage, args, rounds };
        let measured = match system.start(&settings).await {
            Ok(_) => bench.all_of(&system, what).await,
            Err(failure) => Err(failure),
        };
        system.strike(&stage.wire).await?;
        measures.extend(measured?);
    }
    Ok(measures)
}

/// A limit that counts no task of this benchmark.
fn idle_limit() -> Vec<Variable> {
    vec![
        ("WARRENER_LIMITS__OTHER__ON", "kind:other.*".to_owned()),
        ("WARRENER_LIMITS__OTHER__KEY", TENANT.to_owned()),
        ("WARRENER_LIMITS__OTHER__CONCURRENCY", "1".to_owned()),
    ]
}

/// Limit of one attempt of each tenant at once.
fn one_at_once() -> Vec<Variable> {
    vec![
        ("WARRENER_LIMITS__TENANT__ON", "kind:demo.*".to_owned()),
        ("WARRENER_LIMITS__TENANT__KEY", TENANT.to_owned()),
        ("WARRENER_LIMITS__TENANT__CONCURRENCY", "1".to_owned()),
    ]
}

/// A queue that the tenants share.
fn shared() -> Vec<Variable> {
    vec![("WARRENER_QUEUES__DEFAULT__FAIR_BY", TENANT.to_owned())]
}

struct Bench<'a> {
    stage: &'a TestBed,
    args: &'a BenchArgs,
    rounds: &'a Rounds<'a>,
}

impl Bench<'_> {
    async fn all_of(&self, system: &System, what: &'static str) -> Result<Vec<Measure>, Failure> {
        self.say(what);
        let mut measures = vec![self.beside_none(system, what).await?];
        if what == FAIR {
            measures.extend(self.flooded(system).await?);
        }
        Ok(measures)
    }

    /// Single jobs of many tenants, on the system and on the one without limits in turn.
    async fn beside_none(&self, system: &System, what: &'static str) -> Result<Measure, Failure> {
        let (count, mut pairs) = ((self.args.tasks / 4).max(1), Vec::new());
        let work = |count| Work { body: of_many, count, window: WINDOW };
        self.rounds.varied(system, work(WARM_UP)).await?;
        for round in 1..=self.args.rounds {
            let ours = self.rounds.varied(system, work(count)).await?;
            let none = self.rounds.varied(self.rounds.own(), work(count)).await?;
            pairs.push((rate(count, ours.whole), rate(count, none.whole)));
            let (ours, none) = pairs[round - 1];
            self.say(&format!("  round {round}: {ours:.0}/s, without limits {none:.0}/s"));
        }
        Ok(Measure::compared(BenchRow::Limits, what, "/s", &pairs))
    }

    /// A tenant floods the queue: how evenly it and others are served, and how long one waits that wants little.
    async fn flooded(&self, system: &System) -> Result<Vec<Measure>, Failure> {
        let quiet = || Work { body: of_quiet, count: ROUNDTRIPS, window: 1 };
        let mut alone = Vec::new();
        for _ in 0..self.args.rounds {
            alone.push(p99(&self.rounds.varied(system, quiet()).await?.each));
        }
        let jain = self.crowd(system).await?;
        tokio::time::sleep(SETTLED).await;
        let mut pairs = Vec::new();
        for alone in alone {
            let flooded = p99(&self.rounds.varied(system, quiet()).await?.each);
            if !self.is_flooded(system).await? {
                break;
            }
            pairs.push((flooded, alone));
        }
        if pairs.is_empty() {
            let failure = Failure::new(Exit::Error, "measuring: the flood was over too soon");
            return Err(failure.hint("let it have more jobs, with --flood"));
        }
        Ok(vec![
            Measure::new(BenchRow::Limits, JAIN, "", jain),
            Measure::compared(BenchRow::Limits, QUIET, "ms", &pairs),
        ])
    }

    /// Tells whether jobs of the flood still wait.
    async fn is_flooded(&self, system: &System) -> Result<bool, Failure> {
        let flood = JobQuery { filter: Some(FLOOD_OPEN.to_owned()), limit: Some(1), cursor: None };
        Ok(!system.client()?.jobs(&flood).await?.value.items.is_empty())
    }

    /// Jain's index of the shares that tenants get of a queue for as long as all of them have jobs waiting, of whom one
    /// has many times more than the others.
    async fn crowd(&self, system: &System) -> Result<f64, Failure> {
        let client = system.client()?;
        client.steer_queue("default", "pause").await?;
        let crowd = Work { body: of_crowd, count: TENANTS * JOBS_EACH, window: TENANTS * JOBS_EACH };
        let fill = async {
            // The first of the flood go out in turn with the others, and are answered as they are.
            self.taken(system).await?;
            self.rounds.flood(system, &flood(), self.args.flood as usize).await?;
            self.taken(system).await?;
            Ok(client.steer_queue("default", "resume").await?)
        };
        let (took, ()) = tokio::try_join!(self.rounds.varied(system, crowd), fill)?;
        let mut served = [0_usize; TENANTS];
        for tenant in took.order.iter().map(|number| number % TENANTS) {
            served[tenant] += 1;
            if served[tenant] == JOBS_EACH {
                break;
            }
        }
        Ok(jain(&served))
    }

    /// Waits until the orchestrator has taken what was submitted.
    async fn taken(&self, system: &System) -> Result<(), Failure> {
        let mut looks = 0;
        while looks < LOOKS {
            looks = if self.stage.wire.depth(&system.names.submit()).await? == 0 { looks + 1 } else { 0 };
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn say(&self, text: &str) {
        if talk::is_watched() {
            talk::say(text);
        }
    }
}

fn p99(each: &[Duration]) -> f64 {
    percentile(milliseconds(each), 99)
}

/// Jain's index: 1 if all get the same, and one by their number if one gets all.
fn jain(shares: &[usize]) -> f64 {
    let sum: f64 = shares.iter().map(|share| *share as f64).sum();
    let squares: f64 = shares.iter().map(|share| (*share as f64).powi(2)).sum();
    if squares == 0.0 { 0.0 } else { sum * sum / (shares.len() as f64 * squares) }
}

fn of_many(number: usize) -> String {
    job(&format!("t{}", number % MANY))
}

fn of_quiet(_number: usize) -> String {
    job("quiet")
}

/// Job of a tenant of the crowd; the first is the one that floods.
fn of_crowd(number: usize) -> String {
    match number % TENANTS {
        0 => flood(),
        tenant => job(&format!("c{tenant}")),
    }
}

fn flood() -> String {
    job("flood")
}

fn job(tenant: &str) -> String {
    format!(r#"{{"kind":"demo.echo","labels":{{"tenant":"{tenant}"}},"input":"{}"}}"#, "x".repeat(PAYLOAD))
}

/// Key of a limit, and of a shared queue.
const TENANT: &str = "${{ job.labels.tenant }}";
/// Filter of what is left of the flood.
const FLOOD_OPEN: &str = "state:running label.tenant:flood";
/// Tenants of a limit, or of a shared queue.
const MANY: usize = 10_000;
/// Tenants beside and with the one that floods.
const TENANTS: usize = 21;
/// Jobs of each that are counted.
const JOBS_EACH: usize = 200;
/// Jobs of the tenant that wants little, one after another.
const ROUNDTRIPS: usize = 100;
const WARM_UP: usize = 500;
/// Jobs that a client waits for at a time.
const WINDOW: usize = 200;
/// Bytes of an input.
const PAYLOAD: usize = 200;
/// Time after which windows have the size that they have under a flood.
const SETTLED: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Looks in a row that find nothing: between its queue and the database a job is seen nowhere, but not for so long.
const LOOKS: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_says_how_even_shares_are() {
        assert_eq!((jain(&[5, 5, 5]), jain(&[9, 0, 0]), jain(&[0, 0])), (1.0, 1.0 / 3.0, 0.0));
        assert!((jain(&[1, 2, 3]) - 36.0 / 42.0).abs() < 1e-9);
    }
}
