//! Problems as pages, for browsers.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::shown;

use super::super::app::App;
use super::super::problem::Problem;
use super::frame::{Sheet, show_as};
use super::sign_in::form;
use super::visit::Visit;
use crate::access::Caller;

/// Paths that are for programs, whoever asks for them.
const PROGRAMS: [&str; 4] = ["/api/", "/metrics", "/livez", "/readyz"];
/// Last parts of the paths of forms, behind those of the pages that show them.
const FORMS: [&str; 6] = ["/do/", "/check", "/look", "/answer", "/drain", "/new"];

/// Answers a browser that asked for a page with a page, also where the answer is no.
pub(in super::super) async fn as_page(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if PROGRAMS.iter().any(|start| path.starts_with(start)) || !reads_pages(request.headers()) {
        return next.run(request).await;
    }
    let visit = Visit::of(request.uri(), request.headers(), None, app.shared.now());
    let is_form = request.method() != Method::GET;
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Arc<Problem>>().cloned() else { return response };
    let caller = response.extensions().get::<Arc<Caller>>().cloned();
    let visit = Visit { caller, ..visit };
    let (title, status) = (problem.sort.title, problem.sort.status);
    let inner = match status {
        StatusCode::UNAUTHORIZED => sign_in(&visit, is_form),
        _ => body(&visit, &problem),
    };
    let mut page = show_as(status, &visit, &Sheet { title, place: "", body: inner });
    for (name, value) in response.headers().iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
        page.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    page
}

/// Tells whether whoever asks shows pages to somebody.
fn reads_pages(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.into_iter().any(|value| value.contains("text/html"))
}

/// The form for whoever has to sign in, which then leads to the page that was wanted, or to the one with the form.
fn sign_in(visit: &Visit, is_form: bool) -> Markup {
    let path = visit.path.trim_start_matches('/');
    let end = FORMS.iter().filter_map(|part| path.find(part)).min().filter(|_| is_form);
    let path = &path[..end.unwrap_or(path.len())];
    let to = if visit.query.is_empty() { path.to_owned() } else { format!("{path}{}", visit.with(&[])) };
    html! {
        h1 { "Sign in" }
        (form(visit, &to, false))
    }
}

fn body(visit: &Visit, problem: &Problem) -> Markup {
    html! {
        h1 { (problem.sort.title) }
        div.notice.bad role="alert" {
            p { (shown::text(&problem.detail)) }
            p.muted { code { (problem.sort.code) } " · " (problem.sort.status.as_u16()) }
        }
        @if let Some(errors) = problem.errors.as_ref().filter(|errors| errors.len() > 1) {
            ul {
                @for error in errors { li { code { (shown::line(&error.pointer)) } " " (shown::text(&error.detail)) } }
            }
        }
        p { a href=(visit.up) { "Back to the first page" } }
    }
}
