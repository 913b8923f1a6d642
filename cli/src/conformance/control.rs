//! Orders to the worker: to stop an attempt, and to take no more.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use warrener_shared::wire::result::Report;

use super::claims::names;
use super::judge::{Silence, TaskEnd, beat_of, report_of, said};
use super::long::{ended_early, slow_task};
use super::play::{NEEDS_COMMAND, Play, has, ticket};
use crate::failure::Failure;

/// A cancelled attempt stops, if the worker listens at all, and makes room; a drain lets nothing new in.
pub(super) async fn scene(play: &mut Play<'_>) -> Result<(), Failure> {
    let mut task = slow_task(play);
    task.set_int("heartbeat_ms", HEARTBEAT_MS);
    let (mark, ticket, start) = (play.stage.mark(), ticket(&task), Instant::now());
    play.stage.send(task).await?;
    let named = |heard: &_| names(heard, &ticket).then(|| beat_of(heard)).flatten();
    let Some(beat) = play.stage.wait(mark, BEAT, named).await else {
        let end = play.stage.since(mark).iter().find_map(|heard| report_of(heard, &ticket));
        if let Some(end @ (Report::Succeeded { .. } | Report::Failed { .. })) = end {
            ended_early(play, CANCEL, &end, start.elapsed());
        } else if play.beat.is_none() {
            play.findings.skipped(CANCEL, "it sends no heartbeats, so nobody knows whom to tell (§9)");
        } else {
            let what = "no heartbeat named the ticket of a running attempt, so it can't be told to stop";
            play.findings.warning(CANCEL, what, "§9: `tickets` SHOULD name what the worker works on now");
        }
        play.findings.skipped(DRAIN, "it could not be told to stop an attempt either");
        return play.revive().await;
    };
    // A ticket that nobody has, and a field that nobody knows, are no reason to stumble.
    let body = json!({ "cancel": ["4711.1.0123456789abcdef0123456789abcdef", ticket], "conformance": true });
    if !play.stage.control(&beat.worker, &body).await {
        for check in [CANCEL, DRAIN] {
            play.findings.skipped(check, "it doesn't listen for control messages (§10), and loses nothing but time");
        }
        return play.revive().await;
    }
    let goes_on = if play.worker.is_some() {
        told(play, &beat.worker, &ticket).await?
    } else {
        play.findings.skipped(DRAIN, NEEDS_COMMAND);
        told_from_outside(play, &ticket).await?
    };
    match goes_on {
        true => {
            let what = "a cancelled attempt goes on: its result will be counted and thrown away";
            let rule = "§10: on a cancel the worker SHOULD stop the attempt, and ack its delivery";
            play.findings.warning(CANCEL, what, rule);
            play.revive().await
        }
        false if !play.findings.has_problem(CANCEL) => {
            play.findings.ok(CANCEL, "a cancelled attempt was stopped, and the worker goes on");
            play.enter().await
        }
        false => play.enter().await,
    }
}

/// Checks that the attempt goes on although it was cancelled. Our worker is killed in the end, so that it shows the
/// deliveries that it had not acked.
async fn told(play: &mut Play<'_>, worker: &str, ticket: &str) -> Result<bool, Failure> {
    sleep(HEARD).await;
    let stopped = play.stage.mark();
    let good = play.good_task();
    if let TaskEnd::Nothing(Silence(status)) = play.ask_within(good, WORKS_WITHIN).await? {
        let what = "nothing was done after the cancel";
        play.findings.skipped(DRAIN, what);
        if let Some(status) = status {
            play.findings.problem(CANCEL, format!("a cancel ended the worker ({status})"), NOT_THE_WORKER);
            play.kill().await?;
            return Ok(false);
        }
    } else {
        drain(play, worker).await?;
    }
    let is_named = play.stage.since(stopped).iter().any(|heard| names(heard, ticket));
    Ok(has(&play.kill().await?, ticket) || is_named)
}

async fn told_from_outside(play: &mut Play<'_>, ticket: &str) -> Result<bool, Failure> {
    let quiet = |heard: &_| (beat_of(heard).is_some() && !names(heard, ticket)).then_some(());
    let goes_on = play.stage.wait(play.stage.mark(), BEAT * 2, quiet).await.is_none();
    if !goes_on {
        play.still_works(CANCEL, "a cancel", NOT_THE_WORKER).await?;
    }
    Ok(goes_on)
}

/// Told to take no more, it takes no more.
async fn drain(play: &mut Play<'_>, worker: &str) -> Result<(), Failure> {
    play.stage.control(worker, &json!({ "drain": true })).await;
    sleep(HEARD).await;
    let late = play.good_task();
    match play.ask_within(late, HEARD).await? {
        TaskEnd::Report(report @ (Report::Succeeded { .. } | Report::Failed { .. })) => {
            let what = format!("a drained worker took one more task, which ended as {}", said(&report));
            play.findings.warning(DRAIN, what, "§10: on `drain` a worker SHOULD take no more");
        }
        _ => play.findings.ok(DRAIN, "told to take no more, it took no more"),
    }
    Ok(())
}

pub(super) const CANCEL: &str = "cancel";
pub(super) const DRAIN: &str = "drain";
const NOT_THE_WORKER: &str = "§10: a cancel MUST NOT end the worker; tickets that it doesn't hold it ignores";
/// Longest wait for a heartbeat: they come every five seconds.
const BEAT: Duration = Duration::from_secs(7);
/// Keeps those awake that know it, so that less time is spent on them.
const HEARTBEAT_MS: i64 = 1_500;
/// Time for a control message to be heard and obeyed.
const HEARD: Duration = Duration::from_secs(1);
/// Longest time for the good task after a cancel.
const WORKS_WITHIN: Duration = Duration::from_secs(5);
