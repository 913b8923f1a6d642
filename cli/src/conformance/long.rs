//! Tasks that take their time: limits, cancels, and workers that end in the middle of one.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use warrener_shared::wire::Message;
use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::Report;

use super::answers::said;
use super::play::{Answer, Play, ticket};
use super::stage::Ear;
use crate::failure::Failure;

/// Everything that needs a task that goes on for a while.
pub(super) async fn scenes(play: &mut Play<'_>) -> Result<(), Failure> {
    if play.args.slow.is_none() {
        for check in [TIMEOUT, CANCEL, KILLED, STOPPED] {
            play.findings.skipped(check, "needs --slow KIND, a kind that works for a while");
        }
        return Ok(());
    }
    timeout(play).await?;
    cancel(play).await?;
    if play.worker.is_none() {
        for check in [KILLED, STOPPED] {
            play.findings.skipped(check, "needs a worker that can be started here: name its command behind --");
        }
        return Ok(());
    }
    killed(play).await?;
    stopped(play).await
}

async fn timeout(play: &mut Play<'_>) -> Result<(), Failure> {
    let mut task = slow_task(play);
    task.set_int("timeout_ms", 1_000);
    let rule = "§7.3: a worker MUST enforce timeout_ms and report task.failed with the code timed_out";
    let start = Instant::now();
    match play.ask_within(task, LIMIT).await? {
        Answer::Report(Report::Failed { error, .. }) if error.code == "timed_out" => {
            play.findings.ok(TIMEOUT, format!("ended after {:.1} s of 1 s allowed", start.elapsed().as_secs_f64()));
        }
        Answer::Report(other) => {
            play.findings.problem(TIMEOUT, format!("a task of at most 1 s ended as {}", said(&other)), rule);
        }
        Answer::Broken(what) => play.findings.problem(TIMEOUT, what, rule),
        Answer::Nothing => {
            let what = format!("a task of at most 1 s went on for {} s", LIMIT.as_secs());
            play.findings.problem(TIMEOUT, what, rule);
            play.revive().await?;
        }
    }
    Ok(())
}

/// A cancelled attempt stops, if the worker listens at all, and makes room.
async fn cancel(play: &mut Play<'_>) -> Result<(), Failure> {
    let task = slow_task(play);
    let (mark, ticket) = (play.stage.mark(), ticket(&task));
    play.stage.send(task).await?;
    let named = play.stage.wait(mark, BEAT, |heard| {
        let beat = serde_json::from_slice::<Heartbeat>(&heard.incoming.message.body).ok();
        beat.filter(|beat| heard.ear == Ear::Beats && beat.tickets.contains(&ticket))
    });
    let Some(beat) = named.await else {
        let what = "no heartbeat named the ticket of a running attempt, so it can't be told to stop";
        play.findings.warning(CANCEL, what, "§9: `tickets` SHOULD name what the worker works on now");
        return play.revive().await;
    };
    play.stage.control(&beat.worker, &json!({ "cancel": [ticket] })).await;
    let start = Instant::now();
    let quiet = play.stage.wait(play.stage.mark(), BEAT * 2, |heard| {
        let beat = serde_json::from_slice::<Heartbeat>(&heard.incoming.message.body).ok();
        beat.filter(|beat| heard.ear == Ear::Beats && !beat.tickets.contains(&ticket))
    });
    match quiet.await {
        Some(_) => play.findings.ok(CANCEL, format!("stopped within {:.0} s", start.elapsed().as_secs_f64())),
        None => {
            let what = "a cancelled attempt goes on: its result will be counted and thrown away";
            play.findings.warning(CANCEL, what, "§10: on a cancel the worker SHOULD stop the attempt");
            play.revive().await?;
        }
    }
    play.still_works(CANCEL, "a cancel", "§10: a cancel MUST NOT end the worker").await
}

/// Killed in the middle of its work, it leaves the delivery to others.
async fn killed(play: &mut Play<'_>) -> Result<(), Failure> {
    let task = slow_task(play);
    play.stage.send(task).await?;
    taken(play).await?;
    if let Some(worker) = &mut play.worker {
        worker.kill().await;
    }
    if is_back(play).await? {
        play.findings.ok(KILLED, "killed in the middle of a task, it left the delivery to others");
    } else {
        let what = "killed in the middle of a task, it had acked the delivery already";
        play.findings.problem(
            KILLED,
            what,
            "§7.1: a worker MUST NOT ack before its report, or its claim, is confirmed",
        );
    }
    play.stage.empty().await?;
    play.enter().await
}

/// Asked to end, it finishes or hands back.
async fn stopped(play: &mut Play<'_>) -> Result<(), Failure> {
    let task = slow_task(play);
    let (mark, ticket) = (play.stage.mark(), ticket(&task));
    play.stage.send(task).await?;
    taken(play).await?;
    let ended = match &mut play.worker {
        Some(worker) => worker.stop(GRACE).await,
        None => true,
    };
    if !ended {
        let what = format!("still there {} s after SIGTERM", GRACE.as_secs());
        play.findings.warning(STOPPED, what, "§7.6: a worker that is asked to end SHOULD do so within its grace");
    }
    match play.answer(mark, &ticket, SETTLED).await {
        Answer::Report(report) => play.findings.ok(STOPPED, format!("asked to end, it reported {}", said(&report))),
        Answer::Broken(what) => play.findings.problem(STOPPED, what, "§7.6: what it can't finish it hands back"),
        Answer::Nothing if is_back(play).await? => {
            let what = "asked to end, it left the delivery to others";
            play.findings.ok(STOPPED, what);
        }
        Answer::Nothing => {
            let what = "asked to end in the middle of a task, it neither reported nor handed back";
            play.findings.problem(
                STOPPED,
                what,
                "§7.6: on shutdown a worker MUST finish, release or leave what it holds",
            );
        }
    }
    Ok(())
}

fn slow_task(play: &mut Play<'_>) -> Message {
    let (kind, input) = (play.args.slow.clone().unwrap_or_default(), play.args.slow_input.clone());
    play.task(&kind, &input)
}

/// Waits until the message has left the queue, and a little longer.
async fn taken(play: &Play<'_>) -> Result<(), Failure> {
    let deadline = Instant::now() + LIMIT;
    while play.stage.depth().await?.is_some_and(|depth| depth.ready > 0) && Instant::now() < deadline {
        sleep(LOOK_EVERY).await;
    }
    sleep(SETTLED).await;
    Ok(())
}

/// Whether the delivery waits for others once its worker is gone.
async fn is_back(play: &Play<'_>) -> Result<bool, Failure> {
    let deadline = Instant::now() + LIMIT;
    while play.stage.depth().await?.is_none_or(|depth| depth.ready == 0) {
        if Instant::now() > deadline {
            return Ok(false);
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(true)
}

const TIMEOUT: &str = "timeout";
const CANCEL: &str = "cancel";
const KILLED: &str = "killed";
const STOPPED: &str = "stopped";
/// More than the second that is allowed, less than the orchestrator's own patience.
const LIMIT: Duration = Duration::from_secs(8);
const BEAT: Duration = Duration::from_secs(7);
/// For a worker to begin what it has taken.
const SETTLED: Duration = Duration::from_millis(500);
/// Our own workers take 30 s.
const GRACE: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(50);
