//! The kinds that try a set-up out.

use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use warrener_shared::error::code;

use crate::exec::Handler;
use crate::{Context, Failure};

/// Every demo kind with its handler.
pub(crate) fn handlers() -> [(&'static str, Handler); 4] {
    [
        ("demo.echo", Handler::bytes(|_, input| async { Ok(input) })),
        ("demo.sleep", Handler::typed(sleep)),
        ("demo.fail", Handler::typed(fail)),
        ("demo.crash", Handler::typed(crash)),
    ]
}

#[derive(Deserialize)]
struct Sleep {
    ms: u64,
    output: Option<Box<RawValue>>,
}

async fn sleep(context: Context, input: Sleep) -> Result<Option<Box<RawValue>>, Failure> {
    let stop = context.cancelled();
    match stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(input.ms))).await {
        Some(()) => Ok(input.output),
        None => Err(Failure::new(code::CANCELLED, "woken up early")),
    }
}

#[derive(Default, Deserialize)]
struct Fail {
    code: Option<String>,
    message: Option<String>,
    retry: Option<Value>,
    until_attempt: Option<u32>,
}

async fn fail(context: Context, input: Option<Fail>) -> Result<Value, Failure> {
    let input = input.unwrap_or_default();
    if input.until_attempt.is_some_and(|enough| context.attempt() >= enough) {
        return Ok(json!({"attempt": context.attempt()}));
    }
    let message = input.message.unwrap_or_else(|| "failed as asked".to_owned());
    let failure = Failure::new(input.code.unwrap_or_else(|| "demo".to_owned()), message);
    Err(match input.retry {
        Some(Value::Bool(false)) => failure.for_good(),
        Some(Value::String(text)) => failure.retry_after(span(&text)?),
        Some(Value::Number(seconds)) => failure.retry_after(span(&seconds.to_string())?),
        _ => failure,
    })
}

#[derive(Default, Deserialize)]
struct Crash {
    until_delivery: Option<u32>,
}

async fn crash(context: Context, input: Option<Crash>) -> Result<Value, Failure> {
    let enough = input.unwrap_or_default().until_delivery;
    if enough.is_some_and(|enough| context.delivery() >= enough) {
        return Ok(json!({"delivery": context.delivery()}));
    }
    tracing::warn!(job = context.job(), task = context.task(), "demo.crash kills this process");
    raise(Signal::SIGKILL)?;
    Ok(Value::Null)
}

/// A duration as jobs write it, or a number of seconds.
fn span(text: &str) -> Result<Duration, Failure> {
    if let Ok(seconds) = text.parse::<f64>()
        && let Ok(span) = Duration::try_from_secs_f64(seconds)
    {
        return Ok(span);
    }
    let span: jiff::SignedDuration =
        text.parse().map_err(|error| Failure::new(code::BAD_INPUT, format!("reading retry: {error}")).for_good())?;
    Ok(span.unsigned_abs())
}

#[cfg(test)]
mod tests;
