//! Rows that are no more: items whose task gets another list, and the tasks of a job whose content is replaced.

use warrener_shared::id::{JobNo, TaskNo};

use super::{JobEntry, Slice, counted};

/// Content of a job that other content takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplacedContent {
    /// The job.
    pub job: JobNo,
    /// Number of its first task.
    pub first_task: TaskNo,
    /// Number of its tasks. None of them ever began.
    pub tasks: u32,
}

impl Slice {
    /// Another job takes the place of one with its number, whose tasks never began.
    pub(crate) fn replace_job(&mut self, entry: JobEntry) {
        let old = &self.jobs[&entry.row.no];
        let (first_task, tasks) = (old.row.first_task, counted(old.spec.tasks.len()));
        self.replaced.push(ReplacedContent { job: entry.row.no, first_task, tasks });
        let end = TaskNo(first_task.0 + i64::from(tasks));
        self.forget_tasks(first_task, end);
        self.open_tasks.remove(&entry.row.no);
        self.insert_job(entry);
    }

    /// The items of a mapped task are no more, and what was made of them is forgotten.
    pub(crate) fn drop_items(&mut self, task: TaskNo, first: TaskNo, count: u32) {
        self.dropped.push((first, count));
        let end = TaskNo(first.0 + i64::from(count));
        self.forget_tasks(first, end);
        self.attempts.retain(|row| row.task < first || row.task >= end);
        self.forget_lists(task);
        self.items.remove(&task);
    }

    fn forget_tasks(&mut self, first: TaskNo, end: TaskNo) {
        self.dirty_tasks.forget(first, end);
        self.new_tasks.retain(|no| *no < first || *no >= end);
        self.tasks.retain(|no, _| *no < first || *no >= end);
    }

    /// The store has it until the batch is committed.
    pub(super) fn is_dropped(&self, no: TaskNo) -> bool {
        self.dropped.iter().any(|(first, count)| (first.0..first.0 + i64::from(*count)).contains(&no.0))
    }
}
