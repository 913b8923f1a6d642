//! The HTTP API: submitting, reading and steering.

mod answer;
mod call;
mod error;
mod fetch;
pub mod limits;
mod proxy;
mod query;
mod redacted;
pub mod resource;
pub mod schedule;

pub use self::answer::Answer;
pub use self::call::HttpClient;
pub use self::error::{HttpError, ProblemDocument};
pub use self::fetch::{Fetched, fetch};
pub use self::query::{JobQuery, SubmitOptions};

#[cfg(test)]
mod tests;
