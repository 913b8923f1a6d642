//! Documents of the API for programs, in the format that was asked for.

use super::csv::csv;
use super::tree::Tree;
use super::yaml::yaml;
use crate::failure::Failure;
use crate::options::OutputFormat;

/// Formats a document. `None` for the formats that are not documents.
pub(crate) fn document(format: OutputFormat, json: &str) -> Result<Option<String>, Failure> {
    Ok(match format {
        OutputFormat::Json => Some(Tree::from_json(json)?.pretty()),
        OutputFormat::Jsonl => Some(Tree::from_json(json)?.compact()),
        OutputFormat::Csv => Some(csv(&Tree::from_json(json)?)),
        OutputFormat::Yaml => Some(yaml(&Tree::from_json(json)?)),
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Name => None,
    })
}

/// Pages of a list as one: for `jsonl` the elements alone, else the list as the API would say it on one page.
pub(crate) fn elements(format: OutputFormat, pages: &[String]) -> Result<Option<String>, Failure> {
    if let [page] = pages
        && format != OutputFormat::Jsonl
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
    if format == OutputFormat::Jsonl {
        return Ok(Some(items.iter().map(|item| item.compact() + "\n").collect()));
    }
    let list = Tree::Map(vec![
        ("items".to_owned(), Tree::List(items)),
        ("next_cursor".to_owned(), Tree::Scalar("null".to_owned())),
    ]);
    document(format, &list.compact())
}
