use crate::kept::{Kept, Verdict};
use crate::paths::PATHS;
use crate::{orchestrator, paths};

#[test]
fn what_is_written_is_read_again() {
    let written = Kept { tool_chain: "rustc 1.2.3, a machine".to_owned(), counts: vec![("one", 7), ("two", 12_345)] };
    let read = Kept::parse(&written.text()).expect("it is written well");
    assert_eq!(read.tool_chain, written.tool_chain);
    assert_eq!(read.counts.into_iter().collect::<Vec<_>>(), [("one".to_owned(), 7), ("two".to_owned(), 12_345)]);
    for wrong in ["", "tool_chain = \"x\"", "tool_chain = \"x\"\n[instructions]\none = -1", "[instructions]\none = 1"] {
        assert!(Kept::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn only_a_tenth_more_is_a_failure() {
    let verdict = |count| Verdict::of(count, Some(1000));
    assert!([1100, 1000, 900, 10].map(verdict).into_iter().all(Verdict::is_well));
    assert!(!verdict(1101).is_well() && !Verdict::of(1, None).is_well());
    assert!(matches!(verdict(899), Verdict::Cheaper(_)));
    assert!(verdict(1101).to_string().contains("MORE"));
}

#[test]
fn every_path_that_is_counted_is_kept_and_runs() {
    let kept = Kept::read().expect("the file is in the repository");
    assert_eq!(kept.counts.len(), PATHS.len());
    for (path, _) in PATHS {
        assert!(kept.counts.contains_key(path), "{path}");
        paths::run(path);
    }
}

#[test]
fn a_batch_of_work_is_a_batch_of_dispatches() {
    let mut orchestrator = orchestrator::Orchestrator::new(8);
    orchestrator.submit(&crate::documents::mapped(32), 1);
    (0..4).for_each(|_| orchestrator.work());
    let more = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| orchestrator.work()));
    assert!(more.is_err(), "all items are done");
}
