//! The states of jobs and tasks, the outcomes of attempts, and the tables of allowed transitions.
//!
//! The tables are data: the engine asserts them, diagrams and documentation are made from them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $type { $($(#[$vdoc])* $variant,)* }

        impl $type {
            /// All values, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word that stands for it everywhere.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(UnknownWord(text.to_owned())) }
            }
        }
    };
}

/// A text that is not one of the words of its sort.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown word {0:?}")]
pub struct UnknownWord(pub String);

/// Names of the events, in the order of [`JobState::ALL`].
const JOB_EVENTS: [&str; 6] =
    ["job.scheduled", "job.running", "job.succeeded", "job.failed", "job.cancelled", "job.timed_out"];
/// Names of the events, in the order of [`TaskState::ALL`].
const TASK_EVENTS: [&str; 9] = [
    "task.waiting",
    "task.ready",
    "task.dispatched",
    "task.retrying",
    "task.succeeded",
    "task.failed",
    "task.cancelled",
    "task.skipped",
    "task.timed_out",
];

words! {
    /// State of a job. `paused` and `cancelling` are flags beside it, not states.
    JobState {
        /// Until its `delay` or `run_at`.
        Scheduled = "scheduled",
        /// From then on, even if nothing is dispatched.
        Running = "running",
        /// Every task that counts succeeded.
        Succeeded = "succeeded",
        /// A task that counts failed, or the output could not be evaluated.
        Failed = "failed",
        /// Stopped on request.
        Cancelled = "cancelled",
        /// The deadline of the job passed.
        TimedOut = "timed_out",
    }
}

impl JobState {
    /// Tells whether nothing more happens to the job by itself.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Running)
    }

    /// The sort of event that tells of it, and its routing key: `job.<state>`.
    pub const fn event(self) -> &'static str {
        JOB_EVENTS[self as usize]
    }

    /// Allowed transitions, and what causes each.
    pub const TRANSITIONS: &'static [(Self, &'static str, Self)] = &[
        (Self::Scheduled, "its time came", Self::Running),
        (Self::Scheduled, "cancel", Self::Cancelled),
        (Self::Running, "all tasks final, none failed", Self::Succeeded),
        (Self::Running, "all tasks final, one failed", Self::Failed),
        (Self::Running, "all tasks final after a cancel", Self::Cancelled),
        (Self::Running, "all tasks final after its deadline", Self::TimedOut),
        (Self::Succeeded, "retry of a task", Self::Running),
        (Self::Failed, "retry", Self::Running),
        (Self::Cancelled, "retry", Self::Running),
        (Self::TimedOut, "retry", Self::Running),
    ];

    /// Tells whether the table has a row from this state to `to`.
    pub fn may_become(self, to: Self) -> bool {
        Self::TRANSITIONS.iter().any(|(from, _, target)| *from == self && *target == to)
    }
}

words! {
    /// State of a task or an item.
    TaskState {
        /// Needs are open.
        Waiting = "waiting",
        /// May go out.
        Ready = "ready",
        /// Offered to workers; a mapped task from its expansion until its last item is final.
        Dispatched = "dispatched",
        /// Waits for its back-off, or for its next round.
        Retrying = "retrying",
        /// The output is recorded.
        Succeeded = "succeeded",
        /// Out of attempts, or failed for good.
        Failed = "failed",
        /// Stopped on request, or because another task failed.
        Cancelled = "cancelled",
        /// Not run, by rule or by hand.
        Skipped = "skipped",
        /// Out of attempts by time.
        TimedOut = "timed_out",
    }
}

impl TaskState {
    /// Tells whether nothing more happens to the task by itself.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Ready | Self::Dispatched | Self::Retrying)
    }

    /// The sort of event that tells of it, and its routing key: `task.<state>`.
    pub const fn event(self) -> &'static str {
        TASK_EVENTS[self as usize]
    }

    /// Allowed transitions, and what causes each.
    pub const TRANSITIONS: &'static [(Self, &'static str, Self)] = &[
        (Self::Waiting, "needs final, run_on and if hold", Self::Ready),
        (Self::Waiting, "for_each expanded", Self::Dispatched),
        (Self::Waiting, "for_each over an empty list", Self::Succeeded),
        (Self::Waiting, "run_on or if does not hold, or skipped by hand", Self::Skipped),
        (Self::Waiting, "an expression failed, or its list is too short", Self::Failed),
        (Self::Waiting, "cancel or fail_fast", Self::Cancelled),
        (Self::Ready, "window has room", Self::Dispatched),
        (Self::Ready, "its input failed to evaluate", Self::Failed),
        (Self::Ready, "start_within passed", Self::TimedOut),
        (Self::Ready, "cancel or fail_fast", Self::Cancelled),
        (Self::Ready, "skipped by hand, or a needed task failed", Self::Skipped),
        (Self::Dispatched, "succeeded", Self::Succeeded),
        (Self::Dispatched, "failed, attempts left, or between two rounds", Self::Retrying),
        (Self::Dispatched, "failed for good", Self::Failed),
        (Self::Dispatched, "timed out for good", Self::TimedOut),
        (Self::Dispatched, "released, or the next round", Self::Ready),
        (Self::Dispatched, "cancel or fail_fast", Self::Cancelled),
        (Self::Dispatched, "skipped by hand, or a needed task failed", Self::Skipped),
        (Self::Retrying, "back-off or delay elapsed", Self::Ready),
        (Self::Retrying, "start_within passed", Self::TimedOut),
        (Self::Retrying, "cancel or fail_fast", Self::Cancelled),
        (Self::Retrying, "skipped by hand, or a needed task failed", Self::Skipped),
        (Self::Succeeded, "retry of a task upstream, or of this one", Self::Waiting),
        (Self::Failed, "retry", Self::Waiting),
        (Self::Cancelled, "retry", Self::Waiting),
        (Self::Skipped, "retry", Self::Waiting),
        (Self::TimedOut, "retry", Self::Waiting),
    ];

    /// Tells whether the table has a row from this state to `to`.
    pub fn may_become(self, to: Self) -> bool {
        Self::TRANSITIONS.iter().any(|(from, _, target)| *from == self && *target == to)
    }
}

words! {
    /// Outcome of an attempt.
    Outcome {
        /// The output is recorded.
        Succeeded = "succeeded",
        /// The worker said so, or its answer was unusable.
        Failed = "failed",
        /// The time limit passed.
        TimedOut = "timed_out",
        /// The lease ran out, or heartbeats stopped.
        Lost = "lost",
        /// Stopped on request.
        Cancelled = "cancelled",
        /// Handed back unstarted, or interrupted by a drain; costs nothing.
        Released = "released",
    }
}

impl Outcome {
    /// Tells whether it counts against `max_attempts`.
    pub const fn costs_an_attempt(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Lost)
    }
}
