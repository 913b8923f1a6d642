//! Values of jobs and tasks: on a page as far as they are short, and whole on request.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use warrener_shared::id::{JobId, TaskAddress};

use super::super::app::App;
use super::super::job;
use super::super::path::{PathText, no_job, no_task};
use super::super::problem::Problem;
use super::super::shape::Raw;
use super::super::task::TaskDetail;
use super::tree::{size, tree};

/// Bytes that are shown without being asked for.
const SHOWN: usize = 64 * 1024;

/// A value under a heading, with the way to the whole of it.
pub(super) fn shown(title: &str, raw: &Raw, url: &str) -> Markup {
    let Some(raw) = raw else {
        return html! { section.value { h2 { (title) } p.muted { "none" } } };
    };
    let bytes = raw.get().len();
    html! {
        section.value {
            h2 { (title) " " span.muted { (size(bytes)) } " " a.small href=(url) download { "Download" } }
            @if bytes <= SHOWN { (tree(raw.get().as_bytes())) }
            @else { p.muted { "Too long for a page." } }
        }
    }
}

pub(super) async fn of_job(
    State(app): State<Arc<App>>,
    PathText((id, name)): PathText<(String, String)>,
) -> Result<Response, Problem> {
    let id = JobId::new(&id).map_err(|_| no_job(&id))?;
    app.read(move |app, snapshot| {
        let job = job::shown(app, snapshot, &id)?;
        let raw = match name.as_str() {
            "input" => job.input,
            "output" => job.output,
            "error" => job.error,
            _ => None,
        };
        whole(raw, &name, id.as_str())
    })
    .await
}

pub(super) async fn of_task(
    State(app): State<Arc<App>>,
    PathText((id, task, name)): PathText<(String, String, String)>,
) -> Result<Response, Problem> {
    let id = JobId::new(&id).map_err(|_| no_job(&id))?;
    let address: TaskAddress = task.parse().map_err(|_| no_task(id.as_str(), &task))?;
    app.read(move |app, snapshot| {
        let detail = TaskDetail::read(app, snapshot, &id, &address)?;
        let raw = match name.as_str() {
            "input" => detail.input,
            "results" => detail.results,
            "output" => detail.task.output,
            "error" => detail.task.error,
            "progress" => detail.task.progress,
            _ => None,
        };
        whole(raw, &name, &format!("{id}-{address}"))
    })
    .await
}

fn whole(raw: Raw, name: &str, of: &str) -> Result<Response, Problem> {
    let Some(raw) = raw else {
        let name: String = name.chars().take(100).collect();
        return Err(Problem::not_found(format!("{of} has no {name:?}")));
    };
    Ok(download(raw.get().to_owned(), "application/json", &format!("{of}-{name}.json")))
}

/// A file that a browser keeps, and never shows as a page.
pub(super) fn download(body: impl Into<Body>, sort: &'static str, name: &str) -> Response {
    // Ids and addresses are plain text; what stands for a place on somebody's disk does not.
    let name = name.replace(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)), "_");
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).expect("plain text");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(sort)),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (HeaderName::from_static("cache-control"), HeaderValue::from_static("no-store")),
    ];
    (headers, body.into()).into_response()
}
