//! Results as a table or a document.

use super::machine::About;
use super::measure::Measure;
use super::promise::Promise;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Cell, Table, elements};

/// Formats the results as was asked for.
pub(super) fn text(context: &Context, measures: &[Measure], about: &About) -> Result<String, Failure> {
    let page = serde_json::json!({ "about": about, "items": measures, "next_cursor": null }).to_string();
    let document = elements(context.globals.output, &[page])?;
    Ok(document.unwrap_or_else(|| format!("{}\n{}\n", context.render(&table(measures)), about.line())))
}

fn table(measures: &[Measure]) -> Table {
    let mut table =
        Table::new(&["ROW", "WHAT", "WARRENER", "BROKER ALONE", "RATIO", "SPREAD", "PROMISED", "", "WANTED", ""]);
    for measure in measures {
        let number = |value: Option<f64>| value.map(|value| in_unit(value, measure.unit)).unwrap_or_default();
        table.row(vec![
            measure.row.to_string().into(),
            what(measure).into(),
            number(Some(measure.value)).into(),
            number(measure.raw).into(),
            measure.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default().into(),
            spread(measure).into(),
            limit(measure.promise).into(),
            verdict(measure, measure.promise),
            limit(measure.want).into(),
            verdict(measure, measure.want),
        ]);
    }
    table
}

/// The lowest and the highest of the rounds: of their ratios where there are any.
fn spread(measure: &Measure) -> String {
    let Some([least, most]) = measure.spread else { return String::new() };
    match measure.ratio {
        Some(_) => format!("{least:.2} to {most:.2}"),
        None => format!("{} to {}", in_unit(least, ""), in_unit(most, measure.unit)),
    }
}

/// Names a result, and of a point of a plot its place too.
fn what(measure: &Measure) -> String {
    measure.at.map_or_else(|| measure.what.to_owned(), |at| format!("{} {}", measure.what, grouped(at)))
}

fn limit(promise: Option<Promise>) -> String {
    match promise {
        None => String::new(),
        Some(Promise::AtLeast(least)) => format!(">= {least}"),
        Some(Promise::AtMost(most)) => format!("<= {most}"),
    }
}

fn verdict(measure: &Measure, promise: Option<Promise>) -> Cell {
    match promise {
        None => "".into(),
        Some(_) if measure.keeps(promise) => "met".into(),
        Some(_) => "missed".into(),
    }
}

/// A whole number with its thousands apart.
pub(super) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let apart = |(at, digit): (usize, char)| {
        let comma = at > 0 && (digits.len() - at).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(apart).collect()
}

fn in_unit(value: f64, unit: &str) -> String {
    let digits = if value.abs() >= 100.0 { 0 } else { 2 };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}
