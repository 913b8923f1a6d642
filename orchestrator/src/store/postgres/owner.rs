//! The single orchestrator: a lock that lasts as long as its connection, and a number that each commit shows.
//!
//! The lock keeps a second orchestrator out. The number, the epoch, keeps out one that does not know yet that it lost
//! the lock: whoever enters raises it, waiting for a commit that is on its way, and a commit with an earlier one fails
//! in the database.
//!
//! No backend is ever ended or cancelled from here. One that waits for its synchronous standby would then commit
//! without it, and what it committed would be lost with the server.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::StoreError;
use super::blame::TAKEN;
use super::session::{Session, Step};
use super::value::Parameter;
use crate::store::sql::Reader;

/// Time between two tries of a lock that somebody has.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Key of the advisory lock in this database ("WRNR").
const LOCK: &str = "1465011794, 1";

/// Name of the writer's connection at the server. It tells the connections of one process from all others.
pub(super) fn name(instance: &str) -> String {
    format!("warrener orchestrator {instance}")
}

/// Takes the lock of the database. False if an earlier connection of this very process has it, whose end the server has
/// not noticed: the epoch alone keeps others out until [`try_lock`] succeeds.
///
/// # Errors
/// [`StoreError::Unwritable`] that says who has it, if another process does not give it up within `patience`.
pub(super) fn lock(session: &Session, instance: &str, patience: Duration) -> Result<bool, StoreError> {
    let deadline = Instant::now() + patience;
    loop {
        if try_lock(session)? {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            if is_own(session, instance)? {
                return Ok(false);
            }
            let who = holder(session)?.map(|who| format!(" ({who})")).unwrap_or_default();
            return Err(StoreError::Unwritable(format!(
                "another orchestrator has it open{who}; stop that one, or give this one its own WARRENER_STORE__URL"
            )));
        }
        sleep(LOOK_EVERY);
    }
}

/// Takes the lock if nobody has it. True if it is ours then.
pub(super) fn try_lock(session: &Session) -> Result<bool, StoreError> {
    let reader: &dyn Reader = session;
    let statement = format!("SELECT CASE WHEN pg_try_advisory_lock({LOCK}) THEN 1 ELSE 0 END");
    Ok(reader.number::<i64>("lock the database", &statement, &[])? != 0)
}

/// Tells whether a connection of this very process has the lock.
fn is_own(session: &Session, instance: &str) -> Result<bool, StoreError> {
    let reader: &dyn Reader = session;
    let statement =
        format!("SELECT count(*) FROM ({HELD}) l JOIN pg_stat_activity a ON a.pid = l.pid AND a.application_name = ?1");
    Ok(reader.number::<i64>("lock the database", &statement, &[name(instance).into()])? > 0)
}

/// Address and start of the connection that has the lock, in words; `None` if nobody has it.
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

/// Raises the epoch, and gives it. Waits for a commit of the owner before, but only for a second: one that waits for
/// its standby may do so for hours.
pub(super) fn enter(session: &Session, instance: &str) -> Result<i64, StoreError> {
    const DOING: &str = "take the database over";
    let reader: &dyn Reader = session;
    session.run(DOING, "SET lock_timeout = '1s'")?;
    let statement = "UPDATE owner SET epoch = epoch + 1, instance = ?1, backend = pg_backend_pid(), held = TRUE \
         RETURNING epoch";
    let epoch = reader.number(DOING, statement, &[instance.into()])?;
    session.run(DOING, "SET lock_timeout = '10s'")?;
    Ok(epoch)
}

/// Checks that this is still the epoch.
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

/// First step of each commit: fails unless this is still the epoch, and makes a later owner wait for the commit.
pub(super) fn fence(epoch: i64) -> Step<'static> {
    Step {
        doing: "make sure that nobody else writes",
        statement: "UPDATE owner SET held = (epoch = ?1)".to_owned(),
        values: vec![Parameter::One(epoch.into())],
    }
}

/// Statement that finds the backend with the lock.
const HELD: &str = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 1465011794 AND \
     objid = 1 AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[cfg(test)]
mod tests {
    use warrener_shared::id::TaskNo;

    use super::super::Postgres;
    use super::super::open::Place;
    use super::*;
    use crate::store::tests::postgres_server::Server;
    use crate::store::{Blame, Commit, Store as _};

    #[test]
    fn a_commit_that_waits_for_its_standby_is_never_cut_short() {
        let server = Server::start();
        let place = Place::new(&server.url()).unwrap().with_patience(Duration::from_secs(2));
        let mut store = Postgres::open_at(place).unwrap();
        let set = |names: &str| {
            server.sql(&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"));
            server.sql("SELECT pg_reload_conf()");
        };
        let waiting = || server.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
        let kept = || server.sql("SELECT max(value::bigint) FROM warrener.meta WHERE key = 'next_task'");
        set("absent");
        // The server takes a moment to tell its processes.
        let mut keep = |no| store.commit(&Commit { taken_below: Some(TaskNo(no)), ..Commit::default() }).err();
        let (no, error) = (2..).find_map(|no| Some((no, keep(no)?))).unwrap();
        assert!(error.blame() == Blame::Outage && error.to_string().contains("no answer within 2 s"), "{error}");
        for _ in 0..2 {
            let error = store.boot().expect_err("the commit before is not over");
            assert_eq!(error.blame(), Blame::Outage, "{error}");
            assert_eq!(waiting(), "1", "{error}");
        }
        drop(store);
        let error = Postgres::open(&server.url()).expect_err("the commit before is not over").to_string();
        assert!(error.contains("another orchestrator has it open"), "{error}");
        assert_eq!(waiting(), "1");
        assert_ne!(kept(), no.to_string(), "it is not kept before its standby has it");
        set("");
        let mut store = loop {
            if let Ok(store) = Postgres::open(&server.url()) {
                break store;
            }
        };
        assert_eq!(store.boot().unwrap().next_task, TaskNo(no));
    }
}
