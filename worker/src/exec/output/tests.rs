use super::*;
use crate::exec::tests::context;

fn shown(bytes: &[u8]) -> String {
    shown_of(read(bytes, &context()))
}

fn shown_of(answer: HandlerResult) -> String {
    match answer {
        Ok(json) => String::from_utf8(json).unwrap(),
        Err(failure) => format!("{}: {}", failure.code(), failure.message()),
    }
}

#[test]
fn json_stays_as_it_came() {
    assert_eq!(
        shown(b" {\"b\":1e400,\"a\":123456789012345678901234567890}\n"),
        r#"{"b":1e400,"a":123456789012345678901234567890}"#
    );
    assert_eq!(shown(b"\"\\u0000\""), r#""\u0000""#);
}

#[test]
fn nothing_is_null() {
    assert_eq!(shown(b""), "null");
    assert_eq!(shown(b" \n\t"), "null");
}

#[test]
fn text_loses_its_last_line_breaks_only() {
    assert_eq!(shown(b"  two words\r\n\n"), r#""  two words""#);
    assert_eq!(shown(b"{\"a\":1} {\"a\":2}"), r#""{\"a\":1} {\"a\":2}""#);
    assert_eq!(shown(b"NaN"), r#""NaN""#);
}

#[test]
fn bytes_that_are_neither_fail() {
    assert_eq!(shown(b"\xff\xfe"), "bad_output: the output is neither JSON nor UTF-8 text");
    assert_eq!(shown(b"\"\xff\""), "bad_output: the output is neither JSON nor UTF-8 text");
}

#[test]
fn depth_is_limited_but_not_in_text() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(shown(nested(128).as_bytes()), nested(128));
    assert_eq!(shown(nested(129).as_bytes()), "bad_output: the output is JSON nested deeper than 128");
    let text = format!("[\"\\\"{}\"]", "[".repeat(200));
    assert_eq!(shown(text.as_bytes()), text);
}

#[test]
fn a_byte_order_mark_is_no_part_of_it() {
    assert_eq!(shown(b"\xEF\xBB\xBF{\"a\":1}\n"), r#"{"a":1}"#);
    assert_eq!(shown(b"\xEF\xBB\xBFtext"), r#""text""#);
    assert_eq!(shown(b"\xEF\xBB\xBF"), "null");
    assert_eq!(shown_of(read_json(b"\xEF\xBB\xBF[1]")), "[1]");
}

#[test]
fn what_begins_like_json_and_is_none_is_said_in_the_log() {
    let log = |bytes: &[u8]| {
        let context = context();
        read(bytes, &context).unwrap();
        context.take_news().into_iter().filter_map(|news| news.log).collect::<String>()
    };
    for begun in ["{\"a\": NaN}", "NaN", "-Infinity", "[1, 2", "\"open", "3 files"] {
        let said = log(begun.as_bytes());
        assert!(said.starts_with("warrener: the output begins like JSON and is none"), "{begun}: {said:?}");
        assert_eq!(said.lines().count(), 1);
    }
    for text in ["done", "  two words", "", "{\"a\": 1}", "-"] {
        assert_eq!(log(text.as_bytes()), "", "{text}");
    }
}

#[test]
fn what_is_said_to_be_json_must_be_json() {
    assert_eq!(shown_of(read_json(b" {\"a\": 1}\n")), r#"{"a": 1}"#);
    assert_eq!(shown_of(read_json(b"")), "null");
    for other in ["{\"a\": NaN}", "text", "{'a': 1}"] {
        let said = shown_of(read_json(other.as_bytes()));
        assert!(said.starts_with("bad_output: the output is said to be JSON and is none: "), "{said}");
    }
}
