use super::*;

#[test]
fn pointers_lead_to_lines_and_columns() {
    let text = "{\n  \"kind\": \"a\",\n  \"é/~\": [1,\n    {\"b\": 2}],\n  \"kind\": \"b\"\n}";
    for (pointer, place) in [
        ("", (1, 1)),
        ("/kind", (5, 3)),
        ("/é~1~0", (3, 3)),
        ("/é~1~0/0", (3, 11)),
        ("/é~1~0/1", (4, 5)),
        ("/é~1~0/1/b", (4, 6)),
        ("/é~1~0/7", (3, 3)),
        ("/nowhere/at/all", (1, 1)),
    ] {
        assert_eq!(locate(text.as_bytes(), pointer), Some(place), "{pointer}");
    }
}

#[test]
fn columns_count_characters() {
    assert_eq!(locate("{\"é\": 1, \"b\": 2}".as_bytes(), "/b"), Some((1, 10)));
}

#[test]
fn bytes_that_are_no_json_have_no_places() {
    assert_eq!(locate(b"{", ""), None);
}
