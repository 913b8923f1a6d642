//! The code of an error, as rows keep it.

use warrener_shared::error::ErrorObject;

/// The code of an error; empty without one.
pub(super) fn code_of(error: Option<&[u8]>) -> String {
    let error = error.and_then(ErrorObject::from_json);
    error.map_or_else(String::new, |error| error.code.to_string())
}
