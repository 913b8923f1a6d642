//! Dependents and cycles. Everything is linear in tasks and needs, and nothing recurses.

use std::collections::VecDeque;

use super::TaskSpec;

/// Fills in the dependents of every task.
pub(crate) fn link(tasks: &mut [TaskSpec]) {
    let mut counts = vec![0usize; tasks.len()];
    for need in tasks.iter().flat_map(|task| &task.needs) {
        counts[*need as usize] += 1;
    }
    for (task, count) in tasks.iter_mut().zip(counts) {
        task.dependents = Vec::with_capacity(count);
    }
    for position in 0..tasks.len() {
        let needs = std::mem::take(&mut tasks[position].needs);
        for need in &needs {
            tasks[*need as usize].dependents.push(index(position));
        }
        tasks[position].needs = needs;
    }
}

/// Finds a shortest cycle, as positions that each need the next, for every group of tasks that wait for each other.
/// Empty if the graph is sound. `needs[n]` are the positions that n needs.
pub(crate) fn cycles(needs: &[Vec<u32>]) -> Vec<Vec<u32>> {
    if is_acyclic(needs) {
        return Vec::new();
    }
    let group = groups(needs);
    let mut starts: Vec<Option<u32>> = vec![None; needs.len()];
    let mut sizes = vec![0usize; needs.len()];
    for (position, group) in group.iter().enumerate() {
        sizes[*group as usize] += 1;
        starts[*group as usize].get_or_insert_with(|| index(position));
    }
    let mut found: Vec<u32> = (0..needs.len()).filter(|group| sizes[*group] > 1).filter_map(|g| starts[g]).collect();
    found.sort_unstable();
    let mut before = vec![NONE; needs.len()];
    found.into_iter().map(|start| shortest(needs, &group, start, &mut before)).collect()
}

/// Tells whether all tasks can be taken one after the other, each after its needs.
fn is_acyclic(needs: &[Vec<u32>]) -> bool {
    let mut wanted = vec![0usize; needs.len()];
    for need in needs.iter().flatten() {
        wanted[*need as usize] += 1;
    }
    // Peels tasks that nobody needs, over and over: the same order as Kahn's, seen from the end.
    let mut free: Vec<usize> = (0..needs.len()).filter(|position| wanted[*position] == 0).collect();
    let mut taken = 0;
    while let Some(position) = free.pop() {
        taken += 1;
        for need in &needs[position] {
            wanted[*need as usize] -= 1;
            if wanted[*need as usize] == 0 {
                free.push(*need as usize);
            }
        }
    }
    taken == needs.len()
}

/// The strongly connected component of every task (Tarjan, with its own stack instead of recursion).
fn groups(needs: &[Vec<u32>]) -> Vec<u32> {
    let mut search = Search {
        order: vec![NONE; needs.len()],
        low: vec![0; needs.len()],
        group: vec![NONE; needs.len()],
        open: Vec::new(),
        next_order: 0,
        next_group: 0,
    };
    for position in 0..needs.len() {
        if search.order[position] == NONE {
            search.run(needs, index(position));
        }
    }
    search.group
}

struct Search {
    order: Vec<u32>,
    low: Vec<u32>,
    group: Vec<u32>,
    open: Vec<u32>,
    next_order: u32,
    next_group: u32,
}

impl Search {
    fn run(&mut self, needs: &[Vec<u32>], start: u32) {
        let mut path = vec![(start, 0usize)];
        self.enter(start);
        while let Some((position, tried)) = path.last_mut() {
            let at = *position as usize;
            let Some(next) = needs[at].get(*tried).copied() else {
                let done = *position;
                path.pop();
                self.leave(done);
                if let Some((parent, _)) = path.last() {
                    self.low[*parent as usize] = self.low[*parent as usize].min(self.low[at]);
                }
                continue;
            };
            *tried += 1;
            if self.order[next as usize] == NONE {
                self.enter(next);
                path.push((next, 0));
            } else if self.group[next as usize] == NONE {
                self.low[at] = self.low[at].min(self.order[next as usize]);
            }
        }
    }

    fn enter(&mut self, position: u32) {
        self.order[position as usize] = self.next_order;
        self.low[position as usize] = self.next_order;
        self.next_order += 1;
        self.open.push(position);
    }

    fn leave(&mut self, position: u32) {
        if self.low[position as usize] != self.order[position as usize] {
            return;
        }
        while let Some(member) = self.open.pop() {
            self.group[member as usize] = self.next_group;
            if member == position {
                break;
            }
        }
        self.next_group += 1;
    }
}

/// The shortest way from `start` back to itself inside its group, found breadth first.
fn shortest(needs: &[Vec<u32>], group: &[u32], start: u32, before: &mut [u32]) -> Vec<u32> {
    let mut queue = VecDeque::from([start]);
    while let Some(position) = queue.pop_front() {
        for next in &needs[position as usize] {
            if *next == start {
                return way(position, start, before);
            }
            if group[*next as usize] == group[start as usize] && before[*next as usize] == NONE {
                before[*next as usize] = position;
                queue.push_back(*next);
            }
        }
    }
    vec![start]
}

fn way(last: u32, start: u32, before: &[u32]) -> Vec<u32> {
    let mut way = vec![last];
    let mut position = last;
    while position != start {
        position = before[position as usize];
        way.push(position);
    }
    way.reverse();
    way
}

fn index(position: usize) -> u32 {
    u32::try_from(position).expect("the limit on tasks is far below 2³²")
}

const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests;
