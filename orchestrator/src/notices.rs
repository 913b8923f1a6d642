//! Notices of what was committed, for whoever waits for it: requests of the API, streams, the publisher of events.
//!
//! The driver tells after each commit and waits for nobody; all who listen are equal, and none of them can delay
//! another. A notice only says that the database is worth a look. Nothing is kept for a subscriber, so one that is slow
//! finds more at its next look, and misses nothing.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use warrener_shared::id::{JobNo, TaskNo};

use crate::store::EventChunkNo;

/// Register of subscribers. It holds an entry for each job that somebody waits for, and no more.
#[derive(Debug)]
pub struct Notices {
    /// Senders by jobs that somebody waits for. One goes away when its job has ended, which its receivers notice.
    ends: Mutex<BTreeMap<JobNo, watch::Sender<()>>>,
    /// The tasks whose logs somebody follows.
    logs: Mutex<BTreeMap<TaskNo, watch::Sender<()>>>,
    /// Number of the latest chunk of events that is committed.
    events: watch::Sender<EventChunkNo>,
}

impl Default for Notices {
    fn default() -> Self {
        Self { ends: Mutex::default(), logs: Mutex::default(), events: watch::Sender::new(EventChunkNo(0)) }
    }
}

impl Notices {
    /// Subscribes to the end of a job. Whoever subscribes first and reads the job afterwards cannot miss its end.
    pub fn end_of(&self, job: JobNo) -> JobEnd<'_> {
        let mut ends = self.ends();
        let end = ends.entry(job).or_insert_with(|| watch::Sender::new(()));
        JobEnd { job, told: Some(end.subscribe()), notices: self }
    }

    /// Subscribes to events of all jobs. Whoever subscribes first and reads afterwards cannot miss any.
    pub fn events(&self) -> EventNotices {
        EventNotices(self.events.subscribe())
    }

    /// Subscribes to the log of a task or item. Whoever subscribes first and reads afterwards cannot miss any of it.
    pub(crate) fn log_of(self: &Arc<Self>, task: TaskNo) -> LogNotices {
        let mut logs = self.logs();
        let log = logs.entry(task).or_insert_with(|| watch::Sender::new(()));
        LogNotices { task, told: Some(log.subscribe()), notices: self.clone() }
    }

    /// Tells that something was written to the logs of these tasks, which is committed.
    pub(crate) fn tell_logs(&self, tasks: impl IntoIterator<Item = TaskNo>) {
        let logs = self.logs();
        if logs.is_empty() {
            return;
        }
        for log in tasks.into_iter().filter_map(|task| logs.get(&task)) {
            log.send_replace(());
        }
    }

    /// Tells that these jobs are final, which is committed.
    pub(crate) fn tell_ends(&self, jobs: impl IntoIterator<Item = JobNo>) {
        let mut ends = self.ends();
        for job in jobs {
            ends.remove(&job);
        }
    }

    /// Tells that events up to this chunk are committed.
    pub(crate) fn tell_events(&self, upto: EventChunkNo) {
        self.events.send_replace(upto);
    }

    /// Has all subscribers look for themselves, since something may have been committed that nobody was told of.
    pub(crate) fn tell_all(&self, upto: EventChunkNo) {
        self.ends().clear();
        self.logs().values().for_each(|log| log.send_replace(()));
        self.tell_events(upto);
    }

    /// Senders by jobs, locked. A holder that panicked leaves them usable.
    fn ends(&self) -> MutexGuard<'_, BTreeMap<JobNo, watch::Sender<()>>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn logs(&self) -> MutexGuard<'_, BTreeMap<TaskNo, watch::Sender<()>>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Subscription to the end of one job. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct JobEnd<'a> {
    /// The job.
    job: JobNo,
    /// Receiver of the notice; `None` only while this is dropped.
    told: Option<watch::Receiver<()>>,
    notices: &'a Notices,
}

impl JobEnd<'_> {
    /// Returns when the job may have ended since the subscription began. The database knows; if it says no, another
    /// subscription is needed.
    pub async fn told(&mut self) {
        if let Some(told) = &mut self.told {
            // An error says that the sender is gone.
            while told.changed().await.is_ok() {}
        }
    }
}

impl Drop for JobEnd<'_> {
    fn drop(&mut self) {
        let mut ends = self.notices.ends();
        self.told = None;
        if ends.get(&self.job).is_some_and(watch::Sender::is_closed) {
            ends.remove(&self.job);
        }
    }
}

/// A subscription to the log of one task or item.
#[derive(Debug)]
pub(crate) struct LogNotices {
    task: TaskNo,
    /// Receiver of the notice; `None` only while this is dropped.
    told: Option<watch::Receiver<()>>,
    notices: Arc<Notices>,
}

impl LogNotices {
    /// Waits until something was written since this was asked last, or since the subscription began.
    pub(crate) async fn next(&mut self) {
        // Its sender stays for as long as somebody listens.
        if let Some(told) = &mut self.told
            && told.changed().await.is_err()
        {
            pending::<()>().await;
        }
    }
}

impl Drop for LogNotices {
    fn drop(&mut self) {
        let mut logs = self.notices.logs();
        self.told = None;
        if logs.get(&self.task).is_some_and(watch::Sender::is_closed) {
            logs.remove(&self.task);
        }
    }
}

/// Subscription to the events of all jobs.
#[derive(Clone, Debug)]
pub struct EventNotices(watch::Receiver<EventChunkNo>);

impl EventNotices {
    /// Waits until events were committed since this was asked last, or since the subscription began. Gives the number
    /// of the latest chunk; several commits are one notice.
    pub async fn next(&mut self) -> EventChunkNo {
        if self.0.changed().await.is_err() {
            // Nobody tells any more: the process ends.
            pending().await
        }
        *self.0.borrow_and_update()
    }

    /// Number of the latest chunk of events that is committed; all up to it can be read.
    pub fn upto(&self) -> EventChunkNo {
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests;
