//! Loading what a rule asks for, from memory where it is known and from the store where it is not.

use std::sync::Arc;

use warrener_engine::row::{JobRow, TaskRow};
use warrener_engine::slice::{JobEntry, Lists};
use warrener_engine::{Event, Lane as LaneNo, Read, Slice, missing};
use warrener_shared::id::{JobNo, QueueName, TaskNo};
use warrener_shared::job::{SubmitContext, parse};
use warrener_shared::json::Doc;
use warrener_shared::state::TaskState;
use warrener_shared::time::Millis;

use super::batch::Batch;
use super::cache::Parsed;
use super::{Driver, Output};
use crate::store::lists::{LISTS_MAX, ListWriter};
use crate::store::{Item, QueueRow, Store, StoreError};

impl<S: Store> Driver<S> {
    /// Loads until nothing is missing for the event.
    pub(super) fn load_for(&mut self, event: &Event, batch: &mut Batch) -> Result<(), StoreError> {
        loop {
            let reads = missing(&batch.slice, event);
            if reads.is_empty() {
                return Ok(());
            }
            for read in reads {
                self.load(read, &mut batch.slice)?;
            }
        }
    }

    pub(super) fn load(&mut self, read: Read, slice: &mut Slice) -> Result<(), StoreError> {
        match read {
            Read::Job(no) => self.load_job(no, slice)?,
            Read::Task(no) => self.load_task(no, slice)?,
            Read::Tasks(first, count) => {
                self.store.tasks(first, count)?.into_iter().for_each(|row| slice.load_task(row))
            }
            Read::OpenTasks(no) => {
                let entry = slice.job(no).expect("a job is loaded before its tasks");
                let (first, count) = (entry.row.first_task, entry.spec.tasks.len());
                self.load_open(first, u32::try_from(count).unwrap_or(u32::MAX), slice)?;
                slice.loaded_open_tasks(no);
            }
            Read::OpenItems(no) => {
                let map = slice.task(no).and_then(|row| row.map).expect("a mapped task is loaded before its items");
                self.load_open(map.first_item, map.total, slice)?;
                slice.loaded_open_items(no);
            }
            Read::Lists { task, results } => {
                let lists = self.lists(task, results, slice)?;
                slice.load_lists(task, lists);
            }
            Read::Queue(name) => {
                let no = self.lane_of(&name)?;
                slice.load_lane(LaneNo { name, no });
            }
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
        }
        Ok(())
    }

    fn load_open(&mut self, first: TaskNo, count: u32, slice: &mut Slice) -> Result<(), StoreError> {
        self.store.open_tasks(first, count)?.into_iter().for_each(|row| slice.load_task(row));
        Ok(())
    }

    fn load_task(&mut self, no: TaskNo, slice: &mut Slice) -> Result<(), StoreError> {
        let row = match self.memory.task(no) {
            Some(row) => Some(row),
            None => self.store.tasks(no, 1)?.pop().map(Arc::new),
        };
        match row {
            Some(row) => {
                if let Some(items) = self.memory.items.get(&no) {
                    slice.load_items(no, items.clone());
                }
                slice.load_task(row);
            }
            None => slice.load_absent(no),
        }
        Ok(())
    }

    fn load_job(&mut self, no: JobNo, slice: &mut Slice) -> Result<(), StoreError> {
        let row = match self.memory.job(no) {
            Some(row) => Some(row),
            None => self.store.job(no)?,
        };
        let row = row.ok_or_else(|| StoreError::Corrupt(format!("job number {} is missing", no.0)))?;
        let entry = self.entry(row)?;
        slice.load_job(entry);
        Ok(())
    }

    /// A job with its parsed form.
    pub(super) fn entry(&mut self, row: JobRow) -> Result<JobEntry, StoreError> {
        if let Some(parsed) = self.memory.specs.get(&row.no) {
            return Ok(JobEntry { row, spec: parsed.spec.clone(), traceparent: parsed.traceparent.clone() });
        }
        let missing = || StoreError::Corrupt(format!("job {} was never submitted", row.id));
        let submitted = self.store.submitted(row.no)?.ok_or_else(missing)?;
        let context = SubmitContext { message_id: None, priority: submitted.priority, level: row.level };
        let spec = parse(&submitted.body, &context, &self.shared.limits).map_err(|problems| {
            let first = problems.first().map_or_else(String::new, |p| format!("{}: {}", p.pointer, p.detail));
            StoreError::Corrupt(format!("job {} cannot be read any more ({first}); was a limit lowered?", row.id))
        })?;
        let parsed = Parsed::new(Arc::new(spec), submitted.traceparent, submitted.body.len());
        // Somebody looks at a job that ended: nothing will happen to it.
        if !row.state.is_final() {
            self.memory.specs.insert(row.no, parsed.clone());
        }
        Ok(JobEntry { row, spec: parsed.spec, traceparent: parsed.traceparent })
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
        self.memory.committed(&mut batch.commit.changes, &batch.commit.owed);
        for (task, items) in batch.slice.known_items() {
            if self.memory.items.get(&task).is_none() {
                self.memory.items.insert(task, items.clone());
            }
        }
    }

    /// The outputs of the items of a mapped task as lists, those of this batch included.
    fn lists(&mut self, task: TaskNo, results: bool, slice: &Slice) -> Result<Lists, StoreError> {
        if let Some(lists) = self.memory.lists.get(&task).filter(|lists| lists.results.is_some() || !results) {
            return Ok(lists.clone());
        }
        let row = slice.task(task).expect("a mapped task is loaded before its lists").clone();
        let mut writer = ListWriter::new(true, results);
        self.store.each_item(&row, &mut |item| writer.add(&newer(slice, item)))?;
        if let Some(map) = row.map {
            // Items that became rows in this very batch come last: items become rows in order.
            let first = map.first_item.0;
            for no in first + i64::from(writer.count())..first + i64::from(map.next) {
                if let Some(row) = slice.task(TaskNo(no))
                    && writer.add(&view(row)).is_break()
                {
                    break;
                }
            }
            // Items that never became rows were cancelled with their task.
            writer.rest(map.total, |_| TaskState::Cancelled);
        }
        let (outputs, entries) = writer.finish();
        let lists = documents(outputs, entries, results);
        if row.state.is_final() {
            self.memory.lists.insert(task, lists.clone());
        }
        Ok(lists)
    }
}

/// The item as this batch left it.
fn newer<'a>(slice: &'a Slice, item: Item<'a>) -> Item<'a> {
    slice.task(item.no).map_or(item, view)
}

fn view(row: &TaskRow) -> Item<'_> {
    Item {
        no: row.no,
        state: row.state,
        attempt: row.attempt,
        error: row.error.as_deref(),
        output: row.output.as_deref(),
    }
}

/// The lists as documents; without outputs they passed the limit, and are left empty.
fn documents(outputs: Option<Vec<u8>>, results: Option<Vec<u8>>, wanted: bool) -> Lists {
    let oversized = outputs.is_none().then_some(LISTS_MAX);
    let document = |bytes: Option<Vec<u8>>| Doc::trusted(bytes.unwrap_or_else(|| b"[]".to_vec()));
    Lists { outputs: document(outputs), results: wanted.then(|| document(results)), oversized }
}

impl<S: Store> Driver<S> {
    /// The number of a queue; a new one is announced so that it is declared.
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
    pub(super) fn new_lane(&self, row: QueueRow) -> super::Lane {
        let external = self.shared.is_external(&row.name);
        super::Lane::new(row.name, row.paused, !external)
    }

    pub(super) fn lane(&mut self, no: i64) -> &mut super::Lane {
        self.lanes.get_mut(&no).expect("a queue has a number only once it is known")
    }
}
