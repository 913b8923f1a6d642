//! Places of the tasks: in layers, below everything that they need, near to it.

use std::collections::HashMap;

use warrener_client::http::resource::Task;

/// The needs of each task as positions in the list; a name that isn't there is left out.
pub(super) fn needs(tasks: &[Task]) -> Vec<Vec<usize>> {
    let places: HashMap<&str, usize> = tasks.iter().enumerate().map(|(at, task)| (task.task.as_str(), at)).collect();
    let of = |task: &Task| task.needs.iter().filter_map(|need| places.get(need.as_str()).copied()).collect();
    tasks.iter().map(of).collect()
}

/// The longest way from a task without needs to each task. A foreign answer with a cycle ends too: what is on it stands
/// in the first layer.
pub(super) fn layers(tasks: &[Task]) -> Vec<usize> {
    let needs = needs(tasks);
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut dependents = vec![Vec::new(); tasks.len()];
    for (task, needs) in needs.iter().enumerate() {
        for &need in needs {
            dependents[need].push(task);
        }
    }
    let mut layers = vec![0; tasks.len()];
    let mut ready: Vec<usize> = (0..tasks.len()).filter(|&task| open[task] == 0).collect();
    while let Some(task) = ready.pop() {
        for &dependent in &dependents[task] {
            layers[dependent] = layers[dependent].max(layers[task] + 1);
            open[dependent] -= 1;
            if open[dependent] == 0 {
                ready.push(dependent);
            }
        }
    }
    layers
}

/// The tasks of each layer from left to right: each stands where its needs stand on average, so that few lines cross.
pub(super) fn rows(tasks: &[Task], layers: &[usize]) -> Vec<Vec<usize>> {
    let needs = needs(tasks);
    let mut rows = vec![Vec::new(); layers.iter().max().map_or(0, |deepest| deepest + 1)];
    for (task, &layer) in layers.iter().enumerate() {
        rows[layer].push(task);
    }
    let mut place = vec![0.0; tasks.len()];
    for row in &mut rows {
        let middle = |task: &usize| {
            let above = &needs[*task];
            above.iter().map(|&need| place[need]).sum::<f64>() / above.len().max(1) as f64
        };
        row.sort_by(|one, other| middle(one).total_cmp(&middle(other)));
        // Between 0 and 1, so that rows of different lengths compare.
        for (at, &task) in row.iter().enumerate() {
            place[task] = (at as f64 + 0.5) / row.len() as f64;
        }
    }
    rows
}
