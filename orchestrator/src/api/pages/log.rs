//! Log text of attempts: all of it, that of one attempt, or the lines with some words.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use futures_util::stream;
use maud::{Markup, html};
use warrener_shared::id::{JobId, TaskAddress};
use warrener_shared::shown;

use super::super::app::App;
use super::super::logs::{self, LogResource};
use super::super::parameter::{LIMIT_MAX, QueryParameter};
use super::super::path::TaskPath;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::shape::List;
use super::value;
use super::visit::Visit;
use crate::store::view::{PAGE_BYTES, Snapshot};

/// Asks for the log of one attempt.
pub(super) const ATTEMPT: &QueryParameter = &QueryParameter {
    name: "attempt",
    about: "Shows the log of this attempt only.",
    schema: || serde_json::json!({ "type": "integer", "minimum": 1 }),
    example: || serde_json::json!(2),
};

/// Asks for lines of the log.
pub(super) const FIND: &QueryParameter = &QueryParameter {
    name: "find",
    about: "Shows only lines of the log with this text, in upper or lower case.",
    schema: || serde_json::json!({ "type": "string", "maxLength": 200 }),
    example: || serde_json::json!("timeout"),
};

/// Longest text that is searched for, in characters.
const FIND_MAX: usize = 200;
/// Longest line in which something is searched, in bytes; what is behind that counts as another line.
const LINE_MAX: usize = 64 * 1024;

/// The part of a log that is asked for.
#[derive(Debug)]
pub(super) struct LogWanted {
    attempt: Option<u32>,
    find: Option<String>,
    after: (u32, u32),
    limit: usize,
}

impl LogWanted {
    /// Parameters of a request as what they ask for. Fields of the form that are left empty ask for nothing.
    pub(super) fn of(parameters: &Parameters) -> Result<Self, Problem> {
        let given = |name: &str| parameters.get(name).filter(|text| !text.is_empty());
        let wrong = || Problem::parameter("attempt", "it is the number of an attempt, from 1");
        let attempt = given("attempt").map(|text| text.parse().ok().filter(|no| *no > 0).ok_or_else(wrong));
        let find = given("find").map(str::to_lowercase);
        if find.as_ref().is_some_and(|text| text.chars().count() > FIND_MAX) {
            return Err(Problem::parameter("find", format_args!("it may have {FIND_MAX} characters")));
        }
        let (limit, after) = (parameters.limit()?, logs::after(parameters)?);
        Ok(Self { attempt: attempt.transpose()?, find, after, limit })
    }

    /// Tells whether the whole log is asked for, so that what is written next belongs to it.
    pub(super) const fn is_whole(&self) -> bool {
        self.attempt.is_none() && self.find.is_none()
    }

    /// Reads it.
    pub(super) fn read(
        &self,
        app: &App,
        snapshot: &mut Snapshot<'_>,
        (id, address): (&JobId, &TaskAddress),
    ) -> Result<List<LogResource>, Problem> {
        let before = self.attempt.map_or((0, 0), |attempt| (attempt - 1, u32::MAX));
        let mut after = self.after.max(before);
        let Some(find) = &self.find else {
            let page = logs::read(app, snapshot, id, address, after, self.limit)?;
            return Ok(self.of_attempt(page));
        };
        let (mut lines, mut bytes) = (Lines { find, found: Vec::new(), line: String::new() }, 0);
        loop {
            let page = self.of_attempt(logs::read(app, snapshot, id, address, after, LIMIT_MAX)?);
            for piece in &page.items {
                after = (piece.attempt, piece.no);
                bytes += piece.text.len();
                lines.add(piece);
                if lines.found.len() >= self.limit || bytes >= PAGE_BYTES {
                    return Ok(List { items: lines.found, next_cursor: Some(format!("{}.{}", after.0, after.1)) });
                }
            }
            if page.next_cursor.is_none() {
                lines.end(page.items.last());
                return Ok(List { items: lines.found, next_cursor: None });
            }
        }
    }

    /// Pieces up to the first of another attempt, if one attempt is asked for.
    fn of_attempt(&self, page: List<LogResource>) -> List<LogResource> {
        let Some(attempt) = self.attempt else { return page };
        let count = page.items.iter().take_while(|piece| piece.attempt == attempt).count();
        let next_cursor = page.next_cursor.filter(|_| count == page.items.len());
        List { items: page.items.into_iter().take(count).collect(), next_cursor }
    }
}

/// Search for lines in pieces of log, which may end within a line.
struct Lines<'a> {
    /// Text that is searched for, in lower case.
    find: &'a str,
    /// Lines that have it, each as a piece.
    found: Vec<LogResource>,
    /// Begin of a line whose end has not come.
    line: String,
}

impl Lines<'_> {
    fn add(&mut self, piece: &LogResource) {
        for part in piece.text.split_inclusive('\n') {
            self.line.push_str(part);
            if part.ends_with('\n') || self.line.len() >= LINE_MAX {
                self.end(Some(piece));
            }
        }
    }

    /// Judges the line that ends with a piece.
    fn end(&mut self, piece: Option<&LogResource>) {
        let mut text = std::mem::take(&mut self.line);
        let Some(piece) = piece.filter(|_| text.to_lowercase().contains(self.find)) else { return };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.found.push(LogResource { attempt: piece.attempt, no: piece.no, time: piece.time.clone(), text });
    }
}

/// Form that asks for one of so many attempts, or for lines.
pub(super) fn form(visit: &Visit, attempts: u32) -> Markup {
    let chosen = visit.get("attempt").unwrap_or("");
    html! {
        form.search method="get" role="search" action=(visit.with(&[("attempt", ""), ("find", ""), ("cursor", "")])) {
            label for="find" { "Find in the log" }
            input #find name="find" type="search" value=(visit.get("find").unwrap_or("")) autocomplete="off"
                spellcheck="false" maxlength=(FIND_MAX);
            @if attempts > 1 {
                label.visually-hidden for="attempt" { "Attempt" }
                // Of a task with very many attempts the latest are offered; the address takes any.
                select #attempt name="attempt" {
                    option value="" { "every attempt" }
                    @for no in (1..=attempts).rev().take(100) {
                        option value=(no) selected[chosen == no.to_string()] { "attempt " (no) }
                    }
                }
            }
            button type="submit" { "Show" }
        }
    }
}

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

/// The whole log as a file, as it was written, however long it is: it is read as fast as it is taken.
pub(super) async fn download(
    State(app): State<Arc<App>>,
    TaskPath(id, address): TaskPath,
) -> Result<Response, Problem> {
    let name = format!("{id}-{address}.log");
    let file = LogFile { app, id, address, after: Some((0, 0)) };
    // Whatever is wrong with the address is said before the file begins.
    let first = file.next().await?;
    let pieces = stream::try_unfold(Some(first), async |ready| {
        let Some((text, file)) = ready else { return Ok(None) };
        let next = match file.after {
            None => None,
            // A file that ends for another reason than its own end is seen to be cut.
            Some(_) => Some(file.next().await.map_err(|problem| std::io::Error::other(problem.detail))?),
        };
        Ok::<_, std::io::Error>(Some((text, next)))
    });
    Ok(value::download(Body::from_stream(pieces), "text/plain; charset=utf-8", &name))
}

/// A log on its way to somebody.
struct LogFile {
    app: Arc<App>,
    id: JobId,
    address: TaskAddress,
    /// The piece after which it goes on; `None` at its end.
    after: Option<(u32, u32)>,
}

impl LogFile {
    /// The next text, and what is left.
    async fn next(mut self) -> Result<(String, Self), Problem> {
        let (id, address, after) = (self.id.clone(), self.address.clone(), self.after.unwrap_or_default());
        let look =
            self.app.read_for_stream(move |app, snapshot| logs::read(app, snapshot, &id, &address, after, LIMIT_MAX));
        let page = look.await?;
        self.after = page.items.last().filter(|_| page.next_cursor.is_some()).map(|last| (last.attempt, last.no));
        Ok((page.items.into_iter().map(|piece| piece.text).collect(), self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_the_rest_stays() {
        assert_eq!(without_colours("\u{1b}[1;31mred\u{1b}[0m plain\u{1b}[m"), "red plain");
        assert_eq!(without_colours("\u{1b}[2Jx [1m \u{1b}["), "\u{1b}[2Jx [1m \u{1b}[");
    }

    #[test]
    fn lines_are_found_wherever_a_piece_ends() {
        let mut lines = Lines { find: "broken", found: Vec::new(), line: String::new() };
        let piece = |no: u32, text: &str| LogResource { attempt: 2, no, time: None, text: text.to_owned() };
        let pieces = ["all well\nit is bro", "KEN here\nand ", "on\nBroken at the end"];
        let pieces: Vec<_> = (1..).zip(pieces).map(|(no, text)| piece(no, text)).collect();
        pieces.iter().for_each(|piece| lines.add(piece));
        lines.end(pieces.last());
        let found: Vec<_> = lines.found.iter().map(|line| (line.no, line.text.as_str())).collect();
        assert_eq!(found, [(2, "it is broKEN here\n"), (3, "Broken at the end\n")]);
    }
}
