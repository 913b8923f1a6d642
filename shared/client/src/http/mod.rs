//! The HTTP API: submitting, reading and steering.

mod answer;
mod bulk;
mod call;
pub mod delayed;
mod error;
mod fetch;
pub mod limits;
pub mod overview;
mod proxy;
mod query;
mod redacted;
pub mod resource;
pub mod schedule;
mod stream;

pub use self::answer::Answer;
pub use self::bulk::{BulkOperation, BulkPreview, BulkRefusal, BulkWish};
pub use self::call::HttpClient;
pub use self::error::{HttpError, ProblemDocument};
pub use self::fetch::{Fetched, fetch};
pub use self::query::{JobQuery, SubmitOptions};
pub use self::stream::{EventStream, StreamEvent};

#[cfg(test)]
mod tests;
