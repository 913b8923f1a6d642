//! Dead letters, and how much there is of them.

use super::*;

fn letter(body: usize, seconds: i64) -> DeadLetter {
    DeadLetter {
        from: "submit",
        code: "invalid_json".to_owned(),
        message: "täglich".to_owned(),
        job: None,
        task: None,
        received_at: at(seconds),
        body: vec![7; body],
        size: body,
        headers: "{}".to_owned(),
        evidence: (seconds > 0).then(|| "{\"a\":1}".to_owned()),
    }
}

pub(super) fn dead_letters_are_weighed_and_found_oldest_first(store: &mut dyn Store) {
    assert_eq!(store.dead_total().unwrap(), DeadTotal::default());
    let letters = vec![letter(1_000_000, 0), letter(0, 1), letter(10, 2)];
    store.commit(&Commit { dead: letters.clone(), ..Commit::default() }).unwrap();
    let total = DeadTotal { letters: 3, bytes: letters.iter().map(DeadLetter::weight).sum() };
    assert_eq!(store.dead_total().unwrap(), total);
    assert_eq!(total.bytes, 1_000_010 + 3 * (8 + 2) + 2 * 7 + 3 * DEAD_ROW_BYTES);
    let oldest = store.oldest_dead(2).unwrap();
    let seen: Vec<_> = oldest.iter().map(|kept| (kept.received_at, kept.bytes)).collect();
    assert_eq!(seen, [(at(0), letters[0].weight()), (at(1), letters[1].weight())]);
    store.commit(&Commit { discarded: vec![oldest[0].no], ..Commit::default() }).unwrap();
    assert_eq!(store.oldest_dead(9).unwrap().len(), 2);
    assert_eq!(store.dead_total().unwrap().letters, 2);
}
