//! The rules, one file each, and the one place that says which event belongs to which rule.

mod admit;
mod all_ended;
mod built_in;
mod cancel;
mod due;
mod end;
mod ended;
mod fail_fast;
mod fan_out;
mod needs_ended;
mod pause;
mod redo;
mod reopen;
mod report;
mod retry;
mod skip;
mod start;
mod submit;

pub use self::admit::resolve;
pub use self::redo::refusal as retry_refusal;
pub use self::skip::refusal as skip_refusal;
use warrener_shared::id::TaskNo;
use warrener_shared::time::Timestamp;

use crate::effect::Effect;
use crate::event::Event;
use crate::slice::{Read, Slice};

/// What a rule decided, apart from the rows that it changed in the slice.
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// What is to be done once the batch is committed.
    pub effects: Vec<Effect>,
    /// What is to be decided next, in the same batch.
    pub follow: Vec<Event>,
}

/// What must be loaded into the slice before [`decide`] can take the event; empty if nothing is.
///
/// What is missing may depend on what was just loaded, so the caller asks again after loading.
pub fn missing(slice: &Slice, event: &Event) -> Vec<Read> {
    match event {
        Event::Submitted(submitted) => submit::missing(slice, submitted),
        Event::JobDue(job) | Event::PauseRequested(job, _) | Event::CancelRequested(job) => {
            cancel::missing(slice, *job)
        }
        Event::RetryRequested(job) => reopen::missing(slice, *job),
        Event::TaskRetryRequested(job, position, _) => redo::missing(slice, *job, *position),
        Event::SkipRequested(task) => skip::missing(slice, *task),
        Event::Answered(task, _) => with_mapped(slice, *task),
        Event::SubJobEnded(ended) => with_dice(slice, ended.parent.task),
        Event::ParentEnded(job) => built_in::missing_to_stop(slice, *job),
        Event::ItemsWaiting(task) => fan_out::missing(slice, *task),
        Event::NeedsEnded(job, position) => needs_ended::missing(slice, *job, *position),
        Event::RoomFor(task, most) => admit::missing(slice, *task, *most),
        Event::Reported(reported) => with_dice(slice, reported.ticket.task),
        Event::Started(started) => with_mapped(slice, started.ticket.task),
        Event::Silent(ticket) | Event::DeadLettered(ticket, _) => with_dice(slice, ticket.task),
        Event::TaskDue(task) => with_dice(slice, *task),
        Event::TooManyFailures(task, _) => fan_out::missing(slice, *task),
        Event::Ended(job, position) => ended::missing(slice, *job, *position),
        Event::FailFast(job, _) => cancel::missing_open(slice, *job),
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
    let mut out = Decision::default();
    match event {
        Event::Submitted(submitted) => submit::apply(slice, submitted, now, &mut out),
        Event::JobDue(job) => start::apply(slice, *job, now, &mut out),
        Event::CancelRequested(job) => cancel::apply(slice, *job, now, &mut out),
        Event::PauseRequested(job, paused) => pause::apply(slice, *job, *paused, now),
        Event::RetryRequested(job) => reopen::apply(slice, *job, now, &mut out),
        Event::TaskRetryRequested(job, position, index) => {
            redo::apply(slice, *job, *position, *index, now, &mut out);
        }
        Event::SkipRequested(task) => skip::apply(slice, *task, now, &mut out),
        Event::Answered(task, payload) => built_in::answered(slice, *task, payload, now, &mut out),
        Event::SubJobEnded(ended) => built_in::sub_job_ended(slice, ended, now, &mut out),
        Event::ParentEnded(job) => cancel::with_parent(slice, *job, now, &mut out),
        Event::ItemsWaiting(task) => fan_out::next_waiting(slice, *task, now),
        Event::NeedsEnded(job, position) => needs_ended::apply(slice, *job, *position, now, &mut out),
        Event::RoomFor(task, most) => admit::apply(slice, *task, *most, now, &mut out),
        Event::Reported(reported) => report::apply(slice, reported, now, &mut out),
        Event::Started(started) => report::started(slice, started, now),
        Event::Silent(ticket) => report::silent(slice, ticket, now, &mut out),
        Event::DeadLettered(ticket, why) => report::dead_lettered(slice, ticket, why, now, &mut out),
        Event::TaskDue(task) => due::apply(slice, *task, now, &mut out),
        Event::TooManyFailures(task, last) => fan_out::too_many_failures(slice, *task, *last, now, &mut out),
        Event::Ended(job, position) => ended::apply(slice, *job, *position, &mut out),
        Event::FailFast(job, position) => fail_fast::apply(slice, *job, *position, now, &mut out),
        Event::AllEnded(job) => all_ended::apply(slice, *job, now, &mut out),
    }
    out
}

/// The task, its job, and, of an item, its mapped task.
fn with_mapped(slice: &Slice, task: TaskNo) -> Vec<Read> {
    let Some(row) = slice.task(task) else {
        return if slice.is_absent(task) { Vec::new() } else { vec![Read::Task(task)] };
    };
    let Some(entry) = slice.job(row.job) else { return vec![Read::Job(row.job)] };
    let mapped = entry.row.task_no(row.position);
    if slice.task(mapped).is_none() { vec![Read::Task(mapped)] } else { Vec::new() }
}

/// The same, and a random number for the jitter of a retry.
fn with_dice(slice: &Slice, task: TaskNo) -> Vec<Read> {
    if slice.tokens() == 0 { vec![Read::Tokens(1)] } else { with_mapped(slice, task) }
}
