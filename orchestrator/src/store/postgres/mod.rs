//! A PostgreSQL database: one writer, kept alone by a lock and a fence, and readers beside it.
//!
//! A connection that is lost in the middle of a commit leaves its outcome unknown. So the writer then does nothing
//! any more until [`Store::boot`] is called, which opens another: whoever calls it makes all it remembers anew.

mod blame;
mod delayed;
mod inspect;
mod open;
mod owner;
mod prune;
mod reader;
mod schedule;
mod scratch;
mod session;
mod text;
mod tls;
mod value;
mod write;

use std::ops::ControlFlow;
use std::time::Duration;

use uuid::Uuid;
use warrener_engine::row::{JobRow, Json, TaskRow};
use warrener_engine::schedule::{ScheduleRow, TickRow};
use warrener_engine::slice::Line;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::time::Timestamp;

use self::open::Place;
use self::reader::PostgresReaders;
pub use self::scratch::Scratch;
use self::session::{Session, Step};
use super::schedules::{ScheduleQuery, SchedulesTotal, TickQuery};
use super::sql::chunk::EVENTS_REMOVED;
use super::sql::{Reader, Row, kept, limits, read, schedule as sql_schedule};
use super::view::View;
use super::{
    Asked, Boot, BulkRow, Commit, DeadRow, DeadTotal, Death, EventChunkNo, Found, Item, KeptAnswer, KeptDead,
    KeptLimits, LogChunk, OwedReply, QueueRow, Rows, Store, StoreError, Submitted,
};

/// Time for which a start waits for another orchestrator to end: one that was killed a moment ago is still there for
/// the server.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// Time for which a process that lost its connection waits for the lock. For the server the connection may last a
/// moment longer than for us.
const RETURN_PATIENCE: Duration = Duration::from_secs(1);

/// The writer's side of a database in PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    /// Address of the database.
    place: Place,
    /// Identity of this process, among all that ever owned the database.
    instance: String,
    /// Connection of the writer. `None` after an outcome that is not known, until `boot` opens another.
    writer: Option<Writer>,
    /// Number of the next chunk of events. Outlives the connection.
    next_event: i64,
}

/// Checks that an address can be one of a database. Asks nobody.
///
/// # Errors
/// [`StoreError::Open`] if it cannot.
pub(super) fn check(url: &str) -> Result<(), StoreError> {
    Place::new(url).map(drop)
}

/// View of a database from outside, without taking it, as `doctor` needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glimpse {
    /// Address, without the password.
    pub place: String,
    /// Address and start of the connection that holds the lock; `None` if no orchestrator has the database.
    pub holder: Option<String>,
    /// True if it can be written: its server is no standby.
    pub is_writable: bool,
}

impl Glimpse {
    /// Looks at the database at this address.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it cannot be reached, or keeps no jobs of ours.
    pub fn take(url: &str) -> Result<Self, StoreError> {
        let place = Place::new(url)?;
        let look = || {
            let session = place.reader()?;
            place.inspect(&session)?;
            let recovers = "SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END";
            let is_standby: i64 = <dyn Reader>::number(&session, "look at the database", recovers, &[])?;
            Ok((owner::holder(&session)?, is_standby == 0))
        };
        let (holder, is_writable) = look().map_err(|error| place.refuse(error))?;
        Ok(Self { place: place.shown().to_owned(), holder, is_writable })
    }
}

/// Connection of the writer, with its right to write.
#[derive(Debug)]
struct Writer {
    /// The connection.
    session: Session,
    /// Epoch that this process has entered. A commit fails in the database unless it is the latest.
    epoch: i64,
    /// True once it has the lock. Until then an earlier connection of ours has it, whose end the server has not
    /// noticed.
    is_locked: bool,
}

impl Postgres {
    /// Opens the database at an address such as `postgres://user:password@host/database`, and makes the schema
    /// `warrener` in it if it does not exist.
    ///
    /// # Errors
    /// [`StoreError::Open`] if another process has it, it cannot be reached, or it is not ours.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_at(Place::new(url)?)
    }

    /// Opens the database at an address that was read.
    fn open_at(place: Place) -> Result<Self, StoreError> {
        let instance = Uuid::new_v4().simple().to_string();
        let mut store = Self { place, instance, writer: None, next_event: 1 };
        match store.connect(LOCK_PATIENCE) {
            Ok(()) => Ok(store),
            Err(error) => Err(store.place.refuse(error)),
        }
    }

    /// Readers of the same database, for the API.
    pub fn view(&self) -> View {
        View::over(PostgresReaders::new(self.place.clone()))
    }

    /// Address, without the password.
    pub fn place(&self) -> &str {
        self.place.shown()
    }

    /// Opens a connection of the writer, waiting for the lock as long as `patience`. Raises the epoch.
    fn connect(&mut self, patience: Duration) -> Result<(), StoreError> {
        let (session, epoch, is_locked) = self.place.writer(&self.instance, patience)?;
        inspect::inspect(&session, &open::VERSIONS)?;
        self.next_event = self.next_event.max(read::next_event(&session)?);
        self.writer = Some(Writer { session, epoch, is_locked });
        Ok(())
    }

    /// Does something with the connection. It is given up if the outcome is not known, and if the database is sick:
    /// what was prepared on it may be of tables that are gone.
    fn with<T>(&mut self, work: impl FnOnce(&Writer) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let writer = self.writer.as_ref().ok_or_else(|| StoreError::Unwritable(LOST.to_owned()))?;
        let outcome = work(writer);
        if matches!(&outcome, Err(StoreError::Unwritable(_) | StoreError::Statement { .. })) {
            self.writer = None;
        }
        outcome
    }

    /// The same steps, with the number of the latest chunk of events, which may be among those that they remove.
    fn removing(&self, steps: Vec<Step<'static>>) -> Vec<Step<'static>> {
        let mut steps = write::Steps(steps);
        steps.keep([(EVENTS_REMOVED, self.last_events().0)].into_iter());
        steps.0
    }

    /// Reads with the writer's connection.
    fn read<T>(&mut self, look: impl FnOnce(&Session) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.with(|writer| look(&writer.session))
    }

    /// Carries out the steps as one transaction, after the fence that keeps an earlier owner out.
    fn write(&mut self, steps: Vec<Step<'_>>) -> Result<(), StoreError> {
        self.with(|writer| {
            let mut all = vec![owner::fence(writer.epoch)];
            all.extend(steps);
            writer.session.transact(&all)
        })
    }
}

impl Rows for Postgres {
    fn find(&mut self, id: &JobId) -> Result<Option<Found>, StoreError> {
        self.read(|session| read::find(session, id))
    }

    fn holder(&mut self, key: &str, now: Timestamp) -> Result<Option<JobRow>, StoreError> {
        self.read(|session| read::holder(session, key, now))
    }

    fn job(&mut self, no: JobNo) -> Result<Option<JobRow>, StoreError> {
        self.read(|session| read::job(session, no))
    }

    fn submitted(&mut self, no: JobNo) -> Result<Option<Submitted>, StoreError> {
        self.read(|session| read::submitted(session, no))
    }

    fn tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.read(|session| read::tasks(session, first, count))
    }

    fn open_tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.read(|session| read::open_tasks(session, first, count))
    }

    fn parked(&mut self, line: &Line, most: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.read(|session| read::parked(session, line, most))
    }

    fn each_item(
        &mut self,
        mapped: &TaskRow,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.read(|session| read::each_item(session, mapped, visit))
    }

    fn known_queue(&mut self, name: &QueueName) -> Result<Option<QueueRow>, StoreError> {
        self.read(|session| read::queue(session, name))
    }
}

impl Store for Postgres {
    fn boot(&mut self) -> Result<Boot, StoreError> {
        if self.writer.is_none() {
            self.connect(RETURN_PATIENCE)?;
        }
        self.read(|session| read::boot(session))
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        let is_locked = self.with(|writer| {
            owner::check(&writer.session, writer.epoch)?;
            inspect::inspect(&writer.session, &open::VERSIONS)?;
            Ok(writer.is_locked || owner::try_lock(&writer.session)?)
        })?;
        if let Some(writer) = &mut self.writer {
            writer.is_locked = is_locked;
        }
        Ok(())
    }

    fn find_all(&mut self, ids: &[&JobId]) -> Result<Vec<(JobId, Found)>, StoreError> {
        let statement = "SELECT i.place, j.no, j.digest FROM unnest(?1::text[]) WITH ORDINALITY AS i (id, place) \
             JOIN jobs j ON j.id = i.id";
        let wanted = ids.iter().map(|id| id.as_str().into()).collect();
        let read = |row: &dyn Row| Ok((row.get::<usize>(0)?, read::found(row, 1)?));
        let found = self.read(|session| session.of_many("look for jobs by their ids", statement, wanted, read))?;
        Ok(found.into_iter().map(|(place, found)| (ids[place - 1].clone(), found)).collect())
    }

    fn queue(&mut self, name: &QueueName) -> Result<QueueRow, StoreError> {
        if let Some(known) = self.read(|session| read::queue(session, name))? {
            return Ok(known);
        }
        self.write(vec![write::queue(name)])?;
        let kept = self.read(|session| read::queue(session, name))?;
        kept.ok_or_else(|| StoreError::Corrupt(format!("the queue {name} has no number")))
    }

    fn ready(&mut self, queue: i64, most: usize) -> Result<Vec<(i64, TaskNo)>, StoreError> {
        self.read(|session| read::ready(session, queue, most))
    }

    fn waiting_for(&mut self, event: &str, key: &str) -> Result<Vec<TaskNo>, StoreError> {
        self.read(|session| read::waiting_for(session, event, key))
    }

    fn kept_answers(&mut self) -> Result<Vec<KeptAnswer>, StoreError> {
        self.read(|session| kept::all(session))
    }

    fn kept_payload(&mut self, no: i64) -> Result<Option<Json>, StoreError> {
        self.read(|session| kept::payload(session, no))
    }

    fn given_answers(&mut self, task: TaskNo) -> Result<Vec<i64>, StoreError> {
        self.read(|session| kept::given(session, task))
    }

    fn due_tasks(&mut self, now: Timestamp, most: usize) -> Result<Vec<TaskNo>, StoreError> {
        self.read(|session| read::due_tasks(session, now, most))
    }

    fn due_jobs(&mut self, now: Timestamp, most: usize) -> Result<Vec<JobNo>, StoreError> {
        self.read(|session| read::due_jobs(session, now, most))
    }

    fn next_due(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|session| read::next_due(session))
    }

    fn open_attempts(&mut self) -> Result<Vec<TaskRow>, StoreError> {
        self.read(|session| read::open_attempts(session))
    }

    fn limits(&mut self) -> Result<KeptLimits, StoreError> {
        self.read(|session| limits::read(session))
    }

    fn asked(&mut self) -> Result<Vec<Asked>, StoreError> {
        self.read(|session| read::asked(session))
    }

    fn deaths(&mut self, task: TaskNo) -> Result<Vec<Death>, StoreError> {
        self.read(|session| read::deaths(session, task))
    }

    fn dead_total(&mut self) -> Result<DeadTotal, StoreError> {
        self.read(|session| read::dead_total(session))
    }

    fn oldest_dead(&mut self, most: usize) -> Result<Vec<KeptDead>, StoreError> {
        self.read(|session| read::oldest_dead(session, most))
    }

    fn last_logs(&mut self, task: TaskNo, bytes: usize) -> Result<Vec<LogChunk>, StoreError> {
        self.read(|session| read::last_logs(session, task, bytes))
    }

    fn due_replies(&mut self, above: i64, most: usize) -> Result<Vec<(i64, String)>, StoreError> {
        self.read(|session| read::due_replies(session, above, most))
    }

    fn replies(&mut self, numbers: &[i64]) -> Result<Vec<OwedReply>, StoreError> {
        let statement = format!("SELECT {} FROM replies r WHERE r.no = ANY(?1) ORDER BY r.no", read::OWED_COLUMNS);
        self.read(|session| {
            let numbers = numbers.iter().map(|no| (*no).into()).collect();
            session.of_many("read answers that are owed", &statement, numbers, read::owed_reply)
        })
    }

    fn owed_replies(&mut self, jobs: &[JobNo]) -> Result<Vec<OwedReply>, StoreError> {
        let statement =
            format!("SELECT {} FROM replies r WHERE r.job = ANY(?1) ORDER BY r.job, r.no", read::OWED_COLUMNS);
        let jobs = jobs.iter().map(|job| job.0.into()).collect();
        self.read(|session| session.of_many("read the answers that are owed", &statement, jobs, read::owed_reply))
    }

    fn schedules(&mut self, which: ScheduleQuery<'_>) -> Result<Vec<ScheduleRow>, StoreError> {
        self.read(|session| sql_schedule::schedules(session, which))
    }

    fn ticks(&mut self, which: TickQuery) -> Result<Vec<TickRow>, StoreError> {
        self.read(|session| sql_schedule::ticks(session, which))
    }

    fn schedules_total(&mut self) -> Result<SchedulesTotal, StoreError> {
        self.read(|session| sql_schedule::schedules_total(session))
    }

    fn dead_letter(&mut self, no: i64) -> Result<Option<DeadRow>, StoreError> {
        self.read(|session| read::dead_letter(session, no))
    }

    fn bulks(&mut self) -> Result<(i64, Vec<(i64, BulkRow)>), StoreError> {
        self.read(|session| Ok((read::last_bulk(session)?, read::running_bulks(session)?)))
    }

    fn bulk_part(&mut self, no: i64, part: i64) -> Result<Option<Vec<i64>>, StoreError> {
        self.read(|session| read::bulk_part(session, no, part))
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let (steps, next_event) = write::steps(commit, self.next_event);
        self.write(steps)?;
        self.next_event = next_event;
        Ok(())
    }

    fn last_events(&self) -> EventChunkNo {
        EventChunkNo(self.next_event - 1)
    }

    fn shift(&mut self, by: i64, now: Timestamp) -> Result<(), StoreError> {
        self.write(write::shift(by, now))
    }

    fn prune(&mut self, finished_before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let (steps, count) = self.read(|session| prune::steps(session, finished_before, most))?;
        if count > 0 {
            self.write(self.removing(steps))?;
        }
        Ok(count)
    }

    fn remove(&mut self, job: JobNo) -> Result<bool, StoreError> {
        let steps = self.read(|session| prune::removal(session, job))?;
        match steps {
            Some(steps) => self.write(self.removing(steps)).map(|()| true),
            None => Ok(false),
        }
    }

    fn prune_audit(&mut self, written_before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let old = self.read(|session| prune::old_audit(session, written_before, most))?;
        if !old.is_empty() {
            self.write(prune::forget_audit(&old))?;
        }
        Ok(old.len())
    }
}

/// Message while there is no connection.
const LOST: &str = "the connection to PostgreSQL is lost";
