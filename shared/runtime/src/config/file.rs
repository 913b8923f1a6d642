//! A TOML file as a layer, each value with its line.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::layer::ConfigEntry;
use super::origin::Origin;
use super::problem::ConfigProblem;
use super::schema;
use super::value::RawSetting;

/// The settings in a file.
pub(super) fn entries(path: &Path) -> Result<Vec<ConfigEntry>, ConfigProblem> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigProblem {
        message: format!("reading the configuration file: {}: {error}", path.display()),
        origin: None,
        hint: None,
    })?;
    let document = DeTable::parse(&text).map_err(|error| {
        let line = line_at(&text, error.span().map_or(0, |span| span.start));
        let origin = Origin::File { path: path.to_owned(), line };
        ConfigProblem::new(format!("reading TOML: {}", error.message()), &origin)
    })?;
    let mut walk = TomlWalk { file: path.to_owned(), text: &text, found: Vec::new() };
    walk.table(&mut Vec::new(), document.get_ref());
    Ok(walk.found)
}

struct TomlWalk<'a> {
    file: PathBuf,
    text: &'a str,
    found: Vec<ConfigEntry>,
}

impl TomlWalk<'_> {
    fn table(&mut self, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            match value.get_ref() {
                DeValue::Table(inner) if schema::find(path).is_none() => self.table(path, inner),
                _ => self.leaf(path, key.span().start, value),
            }
            path.pop();
        }
    }

    fn leaf(&mut self, path: &[String], at: usize, value: &Spanned<DeValue<'_>>) {
        let origin = Origin::File { path: self.file.clone(), line: line_at(self.text, at) };
        self.found.push(ConfigEntry { path: path.to_vec(), raw: raw(value.get_ref()), origin });
    }
}

fn raw(value: &DeValue<'_>) -> RawSetting {
    match value {
        DeValue::String(text) => RawSetting::Text(text.to_string()),
        DeValue::Boolean(value) => RawSetting::Bool(*value),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(RawSetting::Other("a number out of range"), RawSetting::Int),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
            Option::map_or(texts, RawSetting::Other("a list that holds more than texts"), RawSetting::List)
        }
        DeValue::Float(_) => RawSetting::Other("a number with a fraction"),
        DeValue::Datetime(_) => RawSetting::Other("a date"),
        DeValue::Table(_) => RawSetting::Other("a section"),
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
