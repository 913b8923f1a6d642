use super::*;

#[test]
fn nothing_comes_before_the_first_delivery() {
    assert!(Ledger::new().is_settled_before(1));
    assert!(!Ledger::new().is_settled_before(2));
}

#[test]
fn a_gap_keeps_everything_behind_it_open() {
    let mut ledger = Ledger::new();
    for tag in [3, 5, 1] {
        ledger.settle(tag);
    }
    assert!(ledger.is_settled_before(2));
    assert!(!ledger.is_settled_before(3));
    ledger.settle(2);
    assert!(ledger.is_settled_before(4));
    assert!(!ledger.is_settled_before(6));
    ledger.settle(4);
    assert!(ledger.is_settled_before(6));
    assert!(ledger.settled.is_empty());
}

#[test]
fn settling_twice_changes_nothing() {
    let mut ledger = Ledger::new();
    for tag in [1, 1, 2, 1, 2] {
        ledger.settle(tag);
    }
    assert!(ledger.is_settled_before(3));
    assert!(!ledger.is_settled_before(4));
}

#[test]
fn as_many_share_a_frame_as_leave_nothing_open_before_them() {
    let mut ledger = Ledger::new();
    assert_eq!(ledger.run(&[]), 0);
    assert_eq!(ledger.run(&[2, 3]), 0);
    assert_eq!(ledger.run(&[1, 2, 4]), 2);
    ledger.settle(3);
    assert_eq!(ledger.run(&[1, 2, 4, 6]), 3);
    ledger.settle(1);
    assert_eq!(ledger.run(&[4]), 0);
    assert_eq!(ledger.run(&[2]), 1);
    ledger.settle(2);
    // Settled again, as after a frame whose fate nobody waited for.
    assert_eq!(ledger.run(&[2, 4]), 2);
}
