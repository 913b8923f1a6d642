//! Every limit in one place, with the reason for its value.
//!
//! All can be raised or lowered by configuration; a message that refuses something names its limit.

/// The limits that the orchestrator applies to what others send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one submitted job. RabbitMQ 4 refuses messages over 16 MiB, and headers need room too.
    pub submit_bytes: usize,
    /// Tasks in one job, and items of one mapped task. A page, a plan and a commit stay workable.
    pub tasks: usize,
    /// Needs of all tasks of a job together, implied ones included. Bounds the time of one decision.
    pub needs: usize,
    /// Bytes of the output of one attempt. Larger data belongs in a store, its address in the output.
    pub output_bytes: usize,
    /// Bytes of a resolved input and of a job's output. Half of what RabbitMQ 4 carries.
    pub resolved_bytes: usize,
    /// Nesting of any JSON. No parser of ours or of a worker needs a deep stack.
    pub json_depth: usize,
    /// Characters of one expression. Longer logic belongs in a task.
    pub expression_chars: usize,
    /// Steps of one expression. An expression that needs more is a program.
    pub expression_fuel: u64,
    /// Queues of tasks in all. Each stays at the broker for good and costs it a process, a log and memory.
    pub queues: usize,
}

impl Limits {
    /// The limits that apply unless configured otherwise.
    pub const DEFAULT: Self = Self {
        submit_bytes: 15 * 1024 * 1024,
        tasks: 100_000,
        needs: 1_000_000,
        output_bytes: 1024 * 1024,
        resolved_bytes: 8 * 1024 * 1024,
        json_depth: 128,
        expression_chars: 4096,
        expression_fuel: 100_000,
        queues: 1_000,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Longest duration that a job may name. Longer is a typing error, not a plan.
pub const DURATION_MAX_DAYS: u64 = 365;
/// Most levels of jobs inside of jobs; more is a job that starts itself.
pub const SUB_JOB_LEVELS: u8 = 8;
/// Characters of an event, and of a key, that a task waits for: what an index can hold.
pub const LISTENER_CHARS: usize = 200;
/// Characters of an attempt's log in one report: what a screen or two can show.
pub const LOG_CHUNK_CHARS: usize = 16 * 1024;
/// Reports that add to the log of one attempt; what comes later is left out.
pub const LOG_CHUNKS: u32 = 1_000;
/// Bytes of its log that a worker of ours sends for one attempt; a program that writes more should keep a file.
pub const LOG_BYTES: usize = 1024 * 1024;
/// Rounds of a repeated task; one that needs more is a service.
pub const ROUNDS: u32 = 10_000;
/// Labels of one job or task.
pub const LABELS: usize = 32;
/// Characters of a label's value.
pub const LABEL_CHARS: usize = 256;
/// Limits that one task may name; each is looked at whenever the task may go out.
pub const LIMITS_OF_TASK: usize = 8;
/// Highest cost of one attempt to a limit.
pub const LIMIT_COST: u32 = 1_000_000_000;
/// Bytes of a key of a limit; a longer one is cut, and told apart by a checksum.
pub const LIMIT_KEY_BYTES: usize = 256;
/// Shortest lease that a claim can ask for; a shorter one would expire between two heartbeats.
pub const LEASE_MIN_MS: u64 = 10_000;
/// Longest lease that a claim can ask for; a longer one would hide a dead worker.
pub const LEASE_MAX_MS: u64 = 3_600_000;
/// The lease of a claim that names none.
pub const LEASE_DEFAULT_MS: u64 = 60_000;
/// Time between two heartbeats of a worker.
pub const HEARTBEAT_EVERY_MS: u64 = 5_000;
/// Time after a worker's own time limit at which the orchestrator closes the attempt itself.
pub const TIMEOUT_GRACE_MS: u64 = 10_000;
