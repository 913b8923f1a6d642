use super::*;

fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[tokio::test]
async fn messages_that_nobody_brings_have_their_consumers_replaced_and_then_the_connection() {
    let (start, mut dog) = (Instant::now(), Watchdog::default());
    dog.begin(2, start);
    let mut verdicts = Vec::new();
    for second in 0..12 {
        for lane in dog.due(&[0], at(start, second)) {
            verdicts.push((second, lane, dog.found(lane, 5)));
        }
    }
    let expected = [(3, Remedy::Well), (5, Remedy::Replace), (7, Remedy::Well), (9, Remedy::Reconnect)];
    let seen: Vec<_> = verdicts.iter().map(|(second, _, verdict)| (*second, *verdict)).collect();
    assert_eq!(seen[..4], expected);
    assert!(verdicts.iter().all(|(_, lane, _)| *lane == 0));
}

#[tokio::test]
async fn an_empty_queue_a_delivery_and_a_full_worker_are_no_silence() {
    let (start, mut dog) = (Instant::now(), Watchdog::default());
    dog.begin(1, start);
    assert_eq!(dog.due(&[0], at(start, 3)), [0]);
    assert_eq!(dog.found(0, 0), Remedy::Well);
    assert_eq!(dog.due(&[0], at(start, 5)), [0]);
    assert_eq!(dog.found(0, 1), Remedy::Well);
    assert_eq!(dog.due(&[0], at(start, 7)), [0]);
    dog.heard(0, at(start, 8));
    assert_eq!(dog.found(0, 1), Remedy::Well, "it came after the question");
    assert_eq!(dog.due(&[], at(start, 20)), [0; 0]);
    assert_eq!(dog.due(&[0], at(start, 21)), [0; 0], "there was no room until now");
}
