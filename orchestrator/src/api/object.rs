//! Bodies of requests that are JSON objects.

use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Map, Value};
use warrener_shared::job;

/// Most problems that are told of one object.
const FAULTS: usize = 20;
/// Most characters of the name of a field that an answer repeats.
const NAME_CHARS: usize = 100;

/// Structure whose fields may all be left out, so that each can be read alone.
pub(super) trait BodyFields: DeserializeOwned {
    /// Names of all fields.
    const NAMES: &'static [&'static str];
}

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

/// Problem of each field for which an object is no `T`. Empty if it lies in no single field.
pub(super) fn faults<T: BodyFields>(bytes: &[u8]) -> Vec<job::Problem> {
    let fields: Map<String, Value> = read_object(bytes).unwrap_or_default();
    fields.into_iter().filter_map(|(name, value)| fault::<T>(&name, value)).take(FAULTS).collect()
}

/// Problem of one field; `None` without one.
fn fault<T: BodyFields>(name: &str, value: Value) -> Option<job::Problem> {
    let (code, detail, hint) = match T::NAMES.contains(&name) {
        true => {
            let alone = Map::from_iter([(name.to_owned(), value)]);
            let error = serde_json::from_value::<T>(Value::Object(alone)).err()?;
            (job::code::WRONG_TYPE, error.to_string(), None)
        }
        false => (job::code::UNKNOWN_FIELD, "there is no such field".to_owned(), Some(meant(name, T::NAMES))),
    };
    let shown: String = name.chars().take(NAME_CHARS).collect();
    let pointer = format!("/{}", shown.replace('~', "~0").replace('/', "~1"));
    Some(job::Problem { pointer, code: code.to_owned(), detail, hint })
}

/// Field that was probably meant, or all that there are.
fn meant(name: &str, known: &[&str]) -> String {
    let name: String = name.chars().take(NAME_CHARS).collect();
    let distance = |known: &&&str| strsim::osa_distance(&name, known);
    match known.iter().min_by_key(distance).filter(|near| distance(near) <= (name.chars().count() / 3).max(1)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let (last, others) = known.split_last().unwrap_or((&"", &[]));
            format!("the fields are {} and {last}", others.join(", "))
        }
    }
}
