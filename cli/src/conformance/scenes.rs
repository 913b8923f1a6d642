//! The order of the scenes.

use super::claims::{self, CLAIM, KILLED};
use super::control::{self, CANCEL, DRAIN};
use super::long::{self, STOPPED, skips};
use super::play::{NEEDS_COMMAND, Play};
use super::{answers, crashes, delivery};
use crate::failure::Failure;

/// Plays every scene.
pub(super) async fn all(play: &mut Play<'_>) -> Result<(), Failure> {
    if play.worker.is_some() {
        play.nobody_reads().await?;
    }
    play.enter().await?;
    answers::heartbeat(play).await;
    let goes_on = answers::echo(play).await? && delivery::duplicate(play).await?;
    if !goes_on {
        play.findings.skipped(REMAINING, "nothing else can be tested before that works");
        return Ok(());
    }
    if play.args.rpc {
        answers::hostile(play).await?;
        let what = "a plain RPC server is asked for no more: no kinds, confirms, time limits, claims or heartbeats";
        play.findings.skipped(REMAINING, what);
        return Ok(());
    }
    crashes::suspect(play).await?;
    answers::hostile(play).await?;
    answers::unknown_kind(play).await?;
    answers::no_ticket(play).await?;
    delivery::confirm(play).await?;
    long::timeout(play).await?;
    crashes::alone(play).await?;
    slow(play).await?;
    play.settled().await
}

/// Plays the scenes that need a task which goes on for a while.
async fn slow(play: &mut Play<'_>) -> Result<(), Failure> {
    if skips(play, &[CANCEL, DRAIN, KILLED, CLAIM, STOPPED]) {
        return Ok(());
    }
    control::scene(play).await?;
    if play.worker.is_none() {
        for check in [KILLED, CLAIM, STOPPED] {
            play.findings.skipped(check, NEEDS_COMMAND);
        }
        return Ok(());
    }
    // A scene that saw the slow task end too early leaves the later ones nothing to test.
    if !skips(play, &[KILLED, CLAIM, STOPPED]) {
        claims::scene(play).await?;
    }
    if !skips(play, &[STOPPED]) {
        long::stopped(play).await?;
    }
    Ok(())
}

const REMAINING: &str = "the rest";
