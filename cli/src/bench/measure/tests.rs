use super::super::promise::MEMORY;
use super::{Measure, median, percentile};
use crate::bench::args::BenchRow;

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
    assert_eq!(measure.spread, Some([0.1, 0.9]));
    let alone = Measure::of_rounds(BenchRow::Forget, "jobs", "/s", vec![3.0, 1.0, 2.0]);
    assert_eq!((alone.value, alone.spread), (2.0, Some([1.0, 3.0])));
    assert_eq!(Measure::of_rounds(BenchRow::Forget, "jobs", "/s", vec![3.0]).spread, None);
}

#[test]
fn promises_are_about_the_ratio_where_there_is_one() {
    let half = Measure::compared(BenchRow::Mapped, "tasks", "/s", &[(60.0, 100.0)]);
    assert!(half.keeps(half.promise) && !half.keeps(half.want));
    let alone = Measure::new(BenchRow::Scale, MEMORY, "MB", 257.0);
    assert!(!alone.keeps(alone.promise));
    let plain = Measure::new(BenchRow::Forget, "jobs", "/s", 1.0);
    assert!((plain.promise, plain.want) == (None, None) && plain.keeps(plain.promise));
}
