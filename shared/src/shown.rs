//! Words of others as a person may see them.
//!
//! Names, labels, errors, logs and answers come from strangers, and a terminal obeys what it is sent: it moves, hides
//! and colours what stands around it. Every function here makes such characters visible instead of sending them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Words within a line: line breaks and tabs are made visible too, so that no word begins a line of its own.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed, visible)
}

/// Text of several lines: line breaks and tabs stay. A line break of Windows is one.
pub fn text(text: &str) -> Cow<'_, str> {
    let unbroken = match text.contains("\r\n") {
        true => Cow::Owned(text.replace("\r\n", "\n")),
        false => Cow::Borrowed(text),
    };
    let is_bad = |c: char| is_obeyed(c) && !matches!(c, '\n' | '\t');
    match unbroken {
        Cow::Borrowed(text) => escaped(text, is_bad, visible),
        Cow::Owned(text) => Cow::Owned(escaped(&text, is_bad, visible).into_owned()),
    }
}

/// Text of several lines as part of others: each line but the first is indented by so many spaces, so that none looks
/// like one of ours.
pub fn indented(words: &str, spaces: usize) -> String {
    text(words).trim_end_matches('\n').replace('\n', &format!("\n{:spaces$}", ""))
}

/// A JSON or YAML document with the same value, in which nothing is left that a terminal obeys: in both only a string
/// in double quotes may hold such a character, and there an escape stands for it.
pub fn document(text: &str) -> Cow<'_, str> {
    let is_bad = |c: char| is_obeyed(c) && !matches!(c, '\n' | '\t');
    escaped(text, is_bad, |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}").expect("text grows");
        }
    })
}

fn escaped(text: &str, is_bad: impl Fn(char) -> bool, write: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let Some(first) = text.find(&is_bad) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        match is_bad(c) {
            true => write(c, &mut out),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn visible(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if u32::from(c) < 0x100 => write!(out, "\\x{:02x}", u32::from(c)).expect("text grows"),
        c => write!(out, "\\u{{{:x}}}", u32::from(c)).expect("text grows"),
    }
}

/// Tells whether a terminal does something else with a character than show it, or shows nothing at all.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // What turns the direction of writing.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Breaks of lines and paragraphs.
            | '\u{2028}' | '\u{2029}'
            // What is there and can't be seen. The joiners U+200C and U+200D belong to scripts and pictures.
            | '\u{00ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::{document, indented, line, text};

    #[test]
    fn what_is_harmless_stays() {
        for harmless in ["", "plain", "naïve 日本語 🙂", "👩\u{200d}🔬", "می\u{200c}خواهم", "a\\x1b"] {
            assert_eq!(line(harmless), harmless);
            assert_eq!(text(harmless), harmless);
            assert_eq!(document(harmless), harmless);
        }
    }

    #[test]
    fn what_a_terminal_obeys_is_made_visible() {
        assert_eq!(line("a\x1b[2Jb\u{9b}31m\x7f\0"), "a\\x1b[2Jb\\x9b31m\\x7f\\x00");
        assert_eq!(line("one\ntwo\tthree\r"), "one\\ntwo\\tthree\\r");
        assert_eq!(line("\u{202e}gpj.exe\u{feff}\u{2028}"), "\\u{202e}gpj.exe\\u{feff}\\u{2028}");
        assert_eq!(text("one\ntwo\tthree\x08\rfour\r\nfive"), "one\ntwo\tthree\\x08\\rfour\nfive");
        assert_eq!(indented("one\ntwo\n", 4), "one\n    two");
    }

    #[test]
    fn a_document_keeps_its_value() {
        let json = serde_json::to_string("a\u{9b}b\x7f\u{202e}\u{e0041}\x1b\n").unwrap();
        let shown = document(&json);
        assert!(shown.is_ascii() && !shown.contains('\x7f'), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), serde_json::from_str::<String>(&json).unwrap());
    }
}
