//! Lists: a table that is walked through by keys, and the ways to its other pages.

use maud::{Markup, html};

use super::visit::Visit;

/// A table with a heading for each column. A column without a heading is one of buttons.
pub(super) fn table(columns: &[&str], rows: &Markup) -> Markup {
    table_after(&html! {}, columns, rows)
}

/// The same behind a first heading.
pub(super) fn table_after(first: &Markup, columns: &[&str], rows: &Markup) -> Markup {
    html! {
        table.list data-list {
            thead { tr {
                (first)
                @for column in columns {
                    th scope="col" {
                        @if column.is_empty() { span.visually-hidden { "Actions" } } @else { (column) }
                    }
                }
            } }
            tbody { (rows) }
        }
    }
}

/// Ways to the first and the next page of a list.
pub(super) fn pages(visit: &Visit, next: Option<&str>) -> Markup {
    let is_later = visit.get("cursor").is_some();
    html! {
        @if is_later || next.is_some() {
            nav.pages aria-label="Pages of the list" {
                @if is_later { a href=(visit.with(&[("cursor", "")])) rel="first" { "First page" } }
                @if let Some(next) = next { a href=(visit.with(&[("cursor", next)])) rel="next" { "Next page" } }
            }
        }
    }
}

/// A form that narrows a list by a filter.
pub(super) fn search(visit: &Visit, place: &[&str], example: &str) -> Markup {
    html! {
        form.search method="get" action=(visit.to(place)) role="search" {
            label for="q" { "Filter" }
            input #q name="q" type="search" value=(visit.get("q").unwrap_or("")) autocomplete="off"
                spellcheck="false" maxlength="2000" placeholder=(example);
            button type="submit" { "Show" }
        }
    }
}
