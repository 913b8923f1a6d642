//! `warrener job events`.

use warrener_client::http::JobQuery;
use warrener_client::http::resource::JobEvent;
use warrener_shared::error::ErrorObject;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::in_words;
use crate::output::{Cell, Table};

pub(super) async fn events(context: &Context, id: &str) -> Result<Exit, Failure> {
    let http = context.http()?;
    let (mut events, mut pages, mut page) =
        (Vec::new(), Vec::new(), JobQuery { limit: Some(1000), ..JobQuery::default() });
    loop {
        let answer = http.events(id, &page).await?;
        events.extend(answer.value.items);
        pages.push(answer.text);
        page.cursor = answer.value.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    context.print(&pages, &events, |event| event.sequence.to_string(), || table(&events))
}

fn table(events: &[JobEvent]) -> Table {
    let mut table = Table::new(&["#", "TIME", "TASK", "STATE", "ATTEMPT", "ERROR"]);
    for event in events {
        table.row(vec![
            event.sequence.to_string().into(),
            (*event.time).into(),
            place(event).into(),
            Cell::state(&event.state),
            event.attempt.map(|attempt| attempt.to_string()).unwrap_or_default().into(),
            error(event).into(),
        ]);
    }
    table
}

fn place(event: &JobEvent) -> String {
    let task = event.task.as_deref().unwrap_or_default();
    event.index.map_or_else(|| task.to_owned(), |index| format!("{task}.{index}"))
}

fn error(event: &JobEvent) -> String {
    let error = event.error.as_ref().and_then(|error| ErrorObject::from_json(error.get().as_bytes()));
    error.as_ref().map(in_words).unwrap_or_default()
}
