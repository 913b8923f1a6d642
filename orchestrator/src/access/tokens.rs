//! The file of tokens: names, hashes, scopes, an end, and the jobs that exist for a token.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use toml::Spanned;
use warrener_shared::time::Timestamp;

use super::scope::{Scope, Scopes};
use super::watched::FromFile;
use crate::filter;
use crate::store::view::filter::Filter;

/// Most bytes of a token. Anything longer is none.
pub const TOKEN_MAX: usize = 512;
/// Most tokens of one file. Each request is compared with all of them, which then takes a tenth of a millisecond.
pub const TOKENS_MAX: usize = 10_000;
/// Beginning of tokens that we make, so that a search for lost ones finds them.
pub const PREFIX: &str = "wrn_";
/// Most problems of a file that are told at once.
const PROBLEMS_MAX: usize = 20;
/// Most characters of a token's name.
const NAME_MAX: usize = 64;

/// SHA-256 of a whole token.
pub type TokenHash = [u8; 32];

/// A token without its text, as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Name, unique in its file.
    pub name: Arc<str>,
    /// SHA-256 of its text.
    pub hash: TokenHash,
    /// Scopes of its holder, at least one.
    pub scopes: Scopes,
    /// Time from which on it is worth nothing; `None` if it never expires.
    pub expires: Option<Timestamp>,
    /// Filter of the jobs that exist for its holder; `None` for all jobs.
    pub only: Option<Arc<Filter>>,
    /// Text of that filter, as it is written in the file.
    pub only_text: Option<String>,
}

/// All tokens of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenList {
    /// Tokens in the order of the file.
    tokens: Vec<Token>,
}

/// Faults of a file of tokens, a sentence for each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct InvalidTokens(pub Vec<String>);

/// File of tokens, as TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensDocument {
    #[serde(default)]
    tokens: Vec<Spanned<TokenEntry>>,
}

/// Entry of the file, not checked yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    name: String,
    hash: String,
    scopes: Vec<String>,
    expires: Option<toml::value::Datetime>,
    only: Option<String>,
}

impl Token {
    /// True if the token has not expired by `now`.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|end| now < end)
    }
}

impl TokenList {
    /// Reads a file of tokens.
    ///
    /// # Errors
    /// Everything that is wrong, each with its line.
    pub fn read(text: &str) -> Result<Self, InvalidTokens> {
        parse(text)
    }

    /// Tokens in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter()
    }

    /// Token with this text. Takes as long for one that is there as for one that is not.
    pub(super) fn find(&self, text: &[u8]) -> Option<&Token> {
        let hash = hash_of(text);
        let mut found = u32::MAX;
        for (at, token) in (0u32..).zip(&self.tokens) {
            found.conditional_assign(&at, token.hash.ct_eq(&hash));
        }
        self.tokens.get(found as usize)
    }
}

impl FromFile for TokenList {
    type Error = InvalidTokens;
    /// Enough for [`TOKENS_MAX`] tokens with long filters.
    const BYTES_MAX: usize = 8 * 1024 * 1024;

    fn parse(texts: &[String]) -> Result<Self, InvalidTokens> {
        Self::read(&texts.concat())
    }

    fn unreadable(why: String) -> InvalidTokens {
        InvalidTokens(vec![why])
    }
}

/// Reads a whole file. Never quotes a line, in which somebody may have written the token itself.
fn parse(text: &str) -> Result<TokenList, InvalidTokens> {
    // The library would show the line, in which somebody may have written the token itself.
    let document: TokensDocument = toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| format!("line {}: ", line(text, span.start))).unwrap_or_default();
        InvalidTokens(vec![hidden(&format!("{place}{}", unquoted(error.message())))])
    })?;
    if document.tokens.len() > TOKENS_MAX {
        let count = document.tokens.len();
        return Err(InvalidTokens(vec![format!("it has {count} tokens; at most {TOKENS_MAX} are compared")]));
    }
    let mut reading = Reading::default();
    // Lines are counted once, from each entry to the next.
    let (mut above, mut at) = (1, 0);
    for entry in document.tokens {
        let start = entry.span().start.max(at);
        above += line(&text[at..], start - at) - 1;
        at = start;
        reading.entry(above, entry.into_inner());
    }
    reading.finish()
}

/// Tokens that are being read, and everything that is wrong with them.
#[derive(Default)]
struct Reading {
    tokens: Vec<Token>,
    names: BTreeSet<Arc<str>>,
    hashes: BTreeSet<TokenHash>,
    problems: Vec<String>,
}

impl Reading {
    /// Reads the entry that begins on this line.
    fn entry(&mut self, line: usize, entry: TokenEntry) {
        let shown: String = entry.name.chars().take(NAME_MAX).collect();
        let mut problems = Vec::new();
        let name: Arc<str> = entry.name.as_str().into();
        problems.extend(check_name(&entry.name).err());
        if !self.names.insert(name.clone()) {
            problems.push("another token has this name".to_owned());
        }
        let hash = parse_hash(&entry.hash);
        match &hash {
            Ok(hash) if self.hashes.insert(*hash) => {}
            Ok(_) => problems.push("another token has this hash".to_owned()),
            Err(why) => problems.push(why.clone()),
        }
        let scopes: Vec<Result<Scope, String>> = entry.scopes.iter().map(|word| word.parse()).collect();
        problems.extend(scopes.iter().filter_map(|scope| scope.as_ref().err().cloned()));
        if scopes.is_empty() {
            problems.push("scopes: a token without any may do nothing".to_owned());
        }
        let expires = entry.expires.map(|time| end(&time)).transpose();
        problems.extend(expires.as_ref().err().cloned());
        let only = entry.only.as_deref().map(parse_only).transpose();
        problems.extend(only.as_ref().err().cloned());
        self.problems.extend(problems.into_iter().map(|why| hidden(&format!("line {line}: token {shown:?}: {why}"))));
        if let (Ok(hash), Ok(expires), Ok(only)) = (hash, expires, only) {
            let scopes = scopes.into_iter().flatten().collect();
            let (only, only_text) = (only.map(Arc::new), entry.only);
            self.tokens.push(Token { name, hash, scopes, expires, only, only_text });
        }
    }

    /// Tokens that were read, or the problems, at most [`PROBLEMS_MAX`] of them.
    fn finish(mut self) -> Result<TokenList, InvalidTokens> {
        if self.problems.is_empty() {
            return Ok(TokenList { tokens: self.tokens });
        }
        let more = self.problems.len().saturating_sub(PROBLEMS_MAX);
        self.problems.truncate(PROBLEMS_MAX);
        if more > 0 {
            self.problems.push(format!("and {more} more"));
        }
        Err(InvalidTokens(self.problems))
    }
}

/// Message of the library without the value that it quotes.
fn unquoted(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => format!("{}…{}", &message[..first], &message[last + 1..]),
        _ => message.to_owned(),
    }
}

/// Text in which of each token stands no more than how it begins. Somebody may have written one anywhere, and the text
/// goes into the log and to readiness.
fn hidden(text: &str) -> String {
    let mut parts = text.split(TOKEN_PREFIX);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c));
        shown.extend([TOKEN_PREFIX, "…", rest]);
    }
    shown
}

/// Beginning of every token that `warrener token new` makes.
const TOKEN_PREFIX: &str = "wrn_";

/// SHA-256 of a token.
pub fn hash_of(token: &[u8]) -> TokenHash {
    Sha256::digest(token).into()
}

/// Hash as the file has it: `sha256:` and 64 hexadecimal digits.
pub fn hash_text(hash: &TokenHash) -> String {
    hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes everything");
        text
    })
}

/// Checks that this may be the name of a token.
///
/// # Errors
/// The rule that it breaks.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_fine = |b: u8| b.is_ascii_alphanumeric() || b"._-@".contains(&b);
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if !first || name.len() > NAME_MAX || !name.bytes().all(is_fine) {
        return Err(format!("name: 1 to {NAME_MAX} letters, digits and `.` `_` `-` `@`, a letter or digit first"));
    }
    match RESERVED.contains(&name) {
        true => Err(format!("name: {name:?} is what the audit calls those who showed no token")),
        false => Ok(()),
    }
}

/// Reads the filter of a token.
///
/// # Errors
/// The term that is wrong, and what is possible.
pub fn parse_only(text: &str) -> Result<Filter, String> {
    let filter = filter::parse(text).map_err(|why| format!("only: {why}"))?;
    match filter.terms.is_empty() {
        true => Err("only: an empty filter leaves nothing out; drop it, or say what the token is for".to_owned()),
        false => Ok(filter),
    }
}

/// Reads a hash as the file has it.
fn parse_hash(text: &str) -> Result<TokenHash, String> {
    let bytes = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64).and_then(|hex| {
        let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits: Vec<u8> = hex.as_bytes().iter().map(digit).collect::<Option<_>>()?;
        let pairs: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        TokenHash::try_from(pairs).ok()
    });
    bytes.ok_or_else(|| {
        "hash: `sha256:` and 64 hexadecimal digits, as `warrener token new` prints them; never the token".to_owned()
    })
}

/// Point in time of a date with an offset.
fn end(time: &toml::value::Datetime) -> Result<Timestamp, String> {
    let read = Timestamp::parse_rfc3339(&time.to_string());
    read.ok_or_else(|| format!("expires: {time} is no time with an offset, such as 2027-01-01T00:00:00Z"))
}

/// Number of the line of a byte, from 1.
fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

/// Names by which the audit calls those who showed no token.
const RESERVED: [&str; 2] = ["loopback", "anonymous"];
