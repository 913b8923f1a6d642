//! Opening a database in PostgreSQL: the address, the settings, the lock, the schema.

use std::fmt::Write as _;
use std::str::FromStr as _;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use uuid::Uuid;

use super::session::Session;
use super::tls::{self, Tls};
use super::{StoreError, owner};
use crate::store::columns::{Kind, TABLES, TableColumn};
use crate::store::sql::Reader;
use crate::store::url;

/// Statements by which each version of the schema grows out of the one before. The number of versions that a database
/// has stands in `meta`.
pub(super) const VERSIONS: [&str; 8] = [
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
    include_str!("schema_8.sql"),
];
/// Longest time that the database may take for an answer. Then it is taken for lost, and the connection is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest time that connecting to one host may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time that sent bytes may go unacknowledged before the connection is lost.
const SILENCE: Duration = Duration::from_secs(20);
/// Time for which a connection may be idle before it is asked whether it is there.
const IDLE: Duration = Duration::from_secs(10);
/// Oldest version of PostgreSQL that has all that is used here and is still looked after, as `server_version_num`.
const OLDEST: i64 = 130_000;

/// Settings of every connection. The server, too, must notice that a client is gone: it holds a lock for it.
const COMMON: &str = "SET search_path = warrener, pg_catalog; SET client_min_messages = warning; SET jit = off; \
     SET enable_seqscan = off; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; \
     SET tcp_keepalives_count = 3; SET tcp_user_timeout = 20000";
/// Settings of the writer's connection. All its statements find rows by an index; a plan made while a table was empty
/// must not read it from end to end once it is full.
const WRITER: &str = "SET plan_cache_mode = force_generic_plan; SET enable_hashjoin = off; SET enable_mergejoin = off; \
     SET default_transaction_isolation = 'read committed'; SET lock_timeout = '10s'; SET statement_timeout = 0; \
     SET idle_in_transaction_session_timeout = '60s'; SELECT set_config('synchronous_commit', 'on', false) \
     WHERE current_setting('synchronous_commit') IN ('off', 'local')";
/// Settings of a reader's connection.
const READER: &str = "SET default_transaction_read_only = on; SET statement_timeout = '30s'";

/// Address of a database in PostgreSQL, read and found sound.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The address with the password, for the library.
    config: Config,
    /// Maker of TLS connections; `None` in the clear.
    tls: Option<Tls>,
    /// The address without the password, for messages.
    shown: String,
    /// Longest time that the database may take for an answer.
    patience: Duration,
}

impl Place {
    /// Reads an address such as `postgres://user:password@host/database`.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it is none, or its authorities cannot be read.
    pub(super) fn new(url: &str) -> Result<Self, StoreError> {
        let refuse = |why: String| StoreError::Open { place: "postgres://…".to_owned(), why };
        check(url).map_err(refuse)?;
        let last = |name| url::parameters(url).filter(|(one, _)| *one == name).last().map(|(_, value)| value);
        let authorities = last("sslrootcert").map(url::decoded).transpose().map_err(refuse)?;
        let authorities = authorities.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let tls = tls::connector(last("sslmode").unwrap_or("disable"), authorities.as_deref()).map_err(refuse)?;
        // The text of the error never holds the value of a password.
        let mut config = Config::from_str(&url::without(url, &["sslmode", "sslrootcert"])).map_err(|error| {
            let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            refuse(format!("{error}{cause}"))
        })?;
        if config.get_hosts().is_empty() {
            return Err(refuse("it names no host; give it as postgres://USER:PASSWORD@HOST/DATABASE".to_owned()));
        }
        config
            .ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable })
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(SILENCE)
            .keepalives_idle(IDLE);
        let shown = shown(&config);
        Ok(Self { config, tls, shown, patience: PATIENCE })
    }

    /// Gives the address another patience.
    #[cfg(test)]
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The address without the password.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Opens a connection without any settings of ours.
    pub(super) fn session(&self) -> Result<Session, StoreError> {
        Session::open(&self.config, self.tls.as_ref(), self.patience)
    }

    /// Opens a connection that only reads.
    pub(super) fn reader(&self) -> Result<Session, StoreError> {
        let mut config = self.config.clone();
        let session = Session::open(config.application_name("warrener reader"), self.tls.as_ref(), self.patience)?;
        session.run(SETTING, &format!("{COMMON}; {READER}"))?;
        Ok(session)
    }

    /// Opens the writer's connection and brings the schema up to date. Gives the connection, its epoch, and true if it
    /// has the lock.
    ///
    /// The order matters: nothing is changed while another process has the lock, and the epoch is raised last.
    pub(super) fn writer(&self, instance: &str, patience: Duration) -> Result<(Session, i64, bool), StoreError> {
        let mut config = self.config.clone();
        config.application_name(owner::name(instance)).target_session_attrs(TargetSessionAttrs::ReadWrite);
        let session = Session::open(&config, self.tls.as_ref(), self.patience)?;
        session.run(SETTING, &format!("{COMMON}; {WRITER}"))?;
        self.inspect(&session)?;
        let is_locked = owner::lock(&session, instance, patience)?;
        self.upgrade(&session)?;
        let epoch = owner::enter(&session, instance)?;
        Ok((session, epoch, is_locked))
    }

    /// Turns an error into the reason why the database is no place for jobs, for whoever starts an orchestrator.
    pub(super) fn refuse(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Unwritable(why) => self.refused(why),
            StoreError::Statement { doing, why } => self.refused(format!("cannot {doing}: {why}")),
            other => other,
        }
    }

    /// Error that names the address.
    fn refused(&self, why: String) -> StoreError {
        StoreError::Open { place: self.shown.clone(), why }
    }

    /// Checks that the server can keep what it is given: version, encoding, and a warning if it does not sync.
    pub(super) fn inspect(&self, session: &Session) -> Result<(), StoreError> {
        let reader: &dyn Reader = session;
        let statement = "SELECT CAST(current_setting('server_version_num') AS BIGINT), \
             current_setting('server_encoding'), current_setting('fsync')";
        let found =
            reader.one(SETTING, statement, &[], |row| Ok((row.get::<i64>(0)?, row.string(1)?, row.string(2)?)))?;
        let (version, encoding, fsync) = found.unwrap_or_default();
        if version < OLDEST {
            return Err(self.refused(format!(
                "its server has version {}; {} or newer is needed",
                version / 10_000,
                OLDEST / 10_000
            )));
        }
        if encoding != "UTF8" {
            return Err(self.refused(format!("its encoding is {encoding}; create it with ENCODING 'UTF8'")));
        }
        if fsync != "on" {
            tracing::warn!("PostgreSQL runs with fsync = off: a power cut may lose or break what is kept");
        }
        Ok(())
    }

    /// Brings the schema up to date, one version after the other; there is no way back.
    fn upgrade(&self, session: &Session) -> Result<(), StoreError> {
        const DOING: &str = "bring the schema up to date";
        let reader: &dyn Reader = session;
        let count = |what: &str| reader.number::<i64>(DOING, what, &[]);
        let mut found = 0;
        if count("SELECT count(*) FROM pg_namespace WHERE nspname = 'warrener'")? == 0 {
            session.run(DOING, "CREATE SCHEMA warrener")?;
        }
        if count("SELECT count(*) FROM pg_tables WHERE schemaname = 'warrener'")? > 0 {
            let is_ours = "SELECT count(*) FROM pg_tables WHERE schemaname = 'warrener' AND tablename IN ('meta', \
                 'owner')";
            if count(is_ours)? != 2 {
                return Err(self.refused("its schema `warrener` belongs to another program".to_owned()));
            }
            found = count("SELECT coalesce(max(CAST(value AS BIGINT)), -1) FROM meta WHERE key = 'version'")?;
            if !usize::try_from(found).is_ok_and(|found| (1..=VERSIONS.len()).contains(&found)) {
                let known = VERSIONS.len();
                let why = "this program knows";
                return Err(
                    self.refused(format!("its schema has version {found}, {why} {known}; use the newer program"))
                );
            }
        }
        for (version, statements) in (1..).zip(VERSIONS).skip(usize::try_from(found).unwrap_or_default()) {
            let mut all = format!("BEGIN; {statements};");
            if version == 1 {
                let identity = Uuid::new_v4().simple();
                write!(all, "INSERT INTO meta (key, value) VALUES ('database', '{identity}'), ('version', '0');")
                    .expect("a string takes all");
            }
            session.run(DOING, &format!("{all} UPDATE meta SET value = '{version}' WHERE key = 'version'; COMMIT"))?;
        }
        add_columns(session)
    }
}

/// Adds the columns of fields that are younger than the database. An older version of the program leaves them as they
/// are.
fn add_columns(session: &Session) -> Result<(), StoreError> {
    const DOING: &str = "add columns";
    let reader: &dyn Reader = session;
    for (table, columns) in TABLES {
        let statement = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'warrener' \
             AND table_name = ?1::text";
        let there = reader.all(DOING, statement, &[table.into()], |row| row.string(0))?;
        for TableColumn { name, kind, is_optional } in
            columns.iter().filter(|column| !there.iter().any(|t| t == column.name))
        {
            let (kind, nothing) = match kind {
                Kind::Int => ("BIGINT", "0"),
                Kind::Text => ("TEXT COLLATE \"C\"", "''"),
                Kind::Bytes => ("BYTEA", "''"),
            };
            let rest = if *is_optional { String::new() } else { format!(" NOT NULL DEFAULT {nothing}") };
            session.run(DOING, &format!("ALTER TABLE {table} ADD COLUMN {name} {kind}{rest}"))?;
        }
    }
    Ok(())
}

/// Address without the password.
fn shown(config: &Config) -> String {
    let mut shown = "postgres://".to_owned();
    if let Some(user) = config.get_user() {
        write!(shown, "{user}@").expect("a string takes all");
    }
    let host = |host: &Host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    };
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(at, one)| {
        let port = ports.get(at).or_else(|| ports.first()).copied().unwrap_or(5432);
        format!("{}:{port}", host(one))
    });
    shown.push_str(&hosts.collect::<Vec<_>>().join(","));
    if let Some(database) = config.get_dbname() {
        write!(shown, "/{database}").expect("a string takes all");
    }
    shown
}

/// Refuses an address that the library would take for another, or of which it would leave a part aside.
fn check(address: &str) -> Result<(), String> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // An @ elsewhere stands behind a password that something ended before its time.
    let is_cut = rest.contains('@') && authority.matches('@').count() != 1;
    if is_cut || rest.contains('#') || rest.contains(char::is_whitespace) {
        return Err(ENCODE.to_owned());
    }
    for (name, value) in url::parameters(address) {
        if !PARAMETERS.contains(&name) {
            return Err(url::unknown(name, &PARAMETERS));
        }
        if name == "sslmode" && !tls::MODES.contains(&value) {
            return Err(format!("sslmode can be {}, not {value:?}", tls::MODES.join(", ")));
        }
    }
    Ok(())
}

/// Parameters of an address that the library understands.
const PARAMETERS: [&str; 20] = [
    "user",
    "password",
    "dbname",
    "options",
    "application_name",
    "sslmode",
    "sslrootcert",
    "sslnegotiation",
    "channel_binding",
    "host",
    "hostaddr",
    "port",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "load_balance_hosts",
];
/// Message for an address with a character that must be percent-encoded.
const ENCODE: &str = "a user, password or name in it has a character that means something else in a URL; \
     percent-encode it: # is %23, / is %2F, ? is %3F, @ is %40, a space is %20";
/// Purpose of the statements that prepare a connection, as errors say it.
const SETTING: &str = "prepare a connection";
