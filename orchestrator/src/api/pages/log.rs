//! Log text of attempts.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::shown;

use super::super::app::App;
use super::super::logs::{self, LogResource};
use super::super::parameter::LIMIT_MAX;
use super::super::path::TaskPath;
use super::super::problem::Problem;
use super::value;
use crate::store::view::PAGE_BYTES;

/// Pieces of log, one block for each attempt.
pub(super) fn shown(pieces: &[LogResource]) -> Markup {
    html! {
        @for attempt in pieces.chunk_by(|one, next| one.attempt == next.attempt) {
            h3 { "Attempt " (attempt[0].attempt) }
            pre.log tabindex="0" data-attempt=(attempt[0].attempt) {
                @for piece in attempt { (shown::text(&without_colours(&piece.text))) }
            }
        }
    }
}

/// The text without what gives colours to a terminal; everything else stays for all to see.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_digit() || c == ';'));
        match end.filter(|end| part[*end..].starts_with('m')) {
            Some(end) => out.push_str(&part[end + 1..]),
            None => {
                out.push_str("\u{1b}[");
                out.push_str(part);
            }
        }
    }
    out
}

/// The whole log as a file, as it was written.
pub(super) async fn download(
    State(app): State<Arc<App>>,
    TaskPath(id, address): TaskPath,
) -> Result<Response, Problem> {
    app.read(move |app, snapshot| {
        let (mut text, mut after) = (String::new(), (0, 0));
        loop {
            let page = logs::read(app, snapshot, &id, &address, after, LIMIT_MAX)?;
            after = page.items.last().map_or(after, |last| (last.attempt, last.no));
            page.items.iter().for_each(|piece| text.push_str(&piece.text));
            if page.next_cursor.is_none() || text.len() >= PAGE_BYTES {
                break;
            }
        }
        Ok(value::download(text, "text/plain; charset=utf-8", &format!("{id}-{address}.log")))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_the_rest_stays() {
        assert_eq!(without_colours("\u{1b}[1;31mred\u{1b}[0m plain\u{1b}[m"), "red plain");
        assert_eq!(without_colours("\u{1b}[2Jx [1m \u{1b}["), "\u{1b}[2Jx [1m \u{1b}[");
    }
}
