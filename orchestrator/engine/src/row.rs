//! Jobs and tasks as rows: what the store keeps and the rules change.

mod shown;

use std::sync::Arc;

use warrener_shared::id::{JobId, JobNo, TaskNo, Ticket, Token};
use warrener_shared::job::AllowFailure;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::{Millis, Timestamp};

/// Bytes of JSON, shared cheaply.
pub type Json = Arc<[u8]>;

/// Reason why a running job is coming to an end before its tasks do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// The job goes on as usual.
    #[default]
    None,
    /// The deadline passed; `run_on: done` tasks still run.
    Deadline,
    /// The job was cancelled; `run_on: done` tasks still run.
    Cancel,
    /// The job was cancelled after its deadline; nothing runs any more.
    DeadlineHalt,
    /// The job was cancelled twice; nothing runs any more.
    CancelHalt,
}

impl Stop {
    /// Tells whether nothing of the job may run any more.
    pub const fn halts(self) -> bool {
        matches!(self, Self::DeadlineHalt | Self::CancelHalt)
    }

    /// Tells whether the deadline was the first to end the job.
    pub const fn by_deadline(self) -> bool {
        matches!(self, Self::Deadline | Self::DeadlineHalt)
    }
}

/// A count for each task state, in the order of [`TaskState::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub [u32; 9]);

impl Counts {
    /// Number of tasks in this state.
    pub const fn get(&self, state: TaskState) -> u32 {
        self.0[state as usize]
    }

    /// Number of tasks that are not final.
    pub fn open(&self) -> u32 {
        TaskState::ALL.iter().filter(|state| !state.is_final()).map(|state| self.get(*state)).sum()
    }

    /// Number of all tasks.
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// Adds tasks in this state.
    pub const fn add(&mut self, state: TaskState, count: u32) {
        self.0[state as usize] += count;
    }

    /// Moves a task from a state to another.
    pub fn shift(&mut self, from: TaskState, to: TaskState) {
        assert!(self.0[from as usize] > 0, "nothing counted in state {from}");
        self.0[from as usize] -= 1;
        self.0[to as usize] += 1;
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Number of the job in this database.
    pub no: JobNo,
    /// Identity for users.
    pub id: JobId,
    /// State of the job.
    pub state: JobState,
    /// True while a person has it paused.
    pub paused: bool,
    /// The reason why it is coming to an end early.
    pub stop: Stop,
    /// Set once a task of it was dispatched.
    pub begun: bool,
    /// Set once `fail_fast` has been applied.
    pub failing: bool,
    /// Time at which it was accepted.
    pub created_at: Timestamp,
    /// Time at which it is to start; `None` if it was to start when it was accepted.
    pub scheduled_at: Option<Timestamp>,
    /// True if `scheduled_at` counts a span from its acceptance, and moves with a clock that is set; false if it is a
    /// time of day, or none.
    pub after_delay: bool,
    /// Time at which it became running.
    pub started_at: Option<Timestamp>,
    /// Time at which it became final.
    pub finished_at: Option<Timestamp>,
    /// Time at which its deadline passes.
    pub deadline_at: Option<Timestamp>,
    /// Time at which the job itself needs attention: its start, or its deadline.
    pub wake_at: Option<Timestamp>,
    /// The number of its first task; the others follow.
    pub first_task: TaskNo,
    /// Tasks by state; a mapped task counts as one.
    pub counts: Counts,
    /// Tasks whose failure counts.
    pub failures: u32,
    /// Rounds of its repeated tasks and items, beyond the first of each.
    pub rounds: u32,
    /// Number of its latest event.
    pub sequence: u64,
    /// Number of its open attempts; 0 where the job has no `max_parallel`.
    pub open_attempts: u32,
    /// Output of the job; set when it succeeds.
    pub output: Option<Json>,
    /// Error of the job: the first failure that counts.
    pub error: Option<Json>,
    /// The attempt that submitted it; `None` unless it is a sub-job.
    pub parent: Option<Parent>,
    /// Number of jobs around it: 0 unless it is a sub-job.
    pub level: u8,
}

/// The attempt that a sub-job runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Job of the attempt's task.
    pub job: JobNo,
    /// Number of the task or item.
    pub task: TaskNo,
    /// Number of the attempt, from 1.
    pub attempt: u32,
}

impl JobRow {
    /// The number of the task at this position.
    pub fn task_no(&self, position: u32) -> TaskNo {
        TaskNo(self.first_task.0 + i64::from(position))
    }
}

/// Verdict on a final task, for those that need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The task did what it should, or its failure is allowed.
    Ok,
    /// The task did not run, and nobody is to blame.
    Neutral,
    /// The task failed, was stopped, or did not run because something failed.
    Failed,
}

/// Reason why a task was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// `run_on` or `if` did not hold.
    Rule,
    /// A needed task failed.
    Upstream,
    /// A person said so.
    Hand,
}

/// A task, or an item of a mapped task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRow {
    /// Number of the task in this database.
    pub no: TaskNo,
    /// Number of its job.
    pub job: JobNo,
    /// The position of the task in the job.
    pub position: u32,
    /// Position of the item in its mapped task, from 0; `None` is the task itself.
    pub index: Option<u32>,
    /// State of the task.
    pub state: TaskState,
    /// Needs that are not final.
    pub needs_open: u32,
    /// Needs that ended ok.
    pub needs_ok: u32,
    /// Needs that ended failed.
    pub needs_failed: u32,
    /// The latest attempt; 0 before the first.
    pub attempt: u32,
    /// Attempts that count against the budget.
    pub failures: u32,
    /// Rounds of a repeated task that are over, or 0.
    pub round: u32,
    /// The output of the latest of them.
    pub previous: Option<Json>,
    /// Releases in a row because no worker knew the kind.
    pub unknown: u32,
    /// Number of deliveries by the broker before a worker handed the task back as suspect; `None` if none did.
    pub deliveries: Option<u32>,
    /// The secret of the latest attempt.
    pub token: Token,
    /// The place of the open attempt in the order of all dispatches; `None` if none is open.
    pub dispatch_no: Option<i64>,
    /// Number of its queue in this database.
    pub queue: i64,
    /// Position among the ready of its queue, lowest first; `None` if it offers nothing.
    pub rank: Option<i64>,
    /// Place among the tasks that wait for `max_parallel` of their job or for a limit, lowest first; `None` if it waits
    /// for nothing of the sort.
    pub parked: Option<i64>,
    /// The limit and key that it waits for, as `limit/key`; `None` if it waits for its job or for nothing.
    pub line: Option<Arc<str>>,
    /// Time at which it became ready.
    pub ready_at: Option<Timestamp>,
    /// Time at which the latest attempt was dispatched.
    pub dispatched_at: Option<Timestamp>,
    /// Time at which the latest attempt started.
    pub started_at: Option<Timestamp>,
    /// Time at which it became final.
    pub finished_at: Option<Timestamp>,
    /// Time by which it must have started, as long as it has not.
    pub start_by: Option<Timestamp>,
    /// Time at which it needs attention: its back-off is over, its time limit or `start_by` passes.
    pub wake_at: Option<Timestamp>,
    /// The worker that gave the latest sign of life.
    pub worker: Option<Arc<str>>,
    /// The lease of a claimed attempt.
    pub lease: Option<Millis>,
    /// Progress that the attempt told.
    pub progress: Option<Json>,
    /// Reason why it was skipped.
    pub skip: Option<Skip>,
    /// The error of the latest attempt that failed, or of the task itself.
    pub error: Option<Json>,
    /// Output of the task, if it succeeded; of a mapped task, its items have them.
    pub output: Option<Json>,
    /// The items, once a mapped task is expanded.
    pub map: Option<Map>,
    /// The thing that the open attempt of a built-in task waits for.
    pub waits_for: Option<WaitsFor>,
}

/// The thing that the open attempt of a built-in task waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// Waits until this time of the wall clock.
    Time(Timestamp),
    /// Waits for a span, which ends at this time unless the clock is set.
    Span(Timestamp),
    /// Waits for an answer.
    Event {
        /// The event.
        event: Arc<str>,
        /// The key within the event.
        key: Arc<str>,
    },
    /// Waits until this sub-job is final.
    Job(JobNo),
    /// Waits until the broker has the message that the task sends.
    Confirm,
}

impl std::fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Time(time) | Self::Span(time) => write!(f, "{time}"),
            Self::Event { event, key } => write!(f, "event {event} with key {key}"),
            Self::Job(_) => f.write_str("its job"),
            Self::Confirm => f.write_str("the broker to confirm its message"),
        }
    }
}

/// The queue of built-in tasks: they never leave the orchestrator.
pub const OWN_QUEUE: i64 = 0;

/// The items of a mapped task.
///
/// An item becomes a row when it is dispatched; those from `next` on exist only as this count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    /// Number of items.
    pub total: u32,
    /// The number of item 0; the others follow.
    pub first_item: TaskNo,
    /// The first item without a row.
    pub next: u32,
    /// Items with a row, by state.
    pub counts: Counts,
}

impl Map {
    /// Items that ended without success.
    pub const fn failed(&self) -> u32 {
        self.counts.get(TaskState::Failed)
            + self.counts.get(TaskState::TimedOut)
            + self.counts.get(TaskState::Cancelled)
    }

    /// Items that count as ok, those left out by hand included.
    pub const fn succeeded(&self) -> u32 {
        self.counts.get(TaskState::Succeeded) + self.counts.get(TaskState::Skipped)
    }

    /// Tells whether every item is final.
    pub fn is_over(&self) -> bool {
        self.next == self.total && self.counts.open() == 0
    }

    /// Items without a row that may be dispatched now.
    pub fn available(&self, max_parallel: Option<u32>) -> u32 {
        let rest = self.total - self.next;
        let max_parallel = max_parallel.filter(|_| !mutant::is(Mutant::TooParallel));
        max_parallel.map_or(rest, |most| rest.min(most.saturating_sub(self.counts.open())))
    }

    /// All items by state, those without a row included.
    pub fn all_counts(&self, max_parallel: Option<u32>, closed: Option<TaskState>) -> Counts {
        let mut counts = self.counts;
        let rest = self.total - self.next;
        if let Some(state) = closed {
            counts.add(state, rest);
            return counts;
        }
        let available = self.available(max_parallel);
        counts.add(TaskState::Ready, available);
        counts.add(TaskState::Waiting, rest - available);
        counts
    }
}

impl TaskRow {
    /// The items of a mapped task that is expanded.
    ///
    /// # Panics
    /// If it is not.
    pub(crate) const fn items_mut(&mut self) -> &mut Map {
        self.map.as_mut().expect("only what `for_each` made has items")
    }

    /// A task that waits for so many needs.
    pub const fn new(no: TaskNo, job: JobNo, position: u32, queue: i64, needs_open: u32) -> Self {
        Self {
            no,
            job,
            position,
            index: None,
            state: TaskState::Waiting,
            needs_open,
            needs_ok: 0,
            needs_failed: 0,
            attempt: 0,
            failures: 0,
            round: 0,
            previous: None,
            unknown: 0,
            deliveries: None,
            token: Token(0),
            dispatch_no: None,
            queue,
            rank: None,
            parked: None,
            line: None,
            ready_at: None,
            dispatched_at: None,
            started_at: None,
            finished_at: None,
            start_by: None,
            wake_at: None,
            worker: None,
            lease: None,
            progress: None,
            skip: None,
            error: None,
            output: None,
            map: None,
            waits_for: None,
        }
    }

    /// The ticket of the latest attempt.
    pub const fn ticket(&self) -> Ticket {
        Ticket { task: self.no, attempt: self.attempt, token: self.token }
    }

    /// Tells whether a worker was seen at the latest attempt. That its message left the queue says only that some
    /// worker has it.
    pub const fn has_sign_of_life(&self) -> bool {
        self.worker.is_some() || self.lease.is_some() || self.progress.is_some()
    }

    /// Tells whether this ticket is that of an open attempt of this task.
    pub fn is_open(&self, ticket: &Ticket) -> bool {
        self.dispatch_no.is_some() && self.ticket() == *ticket
    }

    /// Verdict on the final task, for those that need it.
    ///
    /// # Panics
    /// If the task is not final.
    pub fn ended(&self, allowed: &AllowFailure) -> Ended {
        match (self.state, self.skip) {
            (TaskState::Succeeded, _) | (TaskState::Skipped, Some(Skip::Hand)) => Ended::Ok,
            (TaskState::Failed | TaskState::TimedOut, _) if self.is_allowed(allowed) => Ended::Ok,
            (TaskState::Failed | TaskState::TimedOut | TaskState::Cancelled, _)
            | (TaskState::Skipped, Some(Skip::Upstream)) => Ended::Failed,
            (TaskState::Skipped, _) => Ended::Neutral,
            (state, _) => panic!("a {state} task has not ended"),
        }
    }
}

/// A closed attempt of a task that went on to another, or was handed back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// The task or item.
    pub task: TaskNo,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Rounds of a repeated task that were over before it, or 0.
    pub round: u32,
    /// Outcome of the attempt.
    pub outcome: warrener_shared::state::Outcome,
    /// The worker that gave a sign of life.
    pub worker: Option<Arc<str>>,
    /// Time at which it was dispatched.
    pub dispatched_at: Option<Timestamp>,
    /// Time at which it started.
    pub started_at: Option<Timestamp>,
    /// Time at which it ended.
    pub finished_at: Timestamp,
    /// The reason why it did not succeed.
    pub error: Option<Json>,
}

/// The place of a ready task in its queue: higher priority first, then who became ready earlier.
///
/// Waiting counts too, so that nobody starves below a steady stream of urgent work: a task that has waited for
/// an hour longer is as urgent as one of the next priority.
pub const fn rank(priority: u8, ready_at: Timestamp) -> i64 {
    ready_at.0 + (9 - priority as i64) * STEP_MS
}

/// Waiting time that is worth one step of priority: an hour, longer than any queue should make urgent work wait.
const STEP_MS: i64 = 3_600_000;
