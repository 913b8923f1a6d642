//! Reading what a program writes, with bounds.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

use crate::Context;

/// The beginning of a stream, up to a limit.
pub(super) struct OutputHead {
    bytes: Vec<u8>,
    limit: usize,
    too_much: CancellationToken,
}

impl OutputHead {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, too_much: CancellationToken::new() }
    }

    /// Cancelled once the limit is passed.
    pub(super) fn too_much(&self) -> CancellationToken {
        self.too_much.clone()
    }

    pub(super) fn is_over(&self) -> bool {
        self.too_much.is_cancelled()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Reads to the end; what is over the limit is dropped, so that the writer is not stuck.
    pub(super) async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>) {
        let limit = self.limit;
        let (bytes, too_much) = (&mut self.bytes, &self.too_much);
        drain(stream, |chunk| {
            let room = limit - bytes.len();
            if chunk.len() > room {
                too_much.cancel();
            }
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        })
        .await;
    }
}

/// The end of a stream, up to a limit.
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    limit: usize,
    cut: bool,
}

impl Tail {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: VecDeque::new(), limit, cut: false }
    }

    /// Reads to the end.
    pub(super) async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>, context: &Context) {
        let limit = self.limit;
        let (bytes, cut) = (&mut self.bytes, &mut self.cut);
        drain(stream, |chunk| {
            context.write_log(&String::from_utf8_lossy(chunk));
            bytes.extend(chunk);
            if bytes.len() > limit {
                *cut = true;
                bytes.drain(..bytes.len() - limit);
            }
        })
        .await;
    }

    /// The text, unreadable bytes replaced; from its first whole line on if the beginning is gone.
    pub(super) fn text(mut self) -> String {
        let cut = self.cut;
        let bytes: &[u8] = self.bytes.make_contiguous();
        let start = if cut { bytes.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1) } else { 0 };
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }
}

/// A stream that breaks has ended.
async fn drain(stream: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(&[u8])) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; CHUNK];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        take(&buffer[..count]);
    }
}

/// Bytes read at once: the most that a pipe holds by default.
const CHUNK: usize = 64 * 1024;
