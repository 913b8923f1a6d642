//! Documents of the API for programs, in the format that was asked for.

use super::tree::Tree;
use super::yaml::yaml;
use crate::failure::Failure;
use crate::options::Format;

/// Formats a document. `None` for the formats that are not documents.
pub(crate) fn document(format: Format, json: &str) -> Result<Option<String>, Failure> {
    Ok(match format {
        Format::Json => Some(Tree::from_json(json)?.pretty()),
        Format::Jsonl => Some(Tree::from_json(json)?.compact()),
        Format::Yaml => Some(yaml(&Tree::from_json(json)?)),
        Format::Table | Format::Wide | Format::Name => None,
    })
}

/// Pages of a list as one: for `jsonl` the elements alone, else the list as the API would say it on one page.
pub(crate) fn elements(format: Format, pages: &[String]) -> Result<Option<String>, Failure> {
    if let [page] = pages
        && format != Format::Jsonl
    {
        return document(format, page);
    }
    if document(format, "null")?.is_none() {
        return Ok(None);
    }
    let mut items = Vec::new();
    for page in pages {
        match Tree::from_json(page)?.get("items") {
            Some(Tree::List(found)) => items.extend_from_slice(found),
            _ => return document(format, page),
        }
    }
    if format == Format::Jsonl {
        return Ok(Some(items.iter().map(|item| item.compact() + "\n").collect()));
    }
    let list = Tree::Map(vec![
        ("items".to_owned(), Tree::List(items)),
        ("next_cursor".to_owned(), Tree::Scalar("null".to_owned())),
    ]);
    document(format, &list.compact())
}
