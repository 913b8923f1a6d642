//! `--only a,b`: some tasks of a job, and what they need.

use std::collections::BTreeSet;

use warrener_shared::job::{JobSpec, Shape};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Tree;

/// Takes everything out of a job but these tasks and what they need, and an output that names others. Gives the words
/// for what was taken out.
pub(super) fn keep(document: &mut Tree, job: &JobSpec, tasks: &[String]) -> Result<String, Failure> {
    let kept = needed(job, tasks)?;
    let is_left_out = |name: &str| job.position(name).is_some_and(|position| !kept.contains(&position));
    let Tree::Map(members) = document else { return Ok("nothing".to_owned()) };
    let mut left_out: Vec<String> =
        job.tasks.iter().map(|task| task.name.to_string()).filter(|name| is_left_out(name)).collect();
    if let Some((_, Tree::Map(tasks))) = members.iter_mut().find(|(member, _)| member == "tasks") {
        tasks.retain(|(name, _)| !is_left_out(name));
    }
    let references = job.output.as_ref().map(|output| output.references()).unwrap_or_default();
    if references.iter().any(|reference| is_left_out(&reference.task)) {
        members.retain(|(member, _)| member != "output");
        left_out.push("the job's output, which names some of them".to_owned());
    }
    Ok(if left_out.is_empty() { "nothing".to_owned() } else { left_out.join(", ") })
}

/// The positions of these tasks and of all that they need.
fn needed(job: &JobSpec, tasks: &[String]) -> Result<BTreeSet<u32>, Failure> {
    let position = |name: &String| {
        job.position(name).ok_or_else(|| {
            let shown: Vec<&str> = job.tasks.iter().take(SHOWN).map(|task| task.name.as_str()).collect();
            let more = if job.tasks.len() > SHOWN { ", …" } else { "" };
            let which = if job.shape == Shape::Single { "the one task is" } else { "there are" };
            Failure::new(
                Exit::Usage,
                format!("--only {name}: there is no such task; {which} {}{more}", shown.join(", ")),
            )
        })
    };
    let mut open = tasks.iter().map(position).collect::<Result<Vec<_>, _>>()?;
    let mut kept = BTreeSet::new();
    while let Some(next) = open.pop() {
        if kept.insert(next) {
            open.extend(job.tasks.get(next as usize).into_iter().flat_map(|task| &task.needs));
        }
    }
    Ok(kept)
}

/// Names of tasks in a message.
const SHOWN: usize = 20;
