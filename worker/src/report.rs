//! Reports as messages.

use warrener_shared::wire::Message;
use warrener_shared::wire::result::Report;

/// The message that carries a report on the attempt with this ticket. Its body is copied: the report is kept until
/// the broker has confirmed it.
pub(crate) fn message(ticket: &str, report: &Report, worker: &str) -> Message {
    signed(report.to_message(ticket), worker)
}

/// The same message with the name of this worker.
pub(crate) fn signed(mut message: Message, worker: &str) -> Message {
    message.set_text("worker", worker);
    message
}

#[cfg(test)]
mod tests;
