//! Loading of what a rule asks for: from the memory of the driver, and the rest from the store.

use std::collections::BTreeSet;

use warrener_engine::row::JobRow;
use warrener_engine::slice::JobEntry;
use warrener_engine::{Lane as LaneNo, Need, Read, Slice, missing};
use warrener_shared::id::{QueueName, TaskNo};

use super::batch::Batch;
use super::{Driver, Output};
use crate::rows::load::{self, Loader};
use crate::store::{Store, StoreError};

impl<S: Store> Driver<S> {
    /// Loads until nothing is missing for the need. A rule may ask for more once it sees what it asked for first.
    pub(super) fn load_for(&mut self, need: Need<'_>, batch: &mut Batch) -> Result<(), StoreError> {
        load::all(&mut batch.slice, |slice| missing(slice, need), |read, slice| self.load(read, slice))
    }

    /// Loads one thing into the slice: drawn (tokens, numbers), remembered (queues, rows), or read from the store.
    pub(super) fn load(&mut self, read: Read, slice: &mut Slice) -> Result<(), StoreError> {
        match read {
            Read::Queue(name) => {
                let no = self.lane_of(&name)?;
                slice.load_lane(LaneNo { name, no });
            }
            Read::QueueNames => slice.load_queue_names(self.queue_names()),
            Read::Tokens(count) => slice.load_tokens(self.chance.tokens(count.max(64))),
            Read::NewJobs(count) => {
                let numbers = self.held.numbers.take_jobs(count);
                let jobs = numbers.map(|no| (no, self.chance.job_id()));
                slice.load_new_jobs(jobs.collect::<Vec<_>>());
            }
            Read::Numbers(count) => {
                slice.load_numbers(self.held.numbers.take_tasks(count).0, count);
            }
            Read::Job(no) => match self.held.rows.job(no) {
                Some(row) => {
                    let entry = self.entry(row)?;
                    slice.load_job(entry);
                }
                None => self.load_kept(read, slice)?,
            },
            Read::Task(no) => match self.held.rows.task(no) {
                Some(row) => self.loader().load_row(row, slice),
                None => self.load_kept(read, slice)?,
            },
            Read::Lists { task, results } => self.load_lists(task, results, slice)?,
            Read::Tasks(..) | Read::OpenTasks(_) | Read::OpenItems(_) | Read::Parked(..) => {
                self.load_kept(read, slice)?
            }
        }
        Ok(())
    }

    /// Loads from the store what is not remembered.
    fn load_kept(&mut self, read: Read, slice: &mut Slice) -> Result<(), StoreError> {
        self.loader().load(read, slice)
    }

    /// Loader over the store of the driver.
    fn loader(&mut self) -> Loader<'_, S> {
        Loader { rows: &mut self.store, specs: &self.shared.specs, lists: &self.shared.lists }
    }

    /// Loads the joined outputs of a mapped task, and remembers them if the task is final.
    fn load_lists(&mut self, task: TaskNo, results: bool, slice: &mut Slice) -> Result<(), StoreError> {
        if let Some(lists) = self.held.rows.lists(task, results) {
            slice.load_lists(task, lists);
            return Ok(());
        }
        self.load_kept(Read::Lists { task, results }, slice)?;
        if let (Some(row), Some(lists)) = (slice.task(task), slice.lists(task))
            && row.state.is_final()
        {
            self.held.rows.keep_lists(task, lists.clone());
        }
        Ok(())
    }

    /// A job with its parsed form.
    fn entry(&mut self, row: JobRow) -> Result<JobEntry, StoreError> {
        Ok(self.shared.specs.of(&row, &mut self.store)?.entry(row))
    }

    /// Takes the rows of a committed batch into memory, for the next batches.
    pub(super) fn remember(&mut self, batch: &mut Batch) {
        self.held.rows.committed(&mut batch.commit.changes, &batch.commit.owed, &self.shared.specs);
        self.shared.lists.keep_all(&batch.slice);
    }
}

impl<S: Store> Driver<S> {
    /// Names of all queues that are known.
    pub(super) fn queue_names(&self) -> BTreeSet<QueueName> {
        self.held.admission.names().cloned().collect()
    }

    /// Number of a queue. A new one gets a row at once, and is announced so that it is declared.
    pub(super) fn lane_of(&mut self, name: &QueueName) -> Result<i64, StoreError> {
        if let Some(no) = self.held.admission.number(name) {
            return Ok(no);
        }
        let no = self.held.admission.add(self.store.queue(name)?, &self.shared);
        self.send(Output::Declare(no, name.clone()));
        Ok(no)
    }
}
