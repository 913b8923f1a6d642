//! `warrener audit`.

use clap::{Args as ClapArgs, Subcommand};
use warrener_client::http::JobQuery;
use warrener_client::http::resource::AuditEntry;
use warrener_shared::time::Timestamp;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Table, age};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    /// List changes, newest first
    List(AuditListArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AuditListArgs {
    /// Filter, such as 'who:ci verb:job.* outcome:refused time:<1d'
    #[arg(short, long, allow_hyphen_values = true)]
    pub(crate) filter: Option<String>,
    /// Rows on one page
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// End of the page before
    #[arg(long, conflicts_with = "all")]
    pub(crate) cursor: Option<String>,
    /// All pages
    #[arg(long)]
    pub(crate) all: bool,
}

/// The longest page that the API gives.
const MOST: u32 = 1000;

/// Reads who changed what.
pub(crate) async fn audit(context: &Context, verb: AuditVerb) -> Result<Exit, Failure> {
    match verb {
        AuditVerb::List(args) => list(context, args).await,
    }
}

async fn list(context: &Context, args: AuditListArgs) -> Result<Exit, Failure> {
    let http = context.http()?;
    let limit = if args.all { MOST } else { args.limit };
    let mut query = JobQuery { filter: args.filter, cursor: args.cursor, limit: Some(limit) };
    let (mut entries, mut pages) = (Vec::new(), Vec::new());
    loop {
        let answer = http.audit(&query).await?;
        entries.extend(answer.value.items);
        pages.push(answer.text);
        query.cursor = answer.value.next_cursor;
        if query.cursor.is_none() || !args.all {
            break;
        }
    }
    if let Some(cursor) = &query.cursor {
        context.suggest(&format!("there are more: --cursor {cursor}, or --all"));
    }
    context.print(&pages, &entries, |entry| entry.target.clone(), || table(&entries, context.now()))
}

fn table(entries: &[AuditEntry], now: Timestamp) -> Table {
    let mut table = Table::new(&["AGE", "WHO", "FROM", "VERB", "TARGET", "OUTCOME", "REASON"]);
    for entry in entries {
        table.row(vec![
            age(Some(&entry.time), now).into(),
            entry.who.as_str().into(),
            entry.from.as_deref().unwrap_or_default().into(),
            entry.verb.as_str().into(),
            entry.target.as_str().into(),
            entry.outcome.as_str().into(),
            entry.reason.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}
