//! A store in memory, for simulation and for tests of the driver.
//!
//! It refuses what the databases refuse and forgets what they forget. A clone is what a crash would leave on the disk.

mod apply;
mod check;
mod index;
mod schedule;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use warrener_engine::limit::{KeyRow, LimitKey, SlotRow, Waiting};
use warrener_engine::row::{AttemptRow, JobRow, Json, TaskRow, WaitsFor};
use warrener_engine::schedule::{ScheduleRow, TickRow};
use warrener_engine::slice::Line;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::event::JobEvent;

use self::index::Index;
use self::schedule::Schedules;
use super::schedules::{ScheduleQuery, SchedulesTotal, TickQuery};
use super::{
    AUDIT_MAX, Asked, AuditRow, Boot, BulkChange, BulkRow, BulkState, Caption, ClockTrust, Commit, DeadHead,
    DeadLetter, DeadRow, DeadTotal, Death, DelayedMessage, DispatchNo, EventChunkNo, Found, Item, KeptAnswer, KeptDead,
    KeptLimits, LogChunk, OwedReply, PART, QueueRow, Rows, Store, StoreError, Submitted,
};

/// The store in memory. A field stands for each table, and one for the counters of `meta`.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Jobs with their documents, by number.
    jobs: BTreeMap<JobNo, KeptJob>,
    /// Numbers of the jobs by their ids.
    ids: BTreeMap<JobId, JobNo>,
    /// Tasks and items by number.
    tasks: BTreeMap<TaskNo, TaskRow>,
    /// Chunks of log of each attempt, by task and attempt.
    logs: BTreeMap<(TaskNo, u32), Vec<LogChunk>>,
    /// Attempts that were followed by another, by task and attempt.
    attempts: BTreeMap<(TaskNo, u32), AttemptRow>,
    /// Workers that were asked to stop, by task and attempt, and when they were known to have done so.
    stops: BTreeMap<(TaskNo, u32), (Asked, Option<Timestamp>)>,
    /// Workers that never settled what they had, in the order in which that was found.
    deaths: Vec<Death>,
    /// Chunks of events, by job and the sequence of the first event.
    events: BTreeMap<(JobNo, u64), Vec<JobEvent>>,
    /// Answers that are owed, by number.
    replies: BTreeMap<i64, OwedReply>,
    /// Messages that go out later, by number.
    delayed: BTreeMap<i64, Arc<DelayedMessage>>,
    /// Dead letters by number.
    dead: BTreeMap<i64, DeadLetter>,
    /// Rows of the audit by number.
    audit: BTreeMap<i64, AuditRow>,
    /// Bulk operations by number, each with its set while it runs.
    bulk: BTreeMap<i64, BulkChange>,
    /// Queues in the order of their numbers.
    /// Limits that were made over the API, by name.
    limits: BTreeMap<String, String>,
    /// Keys of limits, as far as no other row says what they hold.
    limit_keys: BTreeMap<LimitKey, KeyRow>,
    /// Slots of limits that count jobs, each with the time since which a job holds it.
    limit_slots: BTreeMap<(LimitKey, JobNo), Timestamp>,
    /// Answers that are kept for tasks which begin to wait, by number.
    kept: BTreeMap<i64, (KeptAnswer, Json)>,
    /// Tasks that were given a kept answer, by the number of the answer.
    given: BTreeSet<(TaskNo, i64)>,
    queues: Vec<QueueRow>,
    /// Indexes over jobs and tasks.
    index: Index,
    schedules: Schedules,
    /// Counters that outlive the rows that they were counted from.
    counters: Counters,
    /// Decides which commits fail; `None` if none does.
    refusal: Option<Refusal>,
    /// True while it cannot be read at a start either.
    is_away: bool,
}

/// Decides which commits fail, and with which error; `None` lets a commit succeed.
pub type Refusal = fn(&Commit) -> Option<StoreError>;

/// A job with its document.
#[derive(Clone, Debug)]
struct KeptJob {
    row: JobRow,
    submitted: Submitted,
    caption: Caption,
}

impl KeptJob {
    /// Tells whether the job holds a unique key at a time.
    fn holds_key(&self, at: Timestamp) -> bool {
        self.caption.unique.as_ref().is_some_and(|unique| self.row.holds_key(unique.until, at))
    }
}

/// Counters that outlive the rows that they were counted from, as `meta` keeps them.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    next_job: JobNo,
    last_reply: i64,
    last_dead: i64,
    last_delayed: i64,
    last_event: i64,
    last_audit: i64,
    next_task: TaskNo,
    next_dispatch: DispatchNo,
    published_below: DispatchNo,
    seen_at: Option<Timestamp>,
    trust: Option<ClockTrust>,
}

impl Memory {
    /// A store without jobs.
    pub fn new() -> Self {
        Self::default()
    }

    /// The events of a job that are kept, in order.
    pub fn events(&self, job: JobNo) -> impl Iterator<Item = &JobEvent> {
        self.events.range((job, 0)..=(job, u64::MAX)).flat_map(|(_, chunk)| chunk)
    }

    /// The attempts of a task or item that were followed by another, in order.
    pub fn attempts(&self, task: TaskNo) -> impl Iterator<Item = &AttemptRow> {
        self.attempts.range((task, 0)..=(task, u32::MAX)).map(|(_, row)| row)
    }

    /// Attempts whose workers were asked to stop, in order, with when they were known to have done so.
    pub fn stops(&self) -> impl Iterator<Item = (TaskNo, u32, Option<Timestamp>)> {
        self.stops.iter().map(|(key, (_, stopped))| (key.0, key.1, *stopped))
    }

    /// Dead letters, oldest first, with the numbers by which they are discarded.
    pub fn dead_letters(&self) -> impl Iterator<Item = (i64, &DeadLetter)> {
        self.dead.iter().map(|(no, letter)| (*no, letter))
    }

    /// Bulk operation with this number.
    pub fn bulk(&self, no: i64) -> Option<&BulkRow> {
        self.bulk.get(&no).map(|change| &change.row)
    }

    /// Messages that go out later, in the order in which they came.
    pub fn delayed(&self) -> impl Iterator<Item = &DelayedMessage> {
        self.delayed.values().map(|message| &**message)
    }

    /// Rows of the audit, the oldest first.
    pub fn audit(&self) -> impl Iterator<Item = &AuditRow> {
        self.audit.values()
    }

    /// Makes commits fail as decided from now on; `None` makes all succeed again.
    pub const fn refuse(&mut self, refusal: Option<Refusal>) {
        self.refusal = refusal;
    }

    /// Makes it as if it were away, for whoever begins to read, or there again.
    pub const fn go_away(&mut self, away: bool) {
        self.is_away = away;
    }

    /// The jobs that are kept, oldest first.
    pub fn jobs(&self) -> impl Iterator<Item = &JobRow> {
        self.jobs.values().map(|kept| &kept.row)
    }
}

impl Rows for Memory {
    fn find(&mut self, id: &JobId) -> Result<Option<Found>, StoreError> {
        let found = self.ids.get(id).map(|no| Found { no: *no, digest: self.jobs[no].submitted.digest });
        Ok(found)
    }

    fn holder(&mut self, key: &str, now: Timestamp) -> Result<Option<JobRow>, StoreError> {
        let given = |kept: &&KeptJob| kept.caption.unique.as_ref().is_some_and(|unique| unique.key == key);
        let latest = self.jobs.values().rev().find(given);
        Ok(latest.filter(|kept| kept.holds_key(now)).map(|kept| kept.row.clone()))
    }

    fn job(&mut self, no: JobNo) -> Result<Option<JobRow>, StoreError> {
        Ok(self.jobs.get(&no).map(|kept| kept.row.clone()))
    }

    fn submitted(&mut self, no: JobNo) -> Result<Option<Submitted>, StoreError> {
        Ok(self.jobs.get(&no).map(|kept| kept.submitted.clone()))
    }

    fn tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        Ok(self.range(first, count).cloned().collect())
    }

    fn open_tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        Ok(self.range(first, count).filter(|row| !row.state.is_final()).cloned().collect())
    }

    fn parked(&mut self, line: &Line, most: u32) -> Result<Vec<TaskRow>, StoreError> {
        Ok(self.index.parked(line, most as usize).map(|task| self.tasks[&task].clone()).collect())
    }

    fn each_item(
        &mut self,
        mapped: &TaskRow,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let Some(map) = mapped.map else { return Ok(()) };
        for row in self.range(map.first_item, map.total) {
            if visit(Item::of(row)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn known_queue(&mut self, name: &QueueName) -> Result<Option<QueueRow>, StoreError> {
        Ok(self.queues.iter().find(|row| row.name == *name).cloned())
    }
}

impl Store for Memory {
    fn boot(&mut self) -> Result<Boot, StoreError> {
        if self.is_away {
            return Err(StoreError::Unwritable("nobody answers".to_owned()));
        }
        let last_job = self.jobs.last_key_value().map_or(0, |(no, _)| no.0);
        let last_task = self.tasks.last_key_value().map_or(0, |(no, _)| no.0);
        Ok(Boot {
            database: "memory".to_owned(),
            next_job: self.counters.next_job.max(JobNo(last_job + 1)),
            next_task: self.counters.next_task.max(TaskNo(last_task + 1)),
            next_dispatch: self.counters.next_dispatch.max(self.counters.published_below).max(DispatchNo(1)),
            published_below: self.counters.published_below.max(DispatchNo(1)),
            queues: self.queues.clone(),
            seen_at: self.counters.seen_at,
            trust: self.counters.trust,
        })
    }

    fn queue(&mut self, name: &QueueName) -> Result<QueueRow, StoreError> {
        if let Some(row) = self.queues.iter().find(|row| row.name == *name) {
            return Ok(row.clone());
        }
        let last = self.queues.last().map_or(0, |row| row.no);
        let row = QueueRow { no: last + 1, name: name.clone(), paused: false };
        self.queues.push(row.clone());
        Ok(row)
    }

    fn ready(&mut self, queue: i64, most: usize) -> Result<Vec<(i64, TaskNo)>, StoreError> {
        Ok(self.index.ready(queue).take(most).collect())
    }

    fn waiting_for(&mut self, event: &str, key: &str) -> Result<Vec<TaskNo>, StoreError> {
        Ok(self.index.waiting_for(event, key).collect())
    }

    fn kept_answers(&mut self) -> Result<Vec<KeptAnswer>, StoreError> {
        Ok(self.kept.values().map(|(answer, _)| answer.clone()).collect())
    }

    fn kept_payload(&mut self, no: i64) -> Result<Option<Json>, StoreError> {
        Ok(self.kept.get(&no).map(|(_, payload)| payload.clone()))
    }

    fn given_answers(&mut self, task: TaskNo) -> Result<Vec<i64>, StoreError> {
        Ok(self.given.iter().filter(|(of, _)| *of == task).map(|(_, no)| *no).collect())
    }

    fn due_tasks(&mut self, now: Timestamp, most: usize) -> Result<Vec<TaskNo>, StoreError> {
        Ok(self.index.due_tasks(now).take(most).collect())
    }

    fn due_jobs(&mut self, now: Timestamp, most: usize) -> Result<Vec<JobNo>, StoreError> {
        Ok(self.index.due_jobs(now).take(most).collect())
    }

    fn next_due(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.index.next_due())
    }

    fn open_attempts(&mut self) -> Result<Vec<TaskRow>, StoreError> {
        Ok(self.index.open().map(|task| self.tasks[&task].clone()).collect())
    }

    fn limits(&mut self) -> Result<KeptLimits, StoreError> {
        let definitions = self.limits.iter().map(|(name, definition)| (name.clone(), definition.clone())).collect();
        let waiting = self.index.waiting_in_lines().map(|(key, queue, count)| Waiting {
            key: LimitKey::written(key),
            queue,
            count: u32::try_from(count).unwrap_or(u32::MAX),
        });
        let slots = self.limit_slots.iter().map(|((key, job), since)| SlotRow {
            job: *job,
            key: key.clone(),
            since: *since,
            is_over: self.jobs.get(job).is_none_or(|kept| kept.row.state.is_final()),
        });
        let keys = self.limit_keys.values().cloned().collect();
        Ok(KeptLimits { definitions, keys, waiting: waiting.collect(), slots: slots.collect() })
    }

    fn asked(&mut self) -> Result<Vec<Asked>, StoreError> {
        let open = self.stops.values().filter(|(_, stopped)| stopped.is_none());
        Ok(open.map(|(asked, _)| asked.clone()).collect())
    }

    fn deaths(&mut self, task: TaskNo) -> Result<Vec<Death>, StoreError> {
        Ok(self.deaths.iter().filter(|death| death.task == task).cloned().collect())
    }

    fn dead_total(&mut self) -> Result<DeadTotal, StoreError> {
        let bytes = self.dead.values().map(DeadLetter::weight).sum();
        Ok(DeadTotal { letters: self.dead.len() as u64, bytes })
    }

    fn oldest_dead(&mut self, most: usize) -> Result<Vec<KeptDead>, StoreError> {
        let oldest = self.dead.iter().take(most);
        let kept = |(no, letter): (&i64, &DeadLetter)| KeptDead {
            no: *no,
            received_at: letter.received_at,
            bytes: letter.weight(),
        };
        Ok(oldest.map(kept).collect())
    }

    fn last_logs(&mut self, task: TaskNo, bytes: usize) -> Result<Vec<LogChunk>, StoreError> {
        let chunks = self.logs.range((task, 0)..=(task, u32::MAX)).flat_map(|(_, log)| log);
        let mut last = last_of(chunks.rev().cloned(), bytes);
        last.reverse();
        Ok(last)
    }

    fn owed_replies(&mut self, jobs: &[JobNo]) -> Result<Vec<OwedReply>, StoreError> {
        Ok(self.replies.values().filter(|reply| jobs.contains(&reply.job)).cloned().collect())
    }

    fn due_replies(&mut self, above: i64, most: usize) -> Result<Vec<(i64, String)>, StoreError> {
        let can_be_given = |reply: &&OwedReply| {
            let kept = self.jobs.get(&reply.job);
            reply.refusal.is_some() || reply.accepted || kept.is_some_and(|kept| kept.row.state.is_final())
        };
        let due = self.replies.range(above + 1..).map(|(_, reply)| reply).filter(can_be_given);
        Ok(due.take(most).map(|reply| (reply.no, reply.reply_to.clone())).collect())
    }

    fn replies(&mut self, numbers: &[i64]) -> Result<Vec<OwedReply>, StoreError> {
        Ok(numbers.iter().filter_map(|no| self.replies.get(no)).cloned().collect())
    }

    fn schedules(&mut self, which: ScheduleQuery<'_>) -> Result<Vec<ScheduleRow>, StoreError> {
        Ok(self.schedules.find(which))
    }

    fn ticks(&mut self, which: TickQuery) -> Result<Vec<TickRow>, StoreError> {
        Ok(self.schedules.ticks(which))
    }

    fn schedules_total(&mut self) -> Result<SchedulesTotal, StoreError> {
        Ok(self.schedules.total())
    }

    fn dead_letter(&mut self, no: i64) -> Result<Option<DeadRow>, StoreError> {
        let Some(letter) = self.dead.get(&no) else { return Ok(None) };
        let head = DeadHead {
            no,
            from: letter.from.to_owned(),
            code: letter.code.clone(),
            message: letter.message.clone(),
            job: letter.job.clone(),
            task: letter.task.clone(),
            received_at: letter.received_at,
            size: letter.size as u64,
        };
        let (headers, evidence) = (letter.headers.clone(), letter.evidence.clone());
        Ok(Some(DeadRow { head, body: letter.body.clone(), headers, evidence }))
    }

    fn bulks(&mut self) -> Result<(i64, Vec<(i64, BulkRow)>), StoreError> {
        let last = self.bulk.keys().next_back().copied().unwrap_or(0);
        let running = self.bulk.values().filter(|change| change.row.state == BulkState::Running);
        Ok((last, running.map(|change| (change.no, change.row.clone())).collect()))
    }

    fn bulk_part(&mut self, no: i64, part: i64) -> Result<Option<Vec<i64>>, StoreError> {
        let set = self.bulk.get(&no).and_then(|change| change.set.as_ref());
        let part = usize::try_from(part).ok().and_then(|part| set?.chunks(PART).nth(part));
        Ok(part.map(<[i64]>::to_vec))
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        if let Some(error) = self.refusal.and_then(|refusal| refusal(commit)) {
            return Err(error);
        }
        self.check(commit)?;
        self.apply(commit);
        Ok(())
    }

    fn last_events(&self) -> EventChunkNo {
        EventChunkNo(self.counters.last_event)
    }

    fn shift(&mut self, by: i64, now: Timestamp) -> Result<(), StoreError> {
        self.counters.seen_at = Some(now);
        let later = |time: &mut Option<Timestamp>| *time = time.map(|time| Timestamp(time.0 + by));
        let counts = |row: &&TaskRow| row.wake_at.is_some() && !matches!(row.waits_for, Some(WaitsFor::Time(_)));
        let rows: Vec<TaskRow> = self.tasks.values().filter(counts).cloned().collect();
        for mut row in rows {
            later(&mut row.wake_at);
            later(&mut row.start_by);
            if let Some(WaitsFor::Span(end)) = &mut row.waits_for {
                end.0 += by;
            }
            self.put_task(&row);
        }
        let running = |row: &&JobRow| row.wake_at.is_some() && row.state == JobState::Running;
        let rows: Vec<JobRow> = self.jobs.values().map(|kept| &kept.row).filter(running).cloned().collect();
        for mut row in rows {
            later(&mut row.wake_at);
            later(&mut row.deadline_at);
            self.update_job(&row);
        }
        let scheduled = |row: &&JobRow| row.wake_at.is_some() && row.state == JobState::Scheduled && row.after_delay;
        let rows: Vec<JobRow> = self.jobs.values().map(|kept| &kept.row).filter(scheduled).cloned().collect();
        for mut row in rows {
            later(&mut row.wake_at);
            later(&mut row.scheduled_at);
            self.update_job(&row);
        }
        self.schedules.set_back(now);
        for message in self.delayed.values_mut().filter(|message| message.after_delay) {
            Arc::make_mut(message).due_at.0 += by;
        }
        self.kept.values_mut().for_each(|(answer, _)| answer.until.0 += by);
        for row in self.limit_keys.values_mut() {
            row.bucket = row.bucket.saturating_add(by.saturating_mul(1_000_000));
            later(&mut row.paused_until);
        }
        for reply in self.replies.values_mut().filter(|reply| reply.owed_at.0 > 0) {
            reply.owed_at.0 += by;
        }
        Ok(())
    }

    fn prune(&mut self, finished_before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let is_old = |kept: &&KeptJob| {
            kept.row.finished_at.is_some_and(|at| at < finished_before) && !kept.holds_key(finished_before)
        };
        let old: Vec<JobNo> = self.jobs.values().filter(is_old).take(most).map(|kept| kept.row.no).collect();
        for job in &old {
            self.forget(*job);
        }
        Ok(old.len())
    }

    fn remove(&mut self, job: JobNo) -> Result<bool, StoreError> {
        let Some(id) = self.jobs.get(&job).filter(|kept| kept.row.state.is_final()).map(|kept| kept.row.id.to_string())
        else {
            return Ok(false);
        };
        self.dead.retain(|_, letter| letter.job.as_deref() != Some(id.as_str()));
        self.forget(job);
        Ok(true)
    }

    fn prune_audit(&mut self, written_before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let beyond = self.counters.last_audit - AUDIT_MAX;
        let oldest = self.audit.iter().take(most).filter(|(no, row)| row.time < written_before || **no <= beyond);
        let old: Vec<i64> = oldest.map(|(no, _)| *no).collect();
        old.iter().for_each(|no| drop(self.audit.remove(no)));
        Ok(old.len())
    }
}

impl Memory {
    /// Tasks and items from a number on, `count` numbers far.
    fn range(&self, first: TaskNo, count: u32) -> impl Iterator<Item = &TaskRow> {
        self.tasks.range(first..TaskNo(first.0 + i64::from(count))).map(|(_, row)| row)
    }
}

/// First chunks of the iterator that together have at least so many bytes, if there are as many.
fn last_of(newest_first: impl Iterator<Item = LogChunk>, bytes: usize) -> Vec<LogChunk> {
    let mut total = 0;
    let wanted = |chunk: &LogChunk| {
        let is_wanted = total < bytes;
        total += chunk.text.len();
        is_wanted
    };
    newest_first.take_while(wanted).collect()
}
