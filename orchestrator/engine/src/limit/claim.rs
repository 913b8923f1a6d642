//! Claims of jobs to the slots of a limit that counts jobs.

use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::time::Timestamp;

use super::LimitKey;

/// Consequence for a job that finds every slot of a limit taken which counts jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenFull {
    /// The job waits.
    #[default]
    Wait,
    /// The job that has held a slot for longest is cancelled, and this one waits for its confirmed end.
    CancelOldest,
    /// The job is cancelled.
    CancelNewest,
    /// A job that is submitted then is refused; one that was accepted before waits.
    Refuse,
}

/// Claim of a job to a slot of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The job waits for a slot. This task leads: it stands in the line of the key for all of the job that need one.
    Waits(TaskNo),
    /// The job has held the slot since then.
    Holds(Timestamp),
    /// The job has held the slot since then, and gives it up once it is known to have ended.
    Leaves(Timestamp),
}

impl Claim {
    /// Time since which the slot is held; `None` while it is waited for.
    pub const fn since(self) -> Option<Timestamp> {
        match self {
            Self::Waits(_) => None,
            Self::Holds(since) | Self::Leaves(since) => Some(since),
        }
    }
}

/// Slot that a job holds, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRow {
    /// The job.
    pub job: JobNo,
    /// The key.
    pub key: LimitKey,
    /// Time since which the slot is held.
    pub since: Timestamp,
    /// True if the job is final.
    pub is_over: bool,
}

/// Change of a slot that is to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotChange {
    /// The job.
    pub job: JobNo,
    /// The key.
    pub key: LimitKey,
    /// Time since which the slot is held; `None` if the job gives it up.
    pub since: Option<Timestamp>,
}

/// Task that stands in the line of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InLine {
    /// The key.
    pub key: LimitKey,
    /// Job of the task.
    pub job: JobNo,
    /// The task.
    pub task: TaskNo,
}

/// Everything from which the claims of jobs are made anew.
#[derive(Clone, Debug, Default)]
pub struct KeptClaims {
    /// Slots that are held.
    pub slots: Vec<SlotRow>,
    /// Tasks that stand in the lines of limits which count jobs, the best of each line first.
    pub in_line: Vec<InLine>,
}

impl LimitKey {
    /// The line of those of a job that wait behind its task in the line of this key, or for the end of a pause of it.
    pub fn line_of_job(&self, job: JobNo) -> Self {
        Self::raw(&format!("slot:{}/{}", job.0, self.text()))
    }

    /// The job and the key of such a line; `None` of any other.
    pub fn job_in_line(&self) -> Option<(JobNo, Self)> {
        let (job, key) = self.text().strip_prefix("slot:")?.split_once('/')?;
        Some((JobNo(job.parse().ok()?), Self::raw(key)))
    }
}

#[cfg(test)]
mod tests {
    use warrener_shared::id::LimitName;

    use super::*;

    #[test]
    fn the_line_of_a_job_says_whose_it_is_and_for_what() {
        let key = LimitKey::new(&LimitName::new("api").unwrap(), "a/b");
        assert_eq!(key.line_of_job(JobNo(7)).job_in_line(), Some((JobNo(7), key.clone())));
        assert_eq!(key.job_in_line(), None);
    }
}
