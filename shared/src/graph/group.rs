//! Graphs that are too large to be looked at, with those together that are of one kind and stand in one column, or in
//! columns side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::layers::longest_ways;
use super::{GraphNode, needs};

/// Members of each group, by its column and kind.
type Groups<'a> = BTreeMap<(usize, &'a str), Vec<usize>>;

/// The same graph with at most `most` nodes: one for all tasks of a kind in a column; where these are too many, for all
/// of a column; and where that is too many, for all of columns side by side. The items of such a node are the tasks.
pub fn grouped(nodes: &[GraphNode], most: usize) -> Vec<GraphNode> {
    let needs = needs(nodes);
    let ways = longest_ways(&needs);
    let columns = ways.iter().max().map_or(0, |last| last + 1);
    let mut groups = Groups::new();
    (0..nodes.len()).for_each(|at| groups.entry((ways[at], &nodes[at].kind)).or_default().push(at));
    if groups.len() > most {
        groups.clear();
        let range = |at: usize| ways[at] * most.min(columns) / columns;
        (0..nodes.len()).for_each(|at| groups.entry((range(at), "")).or_default().push(at));
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
    let kinds: BTreeSet<&str> = members.iter().map(|member| member.kind.as_str()).collect();
    let most = states.iter().max_by_key(|(_, count)| **count).map_or("waiting", |(state, _)| *state);
    let failed = ["failed", "timed_out"].into_iter().find(|state| states.contains_key(state));
    GraphNode {
        task: format!("{} … {}", members[0].task, members[members.len() - 1].task),
        kind: if kinds.len() == 1 { members[0].kind.clone() } else { format!("{} kinds", kinds.len()) },
        state: failed.unwrap_or(most).to_owned(),
        items: Some(states.into_iter().map(|(state, count)| (state.to_owned(), count)).collect()),
        needs,
    }
}
