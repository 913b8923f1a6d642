//! A worker of the load: the library's own, with a handler that writes down what it does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use warrener_worker::{Context, Failure, Worker};

use crate::history::Ending;
use crate::shapes::WORK;
use crate::trace::Trace;

/// Works until it is asked to end.
pub(crate) async fn serve(file: &Path) -> anyhow::Result<()> {
    let trace = Arc::new(Trace::open(file).with_context(|| format!("opening {}", file.display()))?);
    let handler = move |context: Context, input: Value| work(Arc::clone(&trace), context, input);
    Worker::from_env().handle(WORK, handler).run().await?;
    Ok(())
}

/// Takes `ms`, and fails before attempt `fail`, or always if that is 0.
async fn work(trace: Arc<Trace>, context: Context, input: Value) -> Result<Value, Failure> {
    let run = trace.begin(context.job(), context.task(), &input)?;
    tokio::time::sleep(Duration::from_millis(input["ms"].as_u64().unwrap_or_default())).await;
    let fails = input["fail"].as_u64().is_some_and(|until| until == 0 || u64::from(context.attempt()) < until);
    if fails {
        trace.end(&run, Ending::Failed)?;
        let failure = Failure::new("doomed", "it was told to fail");
        return Err(if input["fail"] == 0 { failure.for_good() } else { failure });
    }
    trace.end(&run, Ending::Gave)?;
    Ok(json!({"run": run}))
}
