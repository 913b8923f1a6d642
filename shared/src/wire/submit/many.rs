//! Many jobs in one message.
//!
//! A message costs the broker, the network and both programs the same whether it carries one job or a hundred. So a
//! client that has many may send them as one message of the type [`JOBS`]; each counts as if it had come alone, with
//! the properties of the message as its own.

use super::{Envelope, Problem};
use crate::job::code;
use crate::job::raw::{Raw, Sort};
use crate::json;
use crate::wire::Message;
use crate::wire::topology::Names;

/// `type` of a message that carries many jobs.
pub const JOBS: &str = "jobs";
/// The most jobs of one message; by then nearly all that can be saved is saved.
pub const JOBS_MAX: usize = 1_000;

/// The jobs of a message of the type [`JOBS`], each as the message that would have carried it alone; `None` if it is
/// no such message.
///
/// Answers are told apart by their `correlation_id`: that of the message, a full stop, and the place of the job in the
/// list, from 0.
///
/// # Errors
/// What is wrong with the message as a whole: nothing of it is taken then.
pub fn split(message: &Message, names: &Names) -> Option<Result<Vec<Message>, Vec<Problem>>> {
    let kinds = [message.kind.as_deref(), message.header_text("type")];
    kinds.contains(&Some(JOBS)).then(|| parts(message, names))
}

fn parts(message: &Message, names: &Names) -> Result<Vec<Message>, Vec<Problem>> {
    let (_, mut problems) = Envelope::read(message, names);
    if message.message_id.as_deref().is_some_and(|id| !id.is_empty()) {
        let detail = "a message_id names one job, and this message carries many";
        let hint = "write the `id` into each job".to_owned();
        let problem = Problem::of_message(code::CONTRADICTION, detail, hint);
        problems.push(Problem { pointer: "/id".to_owned(), ..problem });
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let body = message.body.as_slice();
    // How deep each job is, is its own matter.
    json::check(body, usize::MAX).map_err(|error| refused(code::INVALID_JSON, error.to_string()))?;
    let list = Raw::checked(body);
    if list.sort() != Sort::List {
        let detail = format!("expected a list of jobs, found {}", list.sort().in_words());
        return Err(refused(code::WRONG_TYPE, detail));
    }
    match list.elements().count() {
        count if count > 0 && !fits(message, count) => {
            let detail = "the answers' correlation_id, with the place of the job behind it, is longer than AMQP allows";
            Err(refused(code::TOO_LONG, detail.to_owned()))
        }
        0 => Err(refused(code::TOO_FEW, "a list of jobs needs at least one".to_owned())),
        count if count > JOBS_MAX => {
            Err(refused(code::TOO_MANY, format!("{count} jobs, at most {JOBS_MAX} are allowed in a message")))
        }
        _ => Ok(list.elements().enumerate().map(|(at, job)| alone(message, at, job.bytes())).collect()),
    }
}

/// Tells whether the answer to the last job can be addressed.
fn fits(message: &Message, count: usize) -> bool {
    let asked = message.reply_to.as_ref().and(message.correlation_id.as_ref());
    asked.is_none_or(|id| id.len() + format!(".{}", count - 1).len() <= SHORT_BYTES)
}

fn refused(code: &str, detail: String) -> Vec<Problem> {
    vec![Problem::of_message(code, detail, None)]
}

fn alone(message: &Message, at: usize, body: &[u8]) -> Message {
    let mut headers = message.headers.clone();
    headers.remove("type");
    Message {
        content_type: message.content_type.clone(),
        content_encoding: message.content_encoding.clone(),
        kind: None,
        message_id: None,
        correlation_id: message.correlation_id.as_ref().map(|id| format!("{id}.{at}")),
        reply_to: message.reply_to.clone(),
        user_id: message.user_id.clone(),
        priority: message.priority,
        persistent: message.persistent,
        expiration_ms: message.expiration_ms,
        headers,
        body: body.to_vec(),
    }
}

/// The longest text of a property.
const SHORT_BYTES: usize = 255;

#[cfg(test)]
mod tests;
