//! The least around the engine that makes jobs run: rows in memory, one queue with room, a clock that stands still.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use warrener_engine::event::{Reported, Submitted};
use warrener_engine::slice::{Changes, JobEntry};
use warrener_engine::{Effect, Event, JobRow, Lane, Read, Slice, TaskRow, decide, missing};
use warrener_shared::id::{JobId, JobNo, TaskNo, Ticket, Token};
use warrener_shared::job::{JobSpec, SubmitContext, parse};
use warrener_shared::limits::Limits;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::result::Report;

/// See the module. For jobs of one task or one mapped task whose output is null.
#[derive(Debug)]
pub(crate) struct Desk {
    specs: BTreeMap<JobNo, Arc<JobSpec>>,
    jobs: BTreeMap<JobNo, JobRow>,
    tasks: BTreeMap<TaskNo, Arc<TaskRow>>,
    open: VecDeque<Ticket>,
    next_job: i64,
    next_task: i64,
    next_dispatch: i64,
    next_token: u128,
    /// Attempts that the queue takes.
    room: u32,
}

impl Desk {
    pub(crate) const fn new(room: u32) -> Self {
        Self {
            specs: BTreeMap::new(),
            jobs: BTreeMap::new(),
            tasks: BTreeMap::new(),
            open: VecDeque::new(),
            next_job: 1,
            next_task: 1,
            next_dispatch: 1,
            next_token: 1,
            room,
        }
    }

    /// One batch: jobs come in, and what has room goes out.
    pub(crate) fn submit(&mut self, documents: &[&str]) -> Changes {
        let events = documents.iter().map(|document| self.accept(document)).collect();
        self.batch(events)
    }

    /// One batch: the next attempts succeed with an output of 200 bytes, and what has room goes out.
    pub(crate) fn report(&mut self, count: usize) -> Changes {
        let tickets: Vec<_> = self.open.drain(..count.min(self.open.len())).collect();
        let output = format!("\"{}\"", "y".repeat(198)).into_bytes();
        let reported = |ticket| {
            let report = Report::Succeeded { output: output.clone() };
            Event::Reported(Reported { ticket, report, worker: Some("bench".into()), interrupted: false, cost: None })
        };
        self.batch(tickets.into_iter().map(reported).collect())
    }

    fn accept(&mut self, document: &str) -> Event {
        let spec = parse(document.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT);
        let (spec, job) = (Arc::new(spec.expect("the document is sound")), JobNo(self.next_job));
        let first_task = TaskNo(self.next_task);
        self.next_job += 1;
        self.next_task += spec.tasks.len() as i64;
        self.specs.insert(job, spec.clone());
        let id = JobId::new(&format!("job-{}", job.0)).expect("a sound id");
        Event::Submitted(Submitted { job, id, spec, traceparent: None, first_task, parent: None, level: 0 })
    }

    fn batch(&mut self, events: Vec<Event>) -> Changes {
        let mut slice = Slice::new(Limits::DEFAULT, self.next_dispatch);
        for event in events {
            self.decide(&mut slice, event);
        }
        let mut offers: Vec<_> = slice.offers().map(|(_, _, task)| task).collect();
        // A mapped task with items left offers them whether this batch touched it or not.
        offers.extend(self.tasks.values().filter(|row| row.map.is_some() && row.rank.is_some()).map(|row| row.no));
        offers.sort_unstable();
        offers.dedup();
        for task in offers {
            let room = self.room.saturating_sub(self.open.len() as u32);
            let row = slice.task(task).or_else(|| self.tasks.get(&task).map(|row| &**row)).expect("it was offered");
            let offered = row.map.map_or(1, |map| map.total - map.next);
            if room.min(offered) > 0 {
                self.decide(&mut slice, Event::RoomFor(task, room.min(offered)));
            }
        }
        self.next_dispatch = slice.next_dispatch();
        let changes = slice.take_changes();
        self.keep(&changes);
        changes
    }

    fn decide(&mut self, slice: &mut Slice, event: Event) {
        let mut open = VecDeque::from([event]);
        while let Some(event) = open.pop_front() {
            loop {
                let reads = missing(slice, &event);
                if reads.is_empty() {
                    break;
                }
                reads.into_iter().for_each(|read| self.load(slice, read));
            }
            let decision = decide(slice, &event, NOW);
            self.open.extend(decision.effects.into_iter().filter_map(|effect| match effect {
                Effect::Opened { ticket, .. } => Some(ticket),
                _ => None,
            }));
            open.extend(decision.follow);
        }
    }

    fn load(&mut self, slice: &mut Slice, read: Read) {
        match read {
            Read::Job(no) => {
                let (row, spec) = (self.jobs[&no].clone(), self.specs[&no].clone());
                slice.load_job(JobEntry { row, spec, traceparent: None });
            }
            Read::Task(no) => slice.load_task(self.tasks[&no].clone()),
            Read::Queue(name) => slice.load_lane(Lane { name, no: QUEUE }),
            Read::Tokens(count) => {
                let first = self.next_token;
                self.next_token += count as u128;
                slice.load_tokens((first..self.next_token).map(Token));
            }
            Read::Numbers(count) => {
                slice.load_numbers(self.next_task, count);
                self.next_task += i64::from(count);
            }
            other => unreachable!("no job of ours asks for {other:?}"),
        }
    }

    /// What is final is never asked for again.
    fn keep(&mut self, changes: &Changes) {
        for row in changes.new_jobs.iter().chain(&changes.jobs) {
            if row.state.is_final() {
                self.jobs.remove(&row.no);
                self.specs.remove(&row.no);
            } else {
                self.jobs.insert(row.no, row.clone());
            }
        }
        for row in changes.new_tasks.iter().chain(&changes.tasks) {
            if row.state.is_final() {
                self.tasks.remove(&row.no);
            } else {
                self.tasks.insert(row.no, row.clone());
            }
        }
    }
}

/// The number of the one queue: that of the first in a new database.
pub(crate) const QUEUE: i64 = 1;
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);
