//! The end of a run: everything is read once more, put together and judged.

use std::time::Duration;

use anyhow::{bail, ensure};

use crate::history::{Ending, History};
use crate::judge::judge;
use crate::options::{Mutilation, Options};
use crate::table::{Rows, Totals};
use crate::world::World;
use crate::{reader, trace};

/// Judges.
///
/// # Errors
/// Everything that is wrong, or that too little happened.
pub(crate) async fn reach(
    world: &mut World,
    options: &Options,
    rows: &Rows,
    lasted: Duration,
) -> anyhow::Result<Totals> {
    let (runs, torn) = trace::read(&world.traces())?;
    let mut history = world.record.history().clone();
    history.runs = runs;
    history.listed = reader::states(world.port).await?;
    history.dead = reader::dead(world.port).await?;
    history.must_answer = !world.forgot;
    if let Some(mutilation) = options.mutilate {
        spoil(&mut history, mutilation);
    }
    let breaches = judge(&history);
    if !breaches.is_empty() {
        let lines: Vec<_> =
            breaches.iter().take(20).map(|breach| format!("{}: {}", breach.rule, breach.what)).collect();
        bail!("{} things are wrong:\n{}", breaches.len(), lines.join("\n"));
    }
    let panics = world.panics();
    ensure!(panics.is_empty(), "code panicked: {panics:?}");
    ensure!(world.ended == 0, "the orchestrator ended by itself {} times", world.ended);
    ensure!(torn < 20, "{torn} lines of workers can't be read");
    if options.keep {
        println!("files: {}", world.keep().display());
    }
    let number = |count: usize| u64::try_from(count).unwrap_or_default();
    let totals = Totals {
        seconds: lasted.as_secs(),
        jobs: number(history.accepted()),
        tasks: number(history.tasks()),
        runs: number(history.runs.len()),
        faults: rows.values().map(|row| row.hits).sum(),
    };
    is_enough(options, rows, &totals)?;
    Ok(totals)
}

/// A run in which little happens proves nothing.
fn is_enough(options: &Options, rows: &Rows, totals: &Totals) -> anyhow::Result<()> {
    let idle: Vec<_> = rows.iter().filter(|(_, row)| row.hits == 0).map(|(name, _)| *name).collect();
    ensure!(idle.is_empty(), "these faults never struck: {}", idle.join(", "));
    let jobs = totals.seconds * options.rate / 8;
    ensure!(totals.jobs >= jobs, "{} jobs are too few for {} s: at least {jobs}", totals.jobs, totals.seconds);
    ensure!(totals.faults > 0, "no fault struck");
    let turns = if options.slice.is_none() { options.minutes * 2 } else { 1 };
    ensure!(totals.faults >= turns, "{} faults are too few for {} min", totals.faults, options.minutes);
    Ok(())
}

fn spoil(history: &mut History, mutilation: Mutilation) {
    let Some(id) = history.ends.iter().find(|(_, end)| end.tasks.len() > 2 && end.state == "succeeded") else { return };
    let id = id.0.clone();
    match mutilation {
        Mutilation::Lose => drop(history.listed.remove(&id)),
        Mutilation::Stick => drop(history.ends.remove(&id)),
        Mutilation::Double => {
            if let Some(end) = history.ends.get_mut(&id) {
                let again =
                    end.events.iter().find(|event| !event.task.is_empty() && event.state == "succeeded").cloned();
                end.events.splice(1..1, again);
            }
        }
        Mutilation::Invent => {
            history.runs.retain(|run| run.job != id || run.ended.is_none_or(|(_, how)| how != Ending::Gave))
        }
        Mutilation::Hurry => history.runs.iter_mut().filter(|run| run.job == id).for_each(|run| run.began = 1),
    }
}
