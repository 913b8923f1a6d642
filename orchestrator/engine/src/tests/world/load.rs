//! Loading what a rule asks for.

use std::collections::{BTreeMap, BTreeSet};

use warrener_shared::id::{JobId, JobNo, TaskNo, Token};
use warrener_shared::json::{Doc, ListWriter};
use warrener_shared::state::TaskState;

use super::World;
use crate::row::TaskRow;
use crate::slice::{JobEntry, Line, Lists};
use crate::{Lane, Need, Read, Slice, missing};

impl World {
    /// Loads until nothing is missing for the need.
    pub(in crate::tests) fn load_for(&mut self, slice: &mut Slice, need: Need<'_>) {
        loop {
            let reads = missing(slice, need);
            if reads.is_empty() {
                return;
            }
            reads.into_iter().for_each(|read| self.load(slice, read));
        }
    }

    pub(in crate::tests) fn load(&mut self, slice: &mut Slice, read: Read) {
        match read {
            Read::Job(no) => slice.load_job(self.entry(no)),
            Read::Task(no) => match self.tasks.get(&no) {
                Some(row) => slice.load_task(row.clone()),
                None => slice.load_absent(no),
            },
            Read::Tasks(first, count) => self.load_range(slice, first, count, |_| true),
            Read::OpenTasks(no) => {
                let entry = slice.job(no).expect("a job is asked for before its tasks");
                let (first, count) = (entry.row.first_task, entry.spec.tasks.len());
                self.load_range(slice, first, u32::try_from(count).unwrap(), |row| !row.state.is_final());
                slice.loaded_open_tasks(no);
            }
            Read::OpenItems(no) => {
                let map = slice.task(no).and_then(|row| row.map).expect("a mapped task is asked for before its items");
                self.load_range(slice, map.first_item, map.total, |row| !row.state.is_final());
                slice.loaded_open_items(no);
            }
            Read::Parked(line, most) => self.load_parked(slice, line, most),
            Read::Lists { task, results } => slice.load_lists(task, self.lists(slice, task, results)),
            Read::Queue(name) => {
                let next = i64::try_from(self.queues.len()).unwrap() + 1;
                let no = *self.queues.entry(name.clone()).or_insert(next);
                slice.load_lane(Lane { name, no });
            }
            Read::QueueNames => slice.load_queue_names(self.queues.keys().cloned().collect()),
            Read::Tokens(count) => slice.load_tokens((0..count).map(|_| self.token()).collect::<Vec<_>>()),
            Read::NewJobs(count) => {
                let named = |no: JobNo| (no, JobId::new(&format!("job-{}", no.0)).unwrap());
                slice.load_new_jobs((0..count).map(|_| named(self.job_no())).collect::<Vec<_>>());
            }
            Read::Numbers(count) => {
                slice.load_numbers(self.next_task, count);
                self.next_task += i64::from(count);
            }
        }
    }

    pub(in crate::tests) fn entry(&self, no: JobNo) -> JobEntry {
        JobEntry { row: self.jobs[&no].clone(), spec: self.specs[&no].clone(), traceparent: None }
    }

    fn load_range(&self, slice: &mut Slice, first: TaskNo, count: u32, wanted: impl Fn(&TaskRow) -> bool) {
        let range = self.tasks.range(first..TaskNo(first.0 + i64::from(count)));
        range.filter(|(_, row)| wanted(row)).for_each(|(_, row)| slice.load_task(row.clone()));
    }

    fn load_parked(&self, slice: &mut Slice, line: Line, most: u32) {
        let mut queues: BTreeMap<i64, BTreeSet<_>> = BTreeMap::new();
        for row in self.tasks.values() {
            if let Some((_, place)) = row.line().filter(|(own, _)| *own == line) {
                queues.entry(row.queue).or_default().insert((place, row.no));
            }
        }
        for (_, no) in queues.values().flat_map(|tasks| tasks.iter().take(most as usize)) {
            slice.load_task(self.tasks[no].clone());
        }
        slice.loaded_parked(line, most, queues.values().all(|tasks| tasks.len() < most as usize));
    }

    fn token(&mut self) -> Token {
        self.next_token += 1;
        Token(self.next_token << 64 | u128::from(self.dice))
    }

    fn lists(&self, slice: &Slice, task: TaskNo, results: bool) -> Lists {
        let map = slice.task(task).and_then(|row| row.map).expect("a mapped task is asked for before its lists");
        let (mut outputs, mut all) = (ListWriter::new(usize::MAX), ListWriter::new(usize::MAX));
        for no in (map.first_item.0..).take(map.total as usize).map(TaskNo) {
            let row = slice.task(no).or_else(|| self.tasks.get(&no));
            let output = row.and_then(|row| row.output.as_deref()).unwrap_or(b"null");
            let error = row.and_then(|row| row.error.as_deref()).unwrap_or(b"null");
            // An item without a row never began, and was cancelled with its task.
            let (state, attempts) = row.map_or((TaskState::Cancelled, 0), |row| (row.state, row.attempt));
            let text = String::from_utf8_lossy;
            let (shown, error) = (text(output), text(error));
            let result = format!(r#"{{"status":"{state}","output":{shown},"error":{error},"attempts":{attempts}}}"#);
            outputs.push(output).unwrap();
            all.push(result.as_bytes()).unwrap();
        }
        let all = Doc::trusted(all.finish().unwrap());
        let oversized = None;
        Lists { outputs: Doc::trusted(outputs.finish().unwrap()), results: results.then_some(all), oversized }
    }
}
