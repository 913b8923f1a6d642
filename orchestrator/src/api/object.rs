//! Bodies of requests that are JSON objects.

use serde::de::{DeserializeOwned, Error as _};

/// Reads a JSON object. Refuses a list, of which the fields of a structure would be taken in their order.
///
/// # Errors
/// Reason why it is no such object, with its line and column.
pub(super) fn read_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    match bytes.trim_ascii_start().first() {
        None | Some(b'{') => serde_json::from_slice(bytes),
        Some(_) => Err(serde_json::Error::custom("send an object, `{ … }`")),
    }
}
