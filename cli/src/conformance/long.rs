//! Tasks that take their time: their limit, and workers that are asked to end in the middle of one.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use warrener_shared::wire::Message;
use warrener_shared::wire::result::Report;

use super::judge::{TaskEnd, report_of, said};
use super::play::{Play, has, ticket};
use crate::failure::Failure;

/// Skips these checks if there is no slow task; tells whether it did.
pub(super) fn skips(play: &mut Play<'_>, checks: &[&'static str]) -> bool {
    let why = match (&play.args.slow, &play.misuse) {
        (None, _) => "needs --slow KIND, a kind that works for a while".to_owned(),
        (Some(_), Some(_)) => "--slow ended too early".to_owned(),
        (Some(_), None) => return false,
    };
    checks.iter().for_each(|check| play.findings.skipped(check, why.clone()));
    true
}

/// Notes that a slow task ended by itself while we were not through with it.
pub(super) fn ended_early(play: &mut Play<'_>, check: &'static str, report: &Report, after: Duration) {
    let slow = play.args.slow.as_deref().unwrap_or_default();
    let needed = 20 + play.args.claims.as_secs().saturating_sub(3);
    let (after, said) = (after.as_secs_f64(), said(report));
    let what =
        format!("--slow {slow} ended after {after:.1} s as {said}; with its --slow-input it must work for {needed} s");
    play.findings.skipped(check, what.clone());
    play.misuse = Some(what);
}

/// The limit of an attempt is kept by the worker.
pub(super) async fn timeout(play: &mut Play<'_>) -> Result<(), Failure> {
    if skips(play, &[TIMEOUT]) {
        return Ok(());
    }
    let mut task = slow_task(play);
    task.set_int("timeout_ms", 1_000);
    let rule = "§7.3: a worker MUST enforce timeout_ms and report task.failed with the code timed_out";
    let start = Instant::now();
    match play.ask_within(task, LIMIT).await? {
        TaskEnd::Report(Report::Failed { error, .. }) if error.code == "timed_out" => {
            play.keeps_limits = true;
            play.findings.ok(TIMEOUT, format!("ended after {:.1} s of 1 s allowed", start.elapsed().as_secs_f64()));
        }
        TaskEnd::Report(other) if start.elapsed() < BEFORE_THE_LIMIT => {
            ended_early(play, TIMEOUT, &other, start.elapsed());
        }
        TaskEnd::Report(other) => {
            let after = start.elapsed().as_secs_f64();
            let what = format!("a task of at most 1 s ended after {after:.1} s, as {}", said(&other));
            play.findings.problem(TIMEOUT, what, rule);
        }
        TaskEnd::Broken(what) => play.findings.problem(TIMEOUT, what, rule),
        TaskEnd::Nothing(silence) => {
            let what = format!("a task of at most 1 s went on for {} s: {silence}", LIMIT.as_secs());
            play.findings.problem(TIMEOUT, what, rule);
            play.revive().await?;
        }
    }
    Ok(())
}

/// Asked to end, it finishes or hands back.
pub(super) async fn stopped(play: &mut Play<'_>) -> Result<(), Failure> {
    let task = slow_task(play);
    let (mark, ticket) = (play.stage.mark(), ticket(&task));
    play.stage.send(task).await?;
    taken(play).await?;
    if let Some(after) = play.claims_after {
        let claim = |heard: &_| matches!(report_of(heard, &ticket), Some(Report::Claimed { .. })).then_some(());
        play.stage.wait(mark, after + SETTLED * 2, claim).await;
        sleep(SETTLED).await;
    }
    let ended = match &mut play.worker {
        Some(worker) => worker.stop(GRACE).await,
        None => true,
    };
    if !ended {
        let what = format!("still there {} s after SIGTERM", GRACE.as_secs());
        play.findings.warning(STOPPED, what, "§7.6: a worker that is asked to end SHOULD do so within its grace");
    }
    let answer = play.answer(mark, &ticket, SETTLED).await?;
    play.forget(&ticket);
    let is_back = has(&play.kill().await?, &ticket);
    let rule = "§7.6: on shutdown a worker MUST finish or release what it holds, or leave it unacked; what it claimed \
                it MUST finish or release";
    match answer {
        TaskEnd::Report(report) if is_back => {
            let what = format!("asked to end, it reported {}, and left the delivery to others too", said(&report));
            play.findings.warning(STOPPED, what, "§7.1: a worker MUST ack a delivery once its report is confirmed");
        }
        TaskEnd::Report(report) => play.findings.ok(STOPPED, format!("asked to end, it reported {}", said(&report))),
        TaskEnd::Broken(what) => play.findings.problem(STOPPED, what, rule),
        TaskEnd::Nothing(_) if is_back => play.findings.ok(STOPPED, "asked to end, it left the delivery to others"),
        TaskEnd::Nothing(_) => {
            let what = "asked to end in the middle of a task, it neither reported nor handed back";
            play.findings.problem(STOPPED, what, rule);
        }
    }
    Ok(())
}

pub(super) fn slow_task(play: &mut Play<'_>) -> Message {
    let (kind, input) = (play.args.slow.clone().unwrap_or_default(), play.args.slow_input.clone());
    play.task(&kind, &input)
}

/// Waits until the message has left the queue, and a little longer.
pub(super) async fn taken(play: &Play<'_>) -> Result<(), Failure> {
    let deadline = Instant::now() + LIMIT;
    while play.stage.depth().await?.is_some_and(|depth| depth.ready > 0) && Instant::now() < deadline {
        sleep(LOOK_EVERY).await;
    }
    sleep(SETTLED).await;
    Ok(())
}

const TIMEOUT: &str = "timeout";
pub(super) const STOPPED: &str = "stopped";
/// More than the second that is allowed, less than the orchestrator's own patience.
const LIMIT: Duration = Duration::from_secs(8);
/// Time before which an end is not due to the limit.
const BEFORE_THE_LIMIT: Duration = Duration::from_millis(900);
/// Time for a worker to begin what it has taken, or to settle it.
const SETTLED: Duration = Duration::from_millis(500);
/// Longest wait for a stop. Our own workers take 30 s.
const GRACE: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(50);
