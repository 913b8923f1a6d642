//! The stores beside each other: PostgreSQL, and SQLite in the same rounds.

use warrener_orchestrator::store::postgres::Scratch;
use warrener_shared::wire::topology::Names;

use super::args::{BenchArgs, BenchRow};
use super::measure::Measure;
use super::promise::POSTGRES_TASKS;
use super::rounds::{Rounds, rate};
use super::stage::TestBed;
use super::system::System;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// Measures a system of its own on a database of its own beside the one on the stage.
pub(super) async fn measure(stage: &TestBed, args: &BenchArgs, rounds: &Rounds<'_>) -> Result<Vec<Measure>, Failure> {
    let Some(server) = &args.postgres else {
        let failure = Failure::new(Exit::Usage, "the row postgres needs a server");
        return Err(failure.hint("name it with --postgres URL"));
    };
    let name = format!("warrener_bench_{}", std::process::id());
    let scratch = Scratch::create(server, &name).map_err(|error| Failure::new(Exit::Error, error.to_string()))?;
    let names = Names::new(&format!("{}-postgres", stage.system.names.prefix()));
    let mut system = System::new(&stage.url, names, args.slots)?;
    let measures = match system.start(&[("WARRENER_STORE__URL", scratch.url().to_owned())]).await {
        Ok(_) => compare(&system, args, rounds).await,
        Err(failure) => Err(failure),
    };
    system.strike(&stage.wire).await?;
    drop(scratch);
    measures
}

/// Mapped tasks and single jobs, on each of the two in turn.
async fn compare(system: &System, args: &BenchArgs, rounds: &Rounds<'_>) -> Result<Vec<Measure>, Failure> {
    let (mut tasks, mut jobs) = (Vec::new(), Vec::new());
    let count = (args.tasks / 4).max(1);
    rounds.warm_up_with(system).await?;
    for round in 1..=args.rounds {
        let both = (rounds.mapped_with(system).await?, rounds.mapped_with(rounds.own()).await?);
        tasks.push((rate(args.tasks, both.0.whole), rate(args.tasks, both.1.whole)));
        let both = (rounds.single_with(system, count).await?, rounds.single_with(rounds.own(), count).await?);
        jobs.push((rate(count, both.0.whole), rate(count, both.1.whole)));
        if talk::is_watched() {
            let (ours, theirs) = tasks[round - 1];
            talk::say(&format!("  round {round}: PostgreSQL {ours:.0}/s, SQLite {theirs:.0}/s"));
        }
    }
    Ok(vec![
        Measure::compared(BenchRow::Postgres, POSTGRES_TASKS, "/s", &tasks),
        Measure::compared(BenchRow::Postgres, "single jobs, beside SQLite", "/s", &jobs),
    ])
}
