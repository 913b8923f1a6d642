use super::*;

const DEPTH: usize = 128;

fn doc(text: &str) -> Doc {
    Doc::trusted(text.as_bytes())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_is_json() {
    let long = format!("\"{}\"", "ü\u{10FFFF}x".repeat(1000));
    for accepted in [
        "null",
        "true",
        " false\r\n\t",
        "0",
        "-0",
        "-12.5e+10",
        "1e400",
        "123456789012345678901234567890",
        r#""""#,
        r#""\"\\\/\b\f\n\r\tA\u00e9""#,
        r#""\ud800 alone""#,
        r#""\udc00""#,
        r#""\u0000""#,
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[1, [2, {\"a\": []}], \"x\"]",
        r#"{"a": {"b": 1}, "a": 2}"#,
        "[[[]], {\"k\":[{}]}]",
        &long,
    ] {
        assert_eq!(check(accepted.as_bytes(), DEPTH), Ok(()), "{accepted}");
    }
}

#[test]
fn what_is_not_json() {
    for (refused, message) in [
        ("", "line 1, column 1: expected a value, found the end of the text"),
        ("  ", "line 1, column 3: expected a value, found the end of the text"),
        ("NaN", "line 1, column 1: expected a value, found `NaN`"),
        ("[1,\n Infinity]", "line 2, column 2: expected a value, found `Infinity`"),
        ("-Infinity", "line 1, column 2: expected a digit, found `Infinity`"),
        ("01", "line 1, column 2: a number has no leading zeros"),
        ("1.", "line 1, column 3: expected a digit, found the end of the text"),
        (".5", "line 1, column 1: expected a value, found `.`"),
        ("+1", "line 1, column 1: expected a value, found `+`"),
        ("1e", "line 1, column 3: expected a digit, found the end of the text"),
        ("truex", "line 1, column 5: expected the end of the text, found `x`"),
        ("1 2", "line 1, column 3: expected the end of the text, found `2`"),
        ("[1,]", "line 1, column 4: expected a value, found `]`"),
        ("[,1]", "line 1, column 2: expected a value, found `,`"),
        ("[1", "line 1, column 3: expected `,` or `]`, found the end of the text"),
        ("[1}", "line 1, column 3: expected `,` or `]`, found `}`"),
        ("{\"a\":1]", "line 1, column 7: expected `,` or `}`, found `]`"),
        ("{\"a\":1,}", "line 1, column 8: expected a key in double quotes, found `}`"),
        ("{a:1}", "line 1, column 2: expected a key in double quotes, found `a`"),
        ("{\"a\" 1}", "line 1, column 6: expected `:`, found `1`"),
        ("{\"ü\":}", "line 1, column 6: expected a value, found `}`"),
        ("\"abc", "line 1, column 1: the string that starts here has no end"),
        ("\"a\\", "line 1, column 3: unknown escape in a string; a backslash is written `\\\\`"),
        ("\"a\\x\"", "line 1, column 3: unknown escape in a string; a backslash is written `\\\\`"),
        ("\"\\u12g4\"", "line 1, column 2: `\\u` needs four hexadecimal digits"),
        ("\"a\nb\"", "line 1, column 3: a control character in a string must be escaped"),
        ("'a'", "line 1, column 1: expected a value, found `'`"),
        ("\u{feff}1", "line 1, column 1: the text starts with a byte order mark, which JSON does not have"),
        ("]", "line 1, column 1: expected a value, found `]`"),
        ("1,", "line 1, column 2: expected the end of the text, found `,`"),
    ] {
        let error = check(refused.as_bytes(), DEPTH).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.kind), (message, JsonErrorKind::Invalid), "{refused:?}");
    }
    let error = check(b"[\"a\xff\"]", DEPTH).unwrap_err();
    assert_eq!((error.offset, error.message.as_str()), (3, "the text is not UTF-8"));
}

#[test]
fn agrees_with_another_parser() {
    // Every text of up to six of these pieces: accepted by both or by neither.
    let pieces = ["[", "]", "{", "}", ",", ":", "\"a\"", "1", " "];
    let mut texts = vec![String::new()];
    for _ in 0..5 {
        texts = texts.iter().flat_map(|text| pieces.map(|piece| format!("{text}{piece}"))).collect();
        for text in &texts {
            let other = serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok();
            assert_eq!(check(text.as_bytes(), DEPTH).is_ok(), other, "{text:?}");
        }
    }
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("{}1{}", "[{\"a\":".repeat(depth / 2), "}]".repeat(depth / 2));
    for depth in [2, 128, 400] {
        assert_eq!(check(nested(depth).as_bytes(), depth), Ok(()), "{depth}");
        let error = check(nested(depth).as_bytes(), depth - 1).unwrap_err();
        assert_eq!(error.kind, JsonErrorKind::TooDeep, "{depth}");
        assert_eq!(nesting(nested(depth).as_bytes()), depth);
    }
    assert_eq!(check(b"1", 0), Ok(()));
    assert_eq!(check(b"[]", 0).unwrap_err().kind, JsonErrorKind::TooDeep);
    let hostile = "[".repeat(5_000_000);
    let error = check(hostile.as_bytes(), DEPTH).unwrap_err();
    assert_eq!((error.offset, error.kind), (128, JsonErrorKind::TooDeep));
    assert!(error.message.contains("128"), "{}", error.message);
}

#[test]
fn looks_up_paths() {
    let doc = doc(r#" {"a": {"b": [10, {"c\u002ed": "x"}, []]}, "ü": null, "z": 1, "z": 1e400, "": true} "#);
    let key = |key: &str| Step::Key(key.to_owned());
    for (path, found) in [
        (vec![], None),
        (vec![key("a"), key("b"), Step::Index(0)], Some("10")),
        (vec![key("a"), key("b"), Step::Index(-1)], Some("[]")),
        (vec![key("a"), key("b"), Step::Index(1), key("c.d")], Some("\"x\"")),
        (vec![key("ü")], Some("null")),
        (vec![key("z")], Some("1e400")),
        (vec![key("")], Some("true")),
        (vec![key("a"), key("b"), Step::Index(3)], None),
        (vec![key("a"), key("b"), Step::Index(-4)], None),
        (vec![key("a"), key("b"), Step::Index(i64::MIN)], None),
        (vec![key("a"), Step::Index(0)], None),
        (vec![key("a"), key("b"), key("length")], None),
        (vec![key("ü"), key("x")], None),
        (vec![key("z"), Step::Index(0)], None),
    ] {
        if !path.is_empty() {
            assert_eq!(doc.get(&path).map(|doc| text(doc.bytes())).as_deref(), found, "{path:?}");
        }
    }
    assert_eq!(doc.get(&[]).unwrap(), doc);
    let keys: Vec<String> = doc.entries().unwrap().map(|(key, _)| key).collect();
    assert_eq!(keys, ["a", "ü", "z", ""]);
    assert!(doc.elements().is_none());
    assert_eq!(doc.len(), Some(4));
}

#[test]
fn large_objects_are_found_by_key() {
    let mut json = String::from("{");
    for n in 0..1000 {
        json += &format!("\"k{}\": {n}, ", n % 500);
    }
    json += "\"last\\u0021\": [1]}";
    let doc = doc(&json);
    assert_eq!(doc.len(), Some(501));
    for n in 0..500 {
        assert_eq!(doc.field(&format!("k{n}")).unwrap().bytes(), (n + 500).to_string().as_bytes());
    }
    assert_eq!(doc.field("last!").unwrap().bytes(), b"[1]");
    assert_eq!(doc.field("k500"), None);
    assert_eq!(doc.entries().unwrap().next().unwrap().0, "k0");
}

#[test]
fn clones_and_parts_share_one_index() {
    let rows: Vec<String> = (0..100_000).map(|n| format!("\"file-{n:05}\"")).collect();
    let doc = doc(&format!("{{\"rows\": [{}]}}", rows.join(", ")));
    // Without the shared index this would read 100,000 times 1.5 MB.
    for n in 0..100_000 {
        let path = [Step::Key("rows".to_owned()), Step::Index(n)];
        let row = doc.clone().get(&path).unwrap();
        assert_eq!(row.bytes(), rows[usize::try_from(n).unwrap()].as_bytes());
    }
}

#[test]
fn kinds_and_scalars() {
    for (json, kind) in [
        ("null", Kind::Null),
        ("true", Kind::Bool),
        ("-1", Kind::Number),
        ("\"\"", Kind::Text),
        ("[1]", Kind::List),
        ("{}", Kind::Object),
    ] {
        assert_eq!(doc(json).kind(), kind);
    }
    assert_eq!(doc("false").as_bool(), Some(false));
    assert_eq!(doc("0").as_bool(), None);
    assert_eq!(doc(r#""a\n\ud83d\ude00\u0000""#).as_str().unwrap(), "a\n😀\0");
    assert_eq!(doc(r#""\ud800""#).as_str(), None);
    assert_eq!(doc("1.50").as_number(), Some("1.50"));
    assert_eq!(Doc::text("a\"\u{1}ü").bytes(), r#""a\"\u0001ü""#.as_bytes());
    assert_eq!(format!("{:?}", doc("[1]")), "Doc([1])");
}

#[test]
fn broken_bytes_do_not_panic() {
    let whole = r#"{"a": [1, "x\n\ud800", {"b": null}], "c": "\\"}"#;
    for cut in 0..whole.len() {
        for broken in [&whole[..cut], &whole[cut..]] {
            let doc = doc(broken);
            let found: Vec<Doc> = doc.elements().map(Iterator::collect).unwrap_or_default();
            let entries = doc.entries().map_or(0, |entries| entries.count());
            assert!(found.len() + entries <= broken.len());
            assert!(canonical(broken.as_bytes()).len() <= 6 * broken.len() + 6);
        }
    }
}

#[test]
fn canonical_ignores_order_and_space_alone() {
    for (json, expected) in [
        (" [ 1 , 2.0, -0 ] ", "[1,2.0,-0]"),
        ("1e400", "1e400"),
        (r#"{"b": 1, "a": {"d": [], "c": {}}}"#, r#"{"a":{"c":{},"d":[]},"b":1}"#),
        (r#"{"a": 1, "b": 2, "a": 3}"#, r#"{"a":3,"b":2}"#),
        (r#"{"\u0061": 1, "a": 2}"#, r#"{"a":2}"#),
        (r#"{"": {}, "ä": 1, "z": 2}"#, r#"{"":{},"z":2,"ä":1}"#),
        (r#""\u0041\/\u00e9\ud83d\ude00\u000a\u0000\u001F""#, r#""A/é😀\n\u0000\u001f""#),
        (r#"["\uD800x", "\uDFFF\uD800"]"#, r#"["\ud800x","\udfff\ud800"]"#),
        (r#"["퟿ 한국어"]"#, r#"["퟿ 한국어"]"#),
        (r#"{"b":[{"y":1,"x":2}],"a":null}"#, r#"{"a":null,"b":[{"x":2,"y":1}]}"#),
    ] {
        let once = canonical(json.as_bytes());
        assert_eq!(text(&once), expected);
        assert_eq!(canonical(&once), once);
        assert_eq!(check(&once, DEPTH), Ok(()));
    }
    assert_ne!(canonical(b"1.0"), canonical(b"1"));
    assert_ne!(canonical(br#""\ud800""#), canonical("\"\u{fffd}\"".as_bytes()));
}

#[test]
fn canonical_needs_no_stack() {
    let deep = format!("{}{}", "{\"b\":0,\"a\":".repeat(2_000), "1".to_owned() + &"}".repeat(2_000));
    let out = text(&canonical(deep.as_bytes()));
    assert!(out.starts_with("{\"a\":{\"a\":") && out.ends_with(",\"b\":0},\"b\":0}"));
}

#[test]
fn texts_know_where_they_came_from() {
    let raw = r"a\u0024{{é\n\ud83d\ude00}}\ud800z";
    let mapped = MappedText::new(raw.as_bytes());
    assert_eq!(mapped.text, "a${{é\n😀}}\u{fffd}z");
    for (position, c) in mapped.text.char_indices() {
        let at = mapped.raw(position);
        match c {
            '$' => assert!(raw[at..].starts_with("\\u0024")),
            '\n' => assert!(raw[at..].starts_with("\\n")),
            '😀' => assert!(raw[at..].starts_with("\\ud83d")),
            '\u{fffd}' => assert!(raw[at..].starts_with("\\ud800")),
            plain => assert!(raw[at..].starts_with(plain), "{plain}"),
        }
    }
    assert_eq!(mapped.raw(mapped.text.len()), raw.len());
}

#[test]
fn writers_stop_at_their_limit() {
    let mut list = ListWriter::new(9);
    list.push(b"1").unwrap();
    list.push(b"[2]").unwrap();
    assert_eq!(list.push(b"33"), Err(TooLarge { limit: 9 }));
    list.push(b"3").unwrap();
    assert_eq!(list.finish().unwrap(), b"[1,[2],3]");
    assert_eq!(ListWriter::new(1).finish(), Err(TooLarge { limit: 1 }));
    let mut object = ObjectWriter::new(100);
    object.push("a\"b", b"1").unwrap();
    object.push("c", b"null").unwrap();
    assert_eq!(object.finish().unwrap(), br#"{"a\"b":1,"c":null}"#);
    assert_eq!(ObjectWriter::new(2).finish().unwrap(), b"{}");
}

#[test]
fn a_mark_in_front_can_be_left_out_and_likeness_is_told() {
    assert_eq!(without_mark(b"\xEF\xBB\xBF{}"), b"{}");
    assert_eq!(without_mark(b"{}"), b"{}");
    for like in ["{", " [", "\"a", "0", "-1", "NaN", "-Infinity", "12 apples"] {
        assert!(begins_like_json(like.as_bytes()), "{like}");
    }
    for unlike in ["", "text", "-", "- item", "nan", "<html>"] {
        assert!(!begins_like_json(unlike.as_bytes()), "{unlike}");
    }
}
