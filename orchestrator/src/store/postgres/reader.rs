//! Readers of a database in PostgreSQL: a few connections beside the writer's, for the API.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::StoreError;
use super::open::Place;
use super::session::Session;
use crate::store::sql::{Reader, Readers};

/// Most connections that read at once: for requests, the publisher of events, streams, and what feeds all of
/// them. The server has about a hundred for everybody.
const CONNECTIONS: usize = 12;
/// Longest wait for a connection. After it a request fails as in an outage.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pool of connections that only read.
#[derive(Debug)]
pub(super) struct PostgresReaders {
    /// Address of the database.
    place: Place,
    /// Idle connections, and how many are taken.
    pool: Mutex<Pool>,
    /// Notified when a connection is given back.
    returned: Condvar,
}

/// State of the pool.
#[derive(Debug, Default)]
struct Pool {
    /// Connections that nobody uses.
    idle: Vec<Session>,
    /// Connections in use.
    taken: usize,
}

impl PostgresReaders {
    /// Pool without connections yet.
    pub(super) fn new(place: Place) -> Self {
        Self { place, pool: Mutex::default(), returned: Condvar::new() }
    }

    /// Begins to read on a connection: an idle one if it still lives, else a new one. After a restart of the server
    /// none lives.
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

    /// Waits for the right to use a connection, at most [`PATIENCE`].
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

    /// State of the pool, locked. A holder that panicked leaves it usable.
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

/// Right to use one of the connections. Given back even if whoever reads panics.
struct Permit<'a>(&'a PostgresReaders);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.lock().taken -= 1;
        self.0.returned.notify_one();
    }
}
