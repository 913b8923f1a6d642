//! The store of the simulation: a store in memory that fails, or takes the process with it, at chosen commits.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use warrener_engine::row::{JobRow, Json, TaskRow};
use warrener_engine::schedule::{ScheduleRow, TickRow};
use warrener_engine::slice::Line;
use warrener_orchestrator::store::memory::Memory;
use warrener_orchestrator::store::schedules::{ScheduleQuery, SchedulesTotal, TickQuery};
use warrener_orchestrator::store::{
    Asked, Boot, BulkRow, Commit, DeadRow, DeadTotal, Death, EventChunkNo, Found, Item, KeptAnswer, KeptDead,
    KeptLimits, LogChunk, OwedReply, QueueRow, Rows, Store, StoreError, Submitted,
};
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::time::Timestamp;

use crate::dice::Dice;
use crate::judge::Judge;

/// What may go wrong at a commit, in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CommitFaults {
    pub(crate) refused: u64,
    pub(crate) reply_lost: u64,
    pub(crate) crash_before: u64,
    pub(crate) crash_after: u64,
}

/// What a commit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    Refused,
    ReplyLost,
    CrashBefore,
    CrashAfter,
}

/// A handle to the disk; all handles share it, and it outlives every process.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<Mutex<Platter>>);

/// What the disk holds, and who looks at what is written.
#[derive(Debug)]
pub(crate) struct Platter {
    pub(crate) memory: Memory,
    pub(crate) judge: Judge,
    pub(crate) faults: CommitFaults,
    pub(crate) dice: Dice,
    /// The process died in a commit: nothing can be read or written until it is started again.
    pub(crate) crashed: bool,
    pub(crate) fates: Vec<Fate>,
    /// Monotonic time of the world, for the judge.
    pub(crate) now: u64,
}

impl Disk {
    pub(crate) fn new(judge: Judge, faults: CommitFaults, dice: Dice) -> Self {
        let platter = Platter { memory: Memory::new(), judge, faults, dice, crashed: false, fates: Vec::new(), now: 0 };
        Self(Arc::new(Mutex::new(platter)))
    }

    pub(crate) fn open(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> Result<MutexGuard<'_, Platter>, StoreError> {
        let platter = self.open();
        if platter.crashed { Err(unwritable("the process is dead")) } else { Ok(platter) }
    }
}

impl Platter {
    fn fate(&mut self) -> Fate {
        let CommitFaults { refused, reply_lost, crash_before, crash_after } = self.faults;
        if refused + reply_lost + crash_before + crash_after == 0 {
            return Fate::Kept;
        }
        let mut at = self.dice.below(1000);
        let mut hit = |rate: u64| {
            let hit = at < rate;
            at = if hit { u64::MAX } else { at - rate };
            hit
        };
        match () {
            () if hit(refused) => Fate::Refused,
            () if hit(reply_lost) => Fate::ReplyLost,
            () if hit(crash_before) => Fate::CrashBefore,
            () if hit(crash_after) => Fate::CrashAfter,
            () => Fate::Kept,
        }
    }

    fn keep(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.judge.before_commit(commit, &mut self.memory, self.now);
        self.memory.commit(commit)?;
        self.judge.after_commit(commit, &mut self.memory, self.now);
        Ok(())
    }
}

fn unwritable(why: &str) -> StoreError {
    StoreError::Unwritable(why.to_owned())
}

impl Rows for Disk {
    fn find(&mut self, id: &JobId) -> Result<Option<Found>, StoreError> {
        self.read()?.memory.find(id)
    }

    fn holder(&mut self, key: &str, now: Timestamp) -> Result<Option<JobRow>, StoreError> {
        self.read()?.memory.holder(key, now)
    }

    fn job(&mut self, no: JobNo) -> Result<Option<JobRow>, StoreError> {
        self.read()?.memory.job(no)
    }

    fn submitted(&mut self, no: JobNo) -> Result<Option<Submitted>, StoreError> {
        self.read()?.memory.submitted(no)
    }

    fn tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.read()?.memory.tasks(first, count)
    }

    fn open_tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.read()?.memory.open_tasks(first, count)
    }

    fn parked(&mut self, line: &Line, most: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.read()?.memory.parked(line, most)
    }

    fn each_item(
        &mut self,
        mapped: &TaskRow,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.read()?.memory.each_item(mapped, visit)
    }

    fn known_queue(&mut self, name: &QueueName) -> Result<Option<QueueRow>, StoreError> {
        self.read()?.memory.known_queue(name)
    }
}

impl Store for Disk {
    fn schedules(&mut self, which: ScheduleQuery<'_>) -> Result<Vec<ScheduleRow>, StoreError> {
        self.read()?.memory.schedules(which)
    }

    fn ticks(&mut self, which: TickQuery) -> Result<Vec<TickRow>, StoreError> {
        self.read()?.memory.ticks(which)
    }

    fn schedules_total(&mut self) -> Result<SchedulesTotal, StoreError> {
        self.read()?.memory.schedules_total()
    }

    fn boot(&mut self) -> Result<Boot, StoreError> {
        self.read()?.memory.boot()
    }

    fn queue(&mut self, name: &QueueName) -> Result<QueueRow, StoreError> {
        self.read()?.memory.queue(name)
    }

    fn ready(&mut self, queue: i64, most: usize) -> Result<Vec<(i64, TaskNo)>, StoreError> {
        self.read()?.memory.ready(queue, most)
    }

    fn waiting_for(&mut self, event: &str, key: &str) -> Result<Vec<TaskNo>, StoreError> {
        self.read()?.memory.waiting_for(event, key)
    }

    fn kept_answers(&mut self) -> Result<Vec<KeptAnswer>, StoreError> {
        self.read()?.memory.kept_answers()
    }

    fn kept_payload(&mut self, no: i64) -> Result<Option<Json>, StoreError> {
        self.read()?.memory.kept_payload(no)
    }

    fn given_answers(&mut self, task: TaskNo) -> Result<Vec<i64>, StoreError> {
        self.read()?.memory.given_answers(task)
    }

    fn due_tasks(&mut self, now: Timestamp, most: usize) -> Result<Vec<TaskNo>, StoreError> {
        self.read()?.memory.due_tasks(now, most)
    }

    fn due_jobs(&mut self, now: Timestamp, most: usize) -> Result<Vec<JobNo>, StoreError> {
        self.read()?.memory.due_jobs(now, most)
    }

    fn next_due(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.read()?.memory.next_due()
    }

    fn open_attempts(&mut self) -> Result<Vec<TaskRow>, StoreError> {
        self.read()?.memory.open_attempts()
    }

    fn limits(&mut self) -> Result<KeptLimits, StoreError> {
        self.read()?.memory.limits()
    }

    fn asked(&mut self) -> Result<Vec<Asked>, StoreError> {
        self.read()?.memory.asked()
    }

    fn deaths(&mut self, task: TaskNo) -> Result<Vec<Death>, StoreError> {
        self.read()?.memory.deaths(task)
    }

    fn dead_total(&mut self) -> Result<DeadTotal, StoreError> {
        self.read()?.memory.dead_total()
    }

    fn dead_letter(&mut self, no: i64) -> Result<Option<DeadRow>, StoreError> {
        self.read()?.memory.dead_letter(no)
    }

    fn bulks(&mut self) -> Result<(i64, Vec<(i64, BulkRow)>), StoreError> {
        self.read()?.memory.bulks()
    }

    fn bulk_part(&mut self, no: i64, part: i64) -> Result<Option<Vec<i64>>, StoreError> {
        self.read()?.memory.bulk_part(no, part)
    }

    fn oldest_dead(&mut self, most: usize) -> Result<Vec<KeptDead>, StoreError> {
        self.read()?.memory.oldest_dead(most)
    }

    fn last_logs(&mut self, task: TaskNo, bytes: usize) -> Result<Vec<LogChunk>, StoreError> {
        self.read()?.memory.last_logs(task, bytes)
    }

    fn owed_replies(&mut self, jobs: &[JobNo]) -> Result<Vec<OwedReply>, StoreError> {
        self.read()?.memory.owed_replies(jobs)
    }

    fn due_replies(&mut self, above: i64, most: usize) -> Result<Vec<(i64, String)>, StoreError> {
        self.read()?.memory.due_replies(above, most)
    }

    fn replies(&mut self, numbers: &[i64]) -> Result<Vec<OwedReply>, StoreError> {
        self.read()?.memory.replies(numbers)
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let mut platter = self.read()?;
        let fate = platter.fate();
        match fate {
            Fate::Kept => {}
            Fate::Refused => {
                platter.fates.push(fate);
                return Err(unwritable("the disk is full"));
            }
            Fate::CrashBefore => {
                platter.fates.push(fate);
                platter.crashed = true;
                return Err(unwritable("killed before the commit"));
            }
            Fate::ReplyLost | Fate::CrashAfter => platter.fates.push(fate),
        }
        platter.keep(commit)?;
        match fate {
            Fate::CrashAfter => {
                platter.crashed = true;
                Err(unwritable("killed after the commit"))
            }
            Fate::ReplyLost => Err(unwritable("the reply of the commit was lost")),
            _ => Ok(()),
        }
    }

    fn last_events(&self) -> EventChunkNo {
        self.open().memory.last_events()
    }

    fn shift(&mut self, by: i64, now: Timestamp) -> Result<(), StoreError> {
        self.read()?.memory.shift(by, now)
    }

    fn prune(&mut self, finished_before: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.read()?.memory.prune(finished_before, most)
    }

    fn remove(&mut self, job: JobNo) -> Result<bool, StoreError> {
        self.read()?.memory.remove(job)
    }

    fn prune_audit(&mut self, written_before: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.read()?.memory.prune_audit(written_before, most)
    }
}
