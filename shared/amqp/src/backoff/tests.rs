use std::time::Duration;

use super::*;

#[test]
fn waits_double_up_to_the_longest_and_stay_in_the_upper_half() {
    let mut backoff = Backoff::new();
    for step in [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0] {
        let wait = backoff.next().as_secs_f64();
        assert!((step / 2.0..=step).contains(&wait), "{wait} is not within the upper half of {step}");
    }
    backoff.reset();
    assert!(backoff.next() <= Duration::from_millis(250));
}

#[test]
fn two_processes_do_not_wait_in_step() {
    let waits: std::collections::BTreeSet<Duration> = (0..8).map(|_| Backoff::new().next()).collect();
    assert!(waits.len() > 1);
}
