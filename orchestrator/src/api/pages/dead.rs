//! Dead letters: grouped by what is wrong with them, each with what was kept of it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::json;
use warrener_shared::limits::Limits;
use warrener_shared::shown;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::dead::{self, LetterResource};
use super::super::parameter::QueryParameter;
use super::super::path::{DeadPath, PathText, no_letter};
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::shape::List;
use super::action::{go_to, question};
use super::frame::{Sheet, show};
use super::job::crumbs;
use super::list::{self, pages};
use super::tree::{size, tree};
use super::value::download;
use super::visit::Visit;
use super::when;
use crate::access::Scope;
use crate::store::view::{DeadGroup, DeadRow};

/// Bytes of a body that are shown.
const SHOWN: usize = 64 * 1024;

/// Actions on all dead letters, with the text of each.
pub(super) const LETTER_ACTIONS: [(&str, &str); 2] = [("replay", "Replay"), ("discard", "Discard")];

/// Asks for dead letters with this code.
pub(super) const CODE: &QueryParameter = &QueryParameter {
    name: "code",
    about: "Lists dead letters with this code; with `from` only.",
    schema: || serde_json::json!({ "type": "string" }),
    example: || serde_json::json!("unreadable"),
};
/// Asks for dead letters from this source.
pub(super) const FROM: &QueryParameter = &QueryParameter {
    name: "from",
    about: "Lists dead letters from this source; with `code` only.",
    schema: || serde_json::json!({ "type": "string" }),
    example: || serde_json::json!("result"),
};

pub(super) async fn list(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let (limit, before) = (parameters.limit()?, dead::before(&parameters)?);
    app.read(move |app, snapshot| {
        let group = parameters.get("from").zip(parameters.get("code"));
        let list = dead::read(app, snapshot, &caller, group, before, limit)?;
        let groups = dead::groups(app, snapshot, &caller)?;
        let body = html! {
            h1 data-again="10" { "Dead letters" }
            p.muted { "Messages that could not be understood or delivered, and tasks that ran out of attempts." }
            @if groups.is_empty() { p.empty { "There is none." } }
            @else { (chips(&visit, &groups, group)) (to_all(&visit)) (table(&visit, &list)) }
            (pages(&visit, list.next_cursor.as_deref()))
        };
        Ok(show(&visit, &Sheet { title: "Dead letters", place: "dead", body }))
    })
    .await
}

/// All groups, each with its number, leading to what is in it.
fn chips(visit: &Visit, groups: &[DeadGroup], chosen: Option<(&str, &str)>) -> Markup {
    let all: u64 = groups.iter().map(|group| group.count).sum();
    html! {
        ul.chips aria-label="What is wrong" {
            li {
                @let url = visit.with(&[("from", ""), ("code", ""), ("cursor", "")]);
                a href=(url) aria-current=[chosen.is_none().then_some("true")] { "all " strong { (all) } }
            }
            @for group in groups {
                @let url = visit.with(&[("from", &group.from), ("code", &group.code), ("cursor", "")]);
                @let is_chosen = chosen == Some((&group.from, &group.code));
                li {
                    a href=(url) aria-current=[is_chosen.then_some("true")] {
                        code { (shown::line(&group.code)) } span.muted { " from " (shown::line(&group.from)) " " }
                        strong { (group.count) }
                    }
                }
            }
        }
    }
}

/// Links to act on all of them, at a rate, for those who may.
fn to_all(visit: &Visit) -> Markup {
    html! {
        @if visit.may(Scope::Operate) {
            p.options {
                span.muted { "All of them, whatever is chosen (of a task its job is retried instead): " }
                @for (word, text) in LETTER_ACTIONS {
                    a href=(format!("{}?action={word}&q=%2A", visit.to(&["bulk", "new"]))) { (text) } " "
                }
            }
        }
    }
}

fn table(visit: &Visit, list: &List<LetterResource>) -> Markup {
    list::table(
        &["No.", "What is wrong", "Message", "Task", "Size", "Found"],
        &html! {
            @for letter in &list.items { (row(visit, letter)) }
        },
    )
}

fn row(visit: &Visit, letter: &LetterResource) -> Markup {
    html! {
        tr {
            td.main data-label="No." { a href=(visit.to(&["dead", &letter.id])) { (letter.id) } }
            td data-label="What is wrong" {
                code { (shown::line(&letter.code)) } span.muted { " from " (shown::line(&letter.from)) }
            }
            td.why data-label="Message" { (shown::text(&letter.message)) }
            td data-label="Task" { (task(visit, letter)) }
            td.number data-label="Size" { (size(usize::try_from(letter.size).unwrap_or(usize::MAX))) }
            td data-label="Found" { (when::ago(Some(&letter.received_at), visit.now)) }
        }
    }
}

fn task(visit: &Visit, letter: &LetterResource) -> Markup {
    html! {
        @if let Some(job) = &letter.job {
            a href=(visit.to(&["jobs", job])) { (shown::line(job)) }
            @if let Some(task) = &letter.task {
                " / " a href=(visit.to(&["jobs", job, "tasks", task])) { (shown::line(task)) }
            }
        }
    }
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    visit: Visit,
    DeadPath(no): DeadPath,
) -> Result<Response, Problem> {
    app.read(move |_, snapshot| {
        let row = dead::row(snapshot, no)?;
        let title = format!("Dead letter {no}");
        Ok(show(&visit, &Sheet { title: &title, place: "dead", body: body(&visit, &title, row) }))
    })
    .await
}

fn body(visit: &Visit, title: &str, row: DeadRow) -> Markup {
    let DeadRow { head, body, headers, evidence } = row;
    let letter = LetterResource::from(head);
    let id = letter.id.as_str();
    let verb = |word: &str, text: &str| html! { a.button href=(visit.to(&["dead", id, "do", word])) { (text) } };
    html! {
        (crumbs(&[("Dead letters", visit.to(&["dead"]))], id))
        div.head {
            h1 { (title) }
            @if visit.may(Scope::Operate) {
                div.actions {
                    @if letter.job.is_none() { (verb("replay", "Replay")) }
                    @else if let Some(job) = &letter.job { a.button href=(visit.to(&["jobs", job])) { "To its job" } }
                    (verb("discard", "Discard"))
                }
            }
        }
        div.notice.bad { p { code { (shown::line(&letter.code)) } " " (shown::text(&letter.message)) } }
        dl.facts {
            div { dt { "From" } dd { (letter.from) } }
            @if letter.job.is_some() { div { dt { "Task" } dd { (task(visit, &letter)) } } }
            div { dt { "Found" } dd { (when::at(Some(&letter.received_at), visit.now)) } }
            div { dt { "Size" } dd { (letter.size) " bytes" } }
        }
        section.value {
            h2 { "Body " a.small href=(visit.to(&["dead", id, "body"])) download { "Download" } }
            (content(&body))
        }
        section.value { h2 { "Properties and headers" } (content(headers.as_bytes())) }
        @if let Some(evidence) = &evidence { section.value { h2 { "Evidence" } (content(evidence.as_bytes())) } }
    }
}

/// Bytes as the tree of their JSON, as text, or as nothing that could be shown.
fn content(bytes: &[u8]) -> Markup {
    let depth = Limits::DEFAULT.json_depth;
    html! {
        @if bytes.is_empty() { p.muted { "empty" } }
        @else if bytes.len() > SHOWN { p.muted { "Too long for a page." } }
        @else if json::check(bytes, depth).is_ok() { (tree(bytes)) }
        @else { pre.log tabindex="0" { (shown::text(&String::from_utf8_lossy(bytes))) } }
    }
}

pub(super) async fn raw_body(State(app): State<Arc<App>>, DeadPath(no): DeadPath) -> Result<Response, Problem> {
    app.read(move |_, snapshot| {
        let row = dead::row(snapshot, no)?;
        Ok(download(row.body, "application/octet-stream", &format!("dead-{no}.bin")))
    })
    .await
}

pub(super) async fn ask(
    State(app): State<Arc<App>>,
    visit: Visit,
    PathText((no, word)): PathText<(String, String)>,
) -> Result<Response, Problem> {
    let no = number(&no)?;
    let (title, what) = match word.as_str() {
        "replay" => ("Replay", "The message is sent again to where it went, and this dead letter goes."),
        "discard" => ("Discard", "The message is gone for good."),
        _ => return Err(no_verb()),
    };
    app.read(move |_, snapshot| {
        dead::row(snapshot, no)?;
        Ok(question(&visit, title, &no.to_string(), what, &visit.to(&["dead", &no.to_string()])))
    })
    .await
}

pub(super) async fn steer(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    PathText((no, word)): PathText<(String, String)>,
) -> Result<Response, Problem> {
    let no = number(&no)?;
    match word.as_str() {
        "replay" => drop(dead::send_again(&app, &caller, no).await?),
        "discard" => drop(dead::throw_away(&app, &caller, no).await?),
        _ => return Err(no_verb()),
    }
    Ok(go_to(&visit.to(&["dead"])))
}

fn number(text: &str) -> Result<i64, Problem> {
    text.parse().ok().filter(|no: &i64| no.to_string() == text).ok_or_else(|| no_letter(text))
}

fn no_verb() -> Problem {
    Problem::not_found("a dead letter can be replayed and discarded, nothing else".to_owned())
}
