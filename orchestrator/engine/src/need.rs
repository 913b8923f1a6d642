//! Plans that somebody has with a working set, and the rows that they take.

use warrener_shared::id::{JobNo, TaskNo};

use crate::event::Event;

/// Something that rows must be loaded for; [`crate::missing`] names them.
#[derive(Clone, Copy, Debug)]
pub enum Need<'a> {
    /// Deciding an event.
    Event(&'a Event),
    /// Looking at a job.
    Job(JobNo),
    /// Looking at a task or item, or asking for a [`crate::skip_refusal`].
    Task(TaskNo),
    /// Making the latest message of a task or item anew by [`crate::resolve`].
    Message(TaskNo),
    /// Asking for a [`crate::retry_refusal`] of one task or item of the job, by position and index.
    Retry(JobNo, u32, Option<u32>),
}

impl<'a> From<&'a Event> for Need<'a> {
    fn from(event: &'a Event) -> Self {
        Self::Event(event)
    }
}
