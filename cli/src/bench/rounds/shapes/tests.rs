use warrener_shared::job::{JobSpec, SubmitContext, parse};
use warrener_shared::limits::Limits;

use super::{LAYER, NEEDS, SHAPES};

/// As it is submitted, so that it is within the limits too.
fn read(name: &str, tasks: usize) -> JobSpec {
    let shape = SHAPES.iter().find(|shape| shape.name == name).unwrap();
    parse((shape.document)(tasks, "an-id").as_bytes(), &SubmitContext::default(), &Limits::DEFAULT).unwrap()
}

#[test]
fn each_shape_is_what_it_says() {
    let needs = |spec: &JobSpec| spec.tasks.iter().map(|task| task.needs.clone()).collect::<Vec<_>>();
    assert_eq!(needs(&read("chain", 4)), [vec![], vec![0], vec![1], vec![2]]);
    assert_eq!(needs(&read("star", 4)), [vec![], vec![0], vec![0], vec![0]]);
    assert_eq!(needs(&read("fan-in", 4)), [vec![], vec![], vec![], vec![0, 1, 2]]);
    for (at, needs) in needs(&read("layers", 3 * LAYER)).into_iter().enumerate() {
        let before = (at / LAYER).saturating_sub(1) * LAYER;
        assert_eq!(needs.len(), if at < LAYER { 0 } else { NEEDS }, "task {at}");
        assert!(needs.iter().all(|need| (before..before + LAYER).contains(&(*need as usize))), "task {at}: {needs:?}");
    }
}

#[test]
fn the_largest_of_each_shape_can_be_submitted() {
    for shape in &SHAPES {
        assert_eq!(read(shape.name, Limits::DEFAULT.tasks).tasks.len(), Limits::DEFAULT.tasks, "{}", shape.name);
    }
}
