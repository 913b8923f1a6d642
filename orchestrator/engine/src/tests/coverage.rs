//! Whether the stories reach everything that the tables of states allow.

use std::collections::BTreeSet;

use warrener_shared::state::{JobState, TaskState};

use super::story::{AREAS, worlds};
use super::world::World;

#[test]
fn every_transition_of_a_task_is_in_a_story() {
    let reached = reached(task_moves);
    let missing: Vec<_> =
        TaskState::TRANSITIONS.iter().filter(|(from, _, to)| !reached.contains(&(*from, *to))).collect();
    assert!(missing.is_empty(), "no story shows {missing:#?}");
}

#[test]
fn every_transition_of_a_job_is_in_a_story() {
    let reached = reached(job_moves);
    let missing: Vec<_> =
        JobState::TRANSITIONS.iter().filter(|(from, _, to)| !reached.contains(&(*from, *to))).collect();
    assert!(missing.is_empty(), "no story shows {missing:#?}");
}

fn reached<T: Ord>(moves: impl Fn(&World) -> Vec<(T, T)>) -> BTreeSet<(T, T)> {
    AREAS.iter().flat_map(|(_, text)| worlds(text)).flat_map(|world| moves(&world)).collect()
}

/// Items begin ready, tasks waiting.
fn task_moves(world: &World) -> Vec<(TaskState, TaskState)> {
    let mut moves = Vec::new();
    for log in world.log.values() {
        let mut states = std::collections::BTreeMap::new();
        for event in log.iter().filter(|event| event.task.is_some()) {
            let to: TaskState = event.state.parse().unwrap();
            let first = if event.index.is_some() { TaskState::Ready } else { TaskState::Waiting };
            let from = states.insert((event.task.clone(), event.index), to).unwrap_or(first);
            // That a retried task waits again is no event of its own.
            if from.is_final() {
                moves.push((from, TaskState::Waiting));
            }
            moves.push((if from.is_final() { TaskState::Waiting } else { from }, to));
        }
    }
    moves
}

fn job_moves(world: &World) -> Vec<(JobState, JobState)> {
    let mut moves = Vec::new();
    for log in world.log.values() {
        let states = log.iter().filter(|event| event.task.is_none()).map(|event| event.state.parse().unwrap());
        let states: Vec<JobState> = std::iter::once(JobState::Scheduled).chain(states).collect();
        moves.extend(states.windows(2).map(|pair| (pair[0], pair[1])));
    }
    moves
}
