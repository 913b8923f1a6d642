//! Stopping work: ask, wait, force.

use std::pin::pin;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use warrener_shared::error::code;
use warrener_shared::time::Millis;
use warrener_shared::wire::result::Report;

use super::{HandlerResult, TimeLimits};
use crate::Failure;
use crate::session::Ending;

enum LadderEnd {
    Answered(HandlerResult),
    TimedOut(Millis),
    Stopped,
}

/// Lets the work come to its end, or stops it when its time is up or somebody else cancels `stop`.
pub(super) async fn climb(
    work: impl Future<Output = HandlerResult>,
    stop: &CancellationToken,
    patience: TimeLimits,
) -> Ending {
    let mut work = pin!(work);
    let end = tokio::select! {
        // Most work ends at its first poll: then no timer is set and nobody listens to the token.
        biased;
        answer = &mut work => LadderEnd::Answered(answer),
        timeout = up(patience.timeout) => LadderEnd::TimedOut(timeout),
        () = stop.cancelled() => LadderEnd::Stopped,
    };
    if let LadderEnd::Answered(answer) = end {
        // Work that gives up when it is asked to stop may say so before we hear of the wish ourselves.
        let gave_up = answer.is_err() && stop.is_cancelled();
        return if gave_up { Ending::Interrupted } else { reported(answer) };
    }
    stop.cancel();
    let last = tokio::time::timeout(patience.grace + FORCE, work).await.ok();
    match (end, last) {
        (LadderEnd::TimedOut(timeout), last) => {
            reported(Err(timed_out(timeout).details_of(last.and_then(Result::err))))
        }
        // It came to its end all the same.
        (_, Some(Ok(output))) => reported(Ok(output)),
        _ => Ending::Interrupted,
    }
}

async fn up(timeout: Option<Millis>) -> Millis {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout.to_std()).await,
        None => std::future::pending().await,
    }
    timeout.unwrap_or_default()
}

fn timed_out(timeout: Millis) -> Failure {
    Failure::new(code::TIMED_OUT, format!("the attempt took longer than its timeout of {timeout}"))
}

fn reported(answer: HandlerResult) -> Ending {
    Ending::Reported(match answer {
        Ok(output) => Report::Succeeded { output },
        Err(failure) if failure.is_for_want_of_room() => {
            return Ending::NoRoom { why: failure.message().to_owned() };
        }
        Err(failure) => failure.into_report(),
    })
}

/// After the grace a program is killed and its last words are read, which takes no longer than this; a handler
/// that still doesn't return is dropped.
const FORCE: Duration = Duration::from_secs(2);
