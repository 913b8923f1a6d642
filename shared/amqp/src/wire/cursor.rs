//! A walk through the fields of a frame, which are corrected in place: no length ever changes.

/// The unread rest of a frame's payload. Every step is `None` if the payload ends too early.
pub(super) struct FrameCursor<'a>(&'a mut [u8]);

impl<'a> FrameCursor<'a> {
    pub(super) fn new(payload: &'a mut [u8]) -> Self {
        Self(payload)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a mut [u8]> {
        let (taken, rest) = std::mem::take(&mut self.0).split_at_mut_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<&'a mut u8> {
        self.bytes(1)?.first_mut()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.bytes(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A short string: up to 255 bytes, which are made UTF-8.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(*self.byte()?);
        let bytes = self.bytes(length)?;
        make_utf8(bytes);
        std::str::from_utf8(bytes).ok()
    }

    /// Reads the content of a long string, byte array, list or table.
    pub(super) fn long(&mut self) -> Option<&'a mut [u8]> {
        let length = self.bytes(4)?;
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]);
        self.bytes(usize::try_from(length).ok()?)
    }

    /// The entries of a table at some depth.
    pub(super) fn table(&mut self, depth: u8) -> Option<()> {
        let mut entries = FrameCursor(self.long()?);
        while !entries.is_empty() {
            entries.text()?;
            entries.value(depth)?;
        }
        Some(())
    }

    fn list(&mut self, depth: u8) -> Option<()> {
        let mut values = FrameCursor(self.long()?);
        while !values.is_empty() {
            values.value(depth)?;
        }
        Some(())
    }

    /// Steps over a value with its type in front. A list or table that lies too deep is relabelled as bytes, which have
    /// the same form.
    fn value(&mut self, depth: u8) -> Option<()> {
        let label = self.byte()?;
        if matches!(label, b'F' | b'A') && depth >= DEEPEST {
            *label = b'x';
        }
        match *label {
            b'V' => Some(()),
            b't' | b'b' | b'B' => self.bytes(1).map(drop),
            b's' | b'U' | b'u' => self.bytes(2).map(drop),
            b'I' | b'i' | b'f' => self.bytes(4).map(drop),
            b'D' => self.bytes(5).map(drop),
            b'L' | b'l' | b'd' | b'T' => self.bytes(8).map(drop),
            b'S' | b'x' => self.long().map(drop),
            b'A' => self.list(depth + 1),
            b'F' => self.table(depth + 1),
            _ => None,
        }
    }
}

/// Puts a `?` in place of every byte that doesn't belong to UTF-8.
fn make_utf8(mut bytes: &mut [u8]) {
    while let Err(error) = std::str::from_utf8(bytes) {
        let (start, length) = (error.valid_up_to(), error.error_len());
        let end = length.map_or(bytes.len(), |length| start + length);
        bytes[start..end].fill(b'?');
        bytes = &mut bytes[end..];
    }
}

/// The broker's own `x-death` nests four levels; nobody needs more than twice that.
const DEEPEST: u8 = 8;
