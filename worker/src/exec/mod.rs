//! An attempt from its start to its end: code, program or endpoint, inside its time, stopped when it must be.

mod command;
mod handler;
mod http;
mod ladder;
mod output;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use warrener_shared::error::code;
use warrener_shared::time::Millis;

pub(crate) use self::command::{Group, Program, needed};
pub(crate) use self::handler::Handler;
pub(crate) use self::http::{Endpoint, EndpointClient};
use crate::session::Ending;
use crate::{Context, Failure};

/// Result of a handler: JSON bytes, or the failure.
pub(crate) type HandlerResult = Result<Vec<u8>, Failure>;

/// Time limits of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimits {
    /// Time from its start; `None` is without limit.
    pub(crate) timeout: Option<Millis>,
    /// Time between asking and forcing.
    pub(crate) grace: Duration,
}

/// Works on an attempt. A panic is a failure like any other.
pub(crate) async fn attempt(handler: Handler, context: Context, input: Vec<u8>, patience: TimeLimits) -> Ending {
    let work = AssertUnwindSafe(work(handler, context.clone(), input, patience.grace)).catch_unwind();
    let work = work.map(|answer| answer.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))));
    ladder::climb(work, context.stop(), patience).await
}

async fn work(handler: Handler, context: Context, input: Vec<u8>, grace: Duration) -> HandlerResult {
    match handler {
        Handler::Native(code) => code.call(context, input).await.and_then(output::fits),
        Handler::Program(command) => command.run(&context, &input, grace).await,
        Handler::Http(endpoint) => endpoint.post(&context, input).await,
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Failure::new(code::PANICKED, text.unwrap_or_else(|| "the handler panicked".to_owned()))
}

/// Time between TERM and KILL. With the time to force and to report it stays under the ten seconds after which the
/// orchestrator closes a timed-out attempt itself.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
