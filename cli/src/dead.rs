//! `warrener dead`.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use warrener_client::HttpClient;
use warrener_client::http::JobQuery;
use warrener_client::http::resource::DeadLetter;
use warrener_shared::shown;
use warrener_shared::time::{Millis, Timestamp};

use crate::bulk::{BulkOptions, Selected};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::{OutputFormat, duration};
use crate::output::{Table, age, document};
use crate::{bulk, steer, talk};

#[derive(Debug, Subcommand)]
pub(crate) enum DeadVerb {
    /// List dead letters
    List,
    /// Show a dead letter with its evidence
    Get { id: String },
    /// Try dead letters again
    Replay(Selected),
    /// Throw dead letters away
    Discard(DiscardArgs),
}

/// Choice of the dead letters to throw away.
#[derive(Debug, ClapArgs)]
pub(crate) struct DiscardArgs {
    /// Ids
    #[arg(required_unless_present_any = ["all", "filter"], conflicts_with_all = ["all", "filter"], value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Throw all away, or all that --older leaves
    #[arg(long, conflicts_with = "filter")]
    pub(crate) all: bool,
    /// Only those that came before so long a time, such as 7d
    #[arg(long, requires = "all", conflicts_with = "ids", value_name = "DURATION", value_parser = duration)]
    pub(crate) older: Option<Duration>,
    #[command(flatten)]
    pub(crate) bulk: BulkOptions,
}

/// Reads and steers dead letters.
pub(crate) async fn dead(context: &Context, verb: DeadVerb) -> Result<Exit, Failure> {
    match verb {
        DeadVerb::List => list(context).await,
        DeadVerb::Get { id } => get(context, &id).await,
        DeadVerb::Replay(Selected { bulk, .. }) if bulk.filter.is_some() => {
            bulk::by_filter(context, "replay", "dead", &bulk).await
        }
        DeadVerb::Replay(Selected { ids, .. }) => steer(context, &ids, "replay", "replayed").await,
        DeadVerb::Discard(args) => discard(context, args).await,
    }
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let (letters, pages) = all(&context.http()?).await?;
    context.print(&pages, &letters, |letter| letter.id.clone(), || table(&letters, context.now()))
}

/// All dead letters, newest first, and the pages that they came in.
async fn all(http: &HttpClient) -> Result<(Vec<DeadLetter>, Vec<String>), Failure> {
    let (mut letters, mut pages, mut page) =
        (Vec::new(), Vec::new(), JobQuery { limit: Some(1000), ..JobQuery::default() });
    loop {
        let answer = http.dead_letters(&page).await?;
        letters.extend(answer.value.items);
        pages.push(answer.text);
        page.cursor = answer.value.next_cursor;
        if page.cursor.is_none() {
            return Ok((letters, pages));
        }
    }
}

async fn discard(context: &Context, args: DiscardArgs) -> Result<Exit, Failure> {
    if args.bulk.filter.is_some() {
        return bulk::by_filter(context, "discard", "dead", &args.bulk).await;
    }
    if !args.all {
        return steer(context, &args.ids, "discard", "discarded").await;
    }
    let (letters, _) = all(&context.http()?).await?;
    let before = args.older.map(|span| context.now() - Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)));
    let is_old = |letter: &&DeadLetter| {
        let received = letter.received_at.as_deref().and_then(Timestamp::parse_rfc3339);
        before.is_none_or(|before| received.is_some_and(|received| received < before))
    };
    let ids: Vec<String> = letters.iter().filter(is_old).map(|letter| letter.id.clone()).collect();
    if ids.is_empty() {
        context.say("no dead letter is that old");
        return Ok(Exit::Ok);
    }
    let question = format!("{} of {} dead letters would be gone for good. Go on?", ids.len(), letters.len());
    if !args.bulk.yes && !talk::confirmed(&question)? {
        return Err(Failure::new(Exit::Refused, "nothing was changed"));
    }
    steer(context, &ids, "discard", "discarded").await
}

/// Evidence is made for reading in full, so a table would only hide it.
async fn get(context: &Context, id: &str) -> Result<Exit, Failure> {
    let answer = context.http()?.dead_letter(id).await?;
    let format = match context.globals.output {
        OutputFormat::Table | OutputFormat::Wide => OutputFormat::Yaml,
        format => format,
    };
    talk::document(&document(format, &answer.text)?.unwrap_or_else(|| shown::line(&answer.value.id).into_owned()))?;
    Ok(Exit::Ok)
}

async fn steer(context: &Context, ids: &[String], verb: &str, done: &str) -> Result<Exit, Failure> {
    let http = &context.http()?;
    steer::each(context, ids, done, |id| async move { http.steer_dead_letter(&id, verb).await }).await
}

fn table(letters: &[DeadLetter], now: Timestamp) -> Table {
    let mut table = Table::new(&["ID", "FROM", "CODE", "JOB", "TASK", "AGE", "MESSAGE"]);
    for letter in letters {
        table.row(vec![
            letter.id.as_str().into(),
            letter.from.as_str().into(),
            letter.code.as_deref().unwrap_or_default().into(),
            letter.job.as_deref().unwrap_or_default().into(),
            letter.task.as_deref().unwrap_or_default().into(),
            age(letter.received_at.as_deref(), now).into(),
            letter.message.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}
