//! The embedded database: one file, one writer, every commit on disk before it counts.

mod blame;
mod checkpoint;
mod open;
mod prune;
mod reader;
mod write;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use warrener_engine::row::{JobRow, TaskRow};
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::time::Timestamp;

use self::blame::failed;
use self::checkpoint::Checkpoints;
pub(super) use self::reader::Readers;
use super::sql::read;
use super::view::View;
use super::{
    Asked, Boot, Commit, Death, Found, Item, LogChunk, OwedReply, QueueRow, Rows, Store, StoreError, Submitted,
};

/// The writer's side of the database.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
    next_event: i64,
    checkpoints: Checkpoints,
    // Held as long as the database is open, so that a second process cannot write to it.
    _lock: open::Lock,
}

impl Sqlite {
    /// Opens the database in this file, and makes it if it does not exist.
    ///
    /// # Errors
    /// [`StoreError::Open`] if another process has it, or it is not ours.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = open::Lock::take(path)?;
        let connection = open::writer(path)?;
        let next_event = read::next_event(&connection)?;
        let checkpoints = Checkpoints::start(path)?;
        Ok(Self { connection, path: path.to_owned(), next_event, checkpoints, _lock: lock })
    }

    /// A reader of the same database, for the API.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the file cannot be opened.
    pub fn view(&self) -> Result<View, StoreError> {
        View::open(&self.path)
    }
}

#[cfg(test)]
impl Sqlite {
    /// As on a disk that is nearly full: the database takes so many more pages.
    pub(crate) fn leave_room(&self, pages: i64) -> Result<(), rusqlite::Error> {
        let taken: i64 = self.connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        self.connection.query_row(&format!("PRAGMA max_page_count = {}", taken + pages), [], |_| Ok(()))
    }
}

impl Rows for Sqlite {
    fn find(&mut self, id: &JobId) -> Result<Option<Found>, StoreError> {
        read::find(&self.connection, id)
    }

    fn holder(&mut self, key: &str) -> Result<Option<JobRow>, StoreError> {
        read::holder(&self.connection, key)
    }

    fn job(&mut self, no: JobNo) -> Result<Option<JobRow>, StoreError> {
        read::job(&self.connection, no)
    }

    fn submitted(&mut self, no: JobNo) -> Result<Option<Submitted>, StoreError> {
        read::submitted(&self.connection, no)
    }

    fn tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        read::tasks(&self.connection, first, count)
    }

    fn open_tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        read::open_tasks(&self.connection, first, count)
    }

    fn each_item(
        &mut self,
        mapped: &TaskRow,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        read::each_item(&self.connection, mapped, visit)
    }

    fn known_queue(&mut self, name: &QueueName) -> Result<Option<QueueRow>, StoreError> {
        read::queue(&self.connection, name)
    }
}

impl Store for Sqlite {
    fn boot(&mut self) -> Result<Boot, StoreError> {
        read::boot(&self.connection)
    }

    fn queue(&mut self, name: &QueueName) -> Result<QueueRow, StoreError> {
        write::queue(&self.connection, name)
    }

    fn ready(&mut self, queue: i64, most: usize) -> Result<Vec<(i64, TaskNo)>, StoreError> {
        read::ready(&self.connection, queue, most)
    }

    fn ready_count(&mut self, queue: i64, most: usize) -> Result<usize, StoreError> {
        read::ready_count(&self.connection, queue, most)
    }

    fn waiting_for(&mut self, event: &str, key: &str) -> Result<Vec<TaskNo>, StoreError> {
        read::waiting_for(&self.connection, event, key)
    }

    fn due_tasks(&mut self, now: Timestamp, most: usize) -> Result<Vec<TaskNo>, StoreError> {
        read::due_tasks(&self.connection, now, most)
    }

    fn due_jobs(&mut self, now: Timestamp, most: usize) -> Result<Vec<JobNo>, StoreError> {
        read::due_jobs(&self.connection, now, most)
    }

    fn next_due(&mut self) -> Result<Option<Timestamp>, StoreError> {
        read::next_due(&self.connection)
    }

    fn open_attempts(&mut self) -> Result<Vec<TaskRow>, StoreError> {
        read::open_attempts(&self.connection)
    }

    fn asked(&mut self) -> Result<Vec<Asked>, StoreError> {
        read::asked(&self.connection)
    }

    fn deaths(&mut self, task: TaskNo) -> Result<Vec<Death>, StoreError> {
        read::deaths(&self.connection, task)
    }

    fn last_logs(&mut self, task: TaskNo, bytes: usize) -> Result<Vec<LogChunk>, StoreError> {
        read::last_logs(&self.connection, task, bytes)
    }

    fn due_replies(&mut self, above: i64, most: usize) -> Result<Vec<(i64, String)>, StoreError> {
        read::due_replies(&self.connection, above, most)
    }

    fn replies(&mut self, numbers: &[i64]) -> Result<Vec<OwedReply>, StoreError> {
        let found = numbers.iter().map(|no| read::reply(&self.connection, *no));
        Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    fn owed_replies(&mut self, jobs: &[JobNo]) -> Result<Vec<OwedReply>, StoreError> {
        let doing = failed("read the answers that are owed");
        // One transaction for all of them: beginning to read costs more than reading an answer.
        let transaction = self.connection.unchecked_transaction().map_err(&doing)?;
        let mut owed = Vec::new();
        for job in jobs {
            owed.extend(read::owed_replies(&*transaction, *job)?);
        }
        transaction.commit().map_err(&doing)?;
        Ok(owed)
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        write::commit(&mut self.connection, commit, &mut self.next_event)?;
        self.checkpoints.committed(&self.connection);
        Ok(())
    }

    fn shift(&mut self, by: i64, now: Timestamp) -> Result<(), StoreError> {
        write::shift(&mut self.connection, by, now)
    }

    fn prune(&mut self, finished_before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let steps = prune::prune(&mut self.connection, finished_before, most)?;
        self.checkpoints.committed(&self.connection);
        Ok(steps)
    }
}
