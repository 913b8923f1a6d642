//! Signing in with a token, which becomes a cookie that no script sees and no other site sends.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};

use super::super::app::App;
use super::super::http::{Arrival, BodyBound, receive};
use super::super::problem::Problem;
use super::cookie::{self, SESSION};
use super::frame::{Sheet, show_as};
use super::visit::Visit;
use crate::access::SESSION_SECONDS;

/// Bytes of the form.
const FORM_MAX: BodyBound = BodyBound::fixed(8 * 1024);

/// The form; `to` is the page that is wanted, as a relative URL from the first one.
pub(super) fn form(visit: &Visit, to: &str, is_wrong: bool) -> Markup {
    html! {
        @if is_wrong {
            div.notice.bad role="alert" { p { "That token is not known, or has expired." } }
        }
        form.narrow method="post" action=(visit.to(&["sign-in"])) {
            label for="token" { "Token" }
            input #token name="token" type="password" required autofocus autocomplete="current-password"
                maxlength="512";
            input type="hidden" name="to" value=(to);
            p.muted {
                "As " code { "warrener token new" } " printed it. You stay signed in for twelve hours, or until the "
                "token is taken away or the orchestrator starts anew."
            }
            button.first type="submit" { "Sign in" }
        }
    }
}

pub(super) async fn ask(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    let visit = Visit::of(&uri, &headers, None, app.shared.now());
    page(&app, &visit, StatusCode::OK, "", false)
}

fn page(app: &App, visit: &Visit, status: StatusCode, to: &str, is_wrong: bool) -> Response {
    let body = html! {
        h1 { "Sign in" }
        @if app.access.asks() { (form(visit, to, is_wrong)) }
        @else { p { "Nobody is asked for a token here. " a href=(visit.up) { "To the first page" } } }
    };
    show_as(status, visit, &Sheet { title: "Sign in", place: "", body })
}

pub(super) async fn sign_in(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = receive(&app.edge, &parts.headers, body, FORM_MAX).await?.bytes;
    let fields: Vec<_> = form_urlencoded::parse(&bytes).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim());
    let to = field("to");
    let visit = Visit::of(&parts.uri, &parts.headers, None, app.shared.now());
    let Some(secret) = app.access.sign_in(field("token").as_bytes(), visit.now) else {
        return Ok(page(&app, &visit, StatusCode::UNAUTHORIZED, to, app.access.asks()));
    };
    // It stays below our first page whatever is written there.
    let place = HeaderValue::from_str(&format!("{}{to}", visit.up)).unwrap_or(HeaderValue::from_static("./"));
    Ok(see(&place, &set(&app, &parts, &secret, SESSION_SECONDS)))
}

pub(super) async fn sign_out(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    if let Some(secret) = cookie::find(&parts.headers, SESSION) {
        app.access.sessions.close(secret);
    }
    see(&HeaderValue::from_static("./sign-in"), &set(&app, &parts, "", 0))
}

fn see(place: &HeaderValue, cookie: &HeaderValue) -> Response {
    let headers = [(header::LOCATION, place.clone()), (header::SET_COOKIE, cookie.clone())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// The cookie of a session, for all that is below our first page.
fn set(app: &App, parts: &Parts, secret: &str, seconds: u64) -> HeaderValue {
    let peer = parts.extensions.get::<Arrival>().map(|arrival| arrival.peer.ip());
    let way = app.access.proxies.forwarded(peer, &parts.headers);
    let prefix = way.prefix.unwrap_or_default().trim_end_matches('/');
    let is_secret = way.proto.map_or(app.is_tls, |proto| proto.eq_ignore_ascii_case("https"));
    let secure = if is_secret { "; Secure" } else { "" };
    let text = format!("{SESSION}={secret}; Path={prefix}/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("secrets and prefixes are plain text")
}
