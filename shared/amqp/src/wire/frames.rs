//! The broker's frames, made harmless one by one.

use std::io;

use super::cursor::FrameCursor;

/// Cuts a stream into frames. Bodies pass as they come; the small frames before them are held until they are whole.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// A method or header frame that isn't whole yet.
    partial: Vec<u8>,
    /// Bytes of a body that are still to pass.
    passing: usize,
    /// The broker's version, from its greeting.
    version: Option<String>,
}

impl Frames {
    /// Takes what was read and adds to `output` what can be passed on.
    pub(super) fn feed(&mut self, mut input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        while !input.is_empty() {
            if self.passing > 0 {
                let passed = take(&mut input, self.passing);
                self.passing -= passed.len();
                output.extend_from_slice(passed);
                continue;
            }
            let missing = self.whole()? - self.partial.len();
            self.partial.extend_from_slice(take(&mut input, missing));
            if self.partial.len() == self.whole()? {
                self.pass(output);
            }
        }
        Ok(())
    }

    /// The broker's version, once it has greeted.
    pub(super) fn take_version(&mut self) -> Option<String> {
        self.version.take()
    }

    /// Length that the partial frame has to reach before anything can be done with it.
    fn whole(&self) -> io::Result<usize> {
        let [kind, _, _, a, b, c, d, ..] = self.partial[..] else { return Ok(HEAD) };
        if !matches!(kind, METHOD | HEADER) {
            return Ok(HEAD);
        }
        match usize::try_from(u32::from_be_bytes([a, b, c, d])) {
            Ok(size) if size <= LARGEST => Ok(HEAD + size + END),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the broker sent a frame of impossible size")),
        }
    }

    fn pass(&mut self, output: &mut Vec<u8>) {
        match self.partial[0] {
            METHOD | HEADER => self.clean(),
            // Whatever else it is, the library judges.
            _ => {
                let size = u32::from_be_bytes([self.partial[3], self.partial[4], self.partial[5], self.partial[6]]);
                self.passing = usize::try_from(size).unwrap_or(usize::MAX - END) + END;
            }
        }
        output.append(&mut self.partial);
    }

    /// Makes the frame harmless. A frame whose payload ends too early stays as it is: the library refuses it in an
    /// orderly way.
    fn clean(&mut self) {
        let end = self.partial.len() - END;
        let (kind, payload) = (self.partial[0], FrameCursor::new(&mut self.partial[HEAD..end]));
        if kind == HEADER {
            clean_properties(payload);
        } else if let Some(version) = clean_method(payload) {
            self.version = version;
        }
    }
}

/// The first properties in the order of their flags, highest bit first.
fn clean_properties(mut payload: FrameCursor<'_>) -> Option<()> {
    payload.bytes(CLASS_WEIGHT_SIZE)?;
    let flags = payload.u16()?;
    for (index, property) in PROPERTIES.iter().enumerate() {
        if flags & (1 << (15 - index)) == 0 {
            continue;
        }
        match property {
            Property::Text => payload.text().map(drop)?,
            Property::Table => payload.table(1)?,
            Property::Fixed(length) => payload.bytes(*length).map(drop)?,
        }
    }
    Some(())
}

/// Cleans the methods that carry text of others; answers with the version if it is the greeting.
fn clean_method(mut payload: FrameCursor<'_>) -> Option<Option<String>> {
    match (payload.u16()?, payload.u16()?) {
        CONNECTION_START => return Some(version(payload)),
        CONNECTION_CLOSE | CHANNEL_CLOSE => {
            payload.u16()?;
            payload.text()?;
        }
        BASIC_RETURN => {
            payload.u16()?;
            for _ in ["text", "exchange", "key"] {
                payload.text()?;
            }
        }
        BASIC_DELIVER => {
            payload.text()?;
            payload.bytes(TAG_AND_FLAG)?;
            for _ in ["exchange", "key"] {
                payload.text()?;
            }
        }
        _ => {}
    }
    None
}

/// The entry `version` of the properties that the server greets with.
fn version(mut payload: FrameCursor<'_>) -> Option<String> {
    payload.bytes(PROTOCOL_VERSION)?;
    let mut entries = FrameCursor::new(payload.long()?);
    while !entries.is_empty() {
        let name = entries.text()?;
        match (name, *entries.byte()?) {
            ("version", b'S') => return Some(String::from_utf8_lossy(entries.long()?).into_owned()),
            (_, b'S' | b'F') => drop(entries.long()?),
            (_, b't') => drop(entries.byte()?),
            _ => return None,
        }
    }
    None
}

fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    taken
}

enum Property {
    Text,
    Table,
    Fixed(usize),
}

const PROPERTIES: [Property; 14] = [
    Property::Text,     // content_type
    Property::Text,     // content_encoding
    Property::Table,    // headers
    Property::Fixed(1), // delivery_mode
    Property::Fixed(1), // priority
    Property::Text,     // correlation_id
    Property::Text,     // reply_to
    Property::Text,     // expiration
    Property::Text,     // message_id
    Property::Fixed(8), // timestamp
    Property::Text,     // type
    Property::Text,     // user_id
    Property::Text,     // app_id
    Property::Text,     // cluster_id
];

const METHOD: u8 = 1;
const HEADER: u8 = 2;
/// Kind, channel and size.
const HEAD: usize = 7;
/// The mark behind a payload.
const END: usize = 1;
/// Methods and headers fit into one frame, for which brokers allow 128 KiB unless configured otherwise.
const LARGEST: usize = 1024 * 1024;
const CLASS_WEIGHT_SIZE: usize = 2 + 2 + 8;
const TAG_AND_FLAG: usize = 8 + 1;
const PROTOCOL_VERSION: usize = 2;
const CONNECTION_START: (u16, u16) = (10, 10);
const CONNECTION_CLOSE: (u16, u16) = (10, 50);
const CHANNEL_CLOSE: (u16, u16) = (20, 40);
const BASIC_RETURN: (u16, u16) = (60, 50);
const BASIC_DELIVER: (u16, u16) = (60, 60);

#[cfg(test)]
mod tests;
