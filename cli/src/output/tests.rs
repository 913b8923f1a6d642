use warrener_shared::time::Timestamp;

use super::*;
use crate::options::OutputFormat;

const ODD: &str = r#"{"z": [1.50, 123456789012345678901234567890, 1e400, -0], "a": {"é\u0000": "x\/y", "z": null},
    "empty": [[], {}], "t": "yes", "n": "12", "s": " lead", "w": "two words", "m": [{"a": 1, "b": [2]}, [3]],
    "k-1": true}"#;

#[test]
fn documents_keep_every_number_key_and_escape() {
    let compact = document(OutputFormat::Jsonl, ODD).unwrap().unwrap();
    let expected = concat!(
        r#"{"z":[1.50,123456789012345678901234567890,1e400,-0],"a":{"é\u0000":"x\/y","z":null},"#,
        r#""empty":[[],{}],"t":"yes","n":"12","s":" lead","w":"two words","m":[{"a":1,"b":[2]},[3]],"k-1":true}"#
    );
    assert_eq!(compact, expected);
    assert_eq!(Tree::from_json(&document(OutputFormat::Json, ODD).unwrap().unwrap()).unwrap().compact(), expected);
}

#[test]
fn json_is_indented_by_two() {
    let pretty = document(OutputFormat::Json, r#"{"a":[1,{"b":[]}],"c":{}}"#).unwrap().unwrap();
    assert_eq!(pretty, "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}");
}

#[test]
fn yaml_reads_back_as_the_same_document() {
    let text = document(OutputFormat::Yaml, ODD).unwrap().unwrap();
    let expected = "\
z:
  - 1.50
  - 123456789012345678901234567890
  - 1e400
  - -0
a:
  \"é\\u0000\": \"x/y\"
  z: null
empty:
  - []
  - {}
t: \"yes\"
\"n\": \"12\"
s: \" lead\"
w: two words
m:
  - a: 1
    b:
      - 2
  - - 3
k-1: true
";
    // `x/y` needs no quotes: JSON's escape of the slash is gone once it is decoded.
    assert_eq!(text, expected.replace("\"x/y\"", "x/y"));
    let back = warrener_shared::job::yaml::to_json(text.as_bytes(), &warrener_shared::limits::Limits::DEFAULT).unwrap();
    let back = Tree::from_json(std::str::from_utf8(back.json()).unwrap()).unwrap().compact();
    assert_eq!(back.replace("x/y", r"x\/y"), document(OutputFormat::Jsonl, ODD).unwrap().unwrap());
}

#[test]
fn pages_become_one_list() {
    let pages = [
        r#"{"items":[{"id":"a"}],"next_cursor":"c"}"#.to_owned(),
        r#"{"items":[{"id":"b"}],"next_cursor":null}"#.to_owned(),
    ];
    let lines = elements(OutputFormat::Jsonl, &pages).unwrap().unwrap();
    assert_eq!(lines, "{\"id\":\"a\"}\n{\"id\":\"b\"}\n");
    assert_eq!(elements(OutputFormat::Jsonl, &pages[..1]).unwrap().unwrap(), "{\"id\":\"a\"}\n");
    let one = elements(OutputFormat::Json, &pages[..1]).unwrap().unwrap();
    assert!(one.contains("\"next_cursor\": \"c\""), "{one}");
    let both = elements(OutputFormat::Yaml, &pages).unwrap().unwrap();
    assert_eq!(both, "items:\n  - id: a\n  - id: b\nnext_cursor: null\n");
    assert_eq!(elements(OutputFormat::Table, &pages).unwrap(), None);
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = "[".repeat(5000) + &"]".repeat(5000);
    assert!(Tree::from_json(&deep).is_err());
}

#[test]
fn columns_are_as_wide_as_their_cells() {
    let mut table = Table::new(&["ID", "STATE", "NAME"]);
    table.row(vec!["a".into(), Cell::state("succeeded"), "two\nlines".into()]);
    table.row(vec!["long-id".into(), Cell::state("odd"), "é".into()]);
    assert_eq!(
        table.render(true, false),
        "ID       STATE      NAME\na        succeeded  two lines\nlong-id  odd        é\n"
    );
    assert_eq!(table.render(false, true), "a        \x1b[32msucceeded\x1b[0m  two lines\nlong-id  odd        é\n");
    let mut wide = Table::new(&["A"]);
    wide.row(vec!["x".repeat(200).into()]);
    assert_eq!(wide.render(false, false).trim_end().chars().count(), 80);
}

#[test]
fn times_are_told_in_people_s_units() {
    let now = Timestamp::parse_rfc3339("2026-11-24T12:00:00Z").unwrap();
    let ages = [
        ("2026-11-24T11:59:55.400Z", "4s"),
        ("2026-11-24T11:00:01Z", "59m"),
        ("2026-11-23T12:00:01Z", "23h"),
        ("2026-11-01T00:00:00Z", "23d"),
        ("2027-01-01T00:00:00Z", "0s"),
    ];
    for (time, expected) in ages {
        assert_eq!(age(Some(time), now), expected, "{time}");
    }
    let spans = [
        (Some("2026-11-24T11:59:59.750Z"), None, "250ms"),
        (Some("2026-11-24T11:59:50Z"), Some("2026-11-24T11:59:54.200Z"), "4.2s"),
        (Some("2026-11-24T10:00:00.900Z"), Some("2026-11-24T11:02:03.950Z"), "1h2m3s"),
        (None, Some("2026-11-24T11:59:54.200Z"), ""),
    ];
    for (start, end, expected) in spans {
        assert_eq!(between(start, end, now), expected, "{start:?}");
    }
    assert_eq!(age(None, now), "");
}

#[test]
fn a_list_is_lines_with_commas() {
    let page =
        r#"{"items":[{"id":"a","n":1,"text":"x, \"y\"\nz","none":null},{"id":"b","n":2,"text":" ","none":{"k":[1]}}]}"#;
    let csv = document(OutputFormat::Csv, page).unwrap().unwrap();
    let expected = "id,n,text,none\r\na,1,\"x, \"\"y\"\"\nz\",\r\nb,2,\" \",\"{\"\"k\"\":[1]}\"\r\n";
    assert_eq!(csv, expected);
    assert_eq!(document(OutputFormat::Csv, r#"{"id":"a","done":true}"#).unwrap().unwrap(), "id,done\r\na,true\r\n");
}
