//! `GET /jobs/{id}/tasks`: the tasks of a job as they are written, with their items if asked for.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use warrener_engine::row::TaskRow;
use warrener_shared::id::JobId;

use super::app::App;
use super::job;
use super::path::JobPath;
use super::problem::Problem;
use super::query::Parameters;
use super::shape::List;
use super::task::{Maker, TaskResource};
use crate::store::StoreError;
use crate::store::view::{PAGE_BYTES, Snapshot};

/// Place at which a list goes on: a task, or an item of it. As a cursor `<position>` or `<position>.<index>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TaskPlace {
    /// Position of the task in its job, from 0.
    position: u32,
    /// Index of the item, from 0; `None` for the task itself.
    index: Option<u32>,
}

impl TaskPlace {
    /// Place of a task.
    const fn task(position: u32) -> Self {
        Self { position, index: None }
    }

    /// Place of a cursor.
    fn parse(text: &str) -> Option<Self> {
        let (position, index) = match text.split_once('.') {
            Some((position, index)) => (position, Some(index.parse().ok()?)),
            None => (text, None),
        };
        Some(Self { position: position.parse().ok()?, index })
    }

    /// Cursor of the place.
    fn to_cursor(self) -> String {
        self.index.map_or_else(|| self.position.to_string(), |index| format!("{}.{index}", self.position))
    }
}

/// Page of tasks, in the order of the document.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    JobPath(id): JobPath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = TasksWanted::of(&parameters)?;
    app.answer(move |app, snapshot| wanted.read(app, snapshot, &id)).await
}

/// The part of the tasks of a job that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct TasksWanted {
    with_items: bool,
    limit: usize,
    start: TaskPlace,
}

impl TasksWanted {
    /// Parameters of a request as what they ask for.
    pub(super) fn of(parameters: &Parameters) -> Result<Self, Problem> {
        let with_items = parameters.flag("items")?;
        let limit = parameters.limit()?;
        let start = parameters.cursor(TaskPlace::parse)?.unwrap_or(TaskPlace::task(0));
        Ok(Self { with_items, limit, start })
    }

    /// Reads it.
    pub(super) fn read(
        self,
        app: &App,
        snapshot: &mut Snapshot<'_>,
        id: &JobId,
    ) -> Result<List<TaskResource>, Problem> {
        let job = job::entry(app, snapshot, id)?;
        let maker = Maker::new(app, *snapshot, &job)?;
        let Self { with_items, limit, start } = self;
        TaskPageMaker { maker, with_items, limit, shown: Vec::new(), bytes: 0 }.run(start)
    }
}

/// A page that is being made.
struct TaskPageMaker<'a> {
    /// Maker of its resources.
    maker: Maker<'a>,
    /// True if items are shown after their task.
    with_items: bool,
    /// Most elements.
    limit: usize,
    /// Elements so far.
    shown: Vec<TaskResource>,
    /// Bytes of their outputs so far.
    bytes: usize,
}

impl TaskPageMaker<'_> {
    /// Fills the page from a place on.
    fn run(mut self, start: TaskPlace) -> Result<List<TaskResource>, Problem> {
        let tasks = u32::try_from(self.maker.job.spec.tasks.len()).expect("the parser limits the tasks");
        let mut place = start;
        while place.position < tasks && !self.is_full() {
            place = match place.index {
                None => self.tasks(place.position)?,
                Some(index) => self.items(place.position, index)?,
            };
        }
        let next_cursor = (place.position < tasks).then(|| place.to_cursor());
        Ok(List { items: self.shown, next_cursor })
    }

    /// True once the page has its elements, or its bytes.
    fn is_full(&self) -> bool {
        self.shown.len() >= self.limit || self.bytes >= PAGE_BYTES
    }

    /// Elements that the page may still take.
    fn room(&self) -> u32 {
        u32::try_from(self.limit - self.shown.len()).expect("a page is small")
    }

    /// Shows tasks from a position on, up to the first whose items come next. Gives the place at which to go on.
    fn tasks(&mut self, first: u32) -> Result<TaskPlace, Problem> {
        let rest = u32::try_from(self.maker.job.spec.tasks.len()).expect("the parser limits the tasks") - first;
        let count = if self.with_items { 1 } else { rest.min(self.room()) };
        let rows = self.maker.snapshot.task_page(self.maker.job.row.task_no(first), count)?.items;
        let mut position = first;
        for row in rows {
            let lists = self.maker.lists(&row, false)?;
            self.bytes += lists.bytes;
            self.show(&row, lists.outputs)?;
            let has_items = row.map.is_some_and(|map| map.total > 0);
            if self.with_items && has_items {
                return Ok(TaskPlace { position, index: Some(0) });
            }
            position += 1;
            if self.is_full() {
                break;
            }
        }
        if position == first {
            return Err(StoreError::Corrupt(format!("job {} lacks task {first}", self.maker.job.row.id)).into());
        }
        Ok(TaskPlace::task(position))
    }

    /// Shows items of a mapped task from an index on, also those without a row. Gives the place at which to go on.
    fn items(&mut self, position: u32, first: u32) -> Result<TaskPlace, Problem> {
        let mapped = self.maker.snapshot.task(self.maker.job.row.task_no(position))?;
        let Some((mapped, map)) = mapped.and_then(|row| Some((row.clone(), row.map?))) else {
            return Ok(TaskPlace::task(position + 1));
        };
        let end = map.total.min(first.saturating_add(self.room()));
        let mut index = first;
        if first < map.next {
            let count = map.next.min(end) - first;
            let rows = self.maker.snapshot.task_page(map.item_no(first), count)?;
            if rows.items.is_empty() {
                return Err(StoreError::Corrupt(format!("job {} lacks items", self.maker.job.row.id)).into());
            }
            for row in &rows.items {
                self.show(row, None)?;
                index += 1;
            }
        }
        // A page that is full of bytes ends before the items that are only counted.
        if index >= map.next.min(end) {
            let max_parallel = self.maker.spec_of(&mapped)?.max_parallel();
            for item in (index..end).filter_map(|at| mapped.counted_item(at, max_parallel)) {
                self.show(&item, None)?;
            }
            index = index.max(end);
        }
        Ok(if index >= map.total { TaskPlace::task(position + 1) } else { TaskPlace { position, index: Some(index) } })
    }

    /// Adds a row to the page.
    fn show(&mut self, row: &TaskRow, output: super::shape::Raw) -> Result<(), Problem> {
        self.bytes += row.output.as_ref().map_or(0, |output| output.len());
        self.shown.push(self.maker.task(row, output)?);
        Ok(())
    }
}
