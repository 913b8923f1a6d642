use super::*;

#[test]
fn copies_share_the_zero_and_the_wall_clock_is_in_this_century() {
    let clock = Clock::start();
    let copy = clock;
    let first = clock.read();
    let second = copy.read();
    assert!(second.monotonic >= first.monotonic);
    assert!((1_600_000_000_000..4_000_000_000_000).contains(&first.wall_ms));
}
