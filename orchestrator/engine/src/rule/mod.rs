//! The rules, one file each, and the one place that says which event belongs to which rule.

mod admit;
mod all_ended;
mod attempt;
mod built_in;
mod cancel;
mod due;
mod end;
mod ended;
mod fail_fast;
mod fair;
mod fan_out;
mod input;
mod item;
mod job_slot;
mod limited;
mod loads;
mod needs_ended;
mod offer;
mod pause;
mod redo;
mod reopen;
mod replace;
mod report;
mod retry;
mod round;
mod send;
mod skip;
mod start;
mod submit;

pub use self::admit::resolve;
pub use self::fair::virtual_time_of;
pub use self::redo::refusal as retry_refusal;
pub use self::skip::refusal as skip_refusal;
use warrener_shared::time::Timestamp;

use crate::event::Event;
use crate::need::Need;
use crate::slice::{Read, Slice};
use crate::turn::{Decision, Turn};

/// Names what must be loaded into the slice for a need, such as an event that [`decide`] is to take; empty if nothing
/// is missing.
///
/// What is missing may depend on what was just loaded, so the caller asks again after loading.
pub fn missing<'a>(slice: &Slice, need: impl Into<Need<'a>>) -> Vec<Read> {
    match need.into() {
        Need::Event(event) => missing_for(slice, event),
        Need::Job(job) if slice.job(job).is_none() => vec![Read::Job(job)],
        Need::Job(_) => Vec::new(),
        Need::Task(task) => loads::with_mapped(slice, task),
        Need::Message(task) => input::missing_message(slice, task),
        Need::Retry(job, position, index) => redo::missing_refusal(slice, job, position, index),
    }
}

fn missing_for(slice: &Slice, event: &Event) -> Vec<Read> {
    match event {
        Event::Submitted(submitted) => submit::missing(slice, submitted),
        Event::ContentReplaced(submitted) => replace::missing(slice, submitted),
        Event::JobDue(job) | Event::PauseRequested(job, _) | Event::CancelRequested(job) => {
            cancel::missing(slice, *job)
        }
        Event::RetryRequested(job) => reopen::missing(slice, *job),
        Event::TaskRetryRequested(job, position, _) => redo::missing(slice, *job, *position),
        Event::SkipRequested(task) => skip::missing(slice, *task),
        Event::Answered(task, _) => round::missing(slice, *task),
        Event::Sent(attempt, _) => round::missing(slice, attempt.task),
        Event::SubJobEnded(ended) => round::missing(slice, ended.parent.task),
        Event::ParentEnded(job) | Event::SlotWanted(job) | Event::TurnedAway(job, _) => {
            cancel::missing_with_parent(slice, *job)
        }
        // Whoever tells it knows that the job is over, or no more.
        Event::JobStopped(_) => Vec::new(),
        Event::ItemsWaiting(task) => fan_out::missing(slice, *task),
        // Its end had loaded all that it touches.
        Event::ItemEnded(..) => Vec::new(),
        Event::NeedsEnded(job, position) => needs_ended::missing(slice, *job, *position),
        Event::RoomFor(task, most) => admit::missing(slice, *task, *most),
        Event::Reported(reported) => round::missing(slice, reported.ticket.task),
        Event::Started(started) => loads::with_mapped(slice, started.ticket.task),
        Event::Silent(ticket) | Event::DeadLettered(ticket, _) => loads::with_dice(slice, ticket.task),
        Event::TaskDue(task) => due::missing(slice, *task),
        Event::TooManyFailures(task, _) | Event::EnoughSuccesses(task) => fan_out::missing(slice, *task),
        Event::Ended(job, position) => ended::missing(slice, *job, *position),
        Event::FailFast(job, _) => cancel::missing(slice, *job),
        Event::SlotFreed(job) => offer::missing(slice, *job),
        Event::KeyFreed(key) => limited::missing(slice, key),
        Event::AllEnded(job) => all_ended::missing(slice, *job),
    }
}

/// Applies the rule for the event: changes rows of the slice, and says what follows.
///
/// Never fails: what does not apply (any more) changes nothing. Handling an event that came from outside twice
/// changes nothing the second time, but for a second request to cancel, which stops more. (Events that follow from
/// a decision are handled once, in its batch.)
///
/// # Panics
/// If something that [`missing`] names is not loaded, or a row contradicts the transition tables.
pub fn decide(slice: &mut Slice, event: &Event, now: Timestamp) -> Decision {
    let mut turn = Turn::new(slice, now);
    apply(&mut turn, event);
    turn.decision()
}

fn apply(turn: &mut Turn<'_>, event: &Event) {
    match event {
        Event::Submitted(submitted) => submit::apply(turn, submitted),
        Event::ContentReplaced(submitted) => replace::apply(turn, submitted),
        Event::JobDue(job) => start::apply(turn, *job),
        Event::CancelRequested(job) => cancel::apply(turn, *job),
        Event::PauseRequested(job, paused) => pause::apply(turn, *job, *paused),
        Event::RetryRequested(job) => reopen::apply(turn, *job),
        Event::TaskRetryRequested(job, position, index) => redo::apply(turn, *job, *position, *index),
        Event::SkipRequested(task) => skip::apply(turn, *task),
        Event::Answered(task, payload) => built_in::answered(turn, *task, payload),
        Event::Sent(attempt, outcome) => send::sent(turn, *attempt, outcome),
        Event::SubJobEnded(ended) => built_in::sub_job_ended(turn, ended),
        Event::ParentEnded(job) | Event::SlotWanted(job) => cancel::with_parent(turn, *job),
        Event::TurnedAway(job, key) => cancel::turned_away(turn, *job, key),
        Event::JobStopped(job) => job_slot::stopped(turn, *job),
        Event::ItemsWaiting(task) => fan_out::next_waiting(turn, *task),
        Event::ItemEnded(task, item) => fan_out::item_ended(turn, *task, *item),
        Event::NeedsEnded(job, position) => needs_ended::apply(turn, *job, *position),
        Event::RoomFor(task, most) => admit::apply(turn, *task, *most),
        Event::Reported(reported) => report::apply(turn, reported),
        Event::Started(started) => report::started(turn, started),
        Event::Silent(ticket) => report::silent(turn, ticket),
        Event::DeadLettered(ticket, reason) => report::dead_lettered(turn, ticket, *reason),
        Event::TaskDue(task) => due::apply(turn, *task),
        Event::TooManyFailures(task, last) => fan_out::too_many_failures(turn, *task, *last),
        Event::EnoughSuccesses(task) => fan_out::enough_successes(turn, *task),
        Event::Ended(job, position) => ended::apply(turn, *job, *position),
        Event::FailFast(job, position) => fail_fast::apply(turn, *job, *position),
        Event::SlotFreed(job) => offer::slot_freed(turn, *job),
        Event::KeyFreed(key) => offer::key_freed(turn, key),
        Event::AllEnded(job) => all_ended::apply(turn, *job),
    }
}
