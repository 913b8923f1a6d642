//! What was measured, as a table or a document.

use super::measure::{Measure, Promise};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Cell, Table, elements};

/// In the format that was asked for.
pub(super) fn text(context: &Context, measures: &[Measure]) -> Result<String, Failure> {
    let page = serde_json::json!({ "items": measures, "next_cursor": null }).to_string();
    let document = elements(context.globals.output, &[page])?;
    Ok(document.unwrap_or_else(|| context.render(&table(measures))))
}

fn table(measures: &[Measure]) -> Table {
    let mut table = Table::new(&["ROW", "WHAT", "WARRENER", "BROKER ALONE", "RATIO", "PROMISED", ""]);
    for measure in measures {
        let number = |value: Option<f64>| value.map(|value| in_unit(value, measure.unit)).unwrap_or_default();
        table.row(vec![
            measure.row.to_string().into(),
            measure.what.into(),
            number(Some(measure.value)).into(),
            number(measure.raw).into(),
            measure.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default().into(),
            promise(measure).into(),
            if measure.is_kept() { Cell::from("") } else { Cell::from("missed") },
        ]);
    }
    table
}

fn promise(measure: &Measure) -> String {
    match measure.promise {
        None => String::new(),
        Some(Promise::AtLeast(least)) => format!(">= {least}"),
        Some(Promise::AtMost(most)) => format!("<= {most}"),
    }
}

fn in_unit(value: f64, unit: &str) -> String {
    let digits = if value.abs() >= 100.0 { 0 } else { 2 };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}
