//! As much of the wire format as the proxy has to understand.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Frame, byte for byte.
#[derive(Debug)]
pub(crate) struct Frame(Vec<u8>);

impl Frame {
    /// The next frame.
    ///
    /// # Errors
    /// What the connection says, or that it ended.
    pub(crate) async fn read(from: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Self> {
        let mut bytes = vec![0; HEAD];
        from.read_exact(&mut bytes).await?;
        let size = u32::from_be_bytes([bytes[3], bytes[4], bytes[5], bytes[6]]);
        let size = usize::try_from(size).map_err(std::io::Error::other)?;
        if size > MOST {
            return Err(std::io::Error::other("a frame that is too large"));
        }
        bytes.resize(HEAD + size + 1, 0);
        from.read_exact(&mut bytes[HEAD..]).await?;
        Ok(Self(bytes))
    }

    pub(crate) async fn write(&self, to: &mut (impl AsyncWriteExt + Unpin)) -> std::io::Result<()> {
        to.write_all(&self.0).await
    }

    /// Writes its first half.
    pub(crate) async fn write_half(&self, to: &mut (impl AsyncWriteExt + Unpin)) -> std::io::Result<()> {
        to.write_all(&self.0[..self.0.len() / 2]).await?;
        to.flush().await
    }

    /// Class and method; `None` if it carries no method.
    pub(crate) fn method(&self) -> Option<(u16, u16)> {
        let is_method = self.0[0] == 1 && self.0.len() > HEAD + 4;
        is_method.then(|| (u16::from_be_bytes([self.0[7], self.0[8]]), u16::from_be_bytes([self.0[9], self.0[10]])))
    }
}

/// Publishing a message.
pub(crate) const PUBLISH: Option<(u16, u16)> = Some((60, 40));
/// Handing a message out.
pub(crate) const DELIVER: Option<(u16, u16)> = Some((60, 60));
/// Settling a delivery, or confirming a publish, by the direction.
pub(crate) const ACK: Option<(u16, u16)> = Some((60, 80));
/// Type, channel and size.
const HEAD: usize = 7;
const MOST: usize = 16 * 1024 * 1024;
