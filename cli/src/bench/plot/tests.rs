use super::super::measure::Measure;
use super::super::rounds::{P50, P99, TASKS};
use super::draw;
use crate::bench::args::BenchRow;

#[test]
fn both_pictures_are_drawn_of_what_was_measured() {
    let sizes = [(1.0, 2500.0), (1000.0, 8000.0), (100_000.0, 9000.0)]
        .map(|(size, rate)| Measure::compared(BenchRow::Sizes, TASKS, "/s", &[(rate, rate * 1.3)]).at(size));
    let load = [(P50, 4.0), (P99, 40.0)]
        .map(|(what, ms)| Measure { raw: Some(ms / 2.0), ..Measure::new(BenchRow::Load, what, "ms", ms) }.at(300.0));
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("not/there");
    assert_eq!(draw(&inner, &[]).unwrap(), Vec::<String>::new(), "no picture of nothing");
    assert_eq!(draw(&inner, &sizes).unwrap().len(), 1, "only of what was measured");
    assert_eq!(draw(&inner, &[sizes.to_vec(), load.to_vec()].concat()).unwrap().len(), 2);
    let text = std::fs::read_to_string(inner.join("sizes.svg")).unwrap();
    // The first stands at the left end of the axis and the last at its right end, 2,500 of 12,000 high.
    assert!(text.contains("<polyline points=\"84.0,281.5 396.0,144.0 604.0,119.0\""), "{text}");
    for part in ["tasks in one job", "tasks in a second", ">100,000<", ">12,000<", "the broker alone"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = std::fs::read_to_string(inner.join("load.svg")).unwrap();
    assert_eq!(text.matches("<circle").count(), 4);
    assert_eq!(text.matches("stroke-dasharray").count(), 4, "two lines, and both in the legend");
}
