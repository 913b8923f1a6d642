//! Register of the workers that were heard of, by their heartbeats.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use warrener_runtime::clock::Clock;
use warrener_shared::limits::HEARTBEAT_EVERY_MS;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::heartbeat::Heartbeat;

/// Time for which a worker counts as live without a heartbeat: that of four of them.
pub(crate) const LIVE: Duration = Duration::from_millis(4 * HEARTBEAT_EVERY_MS);
/// Time for which a silent worker is still shown.
const SHOWN: Duration = Duration::from_secs(60);
/// Most bytes of all heartbeats that are remembered, roughly. More can only be forged ones.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most workers that are remembered. More can only be forged heartbeats or a cluster beyond our measure.
const WORKERS_MAX: usize = 10_000;

/// Register of workers, shared by whoever hears them and whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Workers {
    /// Clock by which silence is measured.
    clock: Clock,
    /// Workers by id, with those that fell silent lately.
    seen: Arc<Mutex<BTreeMap<String, Seen>>>,
}

/// A worker, and the time at which it was last heard of.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Latest heartbeat of the worker.
    pub heartbeat: Heartbeat,
    /// Time at which it came, by the wall clock.
    pub at: Timestamp,
    /// Monotonic time at which the heartbeat came.
    heard: Duration,
    /// Bytes of the heartbeat in memory, roughly.
    bytes: usize,
}

impl Workers {
    /// Empty register that reads this clock.
    pub fn with_clock(clock: Clock) -> Self {
        Self { clock, seen: Arc::default() }
    }

    /// Clock that the register reads.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Tells whether a worker was heard of within a span.
    fn is_within(&self, worker: &Seen, span: Duration) -> bool {
        self.clock.monotonic().saturating_sub(worker.heard) < span
    }

    /// Tells whether a worker is live: it missed fewer than four heartbeats.
    pub fn is_live(&self, worker: &Seen) -> bool {
        self.is_within(worker, LIVE)
    }

    /// Notes a heartbeat. True if the worker, or the list of queues that it serves, is new; false also for one that is
    /// dropped for want of room.
    pub fn note(&self, heartbeat: Heartbeat, at: Timestamp) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, worker| self.is_within(worker, SHOWN));
        let others = seen.iter().filter(|(id, _)| **id != heartbeat.worker).map(|(_, worker)| worker.bytes);
        let bytes = size(&heartbeat);
        let is_known = seen.contains_key(&heartbeat.worker);
        if (seen.len() >= WORKERS_MAX && !is_known) || others.sum::<usize>() + bytes > BYTES_MAX {
            metrics::counter!("warrener_heartbeats_dropped_total").increment(1);
            return false;
        }
        tell_of_refusal(seen.get(&heartbeat.worker).map(|worker| &worker.heartbeat), &heartbeat);
        let known = seen.get(&heartbeat.worker).is_some_and(|worker| worker.heartbeat.queues == heartbeat.queues);
        seen.insert(heartbeat.worker.clone(), Seen { heartbeat, at, heard: self.clock.monotonic(), bytes });
        !known
    }

    /// Tells whether a worker was heard of not long ago, live or not: one that sends heartbeats.
    pub(crate) fn knows(&self, worker: &str) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(worker).is_some_and(|worker| self.is_within(worker, SHOWN))
    }

    /// All workers that are shown, by id.
    pub fn all(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.values().filter(|worker| self.is_within(worker, SHOWN)).cloned().collect()
    }

    /// Live workers that serve a queue.
    pub fn serving(&self, queue: &str) -> Vec<Seen> {
        let all = self.all().into_iter();
        all.filter(|worker| self.is_live(worker) && worker.heartbeat.queues.iter().any(|name| name == queue)).collect()
    }

    /// Slots of the live workers by queue; one that serves several queues counts for each.
    pub fn slots_by_queue(&self) -> BTreeMap<String, usize> {
        let mut slots = BTreeMap::new();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // One whose reports are refused takes nothing either.
        let takes = |beat: &Heartbeat| !beat.draining && beat.refused.is_none();
        for worker in seen.values().filter(|worker| self.is_live(worker) && takes(&worker.heartbeat)) {
            for queue in &worker.heartbeat.queues {
                *slots.entry(queue.clone()).or_default() += worker.heartbeat.slots as usize;
            }
        }
        slots
    }
}

/// Bytes that a heartbeat takes in memory, roughly.
fn size(heartbeat: &Heartbeat) -> usize {
    let lists = [&heartbeat.queues, &heartbeat.kinds, &heartbeat.tickets];
    let texts = lists.into_iter().flatten().map(|text| text.len() + size_of::<String>());
    let refused = heartbeat.refused.as_deref().map_or(0, str::len);
    heartbeat.worker.len() + heartbeat.version.len() + refused + texts.sum::<usize>()
}

/// Says once that the broker takes no reports of a worker.
fn tell_of_refusal(before: Option<&Heartbeat>, now: &Heartbeat) {
    let told = before.and_then(|before| before.refused.as_deref());
    if let Some(why) = now.refused.as_deref().filter(|why| told != Some(*why)) {
        let why: String = why.chars().take(REFUSAL_CHARS).collect();
        tracing::warn!(worker = now.worker, why, "a worker takes no tasks: its reports are refused");
    }
}

/// Most characters of a refusal that are logged.
const REFUSAL_CHARS: usize = 300;
