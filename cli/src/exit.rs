//! The exit codes, fixed by the contract.

use std::process::ExitCode;

use warrener_shared::state::JobState;

/// Exit code of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Ok = 0,
    Error = 1,
    Usage = 2,
    Partial = 3,
    NotFound = 4,
    Refused = 5,
    NotAllowed = 6,
    Unreachable = 7,
    JobFailed = 10,
    JobCancelled = 11,
    JobTimedOut = 12,
    GaveUp = 124,
    Interrupted = 130,
}

impl Exit {
    /// Exit code for the final state of a job, for `run`, `submit --wait
    /// --watch`, `watch` and `job output`. A job that is not final is an error: whoever asks wanted its end.
    pub(crate) const fn of_job(state: JobState) -> Self {
        match state {
            JobState::Succeeded => Self::Ok,
            JobState::Failed => Self::JobFailed,
            JobState::Cancelled => Self::JobCancelled,
            JobState::TimedOut => Self::JobTimedOut,
            JobState::Scheduled | JobState::Running => Self::Error,
        }
    }

    /// Exit code for the HTTP status of a refusal.
    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::NotAllowed,
            404 | 410 => Self::NotFound,
            429 | 502..=504 => Self::Unreachable,
            400..=499 => Self::Refused,
            _ => Self::Error,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests;
