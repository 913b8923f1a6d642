//! `warrener token`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use clap::{Args as ClapArgs, Subcommand};
use serde::Deserialize;
use serde_json::json;
use warrener_orchestrator::access::Scope;
use warrener_orchestrator::access::tokens::{self, InvalidTokens, PREFIX, Token, TokenList};
use warrener_runtime::config::Binary;
use warrener_shared::time::{Millis, Timestamp};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::duration;
use crate::output::{Cell, Table};
use crate::talk;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    /// Make a token; prints it once, on stdout
    New(NewTokenArgs),
    /// List the tokens of a file, without what they are
    List {
        /// The file [default: api.tokens_file]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct NewTokenArgs {
    /// Name, which the audit shows
    pub(crate) name: String,
    /// Scopes: read, submit, operate, admin
    #[arg(long, required = true, value_delimiter = ',', value_name = "SCOPE,…")]
    pub(crate) scopes: Vec<String>,
    /// For how long, such as 90d [default: for good]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) expires: Option<Duration>,
    /// Only jobs that fit this filter exist for it, such as 'label.team:growth queue:gpu'
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    pub(crate) only: Option<String>,
    /// Append the entry to this file, which api.tokens_file names; without it the entry is printed on stderr
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// Random bytes of a token: nobody guesses 256 bits.
const RANDOM: usize = 32;

/// Makes and lists tokens.
pub(crate) fn token(context: &Context, verb: TokenVerb) -> Result<Exit, Failure> {
    match verb {
        TokenVerb::New(args) => new(context, &args),
        TokenVerb::List { file } => list(context, file),
    }
}

fn new(context: &Context, args: &NewTokenArgs) -> Result<Exit, Failure> {
    let mut random = [0; RANDOM];
    getrandom::fill(&mut random).map_err(|error| failed(format!("drawing a token: {error}")))?;
    let token = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(random));
    let entry = entry(args, &token, context.now())?;
    match &args.file {
        Some(file) => append(file, &entry)?,
        None => {
            context.say("# Append this to the file that api.tokens_file names:");
            talk::say(&entry);
        }
    }
    talk::exact(&token)?;
    Ok(Exit::Ok)
}

/// The entry of a token as the file has it.
fn entry(args: &NewTokenArgs, token: &str, now: Timestamp) -> Result<String, Failure> {
    let usage = |why: String| Failure::new(Exit::Usage, why);
    tokens::check_name(&args.name).map_err(usage)?;
    let scopes: Vec<Scope> = args.scopes.iter().map(|word| word.parse()).collect::<Result<_, _>>().map_err(usage)?;
    args.only.as_deref().map(tokens::parse_only).transpose().map_err(usage)?;
    // What JSON escapes, TOML reads likewise.
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let scopes: Vec<String> = scopes.iter().map(|scope| text(scope.as_str())).collect();
    let hash = tokens::hash_text(&tokens::hash_of(token.as_bytes()));
    let mut entry = format!("[[tokens]]\nname = {}\nhash = {}\n", text(&args.name), text(&hash));
    entry.push_str(&format!("scopes = [{}]\n", scopes.join(", ")));
    if let Some(span) = args.expires {
        let end = now + Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        entry.push_str(&format!("expires = {}\n", end.to_rfc3339()));
    }
    if let Some(only) = &args.only {
        entry.push_str(&format!("only = {}\n", text(only)));
    }
    Ok(entry)
}

/// Appends an entry in one piece, if the file is sound with it.
fn append(file: &Path, entry: &str) -> Result<(), Failure> {
    let shown = file.display();
    let before = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(format!("reading {shown}: {error}"))),
    };
    let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let gap = if before.is_empty() { "" } else { "\n" };
    let added = format!("{end}{gap}{entry}");
    TokenList::read(&format!("{before}{added}")).map_err(|invalid| problems(file, invalid))?;
    let opened = OpenOptions::new().append(true).create(true).open(file);
    let written = opened.and_then(|mut file| file.write_all(added.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| failed(format!("writing {shown}: {error}")))
}

fn list(context: &Context, file: Option<PathBuf>) -> Result<Exit, Failure> {
    let file = file.map_or_else(|| configured(context), Ok)?;
    let text =
        std::fs::read_to_string(&file).map_err(|error| failed(format!("reading {}: {error}", file.display())))?;
    let list = TokenList::read(&text).map_err(|invalid| problems(&file, invalid))?;
    let tokens: Vec<&Token> = list.iter().collect();
    let now = context.now();
    let items: Vec<_> = tokens.iter().map(|token| as_json(token, now)).collect();
    let page = json!({ "items": items, "next_cursor": null }).to_string();
    context.print(&[page], &tokens, |token| token.name.to_string(), || table(&tokens, now))
}

/// The file that the orchestrator would read here.
fn configured(context: &Context) -> Result<PathBuf, Failure> {
    #[derive(Deserialize)]
    struct WithTokens {
        #[serde(default)]
        api: TokensFile,
    }
    #[derive(Default, Deserialize)]
    struct TokensFile {
        tokens_file: Option<PathBuf>,
    }
    let config = context.loader(&[Binary::Orchestrator]).load::<WithTokens>()?.value;
    let missing =
        || Failure::new(Exit::Usage, "no file of tokens is configured").hint("say --file, or set api.tokens_file");
    config.api.tokens_file.ok_or_else(missing)
}

fn as_json(token: &Token, now: Timestamp) -> serde_json::Value {
    let scopes: Vec<&str> = token.scopes.iter().map(Scope::as_str).collect();
    let expires = token.expires.map(Timestamp::to_rfc3339);
    let (only, expired) = (&token.only_text, !token.is_valid(now));
    json!({ "name": token.name, "scopes": scopes, "expires": expires, "only": only, "expired": expired })
}

fn table(tokens: &[&Token], now: Timestamp) -> Table {
    let mut table = Table::new(&["NAME", "STATE", "SCOPES", "EXPIRES", "ONLY"]);
    for token in tokens {
        table.row(vec![
            (&*token.name).into(),
            Cell::state(if token.is_valid(now) { "valid" } else { "expired" }),
            token.scopes.to_string().into(),
            token.expires.map(Timestamp::to_rfc3339).unwrap_or_default().into(),
            token.only_text.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}

fn problems(file: &Path, invalid: InvalidTokens) -> Failure {
    let details = invalid.0.iter().map(|why| format!("error: {}: {why}", file.display())).collect();
    Failure::new(Exit::Error, format!("{} is not a sound file of tokens", file.display())).details(details)
}

fn failed(why: String) -> Failure {
    Failure::new(Exit::Error, why)
}
