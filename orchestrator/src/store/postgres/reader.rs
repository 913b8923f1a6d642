//! Reading for others, with a few connections of their own.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::StoreError;
use super::open::Place;
use super::session::Session;
use crate::store::sql::{Reader, Readers};

/// Connections at once. The server has about a hundred for everybody.
const CONNECTIONS: usize = 10;
/// Longest wait for a connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(super) struct PostgresReaders {
    place: Place,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Session>,
    taken: usize,
}

impl PostgresReaders {
    pub(super) fn new(place: Place) -> Self {
        Self { place, pool: Mutex::default(), returned: Condvar::new() }
    }

    /// A connection that reads, an idle one if it still lives: after a restart of the server none does.
    fn begin(&self) -> Result<Session, StoreError> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        loop {
            let idle = self.lock().idle.pop();
            let is_new = idle.is_none();
            let session = idle.map_or_else(|| self.place.reader(), Ok)?;
            match session.run("begin to read", BEGIN) {
                Err(error) if is_new => return Err(error),
                Err(_) => {}
                Ok(()) => return Ok(session),
            }
        }
    }

    fn permit(&self) -> Result<Permit<'_>, StoreError> {
        let is_full = |pool: &mut Pool| pool.taken >= CONNECTIONS;
        let waited = self.returned.wait_timeout_while(self.lock(), PATIENCE, is_full);
        let (mut pool, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return Err(StoreError::Unwritable("all connections that read are taken".to_owned()));
        }
        pool.taken += 1;
        Ok(Permit(self))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Readers for PostgresReaders {
    fn show(&self, look: &mut dyn FnMut(&dyn Reader)) -> Result<(), StoreError> {
        tokio::task::block_in_place(|| {
            let _permit = self.permit()?;
            let session = self.begin()?;
            look(&session);
            // A connection that cannot even end its reading is lost; what was read is as good as it was.
            if session.run("end reading", "COMMIT").is_ok() {
                self.lock().idle.push(session);
            }
            Ok(())
        })
    }
}

/// Right to use one of the connections; given back even if whoever looks panics.
struct Permit<'a>(&'a PostgresReaders);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.lock().taken -= 1;
        self.0.returned.notify_one();
    }
}
