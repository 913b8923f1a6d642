//! rusty-celery: single tasks; it keeps no results and has no workflows.
// What its macro writes is older than this lint.
#![allow(non_local_definitions)]

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use celery::Celery;
use celery::prelude::*;
use clap::Parser as _;
use peers::{Bench, Finishing, Mode, Options, Whatever, payload, strike};

/// Tasks that the worker has at once.
const PREFETCH: u16 = 256;
/// Set once by the worker: a task here is a bare function.
static FINISHING: OnceLock<Finishing> = OnceLock::new();

/// Takes its input and is finished.
#[celery::task(name = "echo")]
async fn echo(input: String) -> TaskResult<String> {
    if let Some(finishing) = FINISHING.get() {
        finishing.one();
    }
    Ok(input)
}

#[tokio::main]
async fn main() -> Result<(), Whatever> {
    let options = Options::parse();
    if options.mode == Mode::Strike {
        return strike(&options, &[&options.queue]).await;
    }
    let url = options.url.clone();
    let app = celery::CeleryBuilder::new("peers", &url)
        .default_queue(&options.queue)
        .prefetch_count(PREFETCH)
        .build()
        .await?;
    let app = Arc::new(app);
    app.register_task::<echo>().await?;
    if options.mode == Mode::Worker {
        FINISHING.get_or_init(|| Finishing::open(&options).expect("the driver has made the pipe"));
        return Ok(app.consume_from(&[&options.queue]).await?);
    }
    measure(&app, &options).await
}

async fn measure(app: &Arc<Celery>, options: &Options) -> Result<(), Whatever> {
    let bench = Bench::open(options)?;
    submit(app, options.warm).await?;
    bench.finished(options.warm);
    bench
        .rate("forget", options.tasks, async {
            submit(app, options.tasks).await?;
            bench.finished(options.tasks);
            Ok::<_, Whatever>(())
        })
        .await?;
    bench.cannot("single");
    let mut times = Vec::new();
    for _ in 0..options.trips {
        let start = Instant::now();
        submit(app, 1).await?;
        bench.finished(1);
        times.push(start.elapsed());
    }
    bench.times("roundtrip", &times);
    bench.cannot("chain");
    bench.cannot("fan");
    Ok(())
}

async fn submit(app: &Arc<Celery>, count: usize) -> Result<(), Whatever> {
    for _ in 0..count {
        app.send_task(echo::new(payload())).await?;
    }
    Ok(())
}
