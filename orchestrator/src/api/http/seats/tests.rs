use std::sync::Arc;

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
