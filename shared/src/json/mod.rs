//! JSON documents whose bytes stay as they came: 30-digit integers, `1e400`, `\u0000` and key order survive.
//!
//! - [`check`] decides whether bytes from outside are JSON; everything else here trusts its answer.
//! - [`Doc`] shares such bytes and finds values in them without converting them.
//! - [`canonical`] makes documents comparable whatever their white space and key order.
//! - [`push_string`], [`ListWriter`] and [`ObjectWriter`] write new documents from old bytes.

mod canonical;
mod check;
mod doc;
mod index;
mod scan;
mod text;
mod write;

#[cfg(test)]
mod tests;

pub use self::canonical::canonical;
pub use self::check::{JsonError, JsonErrorKind, begins_like_json, check, without_mark};
pub use self::doc::{Doc, Kind, Step};
pub use self::write::{ListWriter, ObjectWriter, TooLarge, push_string};

pub(crate) use self::scan::{nesting, skip_space, skip_string, skip_value};
pub(crate) use self::text::{MappedText, unescape};
