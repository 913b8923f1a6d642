//! Some tasks of a job: those in one state, or the items of one mapped task.

use warrener_shared::id::JobId;
use warrener_shared::state::TaskState;

use super::app::App;
use super::job;
use super::parameter::QueryParameter;
use super::path::no_task;
use super::problem::Problem;
use super::query::Parameters;
use super::shape::List;
use super::task::{Maker, TaskResource};
use crate::store::view::Snapshot;

/// Parameter: tasks in one state.
pub(super) const STATE: &QueryParameter = &QueryParameter {
    name: "state",
    about: "Lists tasks, or items, in this state only.",
    schema: || serde_json::json!({ "type": "string", "enum": TaskState::ALL }),
    example: || serde_json::json!("failed"),
};
/// Parameter: items of one task.
pub(super) const TASK: &QueryParameter = &QueryParameter {
    name: "task",
    about: "Lists the items of this mapped task.",
    schema: || serde_json::json!({ "type": "string" }),
    example: || serde_json::json!("thumbnails"),
};

/// The tasks that are asked for.
#[derive(Debug)]
pub(super) struct SomeTasks {
    task: Option<String>,
    state: Option<TaskState>,
    limit: usize,
    /// Position of the task, or index of the item, from which the list goes on.
    start: u32,
}

impl SomeTasks {
    /// Parameters of a request as what they ask for; `None` if they ask for all tasks.
    pub(super) fn of(parameters: &Parameters) -> Result<Option<Self>, Problem> {
        let given = |name: &str| parameters.get(name).filter(|text| !text.is_empty());
        let known = |text: &str| TaskState::ALL.iter().copied().find(|state| state.as_str() == text);
        let wrong = |text| Problem::parameter("state", format_args!("{text:?} is no state of a task"));
        let state = given("state").map(|text| known(text).ok_or_else(|| wrong(text))).transpose()?;
        let task = given("task").map(str::to_owned);
        if task.is_none() && state.is_none() {
            return Ok(None);
        }
        let start = parameters.cursor(|text| text.parse().ok())?.unwrap_or(0);
        Ok(Some(Self { task, state, limit: parameters.limit()?, start }))
    }

    /// Reads them, with the mapped task whose items they are.
    pub(super) fn read(
        &self,
        app: &App,
        snapshot: &mut Snapshot<'_>,
        id: &JobId,
    ) -> Result<(List<TaskResource>, Option<TaskResource>), Problem> {
        let job = job::entry(app, snapshot, id)?;
        let mut maker = Maker::new(app, *snapshot, &job)?;
        let Some(name) = &self.task else {
            let count = u32::try_from(job.spec.tasks.len()).expect("the parser limits the tasks");
            let first = job.row.task_no(self.start.min(count));
            let page = snapshot.tasks_in_state(first, count.saturating_sub(self.start), self.state, self.limit)?;
            let next = page.items.last().filter(|_| page.more).map(|last| (last.position + 1).to_string());
            let items = page.items.iter().map(|row| maker.task(row, None)).collect::<Result<_, _>>()?;
            return Ok((List { items, next_cursor: next }, None));
        };
        let position = job.spec.tasks.iter().position(|task| task.name.as_str() == name);
        let missing = || no_task(id.as_str(), name);
        let position = u32::try_from(position.ok_or_else(missing)?).expect("the parser limits the tasks");
        let mapped = snapshot.task(job.row.task_no(position))?.ok_or_else(missing)?;
        let of = maker.task(&mapped, None)?;
        let Some(map) = mapped.map else { return Ok((List { items: Vec::new(), next_cursor: None }, Some(of))) };
        let (mut items, mut next) = (Vec::new(), None);
        if self.start < map.next {
            let count = map.next - self.start;
            let page = snapshot.tasks_in_state(map.item_no(self.start), count, self.state, self.limit)?;
            next = page.items.last().filter(|_| page.more).and_then(|last| last.index).map(|index| index + 1);
            items = page.items.iter().map(|row| maker.task(row, None)).collect::<Result<_, _>>()?;
        }
        // Those that did not begin have no row.
        let max_parallel = maker.spec_of(&mapped)?.max_parallel();
        let mut index = self.start.max(map.next);
        while next.is_none() && index < map.total {
            let item = mapped.counted_item(index, max_parallel);
            let item = item.filter(|item| self.state.is_none_or(|state| item.state == state));
            if let Some(item) = item {
                if items.len() >= self.limit {
                    next = Some(index);
                    break;
                }
                items.push(maker.task(&item, None)?);
            }
            index += 1;
        }
        Ok((List { items, next_cursor: next.map(|index| index.to_string()) }, Some(of)))
    }
}
