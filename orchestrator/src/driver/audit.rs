//! Rows of the audit for a batch: who changed what in it, and what was refused.
//!
//! Only inputs with a known requester are written down, in the same commit as the change. What came over the broker
//! carries no name and leaves no row. What changed nothing leaves none either.

use std::borrow::Cow;

use super::batch::Batch;
use super::input::{Answer, Asker, Command, Input, Requester, ScheduleCommand};
use crate::store::AuditRow;

/// Most characters of a target or a reason in a row. Both contain words of others.
const EXCERPT: usize = 300;

/// Adds the rows of the audit to the commit of a batch whose inputs are answered.
pub(super) fn note(inputs: &[Input], batch: &mut Batch) {
    for (at, answer) in &batch.answers {
        let Some((by, verb, target)) = asked(&inputs[*at], answer) else { continue };
        let Some((outcome, reason)) = outcome(answer) else { continue };
        let row = AuditRow {
            time: batch.now,
            who: by.who.clone(),
            from: by.from.clone(),
            verb: Cow::Borrowed(verb),
            target: excerpt(&target),
            outcome: Cow::Borrowed(outcome),
            reason: reason.map(|why| excerpt(&why)),
        };
        batch.commit.audit.push(row);
    }
}

/// Requester, verb and target of an input. `None` if nobody known asked, or the input is no request.
fn asked<'a>(input: &'a Input, answer: &Answer) -> Option<(&'a Requester, &'static str, String)> {
    let (asker, verb, target) = match input {
        Input::Submit(submission) => {
            let given = submission.spec.id.as_ref().map(ToString::to_string);
            let id = if let Answer::Kept { id, .. } = answer { Some(id.to_string()) } else { given };
            (&submission.asker, "job.submit", id.unwrap_or_default())
        }
        Input::Event(event, asker) => (asker, "event.answer", format!("{}/{}", event.event, event.key)),
        Input::Schedule(command, asker) | Input::ScheduleMessage(command, asker, _) => {
            let verb = match &**command {
                ScheduleCommand::Apply { .. } => "schedule.apply",
                ScheduleCommand::Pause(_, true, _) => "schedule.pause",
                ScheduleCommand::Pause(_, false, _) => "schedule.resume",
                ScheduleCommand::Trigger(_) => "schedule.trigger",
                ScheduleCommand::Backfill(..) => "schedule.backfill",
                ScheduleCommand::Delete(..) => "schedule.delete",
            };
            (asker, verb, command.name().to_string())
        }
        Input::Command(command, asker) => {
            let (verb, target) = of_command(command);
            (asker, verb, target)
        }
        _ => return None,
    };
    let Asker { by, .. } = asker;
    by.as_deref().map(|by| (by, verb, target))
}

/// Verb and target of a command. Verbs are `<resource>.<action>`.
fn of_command(command: &Command) -> (&'static str, String) {
    match command {
        Command::Cancel(id) => ("job.cancel", id.to_string()),
        Command::Pause(id, true) => ("job.pause", id.to_string()),
        Command::Pause(id, false) => ("job.resume", id.to_string()),
        Command::Retry(id) => ("job.retry", id.to_string()),
        Command::RetryTask(id, address) => ("task.retry", format!("{id}/{address}")),
        Command::Skip(id, address) => ("task.skip", format!("{id}/{address}")),
        Command::Delete(id) => ("job.delete", id.to_string()),
        Command::Drain(worker) => ("worker.drain", worker.to_string()),
        Command::Discard(no) => ("dead.discard", no.to_string()),
        Command::Replay(no, _) => ("dead.replay", no.to_string()),
        Command::CancelDelayed(no) => ("delayed.cancel", no.to_string()),
        Command::PauseQueue(name, true) => ("queue.pause", name.to_string()),
        Command::PauseQueue(name, false) => ("queue.resume", name.to_string()),
        Command::PutLimit(name, _) => ("limit.set", name.to_string()),
        Command::RemoveLimit(name) => ("limit.delete", name.to_string()),
        Command::SetKey(key, ..) => ("limit.key", key.text().to_string()),
        Command::Bulk(row, _) => ("bulk.begin", row.shown()),
        Command::StopBulk(no) => ("bulk.cancel", no.to_string()),
    }
}

/// Outcome (`done` or `refused`) of an answer, with the reason of a refusal. `None` where nothing changed: the thing
/// was not there, or was so already.
fn outcome(answer: &Answer) -> Option<(&'static str, Option<String>)> {
    match answer {
        Answer::Kept { existing: false, .. }
        | Answer::Begun(_)
        | Answer::Done
        | Answer::Answered(_)
        | Answer::Applied { .. } => Some(("done", None)),
        Answer::Refused(problems) => {
            let why = problems.first().map(|problem| problem.detail.clone());
            Some(("refused", Some(why.unwrap_or_default())))
        }
        Answer::Conflict(why) | Answer::Stale(why) => Some(("refused", Some(why.clone()))),
        Answer::Kept { existing: true, .. } | Answer::NotFound => None,
    }
}

/// First [`EXCERPT`] characters of a text.
fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT).collect()
}
