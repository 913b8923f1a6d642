//! What happens in a line of a story.

use std::borrow::Cow;

use warrener_shared::error::ErrorObject;
use warrener_shared::id::{TaskNo, Ticket, Token};
use warrener_shared::job::yaml;
use warrener_shared::wire::result::{Progress, Report, RetryAdvice};

use super::super::world::{Step, World};
use super::{span, tell};
use crate::Event;
use crate::event::{DeathReason, Reported, Started};
use crate::row::{Json, WaitsFor};

/// Plays the acts of a line (several, separated by `;`, are one batch), and tells what was decided.
pub(super) fn play(world: &mut World, acts: &str, job: &[u8]) -> String {
    if let Some(address) = acts.strip_prefix("show ") {
        return tell::row(world, address);
    }
    if let Some(address) = acts.strip_prefix("history ") {
        return tell::history(world, address);
    }
    if acts == "log" {
        return tell::log(world);
    }
    let events: Vec<Event> = acts.split(';').flat_map(|act| events(world, act.trim(), job)).collect();
    let step = world.batch(&events);
    answered(&step);
    tell::step(world, &step)
}

/// Whoever waits for a job is answered exactly when it ends.
fn answered(step: &Step) {
    let is_end = |kind: &str| kind.starts_with("job.") && !matches!(kind, "job.running" | "job.scheduled");
    let ended = step.events.iter().filter(|(_, event)| is_end(&event.kind)).count();
    let replies = step.effects.iter().filter(|effect| matches!(effect, crate::Effect::Reply(_))).count();
    assert_eq!(ended, replies, "{step:#?}");
}

/// The events of an act: usually one, none for one that only lets time pass.
fn events(world: &mut World, act: &str, job: &[u8]) -> Vec<Event> {
    match act.strip_prefix("answer ") {
        Some(answer) => answers(world, answer),
        None => event(world, act, job).into_iter().collect(),
    }
}

/// `approval order-17 7`: the event, the key, the payload.
fn answers(world: &World, answer: &str) -> Vec<Event> {
    let mut words = answer.splitn(3, ' ');
    let (event, key) = (words.next().unwrap_or_default().into(), words.next().unwrap_or_default().into());
    let payload: Json = words.next().unwrap_or("null").as_bytes().into();
    let waits_for = Some(WaitsFor::Event { event, key });
    let waiting = world.tasks.values().filter(|row| row.waits_for == waits_for);
    waiting.map(|row| Event::Answered(row.no, payload.clone())).collect()
}

/// `a`, or of a mapped task `a.3`.
fn task_retry(world: &World, address: &str) -> Event {
    let (name, index) = address.split_once('.').map_or((address, None), |(name, at)| (name, Some(at.parse().unwrap())));
    let row = world.find(name);
    Event::TaskRetryRequested(row.job, row.position, index)
}

fn event(world: &mut World, act: &str, job: &[u8]) -> Option<Event> {
    let (first, rest) = act.split_once(' ').unwrap_or((act, ""));
    let top = world.jobs.values().rfind(|row| row.parent.is_none());
    let job_no = top.map_or(warrener_shared::id::JobNo(0), |row| row.no);
    Some(match first {
        "submit" => world.accept(job),
        "replace" => {
            let json = yaml::to_json(rest.as_bytes(), &world.limits).unwrap();
            world.replace(job_no, json.json())
        }
        "time" | "late" => return None,
        "room" => {
            world.room = rest.parse().unwrap();
            return None;
        }
        "cancel" => Event::CancelRequested(job_no),
        "retry" if rest.is_empty() => Event::RetryRequested(job_no),
        "retry" => task_retry(world, rest),
        "skip" => Event::SkipRequested(world.find(rest).no),
        "pause" => Event::PauseRequested(job_no, true),
        "resume" => Event::PauseRequested(job_no, false),
        attempt => of_attempt(ticket(world, attempt), rest),
    })
}

/// `a#1` is the first attempt of `a`; `a#1!` claims to be, but has another token.
fn ticket(world: &World, attempt: &str) -> Ticket {
    let (known, forged) = attempt.strip_suffix('!').map_or((attempt, false), |known| (known, true));
    let (address, number) = known.split_once('#').unwrap_or_else(|| panic!("what is {attempt}?"));
    let number = number.parse().unwrap();
    if address == "nobody" {
        return Ticket { task: TaskNo(999_999), attempt: number, token: Token(1) };
    }
    let ticket = world.tickets.get(&(address.to_owned(), number));
    let ticket = *ticket.unwrap_or_else(|| panic!("{attempt} was never dispatched"));
    if forged { Ticket { token: Token(ticket.token.0 ^ 1), ..ticket } } else { ticket }
}

fn of_attempt(ticket: Ticket, what: &str) -> Event {
    let (what, interrupted) = what.strip_suffix(" interrupted").map_or((what, false), |what| (what, true));
    let (what, worker) = what.split_once(" by ").map_or((what, None), |(what, worker)| (what, Some(worker.into())));
    let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
    let report = match verb {
        "started" => return Event::Started(Started { ticket, worker }),
        "silent" => return Event::Silent(ticket),
        "rejected" => return Event::DeadLettered(ticket, DeathReason::Rejected),
        "given-up" => return Event::DeadLettered(ticket, DeathReason::DeliveryLimit),
        "fell-out" => return Event::DeadLettered(ticket, DeathReason::from(rest)),
        "succeeded" => Report::Succeeded { output: rest.as_bytes().to_vec() },
        "failed" => failed(rest),
        "released" => released(rest),
        "claimed" => Report::Claimed { lease: span(rest) },
        "progress" => Report::Progress(Progress { done: rest.parse().ok(), ..Progress::default() }),
        _ => panic!("what is {what}?"),
    };
    Event::Reported(Reported { ticket, report, worker, interrupted, cost: None })
}

/// `oom`, `oom retry false` or `oom retry 5s`.
fn failed(text: &str) -> Report {
    let (code, advice) = text.split_once(" retry ").map_or((text, None), |(code, advice)| (code, Some(advice)));
    let retry = match advice {
        None => RetryAdvice::Policy,
        Some("false") => RetryAdvice::Never,
        Some(text) => RetryAdvice::After(span(text)),
    };
    let error = ErrorObject { code: Cow::Owned(code.to_owned()), ..ErrorObject::new("x", "it broke") };
    Report::Failed { error, retry }
}

/// Nothing, `unknown_kind`, `suspect 2` or any word.
fn released(text: &str) -> Report {
    let (code, deliveries) = text.split_once(' ').unwrap_or((text, ""));
    Report::Released {
        code: Some(code.to_owned()).filter(|code| !code.is_empty()),
        deliveries: deliveries.parse().ok(),
        pause: None,
    }
}
