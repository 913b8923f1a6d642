use super::layers::{Columns, longest_ways};
use super::order::order;
use super::*;

/// `name: needs`.
fn nodes(graph: &[(&str, &[&str])]) -> Vec<GraphNode> {
    let place = |name: &str| graph.iter().position(|(known, _)| *known == name);
    let node = |(name, needs): &(&str, &[&str])| GraphNode {
        task: (*name).to_owned(),
        kind: "k<>".to_owned(),
        state: "waiting".to_owned(),
        items: None,
        needs: needs.iter().map(|need| place(need).unwrap_or(usize::MAX)).collect(),
    };
    graph.iter().map(node).collect()
}

fn wide(count: usize) -> Vec<GraphNode> {
    // Ten columns of a hundred; each needs three of the column before.
    let node = |at: usize| GraphNode {
        task: format!("t{at}"),
        kind: format!("k{}", at % 4),
        state: "succeeded".to_owned(),
        items: None,
        needs: if at < 100 {
            Vec::new()
        } else {
            [0, 7, 31].map(|step| at / 100 * 100 - 100 + (at + step) % 100).into()
        },
    };
    (0..count).map(node).collect()
}

/// Lines of a drawing that cross, each pair once, between two columns.
fn crossings(drawing: &GraphDrawing) -> usize {
    let mut found = 0;
    for (at, one) in drawing.edges.iter().enumerate() {
        for other in &drawing.edges[at + 1..] {
            for (a, b) in one.points.windows(2).zip(other.points.windows(2)) {
                let is_beside = a[0].0 == b[0].0 && a[1].0 == b[1].0;
                found += usize::from(is_beside && (a[0].1 - b[0].1) * (a[1].1 - b[1].1) < 0.0);
            }
        }
    }
    found
}

#[test]
fn a_task_stands_right_of_everything_that_it_needs() {
    let diamond = nodes(&[("d", &["b", "c"]), ("a", &[]), ("b", &["a"]), ("c", &["b"]), ("lone", &["elsewhere"])]);
    let drawing = draw(&diamond);
    let columns: Vec<f64> = drawing.corners.iter().map(|corner| corner.0).collect();
    assert!(columns[1] < columns[2] && columns[2] < columns[3] && columns[3] < columns[0], "{columns:?}");
    assert_eq!((columns[4], drawing.edges.len()), (columns[1], 4));
    assert_eq!(longest_ways(&[vec![1], vec![0], vec![]]), [0, 0, 0], "a cycle has an end");
    let cycle = draw(&nodes(&[("a", &["b"]), ("b", &["a"]), ("c", &[])]));
    assert_eq!((cycle.corners.len(), cycle.edges.len()), (3, 2));
}

#[test]
fn lines_do_not_cross_without_need() {
    let pairs = nodes(&[("a", &[]), ("b", &[]), ("after_b", &["b"]), ("after_a", &["a"])]);
    let needs: Vec<Vec<usize>> = pairs.iter().map(|node| node.needs.clone()).collect();
    assert_eq!(order(&Columns::of(&needs)), [[0, 1], [3, 2]]);
    assert_eq!(crossings(&draw(&pairs)), 0);
}

#[test]
fn nothing_stands_upon_another_and_lines_pass_between() {
    let mut graph = wide(400);
    graph.push(GraphNode { task: "last".to_owned(), needs: vec![0, 150, 399], ..graph[0].clone() });
    let drawing = draw(&graph);
    for (at, one) in drawing.corners.iter().enumerate() {
        assert!(one.0 >= 0.0 && one.1 >= 0.0 && one.0 + NODE_WIDTH <= drawing.width, "{one:?}");
        assert!(one.1 + NODE_HEIGHT <= drawing.height + 0.01, "{one:?}");
        for other in &drawing.corners[at + 1..] {
            assert!(one.0 != other.0 || (one.1 - other.1).abs() >= NODE_HEIGHT, "{one:?} {other:?}");
        }
    }
    for edge in &drawing.edges {
        for inner in &edge.points[1..edge.points.len() - 1] {
            let hits = drawing.corners.iter().any(|corner| {
                (corner.0 - inner.0).abs() < 1.0 && inner.1 > corner.1 && inner.1 < corner.1 + NODE_HEIGHT
            });
            assert!(!hits, "{edge:?}");
        }
    }
}

#[test]
fn a_long_chain_and_a_large_graph_have_an_end() {
    let chain: Vec<GraphNode> = (0..20_000)
        .map(|at| GraphNode {
            task: format!("t{at}"),
            kind: "k".to_owned(),
            state: "ready".to_owned(),
            items: None,
            needs: if at == 0 { Vec::new() } else { vec![at - 1, 0] },
        })
        .collect();
    let drawing = draw(&chain);
    assert!(drawing.corners[19_999].0 > drawing.corners[19_998].0);
    assert_eq!(draw(&wide(1_000)).edges.len(), 2_700);
}

#[test]
fn large_graphs_are_grouped_by_kind_and_column() {
    let graph = wide(1_000);
    let groups = grouped(&graph, 300);
    assert_eq!(groups.len(), 40);
    let total: u64 = groups.iter().flat_map(|group| group.items.as_ref().unwrap()).map(|(_, count)| count).sum();
    assert_eq!(total, 1_000);
    assert!(groups.iter().enumerate().all(|(at, group)| group.needs.iter().all(|need| *need < at)));
    assert_eq!(grouped(&nodes(&[("a", &[]), ("b", &["a"])]), 300), nodes(&[("a", &[]), ("b", &["a"])]));
}

#[test]
fn no_graph_has_more_groups_than_fit() {
    let node = |at: usize, kind: String, needs: Vec<usize>| GraphNode {
        task: format!("t{at}"),
        kind,
        state: "waiting".to_owned(),
        items: None,
        needs,
    };
    let chain: Vec<_> =
        (0..1_000).map(|at| node(at, "k".to_owned(), at.checked_sub(1).into_iter().collect())).collect();
    let colourful: Vec<_> = (0..1_000).map(|at| node(at, format!("k{at}"), Vec::new())).collect();
    for (graph, most, wanted) in [(&chain, 300, 300), (&chain, 7, 7), (&colourful, 300, 1)] {
        let groups = grouped(graph, most);
        assert_eq!(groups.len(), wanted);
        let total: u64 = groups.iter().flat_map(|group| group.items.as_ref().unwrap()).map(|(_, count)| count).sum();
        assert_eq!(total, 1_000);
        assert!(groups.iter().enumerate().all(|(at, group)| group.needs.iter().all(|need| *need < at)));
    }
    assert_eq!(grouped(&colourful, 300)[0].kind, "1000 kinds");
}

#[test]
fn pictures_hold_every_task_and_need_and_no_markup_of_others() {
    let graph = nodes(&[("a", &[]), ("b", &["a"])]);
    assert_eq!(
        dot("my \"job\"", &graph),
        "digraph \"my \\\"job\\\"\" {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n  \"a\" \
         [label=\"a\\nwaiting\"];\n  \"b\" [label=\"b\\nwaiting\"];\n  \"a\" -> \"b\";\n}\n"
    );
    assert_eq!(mermaid(&graph), "flowchart LR\n  t0[\"a<br>waiting\"]\n  t1[\"b<br>waiting\"]\n  t0 --> t1\n");
    let picture = svg("<script>", &graph, &draw(&graph), |node| Some(format!("?task={}\"", node.task)));
    assert_eq!((picture.matches("<rect").count(), picture.matches("<path").count()), (2, 1));
    assert!(!picture.contains("<script>") && picture.contains("k&lt;&gt;"), "{picture}");
    assert!(picture.contains("href=\"?task=a&quot;\"") && !picture.contains("style="), "{picture}");
    let mut mapped = graph[0].clone();
    mapped.items = Some(vec![("succeeded".to_owned(), 3), ("failed".to_owned(), 1), ("ready".to_owned(), 0)]);
    let picture = svg("j", &[mapped.clone()], &draw(&[mapped]), |_| None);
    assert!(picture.contains("a ×4") && picture.matches("class=\"part").count() == 2, "{picture}");
    assert!(svg("empty", &[], &draw(&[]), |_| None).contains("viewBox"));
}
