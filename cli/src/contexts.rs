//! `warrener context`.

pub(crate) mod book;

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use warrener_client::HttpClient;

use self::book::{ContextBook, NamedServer};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Table;

#[derive(Debug, Subcommand)]
pub(crate) enum ContextVerb {
    /// List the orchestrators that have names
    List,
    /// Give an orchestrator a name
    Set {
        /// The name
        name: String,
        /// Address
        #[arg(long, value_name = "URL")]
        url: String,
        /// The file with the token to show it
        #[arg(long, value_name = "FILE")]
        token: Option<PathBuf>,
    },
    /// Talk to this one from now on, where nothing else is said
    Use {
        /// The name
        name: String,
    },
    /// Forget a name
    Remove {
        /// The name
        name: String,
    },
}

/// Gives orchestrators names, and chooses one.
pub(crate) fn contexts(context: &Context, verb: ContextVerb) -> Result<Exit, Failure> {
    let mut book = ContextBook::load()?;
    match verb {
        ContextVerb::List => return list(context, &book),
        ContextVerb::Set { name, url, token } => {
            HttpClient::new(&url, None)?;
            // The file is found from every folder.
            let token_file = token.map(std::path::absolute).transpose();
            let token_file: Option<PathBuf> =
                token_file.map_err(|error| Failure::new(Exit::Usage, format!("--token: {error}")))?;
            book.contexts.insert(name.clone(), NamedServer { url, token_file });
            book.current.get_or_insert(name);
        }
        ContextVerb::Use { name } => {
            book.get(&name)?;
            book.current = Some(name);
        }
        ContextVerb::Remove { name } => {
            book.get(&name)?;
            book.contexts.remove(&name);
            book.current = book.current.filter(|current| *current != name);
        }
    }
    book.save()?;
    if let Some(current) = &book.current {
        context.say(&format!("talking to {current} where nothing else is said"));
    }
    Ok(Exit::Ok)
}

fn list(context: &Context, book: &ContextBook) -> Result<Exit, Failure> {
    let all: Vec<(&String, &NamedServer)> = book.contexts.iter().collect();
    let is_current = |name: &str| book.current.as_deref() == Some(name);
    let as_json = |(name, one): &(&String, &NamedServer)| {
        let (url, token_file) = (&one.url, &one.token_file);
        json!({ "name": name, "current": is_current(name), "url": url, "token_file": token_file })
    };
    let items: Vec<_> = all.iter().map(as_json).collect();
    let page = json!({ "items": items, "next_cursor": null }).to_string();
    context.print(
        &[page],
        &all,
        |(name, _)| (*name).clone(),
        || {
            let mut table = Table::new(&["CURRENT", "NAME", "URL", "TOKEN"]);
            for (name, one) in &all {
                let token = one.token_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
                let mark = if is_current(name) { "*" } else { "" };
                table.row(vec![mark.into(), name.as_str().into(), one.url.as_str().into(), token.into()]);
            }
            table
        },
    )
}
