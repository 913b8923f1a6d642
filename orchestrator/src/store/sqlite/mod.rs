//! The embedded database: one file, one writer, every commit on disk before it counts.

mod blame;
mod check;
mod checkpoint;
mod counter;
mod delayed;
mod lock;
mod open;
mod owner;
mod place;
mod prune;
mod reader;
mod schedule;
mod soundness;
mod statement;
mod write;

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::Connection;
use warrener_engine::row::{JobRow, Json, TaskRow};
use warrener_engine::schedule::{ScheduleRow, TickRow};
use warrener_engine::slice::Line;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::time::Timestamp;

use self::blame::failed;
use self::check::Check;
use self::checkpoint::Checkpoints;
use self::lock::Lock;
use self::owner::Owner;
pub use self::place::DatabaseFile;
use self::reader::SqliteReaders;
use self::soundness::Soundness;
use super::schedules::{ScheduleQuery, SchedulesTotal, TickQuery};
use super::sql::{kept, limits, read, schedule as sql_schedule};
use super::view::View;
use super::{
    Asked, Boot, BulkRow, Commit, DeadRow, DeadTotal, Death, EventChunkNo, Found, Item, KeptAnswer, KeptDead,
    KeptLimits, LogChunk, OwedReply, QueueRow, Rows, Store, StoreError, Submitted,
};

/// The writer's side of a database in a file. Dropped, it gives the file back.
#[derive(Debug)]
pub struct Sqlite {
    /// Connection of the writer, the only one that writes rows.
    connection: Connection,
    /// Number of the next chunk of events.
    next_event: i64,
    /// Right to write, which another process may have taken.
    owner: Owner,
    /// Evidence against the file, shared with whoever reads it.
    soundness: Soundness,
    // They end before the lock is given back.
    _check: Option<Check>,
    /// Thread that copies the log into the file.
    checkpoints: Checkpoints,
    /// Lock on the file, given back last.
    lock: Lock,
}

impl Sqlite {
    /// Opens the database in the file of this path, and makes it if it does not exist.
    ///
    /// # Errors
    /// [`StoreError::Open`] if another process has it, it is not ours, or it is damaged.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_file(&DatabaseFile::new(path))
    }

    /// Opens the database in a file that an address names, and makes it if it does not exist.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_file(file: &DatabaseFile) -> Result<Self, StoreError> {
        let lock = Lock::take(file)?;
        let soundness = Soundness::default();
        let (connection, check) = open::writer(&lock, &soundness)?;
        let owner = Owner::enter(&connection, soundness.clone())?;
        let next_event = read::next_event(&connection)?;
        let checkpoints = Checkpoints::start(lock.path())?;
        Ok(Self { connection, next_event, owner, soundness, _check: check, checkpoints, lock })
    }

    /// Readers of the same database, for the API.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the file cannot be opened.
    pub fn view(&self) -> Result<View, StoreError> {
        Self::view_of(self.lock.path())
    }

    /// Readers of the database in this file, which must exist. The writer may be another process.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it cannot be opened.
    pub fn view_of(path: &Path) -> Result<View, StoreError> {
        Ok(View::over(SqliteReaders::open(path)?))
    }

    /// Reads with the writer's connection, unless there is evidence against the file, and remembers new evidence.
    fn read<T>(&self, look: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.soundness.ensure_sound()?;
        self.soundness.heed(look(&self.connection))
    }

    /// Writes with the writer's connection, unless there is evidence against the file, and remembers new evidence.
    fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Connection, &Owner) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.soundness.ensure_sound()?;
        self.soundness.heed(work(&mut self.connection, &self.owner))
    }
}

#[cfg(test)]
impl Sqlite {
    /// Leaves room for so many more pages, as on a disk that is nearly full.
    pub(crate) fn leave_room(&self, pages: i64) -> Result<(), rusqlite::Error> {
        let taken: i64 = self.connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        self.connection.query_row(&format!("PRAGMA max_page_count = {}", taken + pages), [], |_| Ok(()))
    }
}

impl Rows for Sqlite {
    fn find(&mut self, id: &JobId) -> Result<Option<Found>, StoreError> {
        self.read(|connection| read::find(connection, id))
    }

    fn holder(&mut self, key: &str, now: Timestamp) -> Result<Option<JobRow>, StoreError> {
        self.read(|connection| read::holder(connection, key, now))
    }

    fn job(&mut self, no: JobNo) -> Result<Option<JobRow>, StoreError> {
        self.read(|connection| read::job(connection, no))
    }

    fn submitted(&mut self, no: JobNo) -> Result<Option<Submitted>, StoreError> {
        self.read(|connection| read::submitted(connection, no))
    }

    fn tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.read(|connection| read::tasks(connection, first, count))
    }

    fn open_tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.read(|connection| read::open_tasks(connection, first, count))
    }

    fn parked(&mut self, line: &Line, most: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.read(|connection| read::parked(connection, line, most))
    }

    fn each_item(
        &mut self,
        mapped: &TaskRow,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.read(|connection| read::each_item(connection, mapped, visit))
    }

    fn known_queue(&mut self, name: &QueueName) -> Result<Option<QueueRow>, StoreError> {
        self.read(|connection| read::queue(connection, name))
    }
}

impl Store for Sqlite {
    fn boot(&mut self) -> Result<Boot, StoreError> {
        self.lock.look()?;
        let (boot, next_event) =
            self.read(|connection| Ok((read::boot(connection)?, read::next_event(connection)?)))?;
        // A commit whose outcome was not known may have been made.
        self.next_event = self.next_event.max(next_event);
        Ok(boot)
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        self.lock.look()?;
        self.soundness.ensure_sound()
    }

    fn queue(&mut self, name: &QueueName) -> Result<QueueRow, StoreError> {
        if let Some(known) = self.known_queue(name)? {
            return Ok(known);
        }
        self.write(|connection, owner| write::queue(owner.begin(connection)?, name))
    }

    fn ready(&mut self, queue: i64, most: usize) -> Result<Vec<(i64, TaskNo)>, StoreError> {
        self.read(|connection| read::ready(connection, queue, most))
    }

    fn waiting_for(&mut self, event: &str, key: &str) -> Result<Vec<TaskNo>, StoreError> {
        self.read(|connection| read::waiting_for(connection, event, key))
    }

    fn kept_answers(&mut self) -> Result<Vec<KeptAnswer>, StoreError> {
        self.read(|connection| kept::all(connection))
    }

    fn kept_payload(&mut self, no: i64) -> Result<Option<Json>, StoreError> {
        self.read(|connection| kept::payload(connection, no))
    }

    fn given_answers(&mut self, task: TaskNo) -> Result<Vec<i64>, StoreError> {
        self.read(|connection| kept::given(connection, task))
    }

    fn due_tasks(&mut self, now: Timestamp, most: usize) -> Result<Vec<TaskNo>, StoreError> {
        self.read(|connection| read::due_tasks(connection, now, most))
    }

    fn due_jobs(&mut self, now: Timestamp, most: usize) -> Result<Vec<JobNo>, StoreError> {
        self.read(|connection| read::due_jobs(connection, now, most))
    }

    fn next_due(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| read::next_due(connection))
    }

    fn open_attempts(&mut self) -> Result<Vec<TaskRow>, StoreError> {
        self.read(|connection| read::open_attempts(connection))
    }

    fn limits(&mut self) -> Result<KeptLimits, StoreError> {
        self.read(|connection| limits::read(connection))
    }

    fn asked(&mut self) -> Result<Vec<Asked>, StoreError> {
        self.read(|connection| read::asked(connection))
    }

    fn deaths(&mut self, task: TaskNo) -> Result<Vec<Death>, StoreError> {
        self.read(|connection| read::deaths(connection, task))
    }

    fn dead_total(&mut self) -> Result<DeadTotal, StoreError> {
        self.read(|connection| read::dead_total(connection))
    }

    fn oldest_dead(&mut self, most: usize) -> Result<Vec<KeptDead>, StoreError> {
        self.read(|connection| read::oldest_dead(connection, most))
    }

    fn last_logs(&mut self, task: TaskNo, bytes: usize) -> Result<Vec<LogChunk>, StoreError> {
        self.read(|connection| read::last_logs(connection, task, bytes))
    }

    fn due_replies(&mut self, above: i64, most: usize) -> Result<Vec<(i64, String)>, StoreError> {
        self.read(|connection| read::due_replies(connection, above, most))
    }

    fn replies(&mut self, numbers: &[i64]) -> Result<Vec<OwedReply>, StoreError> {
        self.read(|connection| {
            let found = numbers.iter().map(|no| read::reply(connection, *no));
            Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        })
    }

    fn owed_replies(&mut self, jobs: &[JobNo]) -> Result<Vec<OwedReply>, StoreError> {
        self.read(|connection| {
            let doing = failed("read the answers that are owed");
            // One transaction for all of them: beginning to read costs more than reading an answer.
            let transaction = connection.unchecked_transaction().map_err(&doing)?;
            let mut owed = Vec::new();
            for job in jobs {
                owed.extend(read::owed_replies(&*transaction, *job)?);
            }
            transaction.commit().map_err(&doing)?;
            Ok(owed)
        })
    }

    fn schedules(&mut self, which: ScheduleQuery<'_>) -> Result<Vec<ScheduleRow>, StoreError> {
        self.read(|connection| sql_schedule::schedules(connection, which))
    }

    fn ticks(&mut self, which: TickQuery) -> Result<Vec<TickRow>, StoreError> {
        self.read(|connection| sql_schedule::ticks(connection, which))
    }

    fn schedules_total(&mut self) -> Result<SchedulesTotal, StoreError> {
        self.read(|connection| sql_schedule::schedules_total(connection))
    }

    fn dead_letter(&mut self, no: i64) -> Result<Option<DeadRow>, StoreError> {
        self.read(|connection| read::dead_letter(connection, no))
    }

    fn bulks(&mut self) -> Result<(i64, Vec<(i64, BulkRow)>), StoreError> {
        self.read(|connection| Ok((read::last_bulk(connection)?, read::running_bulks(connection)?)))
    }

    fn bulk_part(&mut self, no: i64, part: i64) -> Result<Option<Vec<i64>>, StoreError> {
        self.read(|connection| read::bulk_part(connection, no, part))
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let event = self.next_event;
        self.next_event = self.write(|connection, owner| write::commit(owner.begin(connection)?, commit, event))?;
        self.checkpoints.committed(&self.connection);
        Ok(())
    }

    fn last_events(&self) -> EventChunkNo {
        EventChunkNo(self.next_event - 1)
    }

    fn shift(&mut self, by: i64, now: Timestamp) -> Result<(), StoreError> {
        self.write(|connection, owner| write::shift(owner.begin(connection)?, by, now))
    }

    fn prune(&mut self, finished_before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let events = self.last_events();
        let steps = self.write(|connection, owner| prune::prune(connection, owner, finished_before, most, events))?;
        self.checkpoints.committed(&self.connection);
        Ok(steps)
    }

    fn remove(&mut self, job: JobNo) -> Result<bool, StoreError> {
        let events = self.last_events();
        let removed = self.write(|connection, owner| prune::remove(connection, owner, job, events))?;
        self.checkpoints.committed(&self.connection);
        Ok(removed)
    }

    fn prune_audit(&mut self, written_before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let count = self.write(|connection, owner| prune::prune_audit(connection, owner, written_before, most))?;
        self.checkpoints.committed(&self.connection);
        Ok(count)
    }
}
