//! The layer between the client library and the socket.
//!
//! The library trusts what it reads: text that is not UTF-8 ends its connection, and headers nested a few hundred
//! levels deep overflow the stack of its thread, which ends the process. Whoever may publish can send both, the broker
//! passes them on, and after a restart it passes them on again. So every frame is made harmless before the library
//! sees it.

mod cursor;
mod frames;
mod stream;

pub(crate) use self::stream::{SocketHandle, connect};
