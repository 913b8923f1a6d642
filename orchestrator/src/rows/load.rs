//! Filling a slice with what a rule asks for.
//!
//! A rule never reads. It says what is missing, and is asked again once that is loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use warrener_engine::row::TaskRow;
use warrener_engine::slice::{JobEntry, Lists};
use warrener_engine::{Lane, Read, Slice};
use warrener_shared::id::{JobNo, QueueName, TaskNo};
use warrener_shared::json::Doc;

use super::lists::{LISTS_MAX, ListWriter};
use super::{ExpandedLists, Specs};
use crate::store::{Item, Rows, StoreError};

/// Loads until nothing is missing. What is missing may depend on what was just loaded.
pub(crate) fn all(
    slice: &mut Slice,
    missing: impl Fn(&Slice) -> Vec<Read>,
    mut load: impl FnMut(Read, &mut Slice) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    loop {
        let reads = missing(slice);
        if reads.is_empty() {
            return Ok(());
        }
        for read in reads {
            load(read, slice)?;
        }
    }
}

/// Loader of everything that is in the database: rows, parsed jobs and lists.
#[derive(Debug)]
pub(crate) struct Loader<'a, R> {
    /// Store of the driver, or snapshot of a reader.
    pub(crate) rows: &'a mut R,
    /// Register of parsed jobs.
    pub(crate) specs: &'a Specs,
    /// Register of expanded lists.
    pub(crate) lists: &'a ExpandedLists,
}

impl<R: Rows> Loader<'_, R> {
    /// Loads one thing of the database into the slice. Numbers and tokens are drawn by whoever decides, never here.
    ///
    /// # Errors
    /// If the rows cannot be read, or a row that must be there is not.
    pub(crate) fn load(&mut self, read: Read, slice: &mut Slice) -> Result<(), StoreError> {
        match read {
            Read::Job(no) => slice.load_job(self.job(no)?),
            Read::Task(no) => match self.rows.tasks(no, 1)?.pop() {
                Some(row) => self.load_row(row.into(), slice),
                None => slice.load_absent(no),
            },
            Read::Tasks(first, count) => {
                self.rows.tasks(first, count)?.into_iter().for_each(|row| slice.load_task(row));
            }
            Read::OpenTasks(no) => {
                let entry = slice.job(no).expect("a job is loaded before its tasks");
                let (first, count) = (entry.row.first_task, entry.spec.tasks.len());
                self.open_tasks(first, u32::try_from(count).unwrap_or(u32::MAX), slice)?;
                slice.loaded_open_tasks(no);
            }
            Read::OpenItems(no) => {
                let map = slice.task(no).and_then(|row| row.map).expect("a mapped task is loaded before its items");
                self.open_tasks(map.first_item, map.total, slice)?;
                slice.loaded_open_items(no);
            }
            Read::Parked(line, most) => {
                let mut counts: BTreeMap<i64, u32> = BTreeMap::new();
                for row in self.rows.parked(&line, most)? {
                    *counts.entry(row.queue).or_default() += 1;
                    slice.load_task(row);
                }
                slice.loaded_parked(line, most, counts.values().all(|count| *count < most));
            }
            Read::Lists { task, results } => {
                let mapped = slice.task(task).expect("a mapped task is loaded before its lists").clone();
                // Expressions see lists of final tasks only, so nothing is left that max_parallel could hold back.
                let (outputs, entries) = lists(self.rows, slice, &mapped, None, (true, results))?.finish();
                slice.load_lists(task, documents(outputs, entries, results));
            }
            Read::Queue(name) => {
                let no = self.queue(&name)?;
                slice.load_lane(Lane { name, no });
            }
            Read::QueueNames | Read::Tokens(_) | Read::NewJobs(_) | Read::Numbers(_) => {
                unreachable!("only whoever decides asks for {read:?}, and draws it")
            }
        }
        Ok(())
    }

    /// Loads a row, and the list of a mapped task if that is kept.
    pub(crate) fn load_row(&self, row: Arc<TaskRow>, slice: &mut Slice) {
        if let Some(items) = row.map.and_then(|map| self.lists.of(row.no, &map)) {
            slice.load_items(row.no, items);
        }
        slice.load_task(row);
    }

    /// Row and parsed form of a job that must exist.
    fn job(&mut self, no: JobNo) -> Result<JobEntry, StoreError> {
        let missing = || StoreError::Corrupt(format!("job number {} is missing", no.0));
        let row = self.rows.job(no)?.ok_or_else(missing)?;
        Ok(self.specs.of(&row, self.rows)?.entry(row))
    }

    /// Loads the tasks of a range that are not final.
    fn open_tasks(&mut self, first: TaskNo, count: u32, slice: &mut Slice) -> Result<(), StoreError> {
        self.rows.open_tasks(first, count)?.into_iter().for_each(|row| slice.load_task(row));
        Ok(())
    }

    /// Number of a queue that some task stands in, which therefore must have one.
    fn queue(&mut self, name: &QueueName) -> Result<i64, StoreError> {
        let missing = || StoreError::Corrupt(format!("queue {name} of a task has no number"));
        Ok(self.rows.known_queue(name)?.ok_or_else(missing)?.no)
    }
}

/// Outputs and results of the items of a mapped task as lists, as far as they are wanted. Rows in the slice are newer
/// than those in the database. `max_parallel` bounds the items that are ready among those without a row.
pub(crate) fn lists(
    rows: &mut impl Rows,
    slice: &Slice,
    mapped: &TaskRow,
    max_parallel: Option<u32>,
    (outputs, results): (bool, bool),
) -> Result<ListWriter, StoreError> {
    let mut writer = ListWriter::new(outputs, results);
    let Some(map) = mapped.map.filter(|_| outputs || results) else { return Ok(writer) };
    rows.each_item(mapped, &mut |item| writer.add(&slice.task(item.no).map_or(item, Item::of)))?;
    // Items that became rows in the batch at hand come last: items become rows in order.
    for index in writer.count()..map.next {
        if let Some(row) = slice.task(map.item_no(index))
            && writer.add(&Item::of(row)).is_break()
        {
            break;
        }
    }
    writer.rest(map.total, |index| mapped.counted_state(index, max_parallel));
    Ok(writer)
}

/// Lists as documents, for expressions. Lists that passed the limit are left empty, and say so.
fn documents(outputs: Option<Vec<u8>>, results: Option<Vec<u8>>, wanted: bool) -> Lists {
    let oversized = outputs.is_none().then_some(LISTS_MAX);
    let document = |bytes: Option<Vec<u8>>| Doc::trusted(bytes.unwrap_or_else(|| b"[]".to_vec()));
    Lists { outputs: document(outputs), results: wanted.then(|| document(results)), oversized }
}
