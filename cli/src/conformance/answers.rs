//! Answers of the worker: to a good task, to an unknown kind, to nonsense.

use std::time::Duration;

use serde_json::Value;
use warrener_shared::limits::Limits;
use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::{PROGRESS, Report};

use super::judge::{TaskEnd, said};
use super::play::{Play, ticket};
use super::stage::Ear;
use crate::failure::Failure;

/// Heartbeats are not asked of anybody, but those that come are right.
pub(super) async fn heartbeat(play: &mut Play<'_>) {
    if play.args.rpc {
        return;
    }
    let heard =
        play.stage.wait(0, BEAT, |heard| (heard.ear == Ear::Beats).then(|| heard.incoming.message.body.clone()));
    let Some(body) = heard.await else {
        let what = "none within 7 s: it is not listed, and only time limits bound its attempts";
        return play.findings.warning(HEARTBEAT, what, "§9: a worker SHOULD send one every 5 s");
    };
    match serde_json::from_slice::<Heartbeat>(&body) {
        Err(error) => {
            play.findings.problem(HEARTBEAT, format!("it can't be read: {error}"), "§9: the fields of a heartbeat")
        }
        Ok(beat) if beat.worker.is_empty() => {
            play.findings.problem(HEARTBEAT, "`worker` is empty", "§9: a worker MUST name itself in its heartbeat");
        }
        Ok(beat) => {
            if !beat.queues.contains(&play.args.queue) {
                let what = format!("`queues` is {:?}, without {}", beat.queues, play.args.queue);
                play.findings.problem(HEARTBEAT, what, "§9: `queues` MUST name the queues that it serves");
            } else {
                play.findings.ok(HEARTBEAT, format!("from {}, kinds {}", beat.worker, beat.kinds.join(", ")));
            }
            play.beat = Some(beat);
        }
    }
}

/// Checks that the worker works at all: a task comes back as a report with its ticket, and so does another one. False
/// if nothing else can be tested.
pub(super) async fn echo(play: &mut Play<'_>) -> Result<bool, Failure> {
    let task = play.good_task();
    let kind = task.kind.clone().unwrap_or_default();
    let (mark, first) = (play.stage.mark(), ticket(&task));
    match play.ask(task).await? {
        TaskEnd::Report(report) => {
            play.works = matches!(report, Report::Succeeded { .. } | Report::Failed { .. });
            judge_good(play, &kind, &report);
        }
        TaskEnd::Broken(what) => {
            play.findings.problem(ECHO, what, SHAPE);
            return Ok(false);
        }
        TaskEnd::Nothing(silence) => {
            let what = format!("{silence}, on a task of kind {kind}, within {} s", play.args.patience.as_secs());
            let rule = "§6: a worker MUST report on every delivery that it takes; --patience waits longer";
            play.findings.problem(ECHO, what, rule);
            return Ok(false);
        }
    }
    persistence(play, mark, &first);
    // With a prefetch of one, a second task comes only if the first was acked.
    let second = play.good_task();
    if let TaskEnd::Nothing(silence) = play.ask(second).await? {
        let before = play.findings.len();
        play.kill().await?;
        // The very ack may be known to be missing by now.
        if play.findings.len() == before {
            let rule = "§7.1: a worker MUST ack after the confirm of its report";
            play.findings.problem(ECHO, format!("{silence}, on a second task"), rule);
        }
        return Ok(false);
    }
    unnamed_header(play).await
}

/// Quorum queues keep any message; a policy may make something else of the queue of results one day.
fn persistence(play: &mut Play<'_>, mark: usize, ticket: &str) {
    let transient = play.stage.since(mark).into_iter().any(|heard| {
        let message = &heard.incoming.message;
        let is_end = message.kind.as_deref() != Some(PROGRESS);
        heard.ear == Ear::Results && is_end && message.correlation_id.as_deref() == Some(ticket) && !message.persistent
    });
    if transient && !play.args.rpc {
        let rule = "§6: a report SHOULD be persistent (delivery_mode 2)";
        play.findings.warning(ECHO, "the report is transient", rule);
    }
}

/// Checks that a header which the protocol does not name is ignored: a later version may add some.
async fn unnamed_header(play: &mut Play<'_>) -> Result<bool, Failure> {
    let mut task = play.good_task();
    task.set_text("conformance", "a header that the protocol does not name");
    let rule = "at the top: receivers MUST ignore fields, headers and properties that the protocol does not name";
    match play.ask(task).await? {
        TaskEnd::Report(_) => play.findings.ok(HEADER, "a header that the protocol doesn't name is ignored"),
        TaskEnd::Broken(what) => play.findings.problem(HEADER, what, rule),
        TaskEnd::Nothing(silence) => {
            let what = format!("{silence}, on a task with a header that the protocol doesn't name");
            play.findings.problem(HEADER, what, rule);
            play.revive().await?;
        }
    }
    Ok(true)
}

fn judge_good(play: &mut Play<'_>, kind: &str, report: &Report) {
    match report {
        Report::Succeeded { output } => {
            let expected = play.args.expect.as_ref().and_then(|text| serde_json::from_str::<Value>(text).ok());
            let got = serde_json::from_slice::<Value>(output).ok();
            match expected {
                Some(expected) if Some(&expected) != got.as_ref() => {
                    let what = format!("the output is {}, not {expected}", String::from_utf8_lossy(output));
                    play.findings.problem(ECHO, what, "is --expect right?");
                }
                _ => play.findings.ok(ECHO, format!("a task of kind {kind} came back with its ticket")),
            }
        }
        other => {
            let what = format!("a task of kind {kind} came back with its ticket, as {}", said(other));
            play.findings.warning(
                ECHO,
                what,
                "give --kind and an --input with which it succeeds, so that more is tested",
            );
        }
    }
}

/// An unknown kind is handed back, not thrown away and not thrown around.
pub(super) async fn unknown_kind(play: &mut Play<'_>) -> Result<(), Failure> {
    let task = play.task("conformance.unknown", "null");
    let rule =
        "§7.4: a kind that the worker doesn't know MUST be answered with task.released {\"code\": \"unknown_kind\"}";
    match play.ask(task).await? {
        TaskEnd::Report(Report::Released { code: Some(code), .. }) if code == "unknown_kind" => {
            play.findings.ok(UNKNOWN_KIND, "handed back as unknown_kind");
        }
        TaskEnd::Report(other) => play.findings.problem(UNKNOWN_KIND, format!("answered as {}", said(&other)), rule),
        TaskEnd::Broken(what) => play.findings.problem(UNKNOWN_KIND, what, rule),
        TaskEnd::Nothing(silence) => {
            play.findings.problem(UNKNOWN_KIND, silence.to_string(), rule);
            play.revive().await?;
        }
    }
    Ok(())
}

/// A delivery that nobody can be answered about is rejected.
pub(super) async fn no_ticket(play: &mut Play<'_>) -> Result<(), Failure> {
    let mut task = play.good_task();
    let id = task.message_id.clone();
    task.correlation_id = None;
    let mark = play.stage.mark();
    play.stage.send(task).await?;
    let rule = "§7.5: a delivery without correlation_id MUST be rejected without requeue";
    let came = play.stage.wait(mark, play.args.patience, |heard| match heard.ear {
        Ear::Dead if heard.incoming.message.message_id == id => {
            Some(heard.incoming.death.as_ref().map_or_else(String::new, |death| death.reason.clone()))
        }
        Ear::Results if heard.incoming.message.correlation_id.is_none() => Some("answered".to_owned()),
        _ => None,
    });
    match came.await.as_deref() {
        Some("rejected") => play.findings.ok(NO_TICKET, "rejected"),
        Some("answered") => play.findings.problem(NO_TICKET, "a report came that nobody can assign", rule),
        Some(_) => play.findings.problem(NO_TICKET, "it was given back (nack with requeue) again and again", rule),
        None => play.findings.problem(NO_TICKET, "it was swallowed, or is held for ever", rule),
    }
    play.still_works(NO_TICKET, "a delivery without correlation_id", rule).await
}

/// Inputs that no handler expects end their attempt, not the worker.
pub(super) async fn hostile(play: &mut Play<'_>) -> Result<(), Failure> {
    if !play.works && !play.args.rpc {
        play.findings.skipped(HOSTILE_INPUT, NEEDS_KIND);
        return Ok(());
    }
    let rule = "§6: whatever the input, the worker MUST report on it, and go on";
    let before = play.findings.len();
    for (what, input) in HOSTILE {
        let kind = play.good_task().kind.unwrap_or_default();
        let deep = "[".repeat(DEEPEST) + &"]".repeat(DEEPEST);
        let task = play.task(&kind, if input == DEEP { &deep } else { input });
        match play.ask(task).await? {
            TaskEnd::Report(_) => {}
            // A plain RPC server answers what it knows; it promised nobody anything.
            _ if play.args.rpc => {
                play.findings.warning(HOSTILE_INPUT, format!("no answer to {what}"), "the attempt ends by its timeout");
                play.revive().await?;
            }
            TaskEnd::Broken(broken) => play.findings.problem(HOSTILE_INPUT, format!("{what}: {broken}"), SHAPE),
            TaskEnd::Nothing(silence) => {
                play.findings.problem(HOSTILE_INPUT, format!("{silence}, on {what}"), rule);
                play.revive().await?;
            }
        }
    }
    play.findings.ok_unless_found(HOSTILE_INPUT, before, "bad inputs end their attempt, not the worker");
    play.still_works(HOSTILE_INPUT, "bad inputs", rule).await
}

const HEARTBEAT: &str = "heartbeat";
const ECHO: &str = "echo";
const SHAPE: &str = "§6: a report MUST carry the correlation_id of its task, and a known shape";
const HEADER: &str = "unknown header";
/// Reason for skipping a check that needs work in progress.
pub(super) const NEEDS_KIND: &str =
    "needs a task that is worked on: give --kind, and an --input with which it succeeds";
const UNKNOWN_KIND: &str = "unknown kind";
const NO_TICKET: &str = "no ticket";
const HOSTILE_INPUT: &str = "hostile input";
const HOSTILE: [(&str, &str); 4] = [
    ("an input that is not JSON", "{\"text\": "),
    ("an empty body", ""),
    ("JSON of another shape", "[null, 1e400, \"\\ud800\"]"),
    ("JSON nested 128 deep, as deep as inputs get", DEEP),
];
const DEEP: &str = "deep";
const DEEPEST: usize = Limits::DEFAULT.json_depth;
/// Longest wait for a heartbeat: they come every five seconds.
const BEAT: Duration = Duration::from_secs(7);
