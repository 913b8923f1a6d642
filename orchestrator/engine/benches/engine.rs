//! How long the rules take, without any database or broker.

#[path = "desk.rs"]
mod desk;
#[path = "../../../shared/benches/documents.rs"]
mod documents;
#[path = "../../../shared/benches/timer.rs"]
mod timer;

use self::desk::Desk;

fn main() {
    let mapped = || {
        let mut desk = Desk::new(BATCH as u32);
        desk.submit(&[&documents::mapped(20 * BATCH)]);
        desk
    };
    timer::time("an item: its report and the next dispatch", 10 * BATCH, mapped, |mut desk| {
        (0..10).for_each(|_| drop(desk.report(BATCH)));
        desk
    });
    let document = documents::single();
    let documents = vec![document.as_str(); BATCH];
    timer::time(
        "a single job from its document to its end",
        BATCH,
        || Desk::new(u32::MAX),
        |mut desk| {
            desk.submit(&documents);
            desk.report(BATCH);
            desk
        },
    );
}

/// Events of one batch, as in the orchestrator.
const BATCH: usize = 256;
