//! `warrener dead`.

use warrener_client::http::JobQuery;
use warrener_client::http::resource::DeadLetter;
use warrener_shared::time::Timestamp;

use crate::args::{DeadVerb, Format, Ids};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Table, age, document};
use crate::{steer, talk};

/// Reads and steers dead letters.
pub(crate) async fn dead(context: &Context, verb: DeadVerb) -> Result<Exit, Failure> {
    match verb {
        DeadVerb::List => list(context).await,
        DeadVerb::Get { id } => get(context, &id).await,
        DeadVerb::Replay(Ids { ids }) => steer(context, &ids, "replay", "replayed").await,
        DeadVerb::Discard(Ids { ids }) => steer(context, &ids, "discard", "discarded").await,
    }
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let http = context.http()?;
    let (mut letters, mut pages, mut page) =
        (Vec::new(), Vec::new(), JobQuery { limit: Some(1000), ..JobQuery::default() });
    loop {
        let answer = http.dead_letters(&page).await?;
        letters.extend(answer.value.items);
        pages.push(answer.text);
        page.cursor = answer.value.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    context.print(&pages, &letters, |letter| letter.id.clone(), || table(&letters, context.now()))
}

/// Evidence is made for reading in full, so a table would only hide it.
async fn get(context: &Context, id: &str) -> Result<Exit, Failure> {
    let answer = context.http()?.dead_letter(id).await?;
    let format = match context.globals.output {
        Format::Table | Format::Wide => Format::Yaml,
        format => format,
    };
    talk::data(&document(format, &answer.text)?.unwrap_or(answer.value.id))?;
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
