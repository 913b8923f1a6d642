//! The jobs of a schedule, judged before there are any.

use warrener_engine::schedule::ScheduleRow;
use warrener_shared::job::{JobSpec, SubmitContext, parse};
use warrener_shared::limits::Limits;
use warrener_shared::schedule::{ScheduleSpec, TickScope};
use warrener_shared::time::Timestamp;

/// The job that a schedule would start now. `None` if it would not be accepted.
pub(crate) fn sample(spec: &ScheduleSpec, limits: &Limits, now: Timestamp) -> Option<JobSpec> {
    let tick = Timestamp(now.0 - now.0.rem_euclid(1000));
    let local = spec.plan.zone.local(tick);
    let scope = TickScope { name: &spec.name, tick, local, number: 1, last_success: None, run: 1 };
    let (_, body) = spec.job.render(&scope, limits).ok()?;
    parse(&body, &SubmitContext::default(), limits).ok()
}

/// The tick that a schedule starts next, before jitter; `None` while it is paused, and if there is none.
pub(crate) fn next_at(row: &ScheduleRow, spec: &ScheduleSpec) -> Option<Timestamp> {
    // The next tick may be an excluded one, which starts nothing.
    let next = match row.next_tick {
        Some(tick) if spec.plan.is_excluded(tick) => {
            spec.plan.to_come(tick, row.ticks, 1).found.first().map(|tick| tick.at)
        }
        next => next,
    };
    next.filter(|_| !row.paused)
}
