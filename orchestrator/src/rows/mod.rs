//! Reading rows for the rules, whoever reads: the driver decides by what it finds here, the API shows it.
//!
//! Everything takes any [`Rows`](crate::store::Rows), the writer's store or a reader's snapshot.

pub(crate) mod lists;
pub(crate) mod load;
pub(crate) mod message;
mod specs;
pub(crate) mod verdict;

pub(crate) use self::specs::{Parsed, Specs};
