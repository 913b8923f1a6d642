//! Schedules whose documents cannot be read any more: a limit was lowered.

use super::*;

const GOOD: &str = r#"{"name":"good","job":{"kind":"k"},"every":"1m"}"#;
const BAD: &str = r#"{"name":"bad","job":{"kind":"k","input":"${{ schedule.number + 1000 }}"},"every":"1m"}"#;

fn apply(document: &str) -> ScheduleCommand {
    let spec = warrener_shared::schedule::parse(document.as_bytes(), &Limits::DEFAULT).unwrap();
    let body = document.as_bytes().into();
    ScheduleCommand::Apply { spec: Arc::new(spec), body, precondition: Precondition::None }
}

/// A loop with both of them, of which it can read one.
fn lowered(zones: Option<&str>) -> Loop {
    let mut run = Loop::new();
    run.hand.jump(START);
    run.driver.turn(Vec::new());
    run.wish(apply(BAD));
    run.wish(apply(GOOD));
    if let Some(zones) = zones {
        let rows = run.driver.store.all_schedules().cloned();
        let old = |row| warrener_engine::schedule::ScheduleRow { zones: zones.to_owned(), ..row };
        let schedules = rows.map(old).collect();
        let changes = crate::store::schedules::ScheduleChanges { schedules, ..Default::default() };
        run.driver.store.commit(&Commit { schedules: changes, ..Commit::default() }).unwrap();
    }
    let limits = Limits { expression_chars: 8, ..Limits::DEFAULT };
    Loop::within(run.driver.store.clone(), run.hand, limits)
}

fn names(run: &Loop) -> Vec<&str> {
    run.driver.store.all_schedules().map(|row| row.name.as_str()).collect()
}

#[test]
fn it_holds_up_no_other() {
    for zones in [None, Some("1999z")] {
        let mut run = lowered(zones);
        for _ in 0..3 {
            run.after(MINUTE);
        }
        assert!(run.jobs() >= 1, "{zones:?}");
        assert!(run.ticks().iter().any(|(at, _)| *at == 3), "{zones:?}: {:?}", run.ticks());
    }
}

#[test]
fn it_can_be_deleted_and_written_again() {
    let bad = ScheduleName::new("bad").unwrap();
    let mut run = lowered(None);
    run.wish(ScheduleCommand::Delete(bad, Precondition::None));
    assert_eq!(names(&run), ["good"]);
    let mut run = lowered(None);
    run.wish(apply(&BAD.replace("${{ schedule.number + 1000 }}", "1")));
    run.after(MINUTE);
    assert_eq!((names(&run), run.jobs()), (vec!["bad", "good"], 2));
}
