//! Limits: an attempt takes its shares when it opens and gives them back when it closes; what is over a full key waits
//! in its line, and is woken by whoever makes room.

use warrener_shared::id::TaskNo;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::result::KeyPause;

use super::{fair, job_slot};
use crate::event::Event;
use crate::limit::{Full, Hold, LimitKey};
use crate::slice::{Line, Read, Slice};
use crate::turn::Turn;

/// Shortest pause. Whoever asks for none would be asked again at once, and again.
const LEAST_PAUSE: Millis = Millis::from_secs(1);
/// Parked tasks of each queue that are woken at once.
const WOKEN_MAX: u32 = 64;

/// The key that a task has to wait for before it may go out; `None` if every limit has room for it.
///
/// Of several, the one that lets the fewest out: what waits for the others would be woken in vain most often.
pub(super) fn full_key(turn: &mut Turn<'_>, no: TaskNo) -> Option<LimitKey> {
    let holds = turn.slice.holds_of(no)?;
    let now = turn.now;
    let full = |hold: &Hold| match hold.limit.per_job {
        Some(_) => job_slot::full(turn.slice, no, hold, now),
        None => {
            let why = turn.slice.key(&hold.key).full(&hold.limit, hold.cost, now)?;
            Some((hold.key.clone(), why.ends_at()))
        }
    };
    let all = holds.iter().filter_map(|hold| Some((hold, full(hold)?)));
    let (_, (line, ends_at)) = all.min_by_key(|(hold, _)| hold.limit.concurrency.unwrap_or(u32::MAX))?;
    if let Some(at) = ends_at {
        turn.slice.wake_key_at(&line, at);
    }
    Some(line)
}

/// The key that a task has to wait for before it may stand among the ready. With room it does not: but for those of its
/// queue that came before it and wait already, of whom the best stands there.
pub(super) fn line_of(turn: &mut Turn<'_>, no: TaskNo) -> Option<LimitKey> {
    if !turn.slice.has_limits() {
        return None;
    }
    let queue = turn.task(no).queue;
    full_key(turn, no).or_else(|| {
        let holds = turn.slice.holds_of(no)?;
        let waits = |hold: &&Hold| {
            turn.slice.key(&hold.key).waiting.contains_key(&queue)
                && (hold.limit.per_job.is_none() || job_slot::wants_slot(turn.slice, no, hold))
        };
        holds.iter().find(waits).map(|hold| hold.key.clone())
    })
}

/// A task comes to wait for a key.
pub(super) fn came(turn: &mut Turn<'_>, no: TaskNo, line: &Line) {
    let Line::Key(key) = line else { return };
    let queue = turn.task(no).queue;
    if let Some(state) = turn.slice.key_mut(key) {
        state.count_waiting(queue, true);
    }
    job_slot::came(turn, no, key);
}

/// A task waits no more for a key.
pub(super) fn left(turn: &mut Turn<'_>, no: TaskNo, line: &Line) {
    let Line::Key(key) = line else { return };
    let queue = turn.task(no).queue;
    if let Some(state) = turn.slice.key_mut(key) {
        state.count_waiting(queue, false);
    }
    job_slot::left(turn, no, key);
}

/// An attempt opens. What else waits for its keys may go out too, as far as there is room.
pub(super) fn take(turn: &mut Turn<'_>, no: TaskNo) {
    if !turn.slice.has_limits() {
        return;
    }
    if let Some(share) = fair::share(turn.slice, no) {
        fair::went_out(turn, &share);
    }
    let Some(holds) = turn.slice.holds_of(no) else { return };
    let (now, holds) = (turn.now, job_slot::take(turn, no, holds));
    for hold in &*holds {
        if hold.limit.per_job.is_none()
            && let Some(state) = turn.slice.key_mut(&hold.key)
        {
            state.take(hold, now);
        }
        look_again(turn, &hold.key);
    }
    turn.slice.note_holds(no, Some(holds));
}

/// An attempt closes.
pub(super) fn give_back(turn: &mut Turn<'_>, no: TaskNo) {
    let Some(holds) = turn.slice.held_by(no) else { return };
    if mutant::is(Mutant::LeaksShares) && turn.task(no).failures > 0 {
        return;
    }
    turn.slice.note_holds(no, None);
    for hold in holds.iter().filter(|hold| hold.limit.per_job.is_none()) {
        if let Some(state) = turn.slice.key_mut(&hold.key) {
            state.give_back();
        }
        look_again(turn, &hold.key);
    }
}

/// The cost of an open attempt turned out to be another. It is that of the limits that have one, and where none has,
/// that of all.
pub(super) fn settle(turn: &mut Turn<'_>, no: TaskNo, cost: u32) {
    let Some(holds) = turn.slice.held_by(no) else { return };
    let is_priced = holds.iter().any(|hold| hold.is_priced);
    correct(turn, no, cost, |hold| hold.is_priced == is_priced);
}

fn correct(turn: &mut Turn<'_>, no: TaskNo, cost: u32, of: impl Fn(&Hold) -> bool) {
    let Some(holds) = turn.slice.held_by(no) else { return };
    let (now, mut corrected) = (turn.now, holds.to_vec());
    for hold in corrected.iter_mut().filter(|hold| of(hold) && !mutant::is(Mutant::SettlesNothing)) {
        if let Some(state) = turn.slice.key_mut(&hold.key) {
            state.settle(hold, cost, now);
        }
        hold.cost = cost;
    }
    turn.slice.note_holds(no, Some(corrected.into()));
}

/// Has the key of an open attempt let nothing out for a while. The attempt cost nothing: somebody asked for patience.
///
/// Gives the time until which the task itself has to wait, because no such limit counts it.
pub(super) fn pause(turn: &mut Turn<'_>, no: TaskNo, pause: &KeyPause) -> Option<Timestamp> {
    correct(turn, no, 0, |_| true);
    let until = turn.now + pause.span.max(LEAST_PAUSE);
    let holds = turn.slice.held_by(no).unwrap_or_default();
    let mut paused = holds.iter().filter(|hold| hold.limit.name == pause.limit).peekable();
    if paused.peek().is_none() {
        return Some(until);
    }
    for hold in paused {
        if let Some(state) = turn.slice.key_mut(&hold.key) {
            state.paused_until = state.paused_until.max(Some(until));
        }
        if !turn.slice.key(&hold.key).waiting.is_empty() {
            turn.slice.wake_key_at(&hold.key, until);
        }
    }
    None
}

/// A task that stood among the ready left, and not because it went out: another may take its place there.
pub(super) fn stood_aside(turn: &mut Turn<'_>, no: TaskNo) {
    if !turn.slice.has_limits() {
        return;
    }
    let Some(holds) = turn.slice.holds_of(no) else { return };
    for hold in &*holds {
        job_slot::stood_aside(turn, no, hold);
        look_again(turn, &hold.key);
    }
}

fn look_again(turn: &mut Turn<'_>, key: &LimitKey) {
    if turn.slice.key(key).waiting.is_empty() {
        return;
    }
    if room(turn.slice, key) > 0 {
        turn.follow(Event::KeyFreed(key.clone()));
    } else {
        look_later(turn, key);
    }
}

/// Has a key looked at again when its rate or its pause lets something out.
fn look_later(turn: &mut Turn<'_>, key: &LimitKey) {
    if let Some((_, of)) = key.job_in_line() {
        if let Some(until) = job_slot::paused_until(turn.slice, &of) {
            turn.slice.wake_key_at(key, until);
        }
        return;
    }
    job_slot::make_room(turn, key);
    let Some(limit) = turn.slice.limit(key.limit()).cloned() else { return };
    let why = turn.slice.key(key).full(&limit, 1, turn.now);
    if let Some(at) = why.and_then(Full::ends_at) {
        turn.slice.wake_key_at(key, at);
    }
}

/// Tasks of each queue that may be woken for a key. Whoever waits for a limit that is no more may go.
fn room(slice: &Slice, key: &LimitKey) -> u32 {
    if mutant::is(Mutant::WakesNoKey) {
        return 0;
    }
    let other = fair::room(slice, key).or_else(|| job_slot::room(slice, key, WOKEN_MAX));
    other.unwrap_or_else(|| slice.key_room(key).min(WOKEN_MAX))
}

/// Reads of the best parked tasks, where one may join the ready.
pub(super) fn missing(slice: &Slice, key: &LimitKey) -> Vec<Read> {
    let room = room(slice, key);
    if room == 0 || slice.key(key).waiting.is_empty() {
        return Vec::new();
    }
    let line = Line::Key(key.clone());
    if let Some(most) = slice.missing_parked(&line, room) {
        return vec![Read::Parked(line, most)];
    }
    let jobs = slice.best_parked(&line, room).into_iter().filter_map(|no| Some(slice.task(no)?.job));
    let mut reads: Vec<Read> = jobs.filter(|job| slice.job(*job).is_none()).map(Read::Job).collect();
    reads.dedup();
    reads
}

/// The best of each queue that wait for a key, as many as there is room for. The rules do not know which queue has
/// room; a task that comes too late is parked again. One whose cost does not fit yet is passed by none.
pub(super) fn to_wake(turn: &mut Turn<'_>, key: &LimitKey) -> Vec<TaskNo> {
    let room = room(turn.slice, key);
    if room == 0 {
        look_later(turn, key);
        return Vec::new();
    }
    let find_their_places = job_slot::sort_out(turn, key);
    let mut best = turn.slice.best_parked(&Line::Key(key.clone()), room);
    if !find_their_places && has_rate(turn.slice, key) {
        // A task that were woken in vain would be parked where it stood, and whoever is parked has others woken.
        best.sort_by_key(|no| (turn.task(*no).parked, *no));
        let fit = best.iter().position(|no| full_key(turn, *no).as_ref() == Some(key));
        best.truncate(fit.unwrap_or(best.len()));
    }
    best
}

/// Tells whether a key lets so much cost out in a span of time. Then there may be room for one and not for another.
fn has_rate(slice: &Slice, key: &LimitKey) -> bool {
    slice.limit(key.limit()).is_some_and(|limit| slice.key(key).rate(limit).is_some())
}
