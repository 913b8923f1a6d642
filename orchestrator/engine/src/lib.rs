//! The rules of Warrener as a pure function: events in, decisions out.
//!
//! Nothing here does IO, reads a clock, draws randomness or iterates in hash order. The caller loads the rows
//! that an event touches into a [`Slice`] (asking [`missing`] until nothing is), calls [`decide`], repeats with
//! the follow-up events of the [`Decision`], and commits what the slice collected in one transaction. Only then
//! may it carry out the effects.
//!
//! Rows that several events of one batch touch are written once; that is why changes collect in the slice
//! rather than in each decision.
//!
//! - [`row`]: jobs and tasks as the store keeps them.
//! - [`event`], [`effect`]: what comes in, what goes out.
//! - [`limit`]: limits on how much runs at once or begins in a span of time, and what each key holds.
//! - [`mod@slice`]: the working set of one batch.
//! - [`schedule`]: the rules of schedules, which start jobs and wait for their ends.
//! - `turn.rs`: the decision of one event in the making, which is all that a rule may touch.
//! - `rule/`: one file for each rule of the life of a job; `rule/attempt.rs` alone opens and closes attempts,
//!   `rule/offer.rs` alone says who may go out.

pub mod effect;
pub mod event;
pub mod invariant;
pub mod limit;
mod need;
pub mod row;
mod rule;
pub mod schedule;
pub mod scope;
pub mod slice;
mod turn;

pub use self::effect::Effect;
pub use self::event::Event;
pub use self::need::Need;
pub use self::row::{Ended, JobRow, Map, Stop, TaskRow};
pub use self::rule::{decide, missing, resolve, retry_refusal, skip_refusal, virtual_time_of};
pub use self::slice::{Changes, Lane, Read, Slice};
pub use self::turn::Decision;

#[cfg(test)]
mod tests;
