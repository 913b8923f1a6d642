//! Deliveries that may have killed somebody.

use warrener_shared::wire::Message;
use warrener_shared::wire::result::{PROGRESS, Report};

use super::answers::said;
use super::play::{Answer, Play, ticket};
use super::stage::Ear;
use crate::failure::Failure;

/// Puts a task into the queue that the broker has handed out twice before, if the worker isn't there yet.
pub(super) async fn prepare_suspect(play: &mut Play<'_>) -> Result<Option<(usize, Message)>, Failure> {
    if play.worker.is_none() || play.args.rpc {
        return Ok(None);
    }
    let task = play.good_task();
    let mark = play.stage.mark();
    play.stage.send(task.clone()).await?;
    play.stage.bounce(2).await?;
    Ok(Some((mark, task)))
}

/// A delivery that was handed out twice before is not begun.
pub(super) async fn judge_suspect(play: &mut Play<'_>, sent: Option<(usize, Message)>) -> Result<(), Failure> {
    let Some((mark, task)) = sent else {
        if !play.args.rpc {
            let what = "needs a worker that can be started here: name its command behind --";
            play.findings.skipped(SUSPECT, what);
        }
        return Ok(());
    };
    let rule = "§11: a delivery whose x-delivery-count is 2 or more MUST be answered with task.released {\"code\": \
                \"suspect\", \"deliveries\": n}";
    match play.answer(mark, &ticket(&task), play.args.patience).await {
        Answer::Report(Report::Released { code: Some(code), deliveries }) if code == "suspect" => match deliveries {
            Some(_) => play.findings.ok(SUSPECT, "handed back as suspect"),
            None => play.findings.problem(SUSPECT, "handed back as suspect, without `deliveries`", rule),
        },
        Answer::Report(other) => play.findings.problem(SUSPECT, format!("answered as {}", said(&other)), rule),
        Answer::Broken(what) => play.findings.problem(SUSPECT, what, rule),
        Answer::Nothing => play.findings.problem(SUSPECT, "no report", rule),
    }
    Ok(())
}

/// A task that comes back with `deliveries` is begun only after a sign of life.
pub(super) async fn alone(play: &mut Play<'_>) -> Result<(), Failure> {
    let mut task = play.good_task();
    task.set_int("deliveries", 2);
    let (mark, ticket) = (play.stage.mark(), ticket(&task));
    let rule = "§11: before a task with the header `deliveries` is begun, a task.progress MUST be sent with confirm";
    let answer = play.ask(task).await?;
    let reports = play.stage.since(mark).into_iter().filter(|heard| heard.ear == Ear::Results);
    let mut kinds = reports.filter(|heard| heard.incoming.message.correlation_id.as_deref() == Some(&ticket));
    let first = kinds.next().and_then(|heard| heard.incoming.message.kind);
    match answer {
        Answer::Report(_) if first.as_deref() == Some(PROGRESS) => {
            play.findings.ok(ALONE, "a task that may have crashed others begins with a sign of life");
        }
        Answer::Report(_) => play.findings.problem(ALONE, "it was begun without a sign of life", rule),
        Answer::Broken(what) => play.findings.problem(ALONE, what, rule),
        Answer::Nothing => play.findings.problem(ALONE, "no report", rule),
    }
    Ok(())
}

const SUSPECT: &str = "suspect";
const ALONE: &str = "alone";
