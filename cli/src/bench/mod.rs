//! `warrener bench`: how fast it is here, against the broker alone under the same load in the same run.

mod args;
mod bulk;
mod large;
mod limits;
mod load;
mod machine;
mod measure;
mod plot;
mod process;
mod promise;
mod relay;
mod report;
mod role;
mod rounds;
mod stage;
mod stores;
mod system;
mod wire;

use std::time::Duration;

use clap::ValueEnum as _;
use serde::Deserialize;
use warrener_runtime::config::{Amqp, Binary};

pub(crate) use self::args::BenchArgs;
use self::args::BenchRow;
use self::machine::{About, DiskProbe};
pub(crate) use self::role::{RoleArgs, role};
use self::rounds::Rounds;
use self::stage::TestBed;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// Measures the rows that were asked for, on a system of its own that is gone afterwards.
pub(crate) async fn bench(context: &Context, args: BenchArgs) -> Result<Exit, Failure> {
    let amqp = context.loader(&[Binary::Cli]).load::<BenchConfig>()?.value.amqp;
    let stage = TestBed::set(&amqp.address(), args.slots).await?;
    let probe = DiskProbe::start(stage.system.folder(), PROBE_REST)?;
    let measured = tokio::select! {
        measured = measure_all(&stage, &args) => measured,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted")),
    };
    let (syncs, blocked) = (probe.finish(), stage.wire.blocked());
    let struck = stage.strike().await;
    let measures = measured?;
    struck?;
    talk::exact(&report::text(context, &measures, &About::new(&syncs?, blocked))?)?;
    if let Some(folder) = &args.plot {
        plot::draw(folder, &measures)?.iter().for_each(|file| talk::say(&format!("wrote {file}")));
    }
    Ok(Exit::Ok)
}

async fn measure_all(stage: &TestBed, args: &BenchArgs) -> Result<Vec<measure::Measure>, Failure> {
    let rounds = Rounds::new(stage, args);
    rounds.warm_up().await?;
    let mut measures = Vec::new();
    let rows = rows(args);
    for row in &rows {
        measures.extend(rounds.measure(*row).await?);
    }
    if rows.contains(&BenchRow::Postgres) {
        measures.extend(stores::measure(stage, args, &rounds).await?);
    }
    if rows.contains(&BenchRow::Limits) {
        measures.extend(limits::measure(stage, args, &rounds).await?);
    }
    if rows.contains(&BenchRow::Large) {
        measures.extend(large::measure(stage, args).await?);
    }
    Ok(measures)
}

fn rows(args: &BenchArgs) -> Vec<BenchRow> {
    match &args.only[..] {
        [] if args.plot.is_some() => vec![BenchRow::Sizes, BenchRow::Load],
        [] => ROWS.into_iter().chain(args.postgres.is_some().then_some(BenchRow::Postgres)).collect(),
        only => BenchRow::value_variants().iter().copied().filter(|row| only.contains(row)).collect(),
    }
}

#[derive(Deserialize)]
struct BenchConfig {
    amqp: Amqp,
}

/// Time between two looks at the disk: seldom enough to take nothing from what is measured.
const PROBE_REST: Duration = Duration::from_millis(100);
const ROWS: [BenchRow; 7] = [
    BenchRow::Mapped,
    BenchRow::Single,
    BenchRow::Forget,
    BenchRow::Roundtrip,
    BenchRow::Chain,
    BenchRow::Fan,
    BenchRow::Scale,
];
