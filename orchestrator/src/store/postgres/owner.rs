//! One orchestrator at a time: a lock that lasts as long as its connection, and a number that each commit shows.
//!
//! The lock keeps a second orchestrator out. The number, the epoch, keeps out one that does not know yet that it lost
//! the lock: whoever takes the lock raises it, waiting for a commit that is on its way, and a commit with an earlier
//! one fails in the database.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::StoreError;
use super::session::{Session, Step};
use super::value::Parameter;
use crate::store::sql::Reader;

/// How often a lock that somebody has is tried again.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The lock's name in this database ("WRNR").
const LOCK: &str = "1465011794, 1";

/// Takes the lock of the database.
///
/// # Errors
/// [`StoreError::Unwritable`] that says who has it, if that one does not give it up within `patience`.
pub(super) fn lock(session: &Session, instance: &str, patience: Duration) -> Result<(), StoreError> {
    let reader: &dyn Reader = session;
    let deadline = Instant::now() + patience;
    loop {
        let statement = format!("SELECT CASE WHEN pg_try_advisory_lock({LOCK}) THEN 1 ELSE 0 END");
        if reader.number::<i64>("lock the database", &statement, &[])? != 0 {
            return Ok(());
        }
        release_own(session, instance)?;
        if Instant::now() >= deadline {
            let who = holder(session)?.map(|who| format!(" ({who})")).unwrap_or_default();
            return Err(StoreError::Unwritable(format!(
                "another orchestrator has it open{who}; stop that one, or give this one its own WARRENER_STORE__URL"
            )));
        }
        sleep(LOOK_EVERY);
    }
}

/// An earlier connection of this very process may still be there for the server, which has not noticed its end.
fn release_own(session: &Session, instance: &str) -> Result<(), StoreError> {
    let reader: &dyn Reader = session;
    let exists = "SELECT count(*) FROM pg_tables WHERE schemaname = 'warrener' AND tablename = 'owner'";
    if reader.number::<i64>("lock the database", exists, &[])? == 0 {
        return Ok(());
    }
    let statement = format!(
        "SELECT CASE WHEN pg_terminate_backend(l.pid) THEN 1 ELSE 0 END FROM ({HELD}) l \
         JOIN warrener.owner o ON o.backend = l.pid AND o.instance = ?1"
    );
    reader.one("lock the database", &statement, &[instance.into()], |row| row.int(0)).map(drop)
}

/// From where whoever has the lock is connected, and since when.
pub(super) fn holder(session: &Session) -> Result<Option<String>, StoreError> {
    let reader: &dyn Reader = session;
    let statement = format!(
        "SELECT coalesce(host(a.client_addr), 'this machine'), to_char(a.backend_start AT TIME ZONE 'UTC', \
         'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM ({HELD}) l JOIN pg_stat_activity a ON a.pid = l.pid"
    );
    reader.one("look who has the database", &statement, &[], |row| {
        Ok(format!("connected from {} since {}", row.string(0)?, row.string(1)?))
    })
}

/// Makes the holder of the lock the owner, and gives its epoch.
pub(super) fn enter(session: &Session, instance: &str) -> Result<i64, StoreError> {
    let reader: &dyn Reader = session;
    let statement = "UPDATE owner SET epoch = epoch + 1, instance = ?1, backend = pg_backend_pid(), held = TRUE \
         RETURNING epoch";
    reader.number("take the database over", statement, &[instance.into()])
}

/// Whether this is still the epoch.
///
/// # Errors
/// [`StoreError::Unwritable`] if it is not.
pub(super) fn check(session: &Session, epoch: i64) -> Result<(), StoreError> {
    let reader: &dyn Reader = session;
    match reader.number::<i64>("look who has the database", "SELECT epoch FROM owner", &[])? == epoch {
        true => Ok(()),
        false => Err(StoreError::Unwritable(TAKEN.to_owned())),
    }
}

/// The first step of each commit: fails unless this is still the epoch, and makes a later owner wait for the commit.
pub(super) fn fence(epoch: i64) -> Step<'static> {
    Step {
        doing: "make sure that nobody else writes",
        statement: "UPDATE owner SET held = (epoch = ?1)".to_owned(),
        values: vec![Parameter::One(epoch.into())],
    }
}

/// Another one has raised the epoch.
pub(super) const TAKEN: &str = "another orchestrator has taken the database over";
/// Who holds the lock.
const HELD: &str = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 1465011794 AND \
     objid = 1 AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
