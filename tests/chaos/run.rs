//! Run of the rig: load, one fault after the other, calm, and the verdict.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::{self, AmqpClient};
use crate::dice::Dice;
use crate::faults::Fault;
use crate::history::now;
use crate::options::Options;
use crate::reader;
use crate::record::Record;
use crate::shapes::Shape;
use crate::table::{Row, Rows, Table};
use crate::verdict;
use crate::world::{Line, World};

/// Plays and judges.
pub(crate) async fn play(options: &Options) -> anyhow::Result<ExitCode> {
    let mut world = World::start(options.store).await.context("starting")?;
    let (possible, left_out) = Fault::possible(&world);
    skip(&left_out)?;
    let chosen = choose(&possible, &options.only)?;
    let load = Load::start(&world, options);
    sleep(WARM_UP).await;
    world.record.history().calm_until = now();
    let mut faults = Play { options, chosen, rows: Rows::new(), next: options.slice.map_or(0, |slice| slice.0) };
    let begun = Instant::now();
    let played = faults.all(&mut world, begun).await;
    let ended = match played {
        Ok(()) => load.end(&world).await,
        Err(error) => Err(error),
    };
    let judged = match ended {
        Ok(()) => verdict::reach(&mut world, options, &faults.rows, begun.elapsed()).await,
        Err(error) => Err(error),
    };
    match judged {
        Ok(totals) => {
            if let Some(file) = &options.table {
                Table::read(file)?.add(options.store, &faults.rows, &totals).write(file)?;
            }
            println!("{totals}");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            println!("BROKEN: {error:#}\nfiles: {}\nagain: {}", world.keep().display(), faults.again());
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Says what can't be done here, and notes it in the file that `SKIPPED` names.
fn skip(left_out: &[String]) -> anyhow::Result<()> {
    left_out.iter().for_each(|fault| println!("SKIPPED chaos: {fault}"));
    if let Some(file) = std::env::var_os("SKIPPED").filter(|file| !file.is_empty()) {
        let mut file = OpenOptions::new().create(true).append(true).open(file)?;
        left_out.iter().try_for_each(|fault| writeln!(file, "chaos: {fault}"))?;
    }
    Ok(())
}

fn choose(possible: &[&'static Fault], only: &[String]) -> anyhow::Result<Vec<&'static Fault>> {
    for name in only {
        ensure!(possible.iter().any(|fault| fault.name == name), "no fault {name} can be made here: see --list");
    }
    let is_chosen = |fault: &&&Fault| only.is_empty() || only.iter().any(|name| name == fault.name);
    Ok(possible.iter().filter(is_chosen).copied().collect())
}

struct Play<'a> {
    options: &'a Options,
    chosen: Vec<&'static Fault>,
    rows: Rows,
    next: u64,
}

impl Play<'_> {
    async fn all(&mut self, world: &mut World, begun: Instant) -> anyhow::Result<()> {
        let limit = Duration::from_secs(self.options.minutes * 60);
        loop {
            let is_over = self.options.slice.map_or_else(|| begun.elapsed() > limit, |slice| self.next >= slice.1);
            if is_over {
                return Ok(());
            }
            self.one(world).await?;
            self.next += 1;
        }
    }

    /// Every fault has its turn before any has its second.
    fn fault(&self) -> &'static Fault {
        let count = u64::try_from(self.chosen.len()).unwrap_or(1);
        let order = Dice::new(self.options.seed, self.next / count).shuffled(self.chosen.len());
        let place = usize::try_from(self.next % count).unwrap_or_default();
        self.chosen[order[place]]
    }

    async fn one(&mut self, world: &mut World) -> anyhow::Result<()> {
        let fault = self.fault();
        let mut dice = Dice::new(self.options.seed ^ 0xfa, self.next);
        let in_flight = world.record.in_flight();
        world.record.slow_accept();
        let begun = Instant::now();
        let struck = timeout(STRIKE, fault.strike(world, &mut dice)).await;
        let hits = struck.with_context(|| format!("{} takes too long", fault.name))?.context(fault.name)?;
        let (healed, lasted) = (now(), begun.elapsed());
        let slow = world.record.slow_accept();
        if fault.is_foreign() && slow > STRANGER {
            bail!("{}: others waited {:.1} s for the word that their job is accepted", fault.name, slow.as_secs_f64());
        }
        world.revive()?;
        let ready = world.ready(READY).await.context(fault.name)?;
        let settled = settle(world, healed, CALM, false).await.with_context(|| format!("after {}", fault.name))?;
        println!(
            "{:4} {:24} {hits} × in {:.1} s, {in_flight} in flight; ready after {:.1} s, all final after {:.1} s; {} jobs",
            self.next,
            fault.name,
            lasted.as_secs_f64(),
            ready.as_secs_f64(),
            settled.as_secs_f64(),
            world.record.history().sent.len(),
        );
        let row: &mut Row = self.rows.entry(fault.name).or_default();
        row.hits += u64::from(hits);
        row.in_flight += u64::try_from(in_flight).unwrap_or_default();
        row.slowest = row.slowest.max(settled);
        sleep(Duration::from_millis(dice.between(100, 900))).await;
        Ok(())
    }

    /// The command that plays the same faults around here again.
    fn again(&self) -> String {
        let options = self.options;
        let store = format!("{:?}", options.store).to_lowercase();
        let only = if options.only.is_empty() { String::new() } else { format!(" --only {}", options.only.join(",")) };
        let (from, to) = (options.slice.map_or_else(|| self.next.saturating_sub(2), |slice| slice.0), self.next + 1);
        let (seed, rate) = (options.seed, options.rate);
        format!(
            "cargo run -p warrener-tests --bin chaos -- --seed {seed} --store {store} --rate {rate} \
             --slice {from}..{to}{only}"
        )
    }
}

/// Waits until all jobs of before are final; those that last long only if `all`.
async fn settle(world: &mut World, before: u64, limit: Duration, all: bool) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    loop {
        let open = {
            let history = world.record.history();
            let mut open = history.open_at(before);
            open.retain(|id| all || history.sent[id].shape != Shape::Long);
            open
        };
        if open.is_empty() {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > limit {
            let mut reasons = Vec::new();
            for id in open.iter().take(10) {
                reasons.push(reader::reason(world.port, id).await);
            }
            let lines = reasons.join("\n");
            bail!("stuck: {} jobs are not final after {} s of calm:\n{lines}", open.len(), limit.as_secs());
        }
        world.revive()?;
        sleep(Duration::from_millis(100)).await;
    }
}

/// Clients at work, and the reader of what becomes of their jobs.
struct Load {
    stop: CancellationToken,
    leave: CancellationToken,
    stop_reading: CancellationToken,
    clients: Vec<JoinHandle<()>>,
    reader: JoinHandle<()>,
}

impl Load {
    fn start(world: &World, options: &Options) -> Self {
        let [stop, leave, stop_reading] = [(); 3].map(|()| CancellationToken::new());
        let pace = Duration::from_millis(1_000 * (AMQP_CLIENTS + 1) / options.rate.max(1));
        let dice = |number| Dice::new(options.seed ^ 0xc1, number);
        let over_amqp = (0..AMQP_CLIENTS).map(|number| {
            let client = AmqpClient {
                url: world.url(Line::Clients),
                queue: format!("client.chaos.{number}"),
                pace,
                dice: dice(number),
                record: world.record.clone(),
                stop: stop.clone(),
                leave: leave.clone(),
                waiting: BTreeMap::new(),
            };
            tokio::spawn(client.run())
        });
        let mut clients: Vec<_> = over_amqp.collect();
        let record = world.record.clone();
        clients.push(tokio::spawn(client::over_http(world.port, pace, dice(AMQP_CLIENTS), record, stop.clone())));
        let reader = tokio::spawn(reader::follow(world.port, world.record.clone(), stop_reading.clone()));
        Self { stop, leave, stop_reading, clients, reader }
    }

    /// Waits until every submit that was begun is accepted, and every job final.
    async fn end(self, world: &World) -> anyhow::Result<()> {
        sleep(WARM_UP).await;
        let record: &Record = &world.record;
        let begun = Instant::now();
        self.stop.cancel();
        while !record.history().unread(u64::MAX).is_empty() && begun.elapsed() < CALM_AT_LAST {
            sleep(Duration::from_millis(100)).await;
        }
        self.stop_reading.cancel();
        timeout(CALM, self.reader).await.context("reading ends")??;
        let begun = Instant::now();
        while !world.forgot && record.untold() > 0 && begun.elapsed() < TELLING {
            sleep(Duration::from_millis(200)).await;
        }
        self.leave.cancel();
        for client in self.clients {
            timeout(CALM, client).await.context("a client's submits are not accepted")??;
        }
        Ok(())
    }
}

const AMQP_CLIENTS: u64 = 3;
/// Calm at the beginning and before the end.
const WARM_UP: Duration = Duration::from_secs(4);
/// Longest time for one fault, the waits within included.
const STRIKE: Duration = Duration::from_secs(180);
/// Longest time until the orchestrator is ready again.
const READY: Duration = Duration::from_secs(60);
/// Longest time until every job is final: one time limit with its grace and a retry, where a report was lost with its
/// queue.
const CALM: Duration = Duration::from_secs(90);
/// The same for attempts that were claimed by a worker that died.
const CALM_AT_LAST: Duration = Duration::from_secs(150);
/// Longest time until the last answers came: those that a full or frozen broker kept back are tried ever less often.
const TELLING: Duration = Duration::from_secs(40);
/// Longest wait that others may have because of strangers; the machine is busy.
const STRANGER: Duration = Duration::from_secs(4);
