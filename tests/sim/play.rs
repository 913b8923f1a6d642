//! Playing one world to its end.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::judge::Violation;
use crate::plan::{Plan, Without};
use crate::reach::Reach;
use crate::world::{Outcome, World};

thread_local! {
    static LOUD: Cell<bool> = const { Cell::new(false) };
}

/// A panic inside a world is caught and judged; it need not be shouted.
pub(crate) fn quiet_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if LOUD.get() {
            usual(info);
        }
    }));
}

/// Plays one world to its end.
pub(crate) fn play(seed: u64, without: &Without, traced: bool) -> Outcome {
    LOUD.set(traced);
    let played = catch_unwind(AssertUnwindSafe(|| World::new(Plan::new(seed, without), traced).run()));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let violation = Some(Violation::new("panic", text.unwrap_or_default()));
        Outcome { violation, trace: Vec::new(), reach: Reach::default(), virtual_ms: 0, events: 0 }
    })
}
