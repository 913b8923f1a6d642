//! `warrener job graph`.

use std::collections::HashMap;

use warrener_client::http::resource::Task;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Cell, Table};

pub(super) async fn graph(context: &Context, id: &str) -> Result<Exit, Failure> {
    let (mut tasks, pages) = super::all_tasks(&context.http()?, id).await?;
    let levels = levels(&tasks);
    tasks.sort_by_key(|task| levels.get(&task.task).copied());
    context.print(&pages, &tasks, |task| task.address(), || table(&tasks))
}

fn table(tasks: &[Task]) -> Table {
    let mut table = Table::new(&["TASK", "STATE", "KIND", "NEEDS"]);
    for task in tasks {
        table.row(vec![
            task.task.as_str().into(),
            Cell::state(task.state.as_str()),
            task.kind.as_str().into(),
            task.needs.join(", ").into(),
        ]);
    }
    table
}

/// The longest way from a task without needs to each task: a task stands below everything that it needs.
fn levels(tasks: &[Task]) -> HashMap<String, usize> {
    let mut levels: HashMap<String, usize> = tasks.iter().map(|task| (task.task.clone(), 0)).collect();
    // A graph has no cycle, so each round settles one level more; a foreign answer with one ends here too.
    for _ in 0..tasks.len() {
        let mut changed = false;
        for task in tasks {
            let above = task.needs.iter().filter_map(|need| levels.get(need)).max().map_or(0, |level| level + 1);
            changed |= levels.insert(task.task.clone(), above) != Some(above);
        }
        if !changed {
            break;
        }
    }
    levels
}
