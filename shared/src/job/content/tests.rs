use super::*;

#[test]
fn the_id_white_space_and_key_order_do_not_count() {
    let same = canonical_content(br#"{"kind":"a","input":{"x":1,"y":[1,2]}}"#);
    for text in [
        r#"{"id": "x", "kind": "a", "input": {"y": [1, 2], "x": 1}}"#,
        r#" { "input" : { "y" : [ 1 , 2 ] , "x" : 1 } , "kind" : "a" , "id" : "other" } "#,
        r#"{"input": {"x": 1, "y": [1, 2]}, "kind": "a"}"#,
    ] {
        assert_eq!(canonical_content(text.as_bytes()), same, "{text}");
    }
}

#[test]
fn everything_else_counts() {
    let same = canonical_content(br#"{"kind":"a","input":{"id":1}}"#);
    for text in [
        r#"{"kind": "b", "input": {"id": 1}}"#,
        r#"{"kind": "a", "input": {"id": 2}}"#,
        r#"{"kind": "a", "input": {"id": 1.0}}"#,
        r#"{"kind": "a", "input": {"id": "1"}}"#,
        r#"{"kind": "a", "input": {}}"#,
        r#"{"kind": "a", "input": {"id": 1}, "priority": 4}"#,
    ] {
        assert_ne!(canonical_content(text.as_bytes()), same, "{text}");
    }
    assert_eq!(canonical_content(br#"{"id": "x"}"#), canonical_content(b"{}"));
}
