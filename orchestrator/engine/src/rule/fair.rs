//! Fair queues: of each key one task stands among the ready, at the place that its share of the queue gives it; the
//! others of the key wait behind it, and the best of them follows when it has gone.
//!
//! The places are those of start-time fair queueing: a task begins at the virtual time of its queue, or where the one
//! before it of its key ended, whichever is later; and it takes as much of it as its weight leaves. So a key that was
//! idle has no credit, and one that floods moves nobody else.

use warrener_shared::expr::ExprError;
use warrener_shared::id::TaskNo;
use warrener_shared::mutant::{self, Mutant};

use crate::event::Event;
use crate::limit::LimitKey;
use crate::slice::Slice;
use crate::turn::Turn;

/// The share that a task has in its queue, by its key.
#[derive(Clone, Debug)]
pub(super) struct Share {
    /// Line of those of the key with the same priority.
    line: LimitKey,
    /// End of the latest of the key, as the level of a bucket.
    end: LimitKey,
    /// Settings of the key.
    settings: LimitKey,
    queue: String,
    priority: u8,
}

/// Virtual time that a task of weight 1 takes.
const STEP: i64 = 1 << 20;
/// Bits of a place below the priority.
const BITS: u32 = 56;

/// The share of a task; `None` if its queue is not fair.
pub(super) fn share(slice: &Slice, no: TaskNo) -> Option<Share> {
    let (row, entry) = slice.with_job(no);
    let of = entry.limited_task(row.position);
    let queue = of.task.policy.queue.as_str();
    let key = slice.fair_key(of)?.unwrap_or_else(|_: ExprError| String::new());
    let (priority, of) = (of.task.policy.priority, |rest: String| LimitKey::raw(&rest));
    Some(Share {
        line: of(format!("fair:{queue}/{priority}/{key}")),
        end: of(format!("fair:{queue}/end/{key}")),
        settings: of(format!("queue:{queue}/{key}")),
        queue: queue.to_owned(),
        priority,
    })
}

/// Tells whether a key is the line of a fair queue, and gives how many may be woken then.
pub(super) fn room(slice: &Slice, key: &LimitKey) -> Option<u32> {
    key.text().starts_with("fair:").then(|| u32::from(slice.key(key).running == 0))
}

/// The place of a task of this share among the ready; the line if another of it stands there.
pub(super) fn place(turn: &Turn<'_>, no: TaskNo, share: &Share) -> Result<i64, LimitKey> {
    if turn.task(no).rank.is_none() && turn.slice.key(&share.line).running > 0 {
        return Err(share.line.clone());
    }
    Ok(((9 - i64::from(share.priority)) << BITS) + begin(turn, share))
}

/// The virtual time at which the next of the share begins.
fn begin(turn: &Turn<'_>, share: &Share) -> i64 {
    turn.slice.virtual_time(&share.queue).max(turn.slice.key(&share.end).bucket)
}

/// The virtual time of a place among the ready.
pub const fn virtual_time_of(place: i64) -> i64 {
    place & ((1 << BITS) - 1)
}

/// A task or item of the share goes out: its key has had as much of the queue.
pub(super) fn went_out(turn: &mut Turn<'_>, share: &Share) {
    let begin = begin(turn, share);
    let weight = i64::from(turn.slice.key(&share.settings).settings.weight.unwrap_or(1).max(1));
    let step = if mutant::is(Mutant::FreeShare) { 0 } else { STEP / weight };
    turn.slice.advance_virtual_time(&share.queue, begin);
    if let Some(state) = turn.slice.key_mut(&share.end) {
        state.bucket = begin + step;
    }
}

/// A task of the share comes to stand among the ready, or leaves them; then another of it may follow.
pub(super) fn stands(turn: &mut Turn<'_>, share: &Share, comes: bool) {
    let Some(state) = turn.slice.key_mut(&share.line) else { return };
    state.running = if comes { state.running + 1 } else { state.running.saturating_sub(1) };
    if state.running == 0 && !state.waiting.is_empty() {
        let line = share.line.clone();
        turn.follow(Event::KeyFreed(line));
    }
}
