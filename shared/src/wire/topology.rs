//! The names of every exchange and queue.

use crate::id::QueueName;

/// Routing key of submits.
pub const KEY_SUBMIT: &str = "submit";
/// Routing key of results.
pub const KEY_RESULTS: &str = "results";
/// Routing key that reaches the control queue of every worker.
pub const KEY_CONTROL_ALL: &str = "all";
/// Dead-letter key of submits.
pub const KEY_DEAD_SUBMIT: &str = "submit";
/// Dead-letter key of tasks.
pub const KEY_DEAD_TASK: &str = "task";
/// Dead-letter key of results.
pub const KEY_DEAD_RESULT: &str = "result";
/// Number of deliveries of a message of a durable queue before it becomes a dead letter.
pub const DELIVERY_LIMIT: i64 = 20;

/// The entities of one prefix; several systems share a virtual host by different prefixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    prefix: String,
}

impl Default for Names {
    fn default() -> Self {
        Self::new("warrener")
    }
}

macro_rules! entity {
    ($(#[$doc:meta] $name:ident = $suffix:literal;)*) => {
        $(#[$doc] pub fn $name(&self) -> String { format!("{}.{}", self.prefix, $suffix) })*
    };
}

impl Names {
    /// The names under a prefix. Defaults to `warrener`.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The prefix itself.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    entity! {
        /// Exchange and queue of submits.
        submit = "submit";
        /// Exchange of tasks.
        tasks = "tasks";
        /// Exchange and queue of results.
        results = "results";
        /// Topic exchange of events.
        events = "events";
        /// Topic exchange of control messages.
        control = "control";
        /// Fan-out exchange of heartbeats.
        workers = "workers";
        /// Exchange of dead letters.
        dlx = "dlx";
        /// Queue of dead letters.
        dead = "dead";
        /// Fan-out exchange and queue of messages that no binding wanted.
        unrouted = "unrouted";
        /// Exclusive queue of the orchestrator that reads results, while the broker takes its connection for alive.
        reader = "reader";
        /// Exchange that ties the prefix to one database.
        owner = "owner";
    }

    /// The queue that carries the tasks of `queue`.
    pub fn task_queue(&self, queue: &QueueName) -> String {
        format!("{}.tasks.{queue}", self.prefix)
    }

    /// The queue of ours for the messages of this exchange that go out later.
    pub fn delayed(&self, exchange: &str) -> String {
        format!("{}.delayed.{exchange}", self.prefix)
    }

    /// The exclusive control queue of one worker connection.
    pub fn control_queue(&self, worker: &str) -> String {
        format!("{}.control.{worker}", self.prefix)
    }

    /// The name that the owner exchange carries as its alternate exchange: proof of the database.
    pub fn store(&self, database_id: &str) -> String {
        format!("{}.store.{database_id}", self.prefix)
    }

    /// Tells whether a queue or exchange name lies under our prefix.
    pub fn owns(&self, name: &str) -> bool {
        name.strip_prefix(&self.prefix).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// Routing key of the control messages for one worker.
pub fn control_key(worker: &str) -> String {
    format!("worker.{worker}")
}
