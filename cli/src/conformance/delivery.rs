//! Confirms before acks, and the same ticket twice.

use std::time::Duration;

use super::play::{Answer, Play, ticket};
use super::stage::Ear;
use crate::failure::Failure;

/// The same ticket twice is one attempt: at least one report comes, and both deliveries are settled.
pub(super) async fn duplicate(play: &mut Play<'_>) -> Result<(), Failure> {
    let task = play.good_task();
    let (mark, ticket) = (play.stage.mark(), ticket(&task));
    play.stage.send(task.clone()).await?;
    play.stage.send(task).await?;
    let rule = "§7.2: the same ticket MAY be delivered twice; both deliveries MUST be settled";
    match play.answer(mark, &ticket, play.args.patience).await {
        Answer::Report(_) => {}
        Answer::Broken(what) => play.findings.problem(DUPLICATE, what, rule),
        Answer::Nothing => play.findings.problem(DUPLICATE, "no report on a ticket that was delivered twice", rule),
    }
    let before = play.findings.len();
    play.still_works(DUPLICATE, "the same ticket was delivered twice", rule).await?;
    let reports =
        play.stage.since(mark).into_iter().filter(|heard| {
            heard.ear == Ear::Results && heard.incoming.message.correlation_id.as_deref() == Some(&ticket)
        });
    let what = format!("one ticket delivered twice: {} reports, and the worker goes on", reports.count());
    play.findings.ok_unless_found(DUPLICATE, before, what);
    Ok(())
}

/// The broker refuses reports for a while. Whoever acks without waiting for the confirm loses one.
pub(super) async fn confirm(play: &mut Play<'_>) -> Result<(), Failure> {
    play.stage.refuse_results().await?;
    let task = play.good_task();
    let (mark, ticket) = (play.stage.mark(), ticket(&task));
    play.stage.send(task).await?;
    tokio::time::sleep(REFUSED).await;
    play.stage.take_results().await?;
    let rule = "§7.1: a worker MUST wait for the confirm of its report before it acks, and MUST NOT lose a report that \
                was refused";
    let mut answer = play.answer(mark, &ticket, play.args.patience).await;
    if matches!(answer, Answer::Nothing) && play.worker.is_some() {
        // It may have given up in despair, or hold the delivery: another life shows whether it still exists.
        play.restart().await?;
        answer = play.answer(mark, &ticket, play.args.patience).await;
    }
    match answer {
        Answer::Report(_) => play.findings.ok(CONFIRM, "a report that the broker refused at first came later"),
        Answer::Broken(what) => play.findings.problem(CONFIRM, what, rule),
        Answer::Nothing => {
            play.findings.problem(
                CONFIRM,
                "the broker refused a report, and its result was lost: acked too early",
                rule,
            );
        }
    }
    play.still_works(CONFIRM, "the broker had refused a report", rule).await?;
    play.stage.restore_results().await
}

const DUPLICATE: &str = "duplicate";
const CONFIRM: &str = "confirm";
/// Long enough for a task to be done and its report to be refused.
const REFUSED: Duration = Duration::from_secs(3);
