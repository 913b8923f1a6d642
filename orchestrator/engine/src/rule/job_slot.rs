//! Limits that count jobs: a job takes a slot with its first dispatch, and gives it back when it is over.
//!
//! While a job waits for a slot, one of its tasks leads: it stands in the line of the key, for all of the job. The
//! others that need the slot stand in a line of the job. When the leader is woken, or does not need the slot any more,
//! the best of each queue in the line of the job is woken too, and the first that finds room takes the slot: the queue
//! of the leader may have none. If no slot is left by then, the first that finds that out leads.

use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::time::Timestamp;

use crate::event::Event;
use crate::limit::{Claim, Full, Hold, Holds, LimitKey, WhenFull};
use crate::row::Stop;
use crate::slice::Slice;
use crate::turn::Turn;

/// The line in which a task has to wait for a limit that counts jobs, and when that ends by itself; `None` if the next
/// attempt of the task may go out.
pub(super) fn full(slice: &Slice, no: TaskNo, hold: &Hold, now: Timestamp) -> Option<(LimitKey, Option<Timestamp>)> {
    let job = slice.loaded_task(no).job;
    let why = || slice.key(&hold.key).full(&hold.limit, hold.cost, now);
    match slice.claim(job, &hold.key) {
        Some(Claim::Waits(leader)) if leader != no => Some((hold.key.line_of_job(job), None)),
        None | Some(Claim::Waits(_)) => why().map(|why| (hold.key.clone(), why.ends_at())),
        // A job that has its slot waits for nothing but the end of a pause.
        Some(Claim::Holds(_) | Claim::Leaves(_)) => match why() {
            Some(Full::Paused(until)) => Some((hold.key.line_of_job(job), Some(until))),
            _ => None,
        },
    }
}

/// Tells whether a task would take a slot with its next attempt.
pub(super) fn wants_slot(slice: &Slice, no: TaskNo, hold: &Hold) -> bool {
    slice.claim(slice.loaded_task(no).job, &hold.key).and_then(Claim::since).is_none()
}

fn counts_jobs(slice: &Slice, key: &LimitKey) -> bool {
    slice.limit(key.limit()).is_some_and(|limit| limit.per_job.is_some())
}

/// An attempt of a job opens. Gives the shares that it takes, without costs to limits of which the job has a slot.
pub(super) fn take(turn: &mut Turn<'_>, no: TaskNo, holds: Holds) -> Holds {
    if holds.iter().all(|hold| hold.limit.per_job.is_none()) {
        return holds;
    }
    let (now, job) = (turn.now, turn.task(no).job);
    let mut taken = holds.to_vec();
    for hold in taken.iter_mut().filter(|hold| hold.limit.per_job.is_some()) {
        if mutant::is(Mutant::TakesNoSlot) {
            continue;
        }
        if wants_slot(turn.slice, no, hold) {
            turn.slice.note_claim(job, &hold.key, Some(Claim::Holds(now)));
            if let Some(state) = turn.slice.key_mut(&hold.key) {
                state.take(hold, now);
            }
        } else {
            hold.cost = 0;
        }
        wake(turn, hold.key.line_of_job(job));
    }
    taken.into()
}

/// A task comes to stand in the line of a key: it leads its job.
pub(super) fn came(turn: &mut Turn<'_>, no: TaskNo, key: &LimitKey) {
    let job = turn.task(no).job;
    let Some(limit) = turn.slice.limit(key.limit()).cloned() else { return };
    let Some(when_full) = limit.per_job else { return };
    turn.slice.note_claim(job, key, Some(Claim::Waits(no)));
    match when_full {
        WhenFull::Wait | WhenFull::Refuse => {}
        WhenFull::CancelOldest => make_room(turn, key),
        WhenFull::CancelNewest => {
            if matches!(turn.slice.key(key).full(&limit, 1, turn.now), Some(Full::Running(..))) {
                turn.follow(Event::TurnedAway(job, key.clone()));
            }
        }
    }
}

/// A task leaves the line of a key. If it led its job, others may go in its place.
pub(super) fn left(turn: &mut Turn<'_>, no: TaskNo, key: &LimitKey) {
    let job = turn.task(no).job;
    if turn.slice.claim(job, key) == Some(Claim::Waits(no)) {
        turn.slice.note_claim(job, key, None);
        wake(turn, key.line_of_job(job));
    }
}

/// A task that stood among the ready left, and not because it went out: others of its job may go in its place.
pub(super) fn stood_aside(turn: &mut Turn<'_>, no: TaskNo, hold: &Hold) {
    if hold.limit.per_job.is_some() {
        wake(turn, hold.key.line_of_job(turn.task(no).job));
    }
}

/// Tells whether all that stand in a line are to be woken, to find their places anew, and notes that they were.
pub(super) fn sort_out(turn: &mut Turn<'_>, key: &LimitKey) -> bool {
    let is_mixed = is_mixed(turn.slice, key);
    if is_mixed && let Some(state) = turn.slice.key_mut(key) {
        state.is_mixed = false;
    }
    is_mixed
}

fn is_mixed(slice: &Slice, key: &LimitKey) -> bool {
    counts_jobs(slice, key) && slice.key(key).is_mixed
}

/// Tasks of each queue of a line that may be woken; `None` if that is a matter of the room under a limit.
pub(super) fn room(slice: &Slice, line: &LimitKey, most: u32) -> Option<u32> {
    let Some((job, key)) = line.job_in_line() else {
        return is_mixed(slice, line).then(|| slice.key(line).waiting.values().copied().max().unwrap_or(0));
    };
    if !counts_jobs(slice, &key) {
        return Some(most);
    }
    Some(match slice.claim(job, &key) {
        None => 1,
        Some(Claim::Waits(_)) => 0,
        Some(Claim::Holds(_) | Claim::Leaves(_)) if paused_until(slice, &key).is_some() => 0,
        Some(Claim::Holds(_) | Claim::Leaves(_)) => most,
    })
}

/// The time until which a key lets nothing out, seen from the line of a job or from its own.
pub(super) fn paused_until(slice: &Slice, key: &LimitKey) -> Option<Timestamp> {
    slice.key(key).paused_until.filter(|until| *until > slice.batch_time())
}

/// Has as many jobs cancelled as wait for the slots of a key, those first that have held one for longest.
pub(super) fn make_room(turn: &mut Turn<'_>, key: &LimitKey) {
    let Some(limit) = turn.slice.limit(key.limit()).cloned() else { return };
    if limit.per_job != Some(WhenFull::CancelOldest) {
        return;
    }
    loop {
        let state = turn.slice.key(key);
        let waiting: u32 = state.waiting.values().sum();
        if state.leaving >= waiting || !matches!(state.full(&limit, 1, turn.now), Some(Full::Running(..))) {
            return;
        }
        let Some((job, since)) = turn.slice.oldest_holder(key) else { return };
        turn.slice.note_claim(job, key, Some(Claim::Leaves(since)));
        if let Some(state) = turn.slice.key_mut(key) {
            state.leaving += 1;
        }
        turn.follow(Event::SlotWanted(job));
    }
}

/// A job is over. One whose workers may still be at it keeps the slots for which somebody had it cancelled, until
/// [`Event::JobStopped`].
pub(super) fn ended(turn: &mut Turn<'_>, job: JobNo) {
    if mutant::is(Mutant::KeepsSlot) {
        return;
    }
    let is_stopped = turn.job(job).row.stop != Stop::None;
    for (key, claim) in turn.slice.claims_of(job) {
        let when_full = turn.slice.limit(key.limit()).and_then(|limit| limit.per_job);
        match claim {
            Claim::Holds(since) if is_stopped && when_full == Some(WhenFull::CancelOldest) => {
                turn.slice.note_claim(job, &key, Some(Claim::Leaves(since)));
                if let Some(state) = turn.slice.key_mut(&key) {
                    state.leaving += 1;
                }
            }
            Claim::Leaves(_) => {}
            Claim::Holds(_) | Claim::Waits(_) => give_back(turn, job, &key, claim),
        }
    }
}

/// The workers of a job that is over are known to have stopped.
pub(super) fn stopped(turn: &mut Turn<'_>, job: JobNo) {
    if turn.slice.job(job).is_some_and(|entry| !entry.row.state.is_final()) {
        return;
    }
    for (key, claim) in turn.slice.claims_of(job) {
        give_back(turn, job, &key, claim);
    }
}

fn give_back(turn: &mut Turn<'_>, job: JobNo, key: &LimitKey, claim: Claim) {
    turn.slice.note_claim(job, key, None);
    if claim.since().is_some()
        && counts_jobs(turn.slice, key)
        && let Some(state) = turn.slice.key_mut(key)
    {
        state.give_back();
        state.leaving = state.leaving.saturating_sub(u32::from(matches!(claim, Claim::Leaves(_))));
    }
    wake(turn, key.clone());
}

/// Has a line looked at, if anybody stands there.
fn wake(turn: &mut Turn<'_>, line: LimitKey) {
    if mutant::is(Mutant::LeavesBehind) && line.job_in_line().is_some() {
        return;
    }
    if !turn.slice.key(&line).waiting.is_empty() {
        turn.follow(Event::KeyFreed(line));
    }
}
