use serde_json::json;
use warrener_client::http::resource::Task;

use super::{dot, layout, svg};

/// `name: needs`.
fn tasks(graph: &[(&str, &[&str])]) -> Vec<Task> {
    let task = |(name, needs): &(&str, &[&str])| {
        let task =
            json!({"job": "j", "task": name, "kind": "k<>", "queue": "default", "state": "waiting", "needs": needs});
        serde_json::from_value(task).expect("a task")
    };
    graph.iter().map(task).collect()
}

#[test]
fn a_task_stands_below_everything_that_it_needs() {
    let diamond = tasks(&[("d", &["b", "c"]), ("a", &[]), ("b", &["a"]), ("c", &["b"]), ("lone", &["elsewhere"])]);
    assert_eq!(layout::layers(&diamond), [3, 0, 1, 2, 0]);
    let cycle = tasks(&[("a", &["b"]), ("b", &["a"]), ("c", &[])]);
    assert_eq!(layout::layers(&cycle), [0, 0, 0]);
    assert_eq!(layout::rows(&cycle, &layout::layers(&cycle)).len(), 1);
}

#[test]
fn lines_do_not_cross_without_need() {
    let pairs = tasks(&[("a", &[]), ("b", &[]), ("after_b", &["b"]), ("after_a", &["a"])]);
    assert_eq!(layout::rows(&pairs, &layout::layers(&pairs)), [[0, 1], [3, 2]]);
}

#[test]
fn a_long_chain_is_quick() {
    let names: Vec<String> = (0..20_000).map(|number| format!("t{number}")).collect();
    let chain = names.iter().enumerate().map(|(at, name)| {
        let needs: &[&str] = if at == 0 { &[] } else { &[&names[at - 1]] };
        tasks(&[(name, needs)]).remove(0)
    });
    let chain: Vec<Task> = chain.collect();
    assert_eq!(layout::layers(&chain).last(), Some(&19_999));
}

#[test]
fn pictures_hold_every_task_and_need_and_no_markup_of_others() {
    let graph = tasks(&[("a", &[]), ("b", &["a"])]);
    let text = dot::dot("my \"job\"", &graph);
    assert_eq!(
        text,
        "digraph \"my \\\"job\\\"\" {\n  node [shape=box, style=rounded];\n  \"a\" [label=\"a\\nwaiting\"];\n  \"b\" \
         [label=\"b\\nwaiting\"];\n  \"a\" -> \"b\";\n}\n"
    );
    let picture = svg::svg("<script>", &graph, &layout::layers(&graph));
    assert_eq!((picture.matches("<rect").count(), picture.matches("<path").count()), (2, 1));
    assert!(!picture.contains("<script>") && picture.contains("k&lt;&gt;"), "{picture}");
    // Around the box between, which lies straight below.
    let graph = tasks(&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])]);
    let picture = svg::svg("j", &graph, &layout::layers(&graph));
    let curves: Vec<_> = picture.lines().filter(|line| line.starts_with("<path d=\"M61.0 62.0 C61.0 ")).collect();
    assert_eq!((picture.matches("<path").count(), curves.len()), (3, 1), "{picture}");
    assert!(svg::svg("empty", &[], &[]).contains("viewBox"));
}
