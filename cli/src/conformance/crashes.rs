//! Deliveries that may have killed somebody.

use std::time::Duration;

use warrener_shared::wire::Message;
use warrener_shared::wire::result::{PROGRESS, Report};

use super::answers::NEEDS_KIND;
use super::judge::{TaskEnd, report_of, said};
use super::long::slow_task;
use super::play::{NEEDS_COMMAND, Play, ticket};
use super::stage::{Ear, HeardMessage};
use crate::failure::Failure;

/// Deliveries that were handed out before are not begun: the second time, or the first for a task that is known to
/// have crashed somebody. Comes when our worker was killed, because only we may take these messages.
pub(super) async fn suspect(play: &mut Play<'_>) -> Result<(), Failure> {
    if play.worker.is_none() || !play.works {
        play.findings.skipped(SUSPECT, if play.works { NEEDS_COMMAND } else { NEEDS_KIND });
        return play.enter().await;
    }
    let (mark, plain, mut marked) = (play.stage.mark(), play.good_task(), play.good_task());
    marked.set_int("deliveries", 2);
    play.stage.send(plain.clone()).await?;
    play.stage.bounce(1).await?;
    play.stage.send(marked.clone()).await?;
    play.stage.bounce(2).await?;
    play.enter().await?;
    let before = play.findings.len();
    let rule = "§11.1: a delivery whose x-delivery-count is 2 or more MUST be answered with task.released {\"code\": \
                \"suspect\", \"deliveries\": n}";
    judge_suspect(play, (mark, &plain), "a delivery that was handed out twice before", rule).await?;
    let rule = "§11.1: with the header `deliveries`, an x-delivery-count of 1 is enough for task.released {\"code\": \
                \"suspect\", \"deliveries\": n}";
    judge_suspect(play, (mark, &marked), "a delivery with the header `deliveries` that was handed out before", rule)
        .await?;
    play.findings.ok_unless_found(SUSPECT, before, "handed back as suspect, at the second time and at the first");
    Ok(())
}

async fn judge_suspect(
    play: &mut Play<'_>,
    (mark, task): (usize, &Message),
    which: &str,
    rule: &str,
) -> Result<(), Failure> {
    let what = match play.answer(mark, &ticket(task), play.args.patience).await? {
        TaskEnd::Report(Report::Released { code: Some(code), deliveries, .. }) if code == "suspect" => match deliveries
        {
            Some(_) => return Ok(()),
            None => format!("{which} was handed back as suspect, without `deliveries`"),
        },
        TaskEnd::Report(report @ (Report::Succeeded { .. } | Report::Failed { .. })) => {
            format!("{which} was begun: it ended as {}", said(&report))
        }
        TaskEnd::Report(other) => format!("{which} was answered as {}", said(&other)),
        TaskEnd::Broken(what) => format!("{which}: {what}"),
        TaskEnd::Nothing(silence) => {
            play.findings.problem(SUSPECT, format!("{silence}, on {which}"), rule);
            return play.revive().await;
        }
    };
    play.findings.problem(SUSPECT, what, rule);
    Ok(())
}

/// A task that comes back with `deliveries` is begun only after a sign of life, and beside no other.
pub(super) async fn alone(play: &mut Play<'_>) -> Result<(), Failure> {
    if !play.works {
        play.findings.skipped(ALONE, NEEDS_KIND);
        return Ok(());
    }
    let is_long = play.keeps_limits;
    let mut task = if is_long { slow_task(play) } else { play.good_task() };
    task.set_int("deliveries", 2);
    let mut neighbours = Vec::new();
    if is_long {
        task.set_int("timeout_ms", LONE_MS);
        let mut neighbour = slow_task(play);
        neighbour.set_int("timeout_ms", NEIGHBOUR_MS);
        neighbours.push(neighbour);
    }
    let (mark, lone) = (play.stage.mark(), ticket(&task));
    play.stage.send(task).await?;
    for neighbour in &neighbours {
        play.stage.send(neighbour.clone()).await?;
    }
    let announced = play.stage.wait(mark, play.args.patience, |heard| report_of(heard, &lone).map(drop)).await;
    if is_long && announced.is_some() {
        for _ in 0..LATECOMERS {
            let latecomer = play.good_task();
            play.stage.send(latecomer.clone()).await?;
            neighbours.push(latecomer);
        }
    }
    let answer = play.answer(mark, &lone, play.args.patience.max(LONE_PATIENCE)).await?;
    let is_silent = matches!(answer, TaskEnd::Nothing(_));
    judge_lone(play, answer, mark, &lone, &neighbours);
    if is_silent {
        return play.revive().await;
    }
    // They must not meet the next scene.
    for neighbour in &neighbours {
        play.answer(mark, &ticket(neighbour), play.args.patience).await?;
    }
    Ok(())
}

fn judge_lone(play: &mut Play<'_>, answer: TaskEnd, mark: usize, lone: &str, neighbours: &[Message]) {
    let heard = play.stage.since(mark);
    let of_lone: Vec<usize> = (0..heard.len()).filter(|at| is_of(&heard[*at], lone)).collect();
    let first = of_lone.first().map(|at| &heard[*at].incoming.message);
    let begun_alone =
        "§11.2: before a task with the header `deliveries` is begun, a task.progress MUST be sent with confirm";
    let what = match answer {
        TaskEnd::Report(_) if first.is_none_or(|message| message.kind.as_deref() != Some(PROGRESS)) => {
            "a task with the header `deliveries` was begun without a sign of life".to_owned()
        }
        TaskEnd::Report(_) => {
            let (from, to) = (of_lone[0], of_lone[of_lone.len() - 1]);
            let done = |heard: &&HeardMessage| {
                neighbours.iter().any(|neighbour| {
                    let report = report_of(heard, &ticket(neighbour));
                    matches!(report, Some(Report::Succeeded { .. } | Report::Failed { .. }))
                })
            };
            match heard[from..to].iter().filter(done).count() {
                0 => return play.findings.ok(ALONE, alone_is(neighbours)),
                count => {
                    let what = format!("beside a task with the header `deliveries` it worked on {count} more");
                    let rule = "§11.2: on a task that may have crashed others a worker MUST work alone";
                    return play.findings.problem(ALONE, what, rule);
                }
            }
        }
        TaskEnd::Broken(what) => what,
        TaskEnd::Nothing(silence) => format!("{silence}, on a task with the header `deliveries`"),
    };
    play.findings.problem(ALONE, what, begun_alone);
}

const fn alone_is(neighbours: &[Message]) -> &'static str {
    match neighbours.is_empty() {
        true => "a task that may have crashed others begins with a sign of life; whether it is alone shows with --slow",
        false => "a task that may have crashed others begins with a sign of life, and is worked on alone",
    }
}

fn is_of(heard: &HeardMessage, ticket: &str) -> bool {
    heard.ear == Ear::Results && heard.incoming.message.correlation_id.as_deref() == Some(ticket)
}

const SUSPECT: &str = "suspect";
const ALONE: &str = "alone";
/// Long enough that a neighbour, if it is begun at all, ends before.
const LONE_MS: i64 = 2_500;
/// Time limit of the tasks beside the one that wants to be alone.
const NEIGHBOUR_MS: i64 = 1_000;
/// Shortest patience for the task that is to be worked on alone.
const LONE_PATIENCE: Duration = Duration::from_secs(10);
/// Tasks sent while the one that is alone is worked on.
const LATECOMERS: usize = 2;
