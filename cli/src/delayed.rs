//! `warrener delayed`.

use clap::{Args as ClapArgs, Subcommand};
use warrener_client::HttpClient;
use warrener_client::http::JobQuery;
use warrener_client::http::delayed::DelayedMessage;

use crate::choice::Choice;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Table;
use crate::steer;

/// Most messages that are cancelled by one call; a second one takes the rest.
const MOST: usize = 100_000;

#[derive(Debug, Subcommand)]
pub(crate) enum DelayedVerb {
    /// List messages that go out later, in the order in which they came
    List(DelayedListArgs),
    /// Have messages not go out
    Cancel(Choice),
}

/// Choice of messages to list.
#[derive(Debug, ClapArgs)]
pub(crate) struct DelayedListArgs {
    /// Only those that fit, such as 'exchange:orders.* key:order.new received:>1h'
    #[arg(short, long, value_name = "FILTER")]
    filter: Option<String>,
    /// Messages at most
    #[arg(long, default_value_t = 1000)]
    limit: usize,
}

/// Lists and cancels delayed messages.
pub(crate) async fn delayed(context: &Context, verb: DelayedVerb) -> Result<Exit, Failure> {
    match verb {
        DelayedVerb::List(args) => list(context, args).await,
        DelayedVerb::Cancel(which) => {
            let http = &context.http()?;
            let fitting = |filter: String| async move {
                let (messages, _) = matching(http, Some(filter).filter(|filter| filter.trim() != "*"), MOST).await?;
                Ok(messages.into_iter().map(|message| message.id).collect())
            };
            let ids = which.names(context, "cancel", ["delayed message", "delayed messages"], fitting).await?;
            steer::each(context, &ids, "cancelled", |id| async move { http.cancel_delayed(&id).await }).await
        }
    }
}

/// Lists messages up to a number, since there may be millions.
async fn list(context: &Context, args: DelayedListArgs) -> Result<Exit, Failure> {
    let (messages, pages) = matching(&context.http()?, args.filter, args.limit).await?;
    context.print(&pages, &messages, |message| message.id.clone(), || table(&messages))
}

/// Messages that fit a filter, up to a number, and the pages that they came in.
async fn matching(
    http: &HttpClient,
    filter: Option<String>,
    most: usize,
) -> Result<(Vec<DelayedMessage>, Vec<String>), Failure> {
    let (mut messages, mut pages, mut cursor) = (Vec::new(), Vec::new(), None);
    while messages.len() < most {
        let limit = u32::try_from((most - messages.len()).min(1000)).ok();
        let answer = http.delayed(&JobQuery { filter: filter.clone(), limit, cursor }).await?;
        messages.extend(answer.value.items);
        pages.push(answer.text);
        cursor = answer.value.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok((messages, pages))
}

fn table(messages: &[DelayedMessage]) -> Table {
    let mut table = Table::new(&["ID", "EXCHANGE", "ROUTING KEY", "DUE", "SIZE", "FAILURES", "REASON"]);
    for message in messages {
        table.row(vec![
            message.id.as_str().into(),
            message.exchange.as_str().into(),
            message.routing_key.as_str().into(),
            message.due_at.as_str().into(),
            message.size.to_string().into(),
            message.failures.to_string().into(),
            message.reason.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}
