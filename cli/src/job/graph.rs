//! `warrener job graph`: which task waits for which.

mod dot;
mod layout;
mod svg;

use clap::ValueEnum;
use warrener_client::http::resource::Task;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Cell, Table};
use crate::talk;

/// Form of a drawn graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// As --output says
    #[default]
    Text,
    /// For Graphviz
    Dot,
    /// A picture
    Svg,
}

pub(super) async fn graph(context: &Context, id: &str, format: GraphFormat) -> Result<Exit, Failure> {
    let (mut tasks, pages) = super::all_tasks(&context.http()?, id).await?;
    let layers = layout::layers(&tasks);
    match format {
        GraphFormat::Dot => talk::words(&dot::dot(id, &tasks))?,
        GraphFormat::Svg => talk::words(&svg::svg(id, &tasks, &layers))?,
        GraphFormat::Text => {
            // Stable, so that tasks of one layer stay as written.
            let mut order: Vec<_> = (0..tasks.len()).collect();
            order.sort_by_key(|&task| layers[task]);
            tasks = order.into_iter().map(|task| tasks[task].clone()).collect();
            return context.print(&pages, &tasks, |task| task.address(), || table(&tasks));
        }
    }
    Ok(Exit::Ok)
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

#[cfg(test)]
mod tests;
