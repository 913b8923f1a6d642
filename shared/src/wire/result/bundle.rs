//! Many reports in one message.
//!
//! A message costs the broker, the network and both programs the same whether it carries one report or fifty, and a
//! quorum queue writes each one down. So a worker that has several reports to send at once, and knows by the header
//! `max_reports` of its task messages that their orchestrator reads bundles, sends them as one message of the type
//! [`REPORTS`]. Each part counts as if it had come alone.

use std::borrow::Cow;

use super::parse::{Unreadable, invalid_json, read_part};
use super::{REPORTS, Report};
use crate::job::raw::{Raw, Sort};
use crate::json::{self, push_string};
use crate::limits::Limits;
use crate::wire::Message;

/// The most reports that our orchestrator wants in one message, as the header `max_reports` says: by then nearly all
/// that can be saved is saved, and what comes behind does not wait for long.
pub const REPORTS_MAX: u32 = 64;
/// Bytes of a message that takes no more reports; a larger report travels alone.
const BYTES_MAX: usize = 32 * 1024;
/// Bytes around a report inside a message.
const PART_OVERHEAD: usize = 128;

/// Content of a part: its ticket and the report; or the part as it came, and the fault in it.
pub type Read<'m> = Result<(Cow<'m, str>, Report), (&'m [u8], Unreadable)>;

/// Tells whether a message carries many reports.
pub fn is_bundle(message: &Message) -> bool {
    message.kind.as_deref() == Some(REPORTS)
}

/// Reads all reports of a bundle, in order.
///
/// # Errors
/// [`Unreadable`] if the message as a whole is no list of at most [`REPORTS_MAX`] parts.
pub fn parse_bundle<'m>(message: &'m Message, limits: &Limits) -> Result<Vec<Read<'m>>, Unreadable> {
    let body = message.body.as_slice();
    // How deep each report is, is its own matter.
    json::check(body, usize::MAX).map_err(|error| invalid_json(body, &error.to_string()))?;
    if Raw::checked(body).sort() != Sort::List {
        return Err(invalid_json(body, "a list of reports is expected"));
    }
    let count = Raw::checked(body).elements().count();
    if count > REPORTS_MAX as usize {
        let message = format!("reading a result: it carries {count} reports, and `max_reports` was {REPORTS_MAX}");
        return Err(Unreadable { code: "too_many", message });
    }
    Ok(Raw::checked(body).elements().map(|part| read(part, limits)).collect())
}

fn read<'m>(part: Raw<'m>, limits: &Limits) -> Read<'m> {
    let text = |name| part.get(name).and_then(Raw::text);
    let (Some(ticket), Some(kind), Some(body)) = (text("ticket"), text("type"), part.get("body")) else {
        let why = "a report in a list needs the texts `ticket` and `type`, and a `body`";
        return Err((part.bytes(), invalid_json(part.bytes(), why)));
    };
    match read_part(&kind, body.bytes(), limits) {
        Ok(report) => Ok((ticket, report)),
        Err(unreadable) => Err((part.bytes(), unreadable)),
    }
}

/// A message with many reports in the making.
#[derive(Debug)]
pub struct Bundle {
    body: Vec<u8>,
    count: u32,
}

impl Default for Bundle {
    fn default() -> Self {
        Self { body: vec![b'['], count: 0 }
    }
}

impl Bundle {
    /// Adds a report on the attempt with this ticket, if at most `together` may share a message and it has room left.
    pub fn push(&mut self, ticket: &str, report: &Report, together: u32) -> bool {
        let (kind, body) = report.to_parts();
        if self.count >= together || self.body.len() + body.len() + PART_OVERHEAD > BYTES_MAX {
            return false;
        }
        if self.count > 0 {
            self.body.push(b',');
        }
        self.body.extend_from_slice(br#"{"ticket":"#);
        push_string(&mut self.body, ticket);
        self.body.extend_from_slice(br#","type":"#);
        push_string(&mut self.body, kind);
        self.body.extend_from_slice(br#","body":"#);
        self.body.extend_from_slice(&body);
        self.body.push(b'}');
        self.count += 1;
        true
    }

    /// The message that carries them all.
    pub fn into_message(mut self) -> Message {
        self.body.push(b']');
        Message::json(REPORTS, self.body)
    }
}

#[cfg(test)]
mod tests;
