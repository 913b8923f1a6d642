use super::{Measure, Promise, median, percentile};
use crate::args::BenchRow;

#[test]
fn percentiles_are_values_that_were_measured() {
    let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
    assert_eq!((percentile(values.clone(), 50), percentile(values, 99)), (51.0, 100.0));
    assert_eq!((median(vec![3.0, 1.0, 2.0]), median(vec![7.0]), median(Vec::new())), (2.0, 7.0, 0.0));
}

#[test]
fn a_ratio_is_that_of_rounds_and_not_of_medians() {
    let pairs = [(1.0, 10.0), (20.0, 40.0), (90.0, 100.0)];
    let measure = Measure::compared(BenchRow::Mapped, "tasks", "/s", &pairs);
    assert_eq!((measure.value, measure.raw, measure.ratio), (20.0, Some(40.0), Some(0.5)));
}

#[test]
fn promises_are_about_the_ratio_where_there_is_one() {
    let compared = Measure::compared(BenchRow::Mapped, "tasks", "/s", &[(30.0, 100.0)]);
    assert!(!compared.clone().promised(Promise::AtLeast(0.35)).is_kept());
    assert!(compared.promised(Promise::AtLeast(0.3)).is_kept());
    let alone = Measure::new(BenchRow::Scale, "memory", "MB", 257.0);
    assert!(!alone.clone().promised(Promise::AtMost(256.0)).is_kept());
    assert!(alone.is_kept());
}
