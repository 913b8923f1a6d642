//! Outputs of programs and endpoints, as JSON.

use serde_json::value::RawValue;
use warrener_shared::error::code;
use warrener_shared::json;
use warrener_shared::limits::Limits;

use super::HandlerResult;
use crate::{Context, Failure};

/// Reads an answer: nothing is `null`, JSON stays as it came, other UTF-8 is a string without its last line breaks. A
/// byte order mark in front is no part of it. What only begins like JSON is said in the attempt's log: a task that
/// expects an object from it would not say why it has none.
pub(super) fn read(bytes: &[u8], context: &Context) -> HandlerResult {
    let bytes = json::without_mark(bytes);
    let trimmed = bytes.trim_ascii();
    if trimmed.is_empty() {
        return Ok(b"null".to_vec());
    }
    let Err(error) = serde_json::from_slice::<&RawValue>(trimmed) else {
        return if depth(trimmed) > DEPTH { Err(too_deep()) } else { Ok(trimmed.to_vec()) };
    };
    let Ok(text) = std::str::from_utf8(bytes) else { return Err(neither()) };
    if json::begins_like_json(trimmed) {
        context.log(format_args!("warrener: the output begins like JSON and is none, so it is taken as text: {error}"));
    }
    serde_json::to_vec(text.trim_end_matches(['\n', '\r'])).map_err(Failure::from)
}

/// Reads an answer that is said to be JSON.
pub(super) fn read_json(bytes: &[u8]) -> HandlerResult {
    let trimmed = json::without_mark(bytes).trim_ascii();
    if trimmed.is_empty() {
        return Ok(b"null".to_vec());
    }
    match serde_json::from_slice::<&RawValue>(trimmed) {
        Ok(_) if depth(trimmed) > DEPTH => Err(too_deep()),
        Ok(_) => Ok(trimmed.to_vec()),
        Err(error) => {
            let message = format!("the output is said to be JSON and is none: {error}");
            Err(Failure::new(code::BAD_OUTPUT, message).for_good())
        }
    }
}

/// Refuses an output that nobody would take.
pub(super) fn fits(output: Vec<u8>) -> HandlerResult {
    if output.len() > BYTES {
        Err(too_large())
    } else if serde_json::from_slice::<&RawValue>(&output).is_err() {
        Err(Failure::new(code::BAD_OUTPUT, "the handler's output is not JSON").for_good())
    } else if depth(&output) > DEPTH {
        Err(too_deep())
    } else {
        Ok(output)
    }
}

pub(super) fn too_large() -> Failure {
    let message = format!("the output is larger than {BYTES} bytes: store it elsewhere and answer with its address");
    Failure::new(code::TOO_LARGE, message).for_good()
}

fn too_deep() -> Failure {
    Failure::new(code::BAD_OUTPUT, format!("the output is JSON nested deeper than {DEPTH}")).for_good()
}

fn neither() -> Failure {
    Failure::new(code::BAD_OUTPUT, "the output is neither JSON nor UTF-8 text").for_good()
}

/// Nesting of a document that is known to be JSON.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut text, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => text = !text,
            b'[' | b'{' if !text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !text => depth -= 1,
            _ => {}
        }
    }
    deepest
}

/// The contract's limit for one output; the orchestrator has the last word.
pub(super) const BYTES: usize = Limits::DEFAULT.output_bytes;
const DEPTH: usize = Limits::DEFAULT.json_depth;

#[cfg(test)]
mod tests;
