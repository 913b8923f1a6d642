//! `warrener delayed`.

use clap::{Args as ClapArgs, Subcommand};
use warrener_client::http::JobQuery;
use warrener_client::http::delayed::DelayedMessage;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::Ids;
use crate::output::Table;
use crate::steer;

#[derive(Debug, Subcommand)]
pub(crate) enum DelayedVerb {
    /// List messages that go out later, in the order in which they came
    List(DelayedListArgs),
    /// Have messages not go out
    Cancel(Ids),
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
        DelayedVerb::Cancel(Ids { ids }) => {
            let http = &context.http()?;
            steer::each(context, &ids, "cancelled", |id| async move { http.cancel_delayed(&id).await }).await
        }
    }
}

/// Lists messages up to a number, since there may be millions.
async fn list(context: &Context, args: DelayedListArgs) -> Result<Exit, Failure> {
    let http = context.http()?;
    let (mut messages, mut pages, mut cursor) = (Vec::new(), Vec::new(), None);
    while messages.len() < args.limit {
        let limit = u32::try_from((args.limit - messages.len()).min(1000)).ok();
        let answer = http.delayed(&JobQuery { filter: args.filter.clone(), limit, cursor }).await?;
        messages.extend(answer.value.items);
        pages.push(answer.text);
        cursor = answer.value.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    context.print(&pages, &messages, |message| message.id.clone(), || table(&messages))
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
