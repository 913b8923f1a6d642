//! Confirms before acks, acks after them, and the same ticket twice.

use std::time::Duration;

use super::judge::TaskEnd;
use super::play::{ACKS, Play, has, ticket};
use super::stage::Ear;
use crate::failure::Failure;

/// The same ticket twice is one attempt: at least one report comes, and both deliveries are settled. Whether the
/// worker acks at all, as far as it can be told.
pub(super) async fn duplicate(play: &mut Play<'_>) -> Result<bool, Failure> {
    let task = play.good_task();
    let (mark, ticket) = (play.stage.mark(), ticket(&task));
    play.stage.send(task.clone()).await?;
    play.stage.send(task).await?;
    let answer = play.answer(mark, &ticket, play.args.patience).await?;
    play.forget(&ticket);
    let good = play.good_task();
    let after = match play.ask(good).await? {
        TaskEnd::Nothing(silence) => Some(silence),
        TaskEnd::Report(_) | TaskEnd::Broken(_) => None,
    };
    let left = if play.args.rpc { Vec::new() } else { play.kill().await? };
    if play.findings.has_problem(ACKS) {
        return Ok(false);
    }
    let (before, is_stuck) = (play.findings.len(), after.is_some());
    let mut broken = |what: String| {
        play.findings.problem(
            DUPLICATE,
            what,
            "§7.2: the same ticket MAY be delivered twice; both deliveries MUST be settled",
        );
    };
    match (answer, after) {
        (TaskEnd::Broken(what), _) => broken(what),
        (TaskEnd::Nothing(silence), _) => broken(format!("{silence}, on a ticket that was delivered twice")),
        (TaskEnd::Report(_), Some(silence)) => {
            let why = silence.0.map_or_else(|| "no longer works".to_owned(), |status| format!("ended ({status})"));
            broken(format!("the worker {why} after the same ticket was delivered twice"));
        }
        (TaskEnd::Report(_), None) if has(&left, &ticket) => {
            broken(
                "one ticket was delivered twice, and not both deliveries were acked: killed later, one came back"
                    .to_owned(),
            );
        }
        (TaskEnd::Report(_), None) => {}
    }
    let reports =
        play.stage.since(mark).into_iter().filter(|heard| {
            heard.ear == Ear::Results && heard.incoming.message.correlation_id.as_deref() == Some(&ticket)
        });
    let reports = match reports.count() {
        1 => "1 report".to_owned(),
        count => format!("{count} reports"),
    };
    let what = format!("one ticket delivered twice: {reports}, and the worker goes on");
    play.findings.ok_unless_found(DUPLICATE, before, what);
    if play.args.rpc && is_stuck {
        play.revive().await?;
    }
    Ok(true)
}

/// The broker refuses reports for a while. Whoever acks without waiting for the confirm loses one.
pub(super) async fn confirm(play: &mut Play<'_>) -> Result<(), Failure> {
    play.stage.refuse_results().await?;
    let task = play.good_task();
    let (mark, ticket) = (play.stage.mark(), ticket(&task));
    play.stage.send(task).await?;
    tokio::time::sleep(REFUSED).await;
    let rule = "§7.1: a worker MUST wait for the confirm of its report before it acks, and MUST NOT lose a report that \
                was refused";
    if play.worker.is_some() {
        // Nothing but the delivery can bring the result of a dead worker back.
        let left = play.kill().await?;
        match has(&left, &ticket) {
            true => play.findings.ok(CONFIRM, "killed before its report was confirmed, it left the delivery to others"),
            false => {
                let what = "the broker had refused its report, and the delivery was acked already: killed then, its \
                            result is lost";
                play.findings.problem(CONFIRM, what, rule);
            }
        }
        play.stage.restore_results().await?;
        return play.enter().await;
    }
    play.stage.take_results().await?;
    match play.answer(mark, &ticket, play.args.patience).await? {
        TaskEnd::Report(_) => play.findings.ok(CONFIRM, "a report that the broker refused at first came later"),
        TaskEnd::Broken(what) => play.findings.problem(CONFIRM, what, rule),
        TaskEnd::Nothing(_) => {
            let what = "the broker refused a report, and it never came again";
            play.findings.warning(CONFIRM, what, format!("{rule}; with a command behind -- more can be told"));
        }
    }
    play.still_works(CONFIRM, "the broker had refused a report", rule).await?;
    play.stage.restore_results().await
}

const DUPLICATE: &str = "duplicate";
const CONFIRM: &str = "confirm";
/// Long enough for a task to be done and its report to be refused.
const REFUSED: Duration = Duration::from_millis(2_500);
