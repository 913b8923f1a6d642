//! Graphs that are too large to be looked at, with those together that are of one kind and stand in one column.

use std::collections::{BTreeMap, BTreeSet};

use super::layers::longest_ways;
use super::{GraphNode, needs};

/// The same graph with one node for all tasks of a kind in a column, if there are several. Its items are the tasks.
pub fn grouped(nodes: &[GraphNode]) -> Vec<GraphNode> {
    let needs = needs(nodes);
    let ways = longest_ways(&needs);
    let mut groups: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
    for (at, node) in nodes.iter().enumerate() {
        groups.entry((ways[at], &node.kind)).or_default().push(at);
    }
    let mut group_of = vec![0; nodes.len()];
    for (no, members) in groups.values().enumerate() {
        members.iter().for_each(|member| group_of[*member] = no);
    }
    groups
        .values()
        .enumerate()
        .map(|(no, members)| {
            let needs: BTreeSet<usize> = members.iter().flat_map(|at| &needs[*at]).map(|at| group_of[*at]).collect();
            let needs: Vec<usize> = needs.into_iter().filter(|need| *need != no).collect();
            match members.as_slice() {
                [only] => GraphNode { needs, ..nodes[*only].clone() },
                _ => together(members.iter().map(|at| &nodes[*at]).collect(), needs),
            }
        })
        .collect()
}

fn together(members: Vec<&GraphNode>, needs: Vec<usize>) -> GraphNode {
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    for member in &members {
        *states.entry(&member.state).or_default() += 1;
    }
    let most = states.iter().max_by_key(|(_, count)| **count).map_or("waiting", |(state, _)| *state);
    let failed = ["failed", "timed_out"].into_iter().find(|state| states.contains_key(state));
    GraphNode {
        task: format!("{} … {}", members[0].task, members[members.len() - 1].task),
        kind: members[0].kind.clone(),
        state: failed.unwrap_or(most).to_owned(),
        items: Some(states.into_iter().map(|(state, count)| (state.to_owned(), count)).collect()),
        needs,
    }
}
