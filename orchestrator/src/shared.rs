//! Shared state: everything that driver, broker side and API all look at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use warrener_runtime::clock::Clock;
use warrener_runtime::health::Health;
use warrener_shared::id::{LimitName, QueueName};
use warrener_shared::limits::Limits;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::topology::Names;

use crate::limits::{LimitDefinition, LimitRegister};
use crate::notices::Notices;
use crate::pulse::Workers;
use crate::queues::QueueDirectory;
use crate::rows::{ExpandedLists, Specs};
use crate::traces::Traces;

/// Longest time for which store and broker count as well after they last were. Both are asked each second.
const FRESH: Duration = Duration::from_secs(4);

/// Settings and registers of one process, held by driver, broker side and API alike.
#[derive(Debug)]
pub struct Shared {
    /// Names of exchanges and queues, with the prefix.
    pub names: Names,
    /// Queues of somebody else, by the queue whose tasks they carry.
    pub addresses: BTreeMap<QueueName, String>,
    /// Limits of what is accepted.
    pub limits: Limits,
    /// Limits on what runs at once, and what their keys hold.
    pub limit_register: LimitRegister,
    /// Readiness: the driver owns the check `store`, the broker side the check `broker`.
    pub health: Health,
    /// Clock that all of them read.
    pub clock: Clock,
    /// Wall clock less monotonic clock as the driver has followed it, in milliseconds.
    followed: AtomicI64,
    /// Register of the workers that were heard of.
    pub workers: Workers,
    /// Directory of the queues, as the driver last showed them.
    pub queues: QueueDirectory,
    /// Notices of what was committed.
    pub notices: Arc<Notices>,
    /// Tracing of jobs; `None` where it is switched off.
    pub(crate) traces: Option<Traces>,
    /// Register of parsed jobs.
    pub(crate) specs: Specs,
    /// Register of expanded lists of mapped tasks.
    pub(crate) lists: ExpandedLists,
}

impl Shared {
    /// State without any worker or queue yet, by the clock of this machine.
    pub fn new(names: Names, addresses: BTreeMap<QueueName, String>, limits: Limits) -> Self {
        Self::with_clock(Clock::start(), names, addresses, limits)
    }

    /// State without any worker or queue yet, by a clock.
    pub fn with_clock(clock: Clock, names: Names, addresses: BTreeMap<QueueName, String>, limits: Limits) -> Self {
        Self {
            names,
            addresses,
            limits,
            limit_register: LimitRegister::default(),
            health: Health::new(&["store", "broker"])
                .with_clock(clock.clone())
                .with_fresh("store", FRESH)
                .with_fresh("broker", FRESH),
            workers: Workers::with_clock(clock.clone()),
            followed: AtomicI64::new(offset(&clock)),
            clock,
            queues: QueueDirectory::default(),
            notices: Arc::default(),
            traces: None,
            specs: Specs::new(limits),
            lists: ExpandedLists::default(),
        }
    }

    /// The same with the limits of the configuration.
    #[must_use]
    pub fn with_limits(self, written: BTreeMap<LimitName, LimitDefinition>) -> Self {
        Self { limit_register: LimitRegister::new(written), ..self }
    }

    /// The same with queues that are shared by keys, each with the expression of the key.
    #[must_use]
    pub fn with_fair_queues(self, fair_by: &BTreeMap<QueueName, String>) -> Self {
        Self { limit_register: self.limit_register.sharing(fair_by), ..self }
    }

    /// The same with tracing of jobs, if it is switched on.
    #[must_use]
    pub fn with_traces(self, traces: Option<Traces>) -> Self {
        Self { traces, ..self }
    }

    /// Time of day.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.now_ms())
    }

    /// Wall clock less monotonic clock, in milliseconds, by which the times in the rows count. A clock that is set
    /// changes it once they have moved with it.
    pub(crate) fn followed(&self) -> i64 {
        self.followed.load(Ordering::SeqCst)
    }

    /// Time of day by that offset: what counts a span in the rows is due by this and not by the wall clock.
    pub(crate) fn followed_now(&self) -> Timestamp {
        let monotonic = i64::try_from(self.clock.monotonic().as_millis()).unwrap_or(i64::MAX);
        Timestamp(monotonic.saturating_add(self.followed()))
    }

    /// Notes that the rows follow another offset.
    pub(crate) fn follow(&self, offset: i64) {
        self.followed.store(offset, Ordering::SeqCst);
    }

    /// Name of the queue at the broker that carries the tasks of a queue.
    pub(crate) fn address(&self, queue: &QueueName) -> String {
        self.addresses.get(queue).cloned().unwrap_or_else(|| self.names.task_queue(queue))
    }

    /// Name of the queue of somebody else that carries the tasks of a queue; `None` for one of our own.
    pub(crate) fn external(&self, queue: &QueueName) -> Option<&str> {
        self.addresses.get(queue).map(String::as_str)
    }

    /// Tells whether a queue at the broker belongs to somebody else and carries tasks.
    pub(crate) fn is_address(&self, queue: &str) -> bool {
        self.addresses.values().any(|address| address == queue)
    }

    /// Tells whether somebody else declares the queue that carries these tasks.
    pub(crate) fn is_external(&self, queue: &QueueName) -> bool {
        self.addresses.contains_key(queue)
    }
}

/// Wall clock less monotonic clock, in milliseconds.
pub(crate) fn offset(clock: &Clock) -> i64 {
    let both = clock.read();
    both.wall_ms - i64::try_from(both.monotonic.as_millis()).unwrap_or(i64::MAX)
}
