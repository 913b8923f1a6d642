//! The place of a reader in the order of all events.

use std::fmt;

use crate::store::EventChunkNo;

/// A place between two events: `17` after all events of chunk 17, `17.3` after its first three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventCursor {
    chunk: i64,
    /// Events of the chunk before this place; `u32::MAX` for all of them.
    seen: u32,
}

impl EventCursor {
    /// The place after a chunk.
    pub(super) const fn after(chunk: EventChunkNo) -> Self {
        Self { chunk: chunk.0, seen: u32::MAX }
    }

    /// The place after so many events of a chunk that has more.
    pub(super) const fn within(chunk: EventChunkNo, seen: u32) -> Self {
        Self { chunk: chunk.0, seen }
    }

    /// The chunk after which everything is still to come.
    pub(super) const fn passed(self) -> EventChunkNo {
        EventChunkNo(if self.seen == u32::MAX { self.chunk } else { self.chunk - 1 })
    }

    /// Events of the chunk after [`Self::passed`] that come before this place.
    pub(super) const fn seen_of_next(self) -> u32 {
        if self.seen == u32::MAX { 0 } else { self.seen }
    }

    /// Reads what was once shown.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let (chunk, seen) = match text.split_once('.') {
            None => (text, u32::MAX),
            Some((chunk, seen)) => (chunk, u32::try_from(number(seen)?).ok().filter(|seen| *seen > 0)?),
        };
        Some(Self { chunk: number(chunk)?, seen }).filter(|place| place.seen == u32::MAX || place.chunk > 0)
    }
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seen {
            u32::MAX => write!(f, "{}", self.chunk),
            seen => write!(f, "{}.{seen}", self.chunk),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_shown_read_and_ordered() {
        let order = ["0", "16", "17.1", "17.3", "17", "18.1", "9223372036854775807"].map(|text| {
            let place = EventCursor::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(place.to_string(), text);
            place
        });
        assert!(order.is_sorted());
        assert_eq!((order[2].passed(), order[2].seen_of_next()), (EventChunkNo(16), 1));
        assert_eq!((order[4].passed(), order[4].seen_of_next()), (EventChunkNo(17), 0));
        for wrong in
            ["", "-1", "+1", "1.0", "0.1", "1.", ".1", "1.2.3", "x", "9223372036854775808", " 1", "1.99999999999"]
        {
            assert_eq!(EventCursor::parse(wrong), None, "{wrong}");
        }
    }
}
