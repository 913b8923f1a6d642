//! Small questions to rows.

use warrener_shared::id::{JobNo, TaskNo, Ticket, Token};
use warrener_shared::job::AllowFailure;
use warrener_shared::state::TaskState;
use warrener_shared::time::Millis;

use super::world::EPOCH;
use crate::row::{Counts, Ended, Map, Skip, Stop, TaskRow, rank};

fn task(state: TaskState) -> TaskRow {
    TaskRow { state, ..TaskRow::new(TaskNo(1), JobNo(1), 0, 1, 0) }
}

fn counts(pairs: &[(TaskState, u32)]) -> Counts {
    let mut counts = Counts::default();
    pairs.iter().for_each(|(state, count)| counts.add(*state, *count));
    counts
}

#[test]
fn counts_follow_tasks_from_state_to_state() {
    let mut counts = counts(&[(TaskState::Waiting, 2), (TaskState::Failed, 1)]);
    assert_eq!((counts.total(), counts.open()), (3, 2));
    counts.shift(TaskState::Waiting, TaskState::Succeeded);
    assert_eq!((counts.total(), counts.open(), counts.get(TaskState::Succeeded)), (3, 1, 1));
}

#[test]
#[should_panic(expected = "nothing counted in state ready")]
fn counts_never_go_below_zero() {
    Counts::default().shift(TaskState::Ready, TaskState::Failed);
}

#[test]
fn a_final_task_counts_as_the_contract_says() {
    let table = [
        (TaskState::Succeeded, None, Ended::Ok, Ended::Ok),
        (TaskState::Failed, None, Ended::Failed, Ended::Ok),
        (TaskState::TimedOut, None, Ended::Failed, Ended::Ok),
        (TaskState::Cancelled, None, Ended::Failed, Ended::Failed),
        (TaskState::Skipped, Some(Skip::Rule), Ended::Neutral, Ended::Neutral),
        (TaskState::Skipped, Some(Skip::Upstream), Ended::Failed, Ended::Failed),
        (TaskState::Skipped, Some(Skip::Hand), Ended::Ok, Ended::Ok),
    ];
    for (state, skip, plain, allowed) in table {
        let row = TaskRow { skip, ..task(state) };
        assert_eq!(
            (row.ended(&AllowFailure::None), row.ended(&AllowFailure::All)),
            (plain, allowed),
            "{state} {skip:?}"
        );
    }
}

#[test]
#[should_panic(expected = "a ready task has not ended")]
fn an_open_task_has_not_ended() {
    task(TaskState::Ready).ended(&AllowFailure::None);
}

#[test]
fn a_ticket_is_open_as_long_as_its_very_attempt_is() {
    let row = TaskRow { attempt: 2, token: Token(7), dispatch_no: Some(1), ..task(TaskState::Dispatched) };
    let ticket = row.ticket();
    assert!(row.is_open(&ticket));
    assert!(!row.is_open(&Ticket { attempt: 1, ..ticket }));
    assert!(!row.is_open(&Ticket { token: Token(8), ..ticket }));
    assert!(!row.is_open(&Ticket { task: TaskNo(2), ..ticket }));
    assert!(!TaskRow { dispatch_no: None, ..row }.is_open(&ticket));
}

#[test]
fn signs_of_life_are_a_worker_a_lease_and_progress() {
    let row = task(TaskState::Dispatched);
    assert!(!TaskRow { started_at: Some(EPOCH), ..row.clone() }.has_sign_of_life());
    assert!(TaskRow { worker: Some("w".into()), ..row.clone() }.has_sign_of_life());
    assert!(TaskRow { lease: Some(Millis(1)), ..row.clone() }.has_sign_of_life());
    assert!(TaskRow { progress: Some((*b"{}").into()), ..row }.has_sign_of_life());
}

#[test]
fn so_many_items_may_go_out() {
    let map = |next, open| Map {
        total: 10,
        first_item: TaskNo(100),
        next,
        counts: counts(&[(TaskState::Dispatched, open), (TaskState::Succeeded, next - open)]),
    };
    let table: [(u32, u32, Option<u32>, u32); 7] = [
        (0, 0, None, 10),
        (4, 4, None, 6),
        (0, 0, Some(3), 3),
        (3, 3, Some(3), 0),
        (3, 2, Some(3), 1),
        (9, 0, Some(3), 1),
        (10, 2, Some(3), 0),
    ];
    for (next, open, max_parallel, available) in table {
        assert_eq!(map(next, open).available(max_parallel), available, "{open} open before {next}, {max_parallel:?}");
    }
}

#[test]
fn items_without_a_row_count_as_what_they_would_be() {
    let counts = counts(&[(TaskState::Dispatched, 1), (TaskState::Failed, 1), (TaskState::TimedOut, 1)]);
    let map = Map { total: 10, first_item: TaskNo(100), next: 3, counts };
    assert_eq!(map.failed(), 2);
    let all = map.all_counts(None, None);
    assert_eq!((all.total(), all.get(TaskState::Ready), all.get(TaskState::Waiting)), (10, 7, 0));
    let all = map.all_counts(Some(3), None);
    assert_eq!((all.total(), all.get(TaskState::Ready), all.get(TaskState::Waiting)), (10, 2, 5));
    let all = map.all_counts(Some(3), Some(TaskState::Cancelled));
    assert_eq!((all.total(), all.get(TaskState::Cancelled), all.get(TaskState::Ready)), (10, 7, 0));
}

#[test]
fn a_higher_priority_comes_first_and_then_who_is_ready_longer() {
    let (now, later) = (EPOCH, EPOCH + Millis(1));
    assert!(rank(9, later) < rank(8, now));
    assert!(rank(4, now) < rank(4, later));
    // An hour of waiting is worth one step, so that nobody starves.
    let hour = Millis::from_secs(3600);
    assert!(rank(0, now) > rank(1, now + hour - Millis(1)));
    assert!(rank(0, now) < rank(1, now + hour + Millis(1)));
    assert!(rank(0, now) < rank(9, now + Millis(hour.0 * 9 + 1)));
}

#[test]
fn stops_say_what_they_are() {
    let table = [
        (Stop::None, false, false),
        (Stop::Deadline, false, true),
        (Stop::Cancel, false, false),
        (Stop::DeadlineHalt, true, true),
        (Stop::CancelHalt, true, false),
    ];
    for (stop, halts, by_deadline) in table {
        assert_eq!((stop.halts(), stop.by_deadline()), (halts, by_deadline), "{stop:?}");
    }
}
