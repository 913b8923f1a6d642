//! Text as PostgreSQL can keep it: without the character 0, which a program may well write into its log.

use std::borrow::Cow;

/// Character before `0` or `1`, which say that the character 0 or this one is meant. Unicode gives it no meaning, and
/// never will.
const ESCAPE: char = '\u{10FFFF}';

/// Text as it is kept. Different texts stay different.
pub(super) fn kept(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => kept.extend([ESCAPE, '0']),
            ESCAPE => kept.extend([ESCAPE, '1']),
            other => kept.push(other),
        }
    }
    Cow::Owned(kept)
}

/// Text as it came, from the one that [`kept`] made.
pub(super) fn read(kept: &str) -> Cow<'_, str> {
    if !kept.contains(ESCAPE) {
        return Cow::Borrowed(kept);
    }
    let mut text = String::with_capacity(kept.len());
    let mut rest = kept.chars();
    while let Some(character) = rest.next() {
        text.push(match character {
            ESCAPE if rest.next() == Some('0') => '\0',
            other => other,
        });
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back() {
        for text in ["", "plain", "a\0b", "\0", "\u{10FFFF}", "\u{10FFFF}0\0\u{10FFFF}1", "ä\0🦀"] {
            let kept = kept(text);
            assert!(!kept.contains('\0'));
            assert_eq!(read(&kept), text);
        }
        assert_ne!(kept("\0"), kept("\u{10FFFF}0"));
        assert!(matches!(kept("plain"), Cow::Borrowed(_)) && matches!(read("plain"), Cow::Borrowed(_)));
    }
}
