use super::*;

fn shown(bytes: &[u8]) -> String {
    match read(bytes) {
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
