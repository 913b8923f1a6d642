use std::sync::Arc;
use std::time::Duration;

use super::{Admission, Seat, Seats};

fn seated(seats: &Arc<Seats>) -> Arc<Seat> {
    match seats.admit() {
        Admission::Seated(seat) => seat,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_longest_rest_gives_way() {
    let seats = Seats::new(2, 1);
    let (first, second) = (seated(&seats), seated(&seats));
    // The first was used since, so the second rests longer.
    drop(first.begin());
    assert!(matches!(seats.admit(), Admission::Wait));
    second.evicted().await;
    assert!(second.gives_way());
    drop(second);
    seats.freed().await;
    assert!(!seated(&seats).is_spare);
    assert!(first.has_served() && first.is_resting());
}

#[test]
fn who_is_being_answered_stays() {
    let seats = Seats::new(2, 1);
    let held: Vec<_> = (0..2).map(|_| seated(&seats)).collect();
    let turns: Vec<_> = held.iter().map(Seat::begin).collect();
    let spare = seated(&seats);
    assert!(spare.is_spare);
    let turn = spare.begin();
    assert!(matches!(seats.admit(), Admission::Full));
    drop(turn);
    // The spare place gives way to somebody else who asks after the process.
    assert!(matches!(seats.admit(), Admission::Wait));
    drop((turns, spare));
    assert!(matches!(seats.admit(), Admission::Wait));
}

#[tokio::test]
async fn a_request_that_comes_first_keeps_its_place() {
    let seats = Seats::new(1, 1);
    let seat = seated(&seats);
    assert!(matches!(seats.admit(), Admission::Wait));
    let turn = seat.begin();
    seat.evicted().await;
    assert!(!seat.gives_way());
    // Whoever waits is told to ask again, and gets the spare place.
    seats.freed().await;
    assert!(seated(&seats).is_spare);
    drop(turn);
    assert!(seat.is_resting());
}

#[tokio::test(start_paused = true)]
async fn whose_body_stalls_gives_way_and_the_longest_first() {
    let seats = Seats::new(3, 0);
    let held: Vec<_> = (0..3).map(|_| seated(&seats)).collect();
    let turns: Vec<_> = held.iter().map(Seat::begin).collect();
    let first = held[0].stall(None);
    held[1].stall(None);
    assert!(matches!(seats.admit(), Admission::Full), "a body takes a moment");
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Single bytes came of the first: it stalls since then all the same.
    held[0].go_on();
    held[0].stall(Some(first));
    assert!(matches!(seats.admit(), Admission::Wait));
    held[0].evicted().await;
    assert!(held[0].gives_way() && held[0].may_be_told());
    // What came before it went counts.
    held[0].go_on();
    assert!(!held[0].gives_way());
    assert!(matches!(seats.admit(), Admission::Wait));
    held[1].evicted().await;
    held[1].has_answer();
    assert!(held[1].gives_way() && !held[1].may_be_told());
    drop(turns);
}
