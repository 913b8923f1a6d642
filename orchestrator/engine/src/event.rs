//! Events of jobs: everything that a rule reacts to.

use std::sync::Arc;

use warrener_shared::id::{JobId, JobNo, TaskNo, Ticket};
use warrener_shared::job::JobSpec;
use warrener_shared::wire::result::Report;

use crate::limit::LimitKey;
use crate::row::{Json, Parent};

/// An event, or the wish of a rule to look at something next.
#[derive(Clone, Debug)]
pub enum Event {
    /// A job was accepted; its numbers are taken.
    Submitted(Submitted),
    /// A scheduled job gets other content. The id is that of the job; the first task is the first of new ones.
    ContentReplaced(Submitted),
    /// The start or the deadline of a job may have come.
    JobDue(JobNo),
    /// Somebody asked for the job to be stopped.
    CancelRequested(JobNo),
    /// Somebody asked for the job to be held, or to go on.
    PauseRequested(JobNo, bool),
    /// Somebody asked for a final job to be tried again.
    RetryRequested(JobNo),
    /// Somebody asked for one final task or item of the job, by position and index, to be tried again.
    TaskRetryRequested(JobNo, u32, Option<u32>),
    /// Somebody asked for an open task or item to be left out.
    SkipRequested(TaskNo),
    /// Somebody answered what a built-in task waits for.
    Answered(TaskNo, Json),
    /// The fate of the message that a built-in task sends is known.
    Sent(SendAttempt, SendOutcome),
    /// The sub-job of a built-in task is final.
    SubJobEnded(SubJobEnded),
    /// The task that a sub-job runs for has ended otherwise.
    ParentEnded(JobNo),
    /// Items of the mapped task wait for their turn, as they do after a retry of its job.
    ItemsWaiting(TaskNo),
    /// Items of the mapped task became final, this one last; the task itself is not final yet.
    ItemEnded(TaskNo, TaskNo),
    /// All needs of the task are final.
    NeedsEnded(JobNo, u32),
    /// The window of the queue has room for so many attempts of this task.
    RoomFor(TaskNo, u32),
    /// A worker reported on an attempt.
    Reported(Reported),
    /// An attempt was seen at work.
    Started(Started),
    /// The worker of an attempt was silent for too long, or its lease ran out.
    Silent(Ticket),
    /// The broker gave up on the message of an attempt.
    DeadLettered(Ticket, DeathReason),
    /// A time of the task's own may have come: its back-off, its time limit, its `start_by`.
    TaskDue(TaskNo),
    /// More items of the mapped task ended without success than it allows, this one last.
    TooManyFailures(TaskNo, TaskNo),
    /// Enough items of the mapped task succeeded for `min_successes`.
    EnoughSuccesses(TaskNo),
    /// The task became final; those that need it are to be told.
    Ended(JobNo, u32),
    /// A failure that counts is to stop the rest of the job.
    FailFast(JobNo, u32),
    /// An attempt of the job closed, or what was offered of it is no more: another may join the ready.
    SlotFreed(JobNo),
    /// A key of a limit has room again, or may have: what waits for it may join the ready.
    KeyFreed(LimitKey),
    /// Another job waits for a slot of a limit that this one has held for longest: the job is cancelled.
    SlotWanted(JobNo),
    /// The job found every slot of the key taken, and its limit turns away who comes then.
    TurnedAway(JobNo, LimitKey),
    /// The workers of a job that is final are known to have stopped.
    JobStopped(JobNo),
    /// Every task of the job is final.
    AllEnded(JobNo),
}

/// The attempt of a built-in task that sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SendAttempt {
    /// The task or item.
    pub task: TaskNo,
    /// Number of its attempt.
    pub attempt: u32,
}

/// Fate of a message that a task sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The broker has it, in a queue at least.
    Taken,
    /// No binding wanted it.
    Unroutable,
    /// The broker refuses it, for this reason: a code, and a sentence.
    Refused(&'static str, String),
    /// Not known, or not sent for now: it is to be sent again.
    Unknown,
}

/// A job was accepted.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// Number of the job.
    pub job: JobNo,
    /// Id of the job.
    pub id: JobId,
    /// The parsed document.
    pub spec: Arc<JobSpec>,
    /// The W3C trace context that came with it.
    pub traceparent: Option<Arc<str>>,
    /// The number of its first task; as many as it has tasks are taken.
    pub first_task: TaskNo,
    /// The attempt that submitted it; `None` unless it is a sub-job.
    pub parent: Option<Parent>,
    /// Number of jobs around it: 0 unless it is a sub-job.
    pub level: u8,
}

/// The sub-job of a built-in task is final.
#[derive(Clone, Copy, Debug)]
pub struct SubJobEnded {
    /// The attempt that it ran for.
    pub parent: Parent,
    /// The sub-job.
    pub job: JobNo,
}

/// A worker reported on an attempt.
#[derive(Clone, Debug)]
pub struct Reported {
    /// The attempt.
    pub ticket: Ticket,
    /// Content of the report.
    pub report: Report,
    /// Id of the worker, if it said so.
    pub worker: Option<Arc<str>>,
    /// True if the orchestrator's own session with the broker ended since the attempt was dispatched: a delivery that
    /// comes again may then be nobody's crash.
    pub interrupted: bool,
    /// Cost of the attempt as it turned out, in place of what its limits counted; `None` leaves that.
    pub cost: Option<u32>,
}

/// An attempt was seen at work.
#[derive(Clone, Debug)]
pub struct Started {
    /// The attempt.
    pub ticket: Ticket,
    /// Id of the worker, if known.
    pub worker: Option<Arc<str>>,
}

/// Reason why the broker gave up on a message, in the words of its header `x-death`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeathReason {
    /// A consumer rejected it.
    Rejected,
    /// The message was delivered more often than its queue allows, and never settled.
    DeliveryLimit,
    /// The message stayed in its queue for longer than a policy allows.
    Expired,
    /// The queue grew longer than a policy allows.
    MaxLen,
    /// Any other reason, or none.
    Unknown,
}

impl DeathReason {
    /// Tells whether a consumer had the message, so that its death says something of the task. Of any other reason
    /// nobody who could work on the task is known to have had a part in it.
    pub const fn accuses(self) -> bool {
        matches!(self, Self::Rejected | Self::DeliveryLimit)
    }

    /// The word of the broker.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::DeliveryLimit => "delivery_limit",
            Self::Expired => "expired",
            Self::MaxLen => "maxlen",
            Self::Unknown => "unknown",
        }
    }
}

impl From<&str> for DeathReason {
    fn from(word: &str) -> Self {
        let known = [Self::Rejected, Self::DeliveryLimit, Self::Expired, Self::MaxLen];
        known.into_iter().find(|reason| reason.as_str() == word).unwrap_or(Self::Unknown)
    }
}
