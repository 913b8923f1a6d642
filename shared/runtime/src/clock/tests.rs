use super::*;

#[test]
fn copies_share_the_zero_and_the_wall_clock_is_in_this_century() {
    let clock = Clock::start();
    let copy = clock.clone();
    let first = clock.read();
    let second = copy.read();
    assert!(second.monotonic >= first.monotonic);
    assert!((1_600_000_000_000..4_000_000_000_000).contains(&first.wall_ms));
}

#[test]
fn a_jump_of_the_wall_clock_by_hand_leaves_the_other_alone() {
    let hand = Arc::new(Hand::default());
    let clock = Clock::by_hand(hand.clone());
    hand.pass(1_500);
    hand.jump(-500);
    assert_eq!(clock.read(), Reading { wall_ms: 1_000, monotonic: Duration::from_millis(1_500) });
}
