//! The frame of every page: head, navigation, and the headers that say what a page may do.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use maud::{DOCTYPE, Markup, html};

use super::asset::ASSETS;
use super::encoding::gzip;
use super::visit::Visit;
use crate::access::Scope;

/// Nothing is loaded from elsewhere, and nothing runs or is styled that is written into a page.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";
/// Settings of htmx: it evaluates nothing, brings no style of its own, and leaves a page as it is where the server can
/// not answer or asks who it is first.
const HTMX: &str = r#"{"includeIndicatorCSS":false,"history":false,"defaultTimeout":15000,
    "noSwap":[204,304,401,429,"5xx"]}"#;

/// A page.
pub(super) struct Sheet<'a> {
    /// Title, as the tab of a browser shows it.
    pub(super) title: &'a str,
    /// Place in the navigation: the first part of a path.
    pub(super) place: &'a str,
    /// Content.
    pub(super) body: Markup,
}

/// An answer with a page.
pub(super) fn show(visit: &Visit, sheet: &Sheet<'_>) -> Response {
    show_as(StatusCode::OK, visit, sheet)
}

/// An answer with a page and another status.
pub(super) fn show_as(status: StatusCode, visit: &Visit, sheet: &Sheet<'_>) -> Response {
    packed(status, visit, whole(visit, sheet))
}

fn packed(status: StatusCode, visit: &Visit, markup: Markup) -> Response {
    let text = markup.into_string();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        // What is shown may be gone in a moment, and may not be for whoever comes next.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("accept-encoding, cookie, authorization")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ];
    match gzip(text.as_bytes(), Compression::fast()).filter(|_| visit.gzip) {
        Some(packed) => {
            let packing = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            (status, headers, packing, packed).into_response()
        }
        None => (status, headers, text).into_response(),
    }
}

/// An answer with a part of a page, for the page that is open.
pub(super) fn fragment(visit: &Visit, body: Markup) -> Response {
    packed(StatusCode::OK, visit, body)
}

fn whole(visit: &Visit, sheet: &Sheet<'_>) -> Markup {
    let asset = |name: &str| visit.to(&["assets", name]);
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[visit.theme] data-root=(visit.up) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=(HTMX);
                title { (sheet.title) " · Warrener" }
                link rel="icon" type="image/svg+xml" href=(asset(&ASSETS.icon.name));
                link rel="stylesheet" href=(asset(&ASSETS.style.name));
                script src=(asset(&ASSETS.htmx.name)) defer {}
                script src=(asset(&ASSETS.script.name)) defer {}
                script src=(asset(&ASSETS.live.name)) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (navigation(visit, sheet.place))
                main id="main" tabindex="-1" { (sheet.body) }
                p.unlive role="status" data-unlive hidden {
                    "This page is not live: the server does not answer it. It is tried again every few seconds."
                }
                (footer())
            }
        }
    }
}

fn navigation(visit: &Visit, place: &str) -> Markup {
    let link = |part: &str, text: &str| {
        html! { li { a href=(visit.to(&[part])) aria-current=[(place == part).then_some("page")] { (text) } } }
    };
    html! {
        header.top {
            a.brand href=(visit.up) { span aria-hidden="true" { "◖" } "Warrener" }
            @if visit.caller.is_some() {
                nav aria-label="Pages" {
                    ul {
                        @if visit.may(Scope::Read) {
                            li {
                                a href=(visit.up) aria-current=[(place == "overview").then_some("page")] { "Overview" }
                            }
                            (link("jobs", "Jobs"))
                            (link("queues", "Queues"))
                            (link("workers", "Workers"))
                            (link("schedules", "Schedules"))
                            (link("limits", "Limits"))
                            (link("dead", "Dead letters"))
                            (link("bulk", "Bulk"))
                        }
                        @if visit.may(Scope::Submit) { (link("submit", "Submit")) }
                        @if visit.may_administer() { (link("audit", "Audit")) (link("config", "Configuration")) }
                    }
                }
            }
            div.who {
                @if let Some(name) = visit.name() { span.muted { (name) } }
                @if visit.has_session && visit.caller.is_some() {
                    form method="post" action=(visit.to(&["sign-out"])) { button.plain type="submit" { "Sign out" } }
                }
                button.plain type="button" data-do="theme" hidden { "Light or dark" }
                button.plain type="button" data-do="keys" hidden { "Keys" }
            }
        }
    }
}

fn footer() -> Markup {
    html! { footer { "Warrener " (env!("CARGO_PKG_VERSION")) } }
}
