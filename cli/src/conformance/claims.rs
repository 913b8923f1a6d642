//! Workers that end in the middle of a task, which they may have claimed.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use warrener_shared::wire::result::Report;

use super::judge::{beat_of, report_of};
use super::long::{ended_early, slow_task, taken};
use super::play::{Play, has, ticket};
use super::stage::HeardMessage;
use crate::failure::Failure;

/// Killed in the middle of its work, it leaves the delivery to others, unless it has claimed the attempt: then the
/// lease speaks for it.
pub(super) async fn scene(play: &mut Play<'_>) -> Result<(), Failure> {
    let mut task = slow_task(play);
    task.set_int("heartbeat_ms", HEARTBEAT_MS);
    let (mark, ticket) = (play.stage.mark(), ticket(&task));
    let start = Instant::now();
    play.stage.send(task).await?;
    taken(play).await?;
    let limit = play.args.claims.saturating_sub(start.elapsed());
    let first = play.stage.wait(mark, limit, |heard| report_of(heard, &ticket).filter(is_no_progress)).await;
    match first {
        Some(Report::Claimed { lease }) => {
            let after = start.elapsed();
            play.claims_after = Some(after);
            claimed(play, mark, &ticket, Duration::from_millis(lease.0)).await?;
            play.enter().await?;
            unconfirmed(play, after).await?;
        }
        Some(report) => {
            ended_early(play, KILLED, &report, start.elapsed());
            play.findings.skipped(CLAIM, "--slow ended too early");
            play.kill().await?;
        }
        None => unclaimed(play, &ticket).await?,
    }
    play.enter().await
}

async fn unclaimed(play: &mut Play<'_>, ticket: &str) -> Result<(), Failure> {
    let rule = "§7.1: a worker MUST NOT ack before its report, or its claim, is confirmed";
    match has(&play.kill().await?, ticket) {
        true => play.findings.ok(KILLED, "killed in the middle of a task, it left the delivery to others"),
        false => {
            let what = "killed in the middle of a task, it had acked the delivery already";
            play.findings.problem(KILLED, what, rule);
        }
    }
    let what = format!("none within {} s: --claims 70s waits longer", play.args.claims.as_secs());
    play.findings.skipped(CLAIM, what);
    Ok(())
}

/// A claim is renewed, and its delivery is acked.
async fn claimed(play: &mut Play<'_>, mark: usize, ticket: &str, lease: Duration) -> Result<(), Failure> {
    let (start, third) = (Instant::now(), lease / 3);
    let now = play.stage.mark();
    let sign = |heard: &HeardMessage| (names(heard, ticket) || is_progress(heard, ticket)).then_some(());
    let renewed = play.stage.wait(now, third + SLACK, sign).await.map(|()| start.elapsed());
    let end = play.stage.since(mark).iter().find_map(|heard| report_of(heard, ticket).filter(is_end));
    sleep_until(start + ACKED_AFTER).await;
    let left = play.kill().await?;
    let what = match (renewed, end) {
        (_, Some(end)) => {
            ended_early(play, CLAIM, &end, start.elapsed());
            return Ok(());
        }
        _ if has(&left, ticket) => {
            "it claimed an attempt, and did not ack the delivery: killed later, it came back".to_owned()
        }
        (None, None) => {
            let (whole, third) = (lease.as_secs(), third.as_secs());
            format!("a lease of {whole} s was not renewed within {third} s, by a heartbeat or by task.progress")
        }
        (Some(_), None) => {
            play.findings.ok(KILLED, "killed in the middle of a claimed task, whose lease ends");
            return Ok(());
        }
    };
    let rule = "§8: whoever claims MUST ack the delivery, and MUST renew the lease at least every third of it";
    play.findings.problem(CLAIM, what, rule);
    play.findings.ok(KILLED, "killed in the middle of a claimed task");
    Ok(())
}

/// Checks that a claim is not acked before it is confirmed: until then the delivery is the only trace of the attempt.
async fn unconfirmed(play: &mut Play<'_>, after: Duration) -> Result<(), Failure> {
    if play.misuse.is_some() {
        return Ok(());
    }
    play.stage.refuse_results().await?;
    let task = slow_task(play);
    let ticket = ticket(&task);
    play.stage.send(task).await?;
    taken(play).await?;
    sleep(after + SLACK).await;
    let left = play.kill().await?;
    play.stage.restore_results().await?;
    let seen = format!("claimed after {:.1} s, acked, and renewed in time", after.as_secs_f64());
    if !has(&left, &ticket) {
        let what =
            "the broker had refused its claim, and the delivery was acked already: killed then, the attempt is lost";
        let rule = "§8: whoever claims MUST wait for the confirm of task.claimed before it acks";
        play.findings.problem(CLAIM, what, rule);
    } else if !play.findings.has_problem(CLAIM) {
        play.findings.ok(CLAIM, seen);
    }
    Ok(())
}

/// Tells whether a heartbeat names this ticket.
pub(super) fn names(heard: &HeardMessage, ticket: &str) -> bool {
    beat_of(heard).is_some_and(|beat| beat.tickets.iter().any(|named| named == ticket))
}

fn is_progress(heard: &HeardMessage, ticket: &str) -> bool {
    matches!(report_of(heard, ticket), Some(Report::Progress(_)))
}

const fn is_no_progress(report: &Report) -> bool {
    !matches!(report, Report::Progress(_))
}

const fn is_end(report: &Report) -> bool {
    !matches!(report, Report::Progress(_) | Report::Claimed { .. })
}

pub(super) const KILLED: &str = "killed";
pub(super) const CLAIM: &str = "claim";
/// Keeps those awake that know it, so that less time is spent on them.
const HEARTBEAT_MS: i64 = 3_000;
/// Time that a claim or a sign of life may be later than it should.
const SLACK: Duration = Duration::from_secs(1);
/// Time from the claim until its delivery must be acked: a confirm lies between them.
const ACKED_AFTER: Duration = Duration::from_secs(1);
