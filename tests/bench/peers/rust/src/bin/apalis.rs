//! apalis-amqp: single tasks and a chain of three; it keeps no results and has no fan-out on AMQP.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use apalis::prelude::*;
use apalis_amqp::{AmqpBackend, AmqpTask, Config};
use apalis_workflow::{SteppedFlow, WorkflowSink as _};
use clap::Parser as _;
use futures::Sink;
use peers::{Bench, Finishing, Mode, Options, Whatever, payload, strike};

/// Tasks that the worker has at once.
const CONCURRENCY: usize = 256;
/// Who submits at the same time: one alone waits for each, and is three times slower.
const SUBMITTERS: usize = 8;
/// Tasks that one call submits.
const BULK: usize = 100;

#[tokio::main]
async fn main() -> Result<(), Whatever> {
    let options = Options::parse();
    match options.mode {
        Mode::Worker => work(&options).await,
        Mode::Client => measure(&options).await,
        Mode::Strike => strike(&options, &[&options.queue, &chained(&options)]).await,
    }
}

async fn work(options: &Options) -> Result<(), Whatever> {
    let finishing = Arc::new(Finishing::open(options)?);
    let (singles, chains) = (Arc::clone(&finishing), finishing);
    let echo = move |_: String| {
        let finishing = Arc::clone(&singles);
        async move {
            finishing.one();
            Ok::<_, BoxDynError>(())
        }
    };
    let singles = WorkerBuilder::new("singles").backend(backend(options, &options.queue).await?);
    let flow = SteppedFlow::new("chain")
        .and_then(|input: String| async move { Ok::<_, BoxDynError>(input) })
        .and_then(|input: String| async move { Ok::<_, BoxDynError>(input) })
        .and_then(move |_: String| {
            let finishing = Arc::clone(&chains);
            async move {
                finishing.one();
                Ok::<_, BoxDynError>(())
            }
        });
    let chains = WorkerBuilder::new("chains").backend(backend(options, &chained(options)).await?).build(flow);
    if options.plain {
        tokio::try_join!(singles.build(echo).run(), chains.run())?;
    } else {
        let singles = singles.concurrency(CONCURRENCY).parallelize(tokio::spawn).build(echo);
        tokio::try_join!(singles.run(), chains.run())?;
    }
    Ok(())
}

async fn measure(options: &Options) -> Result<(), Whatever> {
    let bench = Bench::open(options)?;
    let mut submitters = Vec::new();
    for _ in 0..if options.plain { 1 } else { SUBMITTERS } {
        submitters.push(backend(options, &options.queue).await?);
    }
    let mut chain = backend::<String>(options, &chained(options)).await?;
    submit(options, &mut submitters, options.warm).await?;
    bench.finished(options.warm);
    bench
        .rate("forget", options.tasks, async {
            submit(options, &mut submitters, options.tasks).await?;
            bench.finished(options.tasks);
            Ok::<_, Whatever>(())
        })
        .await?;
    bench.cannot("single");
    let mut times = Vec::new();
    for _ in 0..options.trips {
        let start = Instant::now();
        submitters[0].push(payload()).await?;
        bench.finished(1);
        times.push(start.elapsed());
    }
    bench.times("roundtrip", &times);
    times.clear();
    for _ in 0..options.chains {
        let start = Instant::now();
        chain.push_start(payload()).await?;
        bench.finished(1);
        times.push(start.elapsed());
    }
    bench.times("chain", &times);
    bench.cannot("fan");
    Ok(())
}

/// Every backend submits its share at the same time as the others.
async fn submit(options: &Options, backends: &mut [AmqpBackend<String>], count: usize) -> Result<(), Whatever> {
    if options.plain {
        for _ in 0..count {
            backends[0].push(payload()).await?;
        }
        return Ok(());
    }
    let share = count.div_ceil(backends.len());
    let each = backends.iter_mut().enumerate().map(async |(number, backend)| {
        let mut left = share.min(count.saturating_sub(number * share));
        while left > 0 {
            let bulk = left.min(BULK);
            backend.push_bulk(vec![payload(); bulk]).await?;
            left -= bulk;
        }
        Ok::<_, Whatever>(())
    });
    futures::future::try_join_all(each).await?;
    Ok(())
}

/// A backend with a channel. One without, in a worker that has never submitted, panics at its first look for tasks.
async fn backend<M: Send + 'static>(options: &Options, queue: &str) -> Result<AmqpBackend<M>, Whatever> {
    let prefetch = u16::try_from(CONCURRENCY).expect("it is small");
    let config = Config::default().queue(queue.to_owned()).quorum(options.safe);
    let config = if options.plain { config } else { config.prefetch_count(prefetch) };
    let mut backend = AmqpBackend::new_from_addr(&options.url)?.with_config(config);
    std::future::poll_fn(|context| Sink::<AmqpTask>::poll_ready(Pin::new(&mut backend), context)).await?;
    Ok(backend)
}

fn chained(options: &Options) -> String {
    format!("{}-chains", options.queue)
}
