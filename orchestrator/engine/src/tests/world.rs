//! A world for the engine: rows in memory, a clock that only the test moves, queues that have room for so much.
//!
//! It does what the loop of the orchestrator does, in the same order: inputs, timers, admission, commit. After every
//! commit it looks for rows that contradict each other.

mod check;
mod load;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo, Ticket};
use warrener_shared::job::{JobSpec, SubmitContext, parse};
use warrener_shared::limits::Limits;
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::dispatch::Dispatch;
use warrener_shared::wire::event::JobEvent;

use crate::event::Submitted;
use crate::limit::{KeyRow, LimitBook, LimitKey, SlotChange};
use crate::row::{AttemptRow, JobRow, TaskRow};
use crate::slice::Changes;
use crate::{Effect, Event, Need, Slice, decide};

/// When every test begins: a round number that is later than every span in it.
pub(super) const EPOCH: Timestamp = Timestamp(1_800_000_000_000);

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) limits: Limits,
    /// Limits on what runs at once, and what their keys hold.
    pub(super) book: Arc<LimitBook>,
    /// Rows of the keys of limits.
    pub(super) keys: BTreeMap<LimitKey, KeyRow>,
    /// Slots that jobs hold, each with the time since which it is held.
    pub(super) slots: BTreeMap<(LimitKey, JobNo), Timestamp>,
    /// Keys that have room again at a time.
    pub(super) wakes: BTreeMap<LimitKey, Timestamp>,
    /// How many attempts of a queue may be open.
    pub(super) room: usize,
    /// Every random number; the largest draws the longest back-off.
    pub(super) dice: u32,
    pub(super) specs: BTreeMap<JobNo, Arc<JobSpec>>,
    /// Content that takes the place of that of a job, once it is committed.
    contents: BTreeMap<JobNo, Arc<JobSpec>>,
    pub(super) jobs: BTreeMap<JobNo, JobRow>,
    pub(super) tasks: BTreeMap<TaskNo, TaskRow>,
    pub(super) attempts: Vec<AttemptRow>,
    pub(super) log: BTreeMap<JobNo, Vec<JobEvent>>,
    /// Every ticket that was ever given out, by the address of the task and the attempt.
    pub(super) tickets: BTreeMap<(String, u32), Ticket>,
    queues: BTreeMap<QueueName, i64>,
    next_job: i64,
    next_task: i64,
    next_dispatch: i64,
    next_token: u128,
}

/// What one batch did.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) events: Vec<(JobNo, JobEvent)>,
    pub(super) effects: Vec<Effect>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            now: EPOCH,
            limits: Limits::DEFAULT,
            book: Arc::default(),
            keys: BTreeMap::new(),
            slots: BTreeMap::new(),
            wakes: BTreeMap::new(),
            room: 1000,
            dice: u32::MAX,
            specs: BTreeMap::new(),
            contents: BTreeMap::new(),
            jobs: BTreeMap::new(),
            tasks: BTreeMap::new(),
            attempts: Vec::new(),
            log: BTreeMap::new(),
            tickets: BTreeMap::new(),
            queues: BTreeMap::new(),
            next_job: 1,
            next_task: 1,
            next_dispatch: 1,
            next_token: 1,
        }
    }

    /// A job as it is when a client's JSON was accepted: numbers are taken, nothing is decided.
    pub(super) fn accept(&mut self, json: &[u8]) -> Event {
        let spec = parse(json, &SubmitContext::default(), &self.limits)
            .unwrap_or_else(|problems| panic!("the job is not sound: {problems:#?}"));
        let (spec, job) = (Arc::new(spec), self.job_no());
        let first_task = TaskNo(self.next_task);
        self.next_task += i64::try_from(spec.tasks.len()).unwrap();
        self.specs.insert(job, spec.clone());
        let id = spec.id.clone().unwrap_or_else(|| JobId::new(&format!("job-{}", job.0)).unwrap());
        Event::Submitted(Submitted { job, id, spec, traceparent: None, first_task, parent: None, level: 0 })
    }

    /// Content of a client's JSON that takes the place of the content of a job, as if it had been accepted.
    pub(super) fn replace(&mut self, job: JobNo, json: &[u8]) -> Event {
        let Event::Submitted(submitted) = self.accept(json) else { unreachable!("it was accepted") };
        self.specs.remove(&submitted.job);
        self.contents.insert(job, submitted.spec.clone());
        Event::ContentReplaced(Submitted { job, id: self.jobs[&job].id.clone(), ..submitted })
    }

    fn job_no(&mut self) -> JobNo {
        self.next_job += 1;
        JobNo(self.next_job - 1)
    }

    /// One batch: these events, the timers that are due, then whatever has room.
    pub(super) fn batch(&mut self, events: &[Event]) -> Step {
        let mut slice = Slice::new(self.limits, self.next_dispatch).with_book(&self.book, self.now);
        let mut effects = Vec::new();
        for event in events {
            self.decide(&mut slice, event.clone(), &mut effects);
        }
        for event in self.due_now() {
            self.decide(&mut slice, event, &mut effects);
        }
        self.admit(&mut slice, &mut effects);
        self.next_dispatch = slice.next_dispatch();
        let events = self.keep(slice.take_changes());
        self.book.committed(slice.take_limit_changes());
        for (key, at) in slice.take_wakes() {
            let known = self.wakes.entry(key).or_insert(at);
            *known = at.min(*known);
        }
        self.check(&effects);
        Step { events, effects }
    }

    /// Lets the clock run to the next timer, if there is one, and handles what is due then.
    pub(super) fn wait(&mut self) -> Option<Step> {
        self.now = self.now.max(self.next_due()?);
        Some(self.batch(&[]))
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let jobs = self.jobs.values().filter_map(|row| row.wake_at);
        let wakes = self.wakes.values().copied();
        jobs.chain(self.tasks.values().filter_map(|row| row.wake_at)).chain(wakes).min()
    }

    pub(super) fn at(&mut self, since: Millis) {
        self.now = EPOCH + since;
    }

    /// Attempts that workers could report on, in the order of their dispatch.
    pub(super) fn open(&self) -> Vec<Ticket> {
        let mut open: Vec<_> = self.tasks.values().filter(|row| row.dispatch_no.is_some()).collect();
        open.sort_by_key(|row| row.dispatch_no);
        open.into_iter().map(TaskRow::ticket).collect()
    }

    /// `<task>` or `<task>.<index>`; in a sub-job with its id before it.
    pub(super) fn address(&self, row: &TaskRow) -> String {
        let name = &self.specs[&row.job].tasks[row.position as usize].name;
        let within = self.within(row.job);
        row.index.map_or_else(|| format!("{within}{name}"), |index| format!("{within}{name}.{index}"))
    }

    /// What stands before the names of a job's tasks.
    pub(super) fn within(&self, job: JobNo) -> String {
        let sub_job = self.jobs.get(&job).filter(|row| row.parent.is_some());
        sub_job.map_or_else(String::new, |row| format!("{}/", row.id))
    }

    /// The jobs and tasks in a line each, for whoever looks for the cause of a failure.
    pub(super) fn glance(&self) -> String {
        let second = |at: Option<Timestamp>| at.map(|at| (at.0 - EPOCH.0) as f64 / 1000.0);
        let jobs = self.jobs.values().map(|row| {
            let wake = second(row.wake_at);
            format!("job {} {:?} paused {} wake {wake:?} sequence {}", row.state, row.stop, row.paused, row.sequence)
        });
        let tasks = self.tasks.values().map(|row| {
            let (address, wake, by) = (self.address(row), second(row.wake_at), second(row.start_by));
            let open = row.dispatch_no;
            format!(
                "{address} {} #{} open {open:?} rank {:?} parked {:?} in {:?} wake {wake:?} by {by:?} job {}",
                row.state, row.attempt, row.rank, row.parked, row.line, row.job.0
            )
        });
        jobs.chain(tasks).collect::<Vec<_>>().join("\n")
    }

    /// The row of a task or item by its address.
    pub(super) fn find(&self, address: &str) -> &TaskRow {
        self.row_at(address).unwrap_or_else(|| panic!("no task {address}"))
    }

    /// The same, if it is still there: its task may have got another list.
    pub(super) fn row_at(&self, address: &str) -> Option<&TaskRow> {
        self.tasks.values().find(|row| self.address(row) == address)
    }

    fn decide(&mut self, slice: &mut Slice, event: Event, effects: &mut Vec<Effect>) {
        let mut open = VecDeque::from([event]);
        while let Some(event) = open.pop_front() {
            self.load_for(slice, Need::Event(&event));
            let decision = decide(slice, &event, self.now);
            for effect in &decision.effects {
                self.check_needs(slice, effect);
            }
            effects.extend(decision.effects);
            open.extend(decision.follow);
        }
    }

    fn due_now(&mut self) -> Vec<Event> {
        let now = self.now;
        let keys: Vec<_> = self.wakes.extract_if(.., |_, at| *at <= now).map(|(key, _)| Event::KeyFreed(key)).collect();
        let is_due = |at: Option<Timestamp>| at.filter(|at| *at <= self.now);
        let mut jobs: Vec<_> = self.jobs.values().filter_map(|row| Some((is_due(row.wake_at)?, row.no))).collect();
        let mut tasks: Vec<_> = self.tasks.values().filter_map(|row| Some((is_due(row.wake_at)?, row.no))).collect();
        jobs.sort_unstable();
        tasks.sort_unstable();
        let jobs = jobs.into_iter().map(|(_, no)| Event::JobDue(no));
        // Workers stop at once here.
        let is_over = |job: &JobNo| self.jobs[job].state.is_final();
        let stopped = self.book.leaving().into_iter().filter(is_over).map(Event::JobStopped);
        let tasks = tasks.into_iter().map(|(_, no)| Event::TaskDue(no));
        jobs.chain(tasks).chain(keys).chain(stopped).collect()
    }

    fn admit(&mut self, slice: &mut Slice, effects: &mut Vec<Effect>) {
        let mut seen = BTreeSet::new();
        loop {
            // What this batch changed it knows better.
            let kept = self.tasks.values().map(|row| slice.task(row.no).unwrap_or(row));
            let mut offers: BTreeSet<_> = kept.filter_map(|row| Some((row.queue, row.rank?, row.no))).collect();
            offers.extend(slice.offers());
            // A task whose input fails ends when it is offered, and others may become ready by that.
            if offers.is_subset(&seen) {
                return;
            }
            for (queue, _, task) in &offers {
                self.offer(*queue, *task, slice, effects);
            }
            seen.extend(offers);
        }
    }

    fn offer(&mut self, queue: i64, task: TaskNo, slice: &mut Slice, effects: &mut Vec<Effect>) {
        loop {
            let room = self.room.saturating_sub(self.open_in(queue, effects));
            if room == 0 {
                return;
            }
            self.decide(slice, Event::RoomFor(task, u32::try_from(room.min(128)).unwrap()), effects);
            if slice.task(task).is_none_or(|row| row.rank.is_none()) {
                return;
            }
        }
    }

    fn open_in(&self, queue: i64, effects: &[Effect]) -> usize {
        let kept = self.tasks.values().filter(|row| row.queue == queue && row.dispatch_no.is_some()).count();
        let opened = effects.iter().filter(|e| matches!(e, Effect::Opened { queue: of, .. } if *of == queue)).count();
        let closed = effects.iter().filter(|e| matches!(e, Effect::Closed { queue: of, .. } if *of == queue)).count();
        kept + opened - closed
    }

    fn keep(&mut self, changes: Changes) -> Vec<(JobNo, JobEvent)> {
        for new in changes.bodies {
            let context = SubmitContext { priority: Some(new.priority), ..SubmitContext::default() };
            self.specs.insert(new.job, Arc::new(parse(&new.body, &context, &self.limits).unwrap()));
        }
        self.keys.extend(changes.keys.into_iter().map(|row| (row.key.clone(), row)));
        for SlotChange { job, key, since } in changes.slots {
            match since {
                Some(since) => drop(self.slots.insert((key, job), since)),
                None => drop(self.slots.remove(&(key, job))),
            }
        }
        for (first, count) in changes.dropped {
            let end = TaskNo(first.0 + i64::from(count));
            self.tasks.retain(|no, _| *no < first || *no >= end);
            self.attempts.retain(|row| row.task < first || row.task >= end);
        }
        for old in changes.replaced {
            self.specs.insert(old.job, self.contents[&old.job].clone());
            let end = TaskNo(old.first_task.0 + i64::from(old.tasks));
            self.tasks.retain(|no, _| *no < old.first_task || *no >= end);
        }
        for row in changes.new_jobs.into_iter().chain(changes.jobs) {
            self.jobs.insert(row.no, row);
        }
        for row in changes.new_tasks {
            assert!(self.tasks.insert(row.no, Arc::unwrap_or_clone(row)).is_none(), "a number was given to two tasks");
        }
        for row in changes.tasks {
            assert!(
                self.tasks.insert(row.no, Arc::unwrap_or_clone(row)).is_some(),
                "a row was changed before it was made"
            );
        }
        for row in changes.attempts {
            // The latest attempt of a task that ended between attempts is there already.
            if !self.attempts.iter().any(|kept| (kept.task, kept.attempt) == (row.task, row.attempt)) {
                self.attempts.push(row);
            }
        }
        for row in self.tasks.values().filter(|row| row.attempt > 0) {
            self.tickets.insert((self.address(row), row.attempt), row.ticket());
        }
        for (job, events) in &changes.events {
            self.log.entry(*job).or_default().extend(events.iter().cloned());
        }
        let numbered = changes.events.into_iter();
        numbered.flat_map(|(job, events)| events.into_iter().map(move |event| (job, event))).collect()
    }
}

impl Step {
    /// The messages that went out.
    pub(super) fn dispatches(&self) -> impl Iterator<Item = &Dispatch> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Publish { dispatch, .. } => Some(&**dispatch),
            _ => None,
        })
    }
}
