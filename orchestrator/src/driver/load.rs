//! Loading what a rule asks for: what is remembered here, and the rest from the store.

use std::collections::BTreeSet;

use warrener_engine::row::{JobRow, TaskRow};
use warrener_engine::slice::JobEntry;
use warrener_engine::{Lane as LaneNo, Need, Read, Slice, missing};
use warrener_shared::id::{JobNo, QueueName, TaskNo};
use warrener_shared::time::Millis;

use super::batch::Batch;
use super::{Driver, Output};
use crate::rows::load::{self, Loader};
use crate::store::{QueueRow, Store, StoreError};

impl<S: Store> Driver<S> {
    /// Loads until nothing is missing for the need.
    pub(super) fn load_for(&mut self, need: Need<'_>, batch: &mut Batch) -> Result<(), StoreError> {
        load::all(&mut batch.slice, |slice| missing(slice, need), |read, slice| self.load(read, slice))
    }

    /// Loads what is remembered or drawn here, and everything else from the store.
    pub(super) fn load(&mut self, read: Read, slice: &mut Slice) -> Result<(), StoreError> {
        match read {
            Read::Queue(name) => {
                let no = self.lane_of(&name)?;
                slice.load_lane(LaneNo { name, no });
            }
            Read::QueueNames => slice.load_queue_names(self.queue_names()),
            Read::Tokens(count) => slice.load_tokens(self.chance.tokens(count.max(64))),
            Read::NewJobs(count) => {
                let first = self.next_job;
                self.next_job += i64::from(count);
                let jobs = (first..self.next_job).map(|no| (JobNo(no), self.chance.job_id()));
                slice.load_new_jobs(jobs.collect::<Vec<_>>());
            }
            Read::Numbers(count) => {
                slice.load_numbers(self.next_task, count);
                self.next_task += i64::from(count);
            }
            Read::Job(no) => match self.memory.job(no) {
                Some(row) => {
                    let entry = self.entry(row)?;
                    slice.load_job(entry);
                }
                None => self.load_kept(read, slice)?,
            },
            Read::Task(no) => {
                match self.memory.task(no) {
                    Some(row) => slice.load_task(row),
                    None => self.load_kept(read, slice)?,
                }
                if let Some(items) = self.memory.items.get(&no) {
                    slice.load_items(no, items.clone());
                }
            }
            Read::Lists { task, results } => self.load_lists(task, results, slice)?,
            Read::Tasks(..) | Read::OpenTasks(_) | Read::OpenItems(_) | Read::Parked(..) => {
                self.load_kept(read, slice)?
            }
        }
        Ok(())
    }

    /// Loads what nobody remembers.
    fn load_kept(&mut self, read: Read, slice: &mut Slice) -> Result<(), StoreError> {
        Loader { rows: &mut self.store, specs: &self.shared.specs }.load(read, slice)
    }

    fn load_lists(&mut self, task: TaskNo, results: bool, slice: &mut Slice) -> Result<(), StoreError> {
        let remembered = self.memory.lists.get(&task).filter(|lists| lists.results.is_some() || !results);
        if let Some(lists) = remembered {
            slice.load_lists(task, lists.clone());
            return Ok(());
        }
        self.load_kept(Read::Lists { task, results }, slice)?;
        if let (Some(row), Some(lists)) = (slice.task(task), slice.lists(task))
            && row.state.is_final()
        {
            self.memory.lists.insert(task, lists.clone());
        }
        Ok(())
    }

    /// A job with its parsed form.
    pub(super) fn entry(&mut self, row: JobRow) -> Result<JobEntry, StoreError> {
        Ok(self.shared.specs.of(&row, &mut self.store)?.entry(row))
    }

    /// How long the worker of a task may be silent, if the task says so. The store has it only as the job came.
    pub(super) fn silence_of(&mut self, row: &TaskRow) -> Result<Option<Millis>, StoreError> {
        let Some(job) = self.store.job(row.job)? else { return Ok(None) };
        // A job that cannot be read any more must not keep the others waiting; who works on it finds out.
        let spec = self.entry(job).ok().map(|entry| entry.spec);
        Ok(spec.and_then(|spec| spec.tasks.get(row.position as usize)?.policy.heartbeat))
    }

    /// Keeps what the next batches will ask for again.
    pub(super) fn remember(&mut self, batch: &mut Batch) {
        self.memory.committed(&mut batch.commit.changes, &batch.commit.owed, &self.shared.specs);
        for (task, items) in batch.slice.known_items() {
            if self.memory.items.get(&task).is_none() {
                self.memory.items.insert(task, items.clone());
            }
        }
    }
}

impl<S: Store> Driver<S> {
    /// The number of a queue; a new one is announced so that it is declared.
    pub(super) fn queue_names(&self) -> BTreeSet<QueueName> {
        self.lanes.values().map(|lane| lane.name.clone()).collect()
    }

    pub(super) fn lane_of(&mut self, name: &QueueName) -> Result<i64, StoreError> {
        if let Some((no, _)) = self.lanes.iter().find(|(_, lane)| lane.name == *name) {
            return Ok(*no);
        }
        let row = self.store.queue(name)?;
        let no = row.no;
        let lane = self.new_lane(row);
        self.lanes.insert(no, lane);
        self.send(Output::Declare(no, name.clone()));
        Ok(no)
    }

    /// A queue of somebody else takes nothing until it was found.
    pub(super) fn new_lane(&self, row: QueueRow) -> super::DispatchWindow {
        let external = self.shared.is_external(&row.name);
        super::DispatchWindow::new(row.name, row.paused, !external)
    }

    pub(super) fn lane(&mut self, no: i64) -> &mut super::DispatchWindow {
        self.lanes.get_mut(&no).expect("a queue has a number only once it is known")
    }
}
