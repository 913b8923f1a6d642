//! The configuration that this process runs with, secrets masked.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_runtime::config::{Origin, Setting};
use warrener_shared::shown;

use super::super::app::App;
use super::frame::{Sheet, show};
use super::list;
use super::visit::Visit;

pub(super) async fn get(State(app): State<Arc<App>>, visit: Visit) -> Response {
    let is_given = |setting: &&Setting| setting.origin != Origin::Default;
    let given = app.settings.iter().filter(is_given).count();
    let body = html! {
        h1 { "Configuration" }
        p.muted {
            "As it was read when this process started, secrets masked. Of " (app.settings.len()) " settings "
            (given) " were given; the others are built-in defaults."
        }
        @for section in app.settings.chunk_by(|one, other| section(one) == section(other)) {
            section.value {
                h2 { code { (shown::line(self::section(&section[0]))) } }
                (table(section))
            }
        }
    };
    show(&visit, &Sheet { title: "Configuration", place: "config", body })
}

/// First part of the path of a setting.
fn section(setting: &Setting) -> &str {
    setting.path.split('.').next().unwrap_or_default()
}

fn table(settings: &[Setting]) -> Markup {
    html! {
        (list::table(&["Setting", "Value", "Set by"], &html! {
            @for setting in settings {
                    tr {
                        td.main data-label="Setting" {
                            code { (shown::line(&setting.path)) } div.muted.small { (setting.about) }
                        }
                        td data-label="Value" { code { (shown::line(&setting.value)) } }
                        td data-label="Set by" {
                            @if setting.origin == Origin::Default { span.muted { "default" } }
                            @else { strong { (shown::line(&setting.origin.to_string())) } }
                        }
                    }
                }
        }))
    }
}
