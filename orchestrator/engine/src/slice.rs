//! The working set of one batch: the rows that its events touch, and what became of them.

mod changed;
mod desk;
mod enter;
mod gone;
mod parked;
mod view;

use self::changed::ChangedTasks;
use self::desk::LimitDesk;
pub use self::gone::ReplacedContent;
pub use self::parked::Line;
use self::parked::ParkedTasks;
pub(crate) use self::view::{TaskOf, counted};

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::value::RawValue;
use warrener_shared::expr::Items;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo, Token};
use warrener_shared::job::{JobSpec, Problem};
use warrener_shared::json::Doc;
use warrener_shared::limits::Limits;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::event::JobEvent;

use crate::limit::{KeyRow, SlotChange};
use crate::row::{AttemptRow, JobRow, Json, TaskRow, WaitsFor};

/// Something that must be in the slice before an event can be decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    /// The job and what it is.
    Job(JobNo),
    /// The task or item.
    Task(TaskNo),
    /// So many tasks or items from a number on.
    Tasks(TaskNo, u32),
    /// All tasks of the job that are not final.
    OpenTasks(JobNo),
    /// All items of the mapped task that have a row and are not final.
    OpenItems(TaskNo),
    /// Parked tasks and items of the line, so many of each queue, the best first.
    Parked(Line, u32),
    /// The outputs (and with `results`, the results) of the items of a mapped task, as lists.
    Lists {
        /// The mapped task.
        task: TaskNo,
        /// True if the list of results is wanted too.
        results: bool,
    },
    /// The number of the queue with this name.
    Queue(QueueName),
    /// The names of all queues.
    QueueNames,
    /// So many random tokens.
    Tokens(usize),
    /// So many numbers for items.
    Numbers(u32),
    /// So many numbers and ids for jobs.
    NewJobs(u32),
}

/// A queue with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The queue.
    pub name: QueueName,
    /// Number of the queue in this database.
    pub no: i64,
}

/// The lists that a mapped task leaves behind.
#[derive(Clone, Debug)]
pub struct Lists {
    /// The outputs in item order, null for a tolerated failure.
    pub outputs: Doc,
    /// `[{status, output, error, attempts}]` in item order, if asked for.
    pub results: Option<Doc>,
    /// Limit in bytes that the lists together pass, for which they were left empty; `None` if they are there.
    pub oversized: Option<usize>,
}

/// A job with what it is.
#[derive(Clone, Debug)]
pub struct JobEntry {
    /// Row of the job.
    pub row: JobRow,
    /// The parsed document.
    pub spec: Arc<JobSpec>,
    /// The W3C trace context of the submit.
    pub traceparent: Option<Arc<str>>,
}

/// The rows of one batch. See the crate's documentation for how it is used.
#[derive(Debug, Default)]
pub struct Slice {
    /// The limits that apply.
    pub limits: Limits,
    jobs: BTreeMap<JobNo, JobEntry>,
    /// Shared with what remembers them and with what is committed: a job may have 100,000.
    tasks: BTreeMap<TaskNo, Arc<TaskRow>>,
    absent: BTreeSet<TaskNo>,
    lanes: BTreeMap<QueueName, i64>,
    /// All queues that there are, and those that sub-jobs of this batch add; `None` until somebody asks.
    queue_names: Option<BTreeSet<QueueName>>,
    open_tasks: BTreeSet<JobNo>,
    open_items: BTreeSet<TaskNo>,
    parked: BTreeMap<Line, ParkedTasks>,
    lists: BTreeMap<TaskNo, Lists>,
    items: BTreeMap<TaskNo, Arc<Items>>,
    evidence: BTreeMap<TaskNo, Box<RawValue>>,
    tokens: VecDeque<Token>,
    numbers: Option<(i64, i64)>,
    fresh_jobs: VecDeque<(JobNo, JobId)>,
    bodies: Vec<NewBody>,
    dropped: Vec<(TaskNo, u32)>,
    replaced: Vec<ReplacedContent>,
    next_dispatch: i64,
    new_jobs: BTreeSet<JobNo>,
    new_tasks: BTreeSet<TaskNo>,
    dirty_jobs: BTreeSet<JobNo>,
    dirty_tasks: ChangedTasks,
    events: BTreeMap<JobNo, Vec<JobEvent>>,
    attempts: Vec<AttemptRow>,
    spelled: Option<(Timestamp, Arc<str>)>,
    /// The limits; `None` where there are none.
    desk: Option<LimitDesk>,
}

/// Changes of a batch, to be committed in one transaction.
#[derive(Debug, Default)]
pub struct Changes {
    /// Jobs that are new.
    pub new_jobs: Vec<JobRow>,
    /// Jobs that changed.
    pub jobs: Vec<JobRow>,
    /// Tasks and items that are new.
    pub new_tasks: Vec<Arc<TaskRow>>,
    /// Tasks and items that changed.
    pub tasks: Vec<Arc<TaskRow>>,
    /// Attempts that closed and were followed by another.
    pub attempts: Vec<AttemptRow>,
    /// Events by job, in order.
    pub events: Vec<(JobNo, Vec<JobEvent>)>,
    /// Documents of sub-jobs.
    pub bodies: Vec<NewBody>,
    /// Items that are no more, as first number and count: their task gets another list.
    pub dropped: Vec<(TaskNo, u32)>,
    /// Content that new jobs of the same numbers take the place of. Of one that is not kept yet there is nothing.
    pub replaced: Vec<ReplacedContent>,
    /// Keys of limits, as far as no other row says what they hold.
    pub keys: Vec<KeyRow>,
    /// Slots of limits that count jobs.
    pub slots: Vec<SlotChange>,
}

/// The document of a sub-job.
#[derive(Clone, Debug)]
pub struct NewBody {
    /// The sub-job.
    pub job: JobNo,
    /// The document as it was written.
    pub body: Json,
    /// `defaults.priority` where it has none.
    pub priority: u8,
}

impl Changes {
    /// Tells whether there is nothing to write.
    pub const fn is_empty(&self) -> bool {
        self.new_jobs.is_empty()
            && self.jobs.is_empty()
            && self.new_tasks.is_empty()
            && self.tasks.is_empty()
            && self.keys.is_empty()
            && self.slots.is_empty()
    }
}

/// Filling: what the caller does between [`crate::missing`] and [`crate::decide`].
impl Slice {
    /// An empty slice. `next_dispatch` is the number that the next dispatch gets.
    pub fn new(limits: Limits, next_dispatch: i64) -> Self {
        Self { limits, next_dispatch, ..Self::default() }
    }

    /// Adds a job, unless it is there already: the slice knows better than the store.
    pub fn load_job(&mut self, entry: JobEntry) {
        self.jobs.entry(entry.row.no).or_insert(entry);
    }

    /// Adds a task or item, unless it is there already.
    pub fn load_task(&mut self, row: impl Into<Arc<TaskRow>>) {
        let row = row.into();
        if self.is_dropped(row.no) || self.tasks.contains_key(&row.no) {
            return; // The store still has what this batch drops.
        }
        row.line().into_iter().for_each(|place| self.found_parked(row.queue, place, row.no));
        self.tasks.insert(row.no, row);
    }

    /// Notes that there is no such task.
    pub fn load_absent(&mut self, task: TaskNo) {
        self.absent.insert(task);
    }

    /// Notes that all open tasks of the job are loaded.
    pub fn loaded_open_tasks(&mut self, job: JobNo) {
        self.open_tasks.insert(job);
    }

    /// Notes that all open items of the mapped task are loaded.
    pub fn loaded_open_items(&mut self, task: TaskNo) {
        self.open_items.insert(task);
    }

    /// Adds the lists of a mapped task.
    pub fn load_lists(&mut self, task: TaskNo, lists: Lists) {
        self.lists.insert(task, lists);
    }

    /// Adds what is known of how the workers of a task died: the details of its error, should its crash budget be
    /// spent.
    pub fn load_evidence(&mut self, task: TaskNo, evidence: Box<RawValue>) {
        self.evidence.insert(task, evidence);
    }

    pub(crate) fn evidence(&self, task: TaskNo) -> Option<Box<RawValue>> {
        self.evidence.get(&task).cloned()
    }

    /// Adds the items of a mapped task, found in an earlier batch.
    pub fn load_items(&mut self, task: TaskNo, items: Arc<Items>) {
        self.items.insert(task, items);
    }

    /// Adds the number of a queue.
    pub fn load_lane(&mut self, lane: Lane) {
        self.lanes.insert(lane.name, lane.no);
    }

    /// Adds the names of all queues.
    pub fn load_queue_names(&mut self, names: BTreeSet<QueueName>) {
        self.queue_names = Some(names);
    }

    /// Adds random tokens.
    pub fn load_tokens(&mut self, tokens: impl IntoIterator<Item = Token>) {
        self.tokens.extend(tokens);
    }

    /// Adds numbers and ids for jobs.
    pub fn load_new_jobs(&mut self, jobs: impl IntoIterator<Item = (JobNo, JobId)>) {
        self.fresh_jobs.extend(jobs);
    }

    /// Adds a range of numbers for items.
    pub const fn load_numbers(&mut self, first: i64, count: u32) {
        self.numbers = Some((first, first + count as i64));
    }
}

/// Looking.
impl Slice {
    /// The job, if it is loaded.
    pub fn job(&self, no: JobNo) -> Option<&JobEntry> {
        self.jobs.get(&no)
    }

    /// The task or item, if it is loaded.
    pub fn task(&self, no: TaskNo) -> Option<&TaskRow> {
        self.tasks.get(&no).map(|row| &**row)
    }

    /// Tells whether it is known that there is no such task.
    pub fn is_absent(&self, no: TaskNo) -> bool {
        self.absent.contains(&no) || self.is_dropped(no)
    }

    /// The lists of a mapped task, if they are loaded.
    pub fn lists(&self, task: TaskNo) -> Option<&Lists> {
        self.lists.get(&task)
    }

    /// The items of a mapped task, if they are known.
    pub fn items(&self, task: TaskNo) -> Option<&Arc<Items>> {
        self.items.get(&task)
    }

    /// All items that became known in this batch or were loaded, for a cache.
    pub fn known_items(&self) -> impl Iterator<Item = (TaskNo, &Arc<Items>)> {
        self.items.iter().map(|(task, items)| (*task, items))
    }

    /// The number of a queue, if it is loaded.
    pub fn lane(&self, name: &QueueName) -> Option<i64> {
        self.lanes.get(name).copied()
    }

    /// Tells whether the names of all queues are loaded.
    pub const fn has_queue_names(&self) -> bool {
        self.queue_names.is_some()
    }

    /// Tells whether all open tasks of the job are loaded.
    pub fn has_open_tasks(&self, job: JobNo) -> bool {
        self.open_tasks.contains(&job)
    }

    /// Tells whether all open items of the mapped task are loaded.
    pub fn has_open_items(&self, task: TaskNo) -> bool {
        self.open_items.contains(&task)
    }

    /// Number of random tokens that are left.
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Tells whether so many item numbers are left.
    pub fn has_numbers(&self, count: u32) -> bool {
        self.numbers.is_some_and(|(next, end)| end - next >= i64::from(count))
    }

    /// Numbers that are taken for the items of a list, or the tasks of a sub-job, before anybody knows how many there
    /// are: as many as are allowed. What is left of them serves the rest of the batch, and then nobody.
    pub(crate) fn numbers_max(&self) -> u32 {
        u32::try_from(self.limits.tasks).unwrap_or(u32::MAX)
    }

    /// Number of job numbers that are left.
    pub fn new_jobs(&self) -> usize {
        self.fresh_jobs.len()
    }

    /// Tasks that began to wait for this event and key in this batch.
    pub fn waiting_for<'a>(&'a self, event: &'a str, key: &'a str) -> impl Iterator<Item = TaskNo> + 'a {
        let waits = move |row: &&Arc<TaskRow>| match &row.waits_for {
            Some(WaitsFor::Event { event: own, key: own_key }) => **own == *event && **own_key == *key,
            _ => false,
        };
        self.dirty_tasks.iter().map(|no| &self.tasks[no]).filter(waits).map(|row| row.no)
    }

    /// The open tasks of a job, as far as they are loaded, in order.
    pub fn open_tasks_of(&self, job: JobNo) -> Vec<TaskNo> {
        let Some(entry) = self.jobs.get(&job) else { return Vec::new() };
        let count = i64::try_from(entry.spec.tasks.len()).unwrap_or(i64::MAX);
        let first = entry.row.first_task;
        self.open_between(first, TaskNo(first.0 + count))
    }

    /// The open items of a mapped task, as far as they are loaded, in order.
    pub fn open_items_of(&self, task: TaskNo) -> Vec<TaskNo> {
        let Some(map) = self.tasks.get(&task).and_then(|row| row.map) else { return Vec::new() };
        self.open_between(map.first_item, TaskNo(map.first_item.0 + i64::from(map.next)))
    }

    fn open_between(&self, from: TaskNo, to: TaskNo) -> Vec<TaskNo> {
        self.tasks.range(from..to).filter(|(_, row)| !row.state.is_final()).map(|(no, _)| *no).collect()
    }

    /// Tasks of this slice that offer something to a queue, with their place and queue.
    pub fn offers(&self) -> impl Iterator<Item = (i64, i64, TaskNo)> {
        self.dirty_tasks.iter().filter_map(|no| {
            let row = &self.tasks[no];
            row.rank.map(|rank| (row.queue, rank, row.no))
        })
    }

    /// The number that the next dispatch gets.
    pub const fn next_dispatch(&self) -> i64 {
        self.next_dispatch
    }
}

/// Changing: for the rules only.
impl Slice {
    pub(crate) fn insert_job(&mut self, entry: JobEntry) {
        self.new_jobs.insert(entry.row.no);
        self.jobs.insert(entry.row.no, entry);
    }

    pub(crate) fn insert_task(&mut self, row: TaskRow) {
        self.new_tasks.insert(row.no);
        self.dirty_tasks.add(row.no);
        self.tasks.insert(row.no, Arc::new(row));
    }

    /// The job for changing.
    ///
    /// # Panics
    /// If it is not loaded: [`crate::missing`] forgot it.
    pub(crate) fn job_mut(&mut self, no: JobNo) -> &mut JobRow {
        self.dirty_jobs.insert(no);
        &mut self.jobs.get_mut(&no).expect(view::LOADED).row
    }

    /// The task for changing.
    ///
    /// # Panics
    /// If it is not loaded: [`crate::missing`] forgot it.
    pub(crate) fn task_mut(&mut self, no: TaskNo) -> &mut TaskRow {
        self.dirty_tasks.add(no);
        Arc::make_mut(self.tasks.get_mut(&no).expect(view::LOADED))
    }

    /// An attempt of the job is opened.
    pub(crate) fn take_slot(&mut self, no: JobNo) {
        self.dirty_jobs.insert(no);
        let entry = self.jobs.get_mut(&no).expect(view::LOADED);
        entry.row.begun = true;
        entry.row.open_attempts += u32::from(entry.spec.max_parallel.is_some());
    }

    pub(crate) fn take_token(&mut self) -> Token {
        self.tokens.pop_front().expect(view::LOADED)
    }

    pub(crate) fn take_numbers(&mut self, count: u32) -> TaskNo {
        let (next, _) = self.numbers.as_mut().expect(view::LOADED);
        let first = *next;
        *next += i64::from(count);
        TaskNo(first)
    }

    /// Makes room for the queues of a sub-job.
    ///
    /// # Errors
    /// The problem, if there would be too many.
    pub(crate) fn take_queue_names(&mut self, spec: &JobSpec) -> Result<(), Problem> {
        let known = self.queue_names.as_mut().expect(view::LOADED);
        if let Some(problem) = spec.too_many_queues(known, self.limits.queues) {
            return Err(problem);
        }
        for task in &spec.tasks {
            if !known.contains(&task.policy.queue) {
                known.insert(task.policy.queue.clone());
            }
        }
        Ok(())
    }

    pub(crate) fn take_new_job(&mut self) -> (JobNo, JobId) {
        self.fresh_jobs.pop_front().expect(view::LOADED)
    }

    pub(crate) fn keep_body(&mut self, job: JobNo, body: Json, priority: u8) {
        self.bodies.push(NewBody { job, body, priority });
    }

    /// Forgets the lists of a mapped task, once its items have changed.
    pub(crate) fn forget_lists(&mut self, task: TaskNo) {
        self.lists.remove(&task);
    }

    pub(crate) const fn take_dispatch_no(&mut self) -> i64 {
        let no = self.next_dispatch;
        self.next_dispatch += 1;
        no
    }

    pub(crate) fn keep_items(&mut self, task: TaskNo, items: Arc<Items>) {
        self.items.insert(task, items);
    }

    pub(crate) fn close_attempt(&mut self, row: AttemptRow) {
        self.attempts.push(row);
    }

    /// Takes the changes that are to be committed. The slice stays usable for looking only.
    pub fn take_changes(&mut self) -> Changes {
        let row = |no: &TaskNo| self.tasks[no].clone();
        let job = |no: &JobNo| self.jobs[no].row.clone();
        let mut changes = Changes {
            new_jobs: self.new_jobs.iter().map(job).collect(),
            jobs: self.dirty_jobs.difference(&self.new_jobs).map(job).collect(),
            new_tasks: self.new_tasks.iter().map(row).collect(),
            tasks: self.dirty_tasks.difference(&self.new_tasks).map(row).collect(),
            attempts: std::mem::take(&mut self.attempts),
            bodies: std::mem::take(&mut self.bodies),
            dropped: std::mem::take(&mut self.dropped),
            replaced: std::mem::take(&mut self.replaced),
            keys: self.key_rows(),
            slots: self.slot_changes(),
            ..Changes::default()
        };
        changes.events = std::mem::take(&mut self.events).into_iter().collect();
        changes
    }
}
