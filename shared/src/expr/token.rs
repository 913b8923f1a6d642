//! The words of an expression, cut exactly where the engine cuts them.

/// Sort of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LexemeKind {
    Name,
    /// Decimal digits alone.
    Int,
    /// Any other number.
    Number,
    /// A string literal, quotes included.
    Text,
    Symbol,
}

/// A word of an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexeme<'a> {
    pub(super) kind: LexemeKind,
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl Lexeme<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn is(&self, symbol: &str) -> bool {
        self.kind == LexemeKind::Symbol && self.text == symbol
    }

    /// Tells whether it is a name that the language itself uses.
    pub(super) fn is_keyword(&self) -> bool {
        self.kind == LexemeKind::Name && KEYWORDS.contains(&self.text)
    }

    /// Tells whether a value can end with it, so that the next word is an operator.
    pub(super) fn ends_value(&self) -> bool {
        match self.kind {
            LexemeKind::Symbol => matches!(self.text, ")" | "]" | "}"),
            LexemeKind::Name => !OPERATOR_WORDS.contains(&self.text),
            _ => true,
        }
    }
}

/// The reason for which an expression cannot be cut into words.
#[derive(Debug)]
pub(super) struct Uncut {
    /// For people.
    pub(super) why: String,
    /// The words or the operator that were meant.
    pub(super) hint: Option<&'static str>,
}

/// Cuts an expression into words.
///
/// # Errors
/// [`Uncut`] if something in it is no word.
pub(super) fn tokens(source: &str) -> Result<Vec<Lexeme<'_>>, Uncut> {
    let bytes = source.as_bytes();
    let (mut found, mut at): (Vec<Lexeme<'_>>, _) = (Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (kind, length) = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => (LexemeKind::Name, name_length(&bytes[at..])),
            b'0'..=b'9' => number(bytes, at),
            b'"' | b'\'' => (LexemeKind::Text, string_length(&bytes[at..]).ok_or_else(endless)?),
            _ => (LexemeKind::Symbol, symbol_length(source, at)?),
        };
        found.push(Lexeme { kind, text: &source[at..at + length], start: at });
        at += length;
    }
    match misplaced(&found) {
        Some(word) => Err(Uncut { why: format!("unexpected `{word}`"), hint: wanted(word) }),
        None => Ok(found),
    }
}

/// Finds an operator that stands where a value has to. The engine takes it for a name there, of which nothing is known.
fn misplaced<'a>(tokens: &[Lexeme<'a>]) -> Option<&'a str> {
    let is_value = |at: usize| tokens[at].ends_value() || (at > 0 && tokens[at - 1].is("."));
    let word = |at: Option<usize>| at.map_or("", |at| tokens[at].text);
    let wrong = |at: &usize| {
        let (token, before) = (&tokens[*at], at.checked_sub(1));
        if token.kind != LexemeKind::Name || token.text == "not" || !OPERATOR_WORDS.contains(&token.text) {
            return false;
        }
        let earlier = before.and_then(|before| before.checked_sub(1));
        match (word(earlier), word(before), token.text) {
            (_, "is", "in") | ("is", "not", "in") | (_, ".", _) => false,
            (_, "not", "in") => !earlier.is_some_and(is_value),
            _ => !before.is_some_and(is_value),
        }
    };
    (0..tokens.len()).find(wrong).map(|at| tokens[at].text)
}

fn wanted(word: &str) -> Option<&'static str> {
    match word {
        "in" => Some("write `x in list` or `x not in list`"),
        "if" | "else" => Some("write `b if a else c`"),
        _ => None,
    }
}

fn endless() -> Uncut {
    Uncut { why: "a string in it has no end".to_owned(), hint: None }
}

fn name_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
}

/// The length of the string literal with which the bytes start, or `None` if it has no end.
pub(super) fn string_length(bytes: &[u8]) -> Option<usize> {
    let quote = bytes.first()?;
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn symbol_length(source: &str, at: usize) -> Result<usize, Uncut> {
    let rest = &source[at..];
    if let Some((symbol, hint)) = ELSEWHERE.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
        return Err(Uncut { why: format!("unexpected `{symbol}`"), hint: Some(hint) });
    }
    if ["//", "**", "==", "!=", ">=", "<="].iter().any(|two| rest.starts_with(two)) {
        return Ok(2);
    }
    match rest.chars().next() {
        Some(c) if "+-*/%.,:~|=><()[]{}".contains(c) => Ok(1),
        Some('!') => Err(Uncut { why: "unexpected `!`".to_owned(), hint: Some("write `not`") }),
        Some(c) => Err(Uncut { why: format!("unexpected `{c}`"), hint: None }),
        None => Ok(0),
    }
}

fn number(bytes: &[u8], at: usize) -> (LexemeKind, usize) {
    let rest = &bytes[at..];
    if let [b'0', b'b' | b'B' | b'o' | b'O' | b'x' | b'X', ..] = rest {
        let digits = rest[2..].iter().take_while(|b| b.is_ascii_hexdigit() || **b == b'_').count();
        return (LexemeKind::Number, digits + 2);
    }
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let after_dot = at > 0 && bytes[at - 1] == b'.';
    let (kind, length) = rest_of_number(rest, digits, after_dot);
    (kind, length)
}

fn rest_of_number(rest: &[u8], mut at: usize, after_dot: bool) -> (LexemeKind, usize) {
    let (mut kind, mut fraction, mut exponent) = (LexemeKind::Int, false, false);
    while let Some(&byte) = rest.get(at) {
        let before = rest[at - 1];
        match byte {
            b'.' if fraction || exponent || after_dot || starts_name(&rest[at + 1..]) => break,
            b'.' => fraction = true,
            b'e' | b'E' if exponent => break,
            b'e' | b'E' => exponent = true,
            b'+' | b'-' if exponent && matches!(before, b'e' | b'E') => {}
            b'0'..=b'9' | b'_' => {}
            _ => break,
        }
        kind = LexemeKind::Number;
        at += 1;
    }
    (kind, at)
}

fn starts_name(bytes: &[u8]) -> bool {
    match bytes {
        [b'e' | b'E', b'+' | b'-' | b'0'..=b'9', ..] => false,
        [first, ..] => first.is_ascii_alphabetic() || *first == b'_',
        [] => false,
    }
}

/// The token after the bracket that closes the one here, or after this token if it is no bracket.
pub(super) fn after_brackets(tokens: &[Lexeme<'_>], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match (token.kind, token.text) {
            (LexemeKind::Symbol, "(" | "[" | "{") => depth += 1,
            (LexemeKind::Symbol, ")" | "]" | "}") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Operators of other languages, and ours.
const ELSEWHERE: &[(&str, &str)] = &[
    ("{{", "write it without braces: `input.n > 3`; `${{ … }}` stands in texts alone"),
    ("&&", "write `and`"),
    ("&", "write `and`"),
    ("||", "write `or`"),
    ("===", "write `==`: no type is ever converted"),
    ("!==", "write `!=`: no type is ever converted"),
    ("??", "write `coalesce(a, b)`, the first that is neither null nor undefined, or `a | default(b)`"),
    ("?.", "`a.b.c | default(none)` forgives every step of its path"),
    ("?", "write `b if a else c`"),
    ("$", "write `input.x` or `tasks.<name>.output.x`; a `$` stands before `{{` alone"),
    ("`", "write quotes, and `~` between the parts: `'n-' ~ input.n`"),
];

const KEYWORDS: &[&str] =
    &["true", "True", "false", "False", "none", "None", "and", "or", "not", "in", "is", "if", "else"];
const OPERATOR_WORDS: &[&str] = &["and", "or", "not", "in", "is", "if", "else"];
/// Words and symbols of one expression. The engine works by recursion, and this keeps its stack small.
pub(super) const TOKENS: usize = 1_000;
