//! The party to blame for an error of PostgreSQL.

use std::error::Error as _;
use std::fmt::Write as _;

use tokio_postgres::error::DbError;
use tokio_postgres::types::WrongType;

use crate::store::{Blame, StoreError};

/// Makes the error of a failed statement: an outage, a sick database, or an input that cannot be kept.
pub(super) fn failed(doing: &'static str) -> impl Fn(tokio_postgres::Error) -> StoreError {
    move |error| match error.as_db_error() {
        Some(answer) if answer.constraint() == Some(FENCE) => StoreError::Unwritable(format!("{doing}: {}", TAKEN)),
        Some(answer) => {
            let (code, why) = (answer.code().code(), said(answer));
            match CORRUPTED.contains(&code) {
                true => StoreError::Corrupt(format!("{doing}: {why}")),
                false => StoreError::blamed(blame(code, answer.routine(), answer.constraint()), doing, why),
            }
        }
        None => unanswered(doing, &error),
    }
}

/// Message of the server, without the value that it may quote.
fn said(answer: &DbError) -> String {
    let code = answer.code().code();
    if !code.starts_with(DATA_EXCEPTION) {
        return format!("{} ({code})", answer.message());
    }
    let mut said = format!("a value cannot be kept ({code}");
    let places = [("table", answer.table()), ("column", answer.column()), ("type", answer.datatype())];
    for (what, name) in places.into_iter().filter_map(|(what, name)| Some((what, name?))) {
        write!(said, ", {what} {name}").expect("a string takes all");
    }
    said.push(')');
    said
}

/// Party to blame for an answer with this SQLSTATE. `routine` is the function of the server that found it: unlike the
/// message it is the same in every language.
fn blame(code: &str, routine: Option<&str>, constraint: Option<&str>) -> Blame {
    match code {
        // The name of a job is the one key that is chosen by who submits it.
        "23505" if constraint == Some("jobs_id_key") => Blame::Input,
        CHECK_VIOLATION => Blame::Input,
        // Also said when numbers of transactions run out, which no input is to blame for.
        "54000" if routine.is_some_and(|routine| TOO_LARGE.contains(&routine)) => Blame::Input,
        // Ended because it was idle for long, in the midst of a transaction: a process of ours that was stopped.
        "25P03" => Blame::Outage,
        // Only to be read; locked by somebody.
        "25006" | "55P03" => Blame::Outage,
        // A file of the server is missing, or there twice.
        "58P01" | "58P02" => Blame::Sick,
        _ if code.starts_with(DATA_EXCEPTION) => Blame::Input,
        // 08 connection, 28 who we are, 40 conflict with another transaction, 53 resources, 57 an operator, 58 the
        // system.
        _ if ["08", "28", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => Blame::Outage,
        _ => Blame::Sick,
    }
}

/// Begins of errors of a connection that is not there.
const LOST: &[&str] = &["error connecting", "error communicating", "error performing TLS handshake", "timeout"];

/// Error that is no answer of the server: a lost connection, a value that could not be sent, or a bug of ours.
fn unanswered(doing: &'static str, error: &tokio_postgres::Error) -> StoreError {
    // Sources say more than the error itself, which says "error communicating with the server".
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        write!(why, ": {cause}").expect("a string takes all");
        source = cause.source();
    }
    // The library does not tell apart by type what it could not send and what it did not get.
    let begins = |all: &[&str]| all.iter().any(|what| why.starts_with(what));
    let is_of_another_type = error.source().is_some_and(|source| source.is::<WrongType>());
    let blame = match () {
        () if error.is_closed() || begins(LOST) => Blame::Outage,
        () if begins(&["error serializing", "error encoding"]) && !is_of_another_type => Blame::Input,
        () => Blame::Sick,
    };
    StoreError::blamed(blame, doing, why)
}

/// SQLSTATEs of a damaged page of a table or an index.
const CORRUPTED: [&str; 2] = ["XX001", "XX002"];
/// Class of the SQLSTATEs of values that cannot be.
const DATA_EXCEPTION: &str = "22";
/// SQLSTATE of a row that contradicts a condition of its table.
const CHECK_VIOLATION: &str = "23514";
/// Message for an orchestrator whose epoch another one has passed.
pub(super) const TAKEN: &str = "another orchestrator has taken the database over";
/// Name of the constraint that a commit breaks if its epoch is not the latest.
const FENCE: &str = "owner_fence";
/// Functions of the server that find a value too large for an entry of an index, a row, or a message.
const TOO_LARGE: [&str; 5] = [
    "index_form_tuple",
    "index_form_tuple_context",
    "_bt_check_third_page",
    "RelationGetBufferForTuple",
    "enlargeStringInfo",
];

#[cfg(test)]
mod tests {
    use super::super::open::Place;
    use super::super::session::Session;
    use super::*;
    use crate::store::tests::postgres_server::Shared;

    #[test]
    fn blame_is_the_databases_unless_it_is_known_better() {
        let table = [
            ("25P03", Blame::Outage),
            ("25006", Blame::Outage),
            ("08006", Blame::Outage),
            ("28P01", Blame::Outage),
            ("40001", Blame::Outage),
            ("40P01", Blame::Outage),
            ("53100", Blame::Outage),
            ("53300", Blame::Outage),
            ("55P03", Blame::Outage),
            ("57014", Blame::Outage),
            ("57P01", Blame::Outage),
            ("57P03", Blame::Outage),
            ("58030", Blame::Outage),
            ("0A000", Blame::Sick),
            ("23502", Blame::Sick),
            ("23505", Blame::Sick),
            ("25P02", Blame::Sick),
            ("3F000", Blame::Sick),
            ("42501", Blame::Sick),
            ("42703", Blame::Sick),
            ("42P01", Blame::Sick),
            ("54000", Blame::Sick),
            ("54023", Blame::Sick),
            ("55000", Blame::Sick),
            ("58P01", Blame::Sick),
            ("XX000", Blame::Sick),
            ("XX001", Blame::Sick),
            ("XX002", Blame::Sick),
            ("ZZZZZ", Blame::Sick),
            ("22001", Blame::Input),
            ("22003", Blame::Input),
            ("22021", Blame::Input),
            ("23514", Blame::Input),
        ];
        for (code, expected) in table {
            assert_eq!(blame(code, Some("elsewhere"), Some("tasks_pkey")), expected, "{code}");
        }
        assert_eq!(blame("54000", Some("_bt_check_third_page"), None), Blame::Input);
        assert_eq!(blame("54000", Some("GetNewTransactionId"), None), Blame::Sick);
        assert_eq!(blame("23505", None, Some("jobs_id_key")), Blame::Input);
    }

    /// Error of statements, in the words of the server.
    fn error_of(session: &Session, statements: &str) -> StoreError {
        session.run("try it", statements).expect_err("it fails")
    }

    #[test]
    fn a_server_is_understood() {
        let database = Shared::database();
        let place = Place::new(database.url()).unwrap();
        let session = place.session().unwrap();
        for (code, expected) in [
            ("25P03", Blame::Outage),
            ("42P01", Blame::Sick),
            ("42501", Blame::Sick),
            ("53100", Blame::Outage),
            ("54000", Blame::Sick),
            ("55P03", Blame::Outage),
            ("57014", Blame::Outage),
            ("57P01", Blame::Outage),
            ("XX000", Blame::Sick),
            ("XX001", Blame::Sick),
            ("22023", Blame::Input),
        ] {
            let raise = format!("DO $$ BEGIN RAISE EXCEPTION 'the payload' USING ERRCODE = '{code}'; END $$");
            let error = error_of(&session, &raise);
            assert_eq!(error.blame(), expected, "{code}: {error}");
            assert!(error.to_string().contains(code), "{error}");
            assert_eq!(error.to_string().contains("the payload"), !code.starts_with("22"), "{error}");
        }
    }

    #[test]
    fn what_a_server_does_is_told_apart() {
        let database = Shared::database();
        let place = Place::new(database.url()).unwrap();
        let [session, other] = [(); 2].map(|()| place.session().unwrap());
        session.run("begin", "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT UNIQUE CHECK (x <> ''))").unwrap();
        let long = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) i)";
        for (statements, expected, code) in [
            ("SELECT * FROM nowhere", Blame::Sick, "42P01"),
            ("SELECT y FROM t", Blame::Sick, "42703"),
            ("SET statement_timeout = 1; SELECT pg_sleep(60)", Blame::Outage, "57014"),
            ("RESET statement_timeout; SET default_transaction_read_only = on", Blame::Outage, ""),
            ("INSERT INTO t VALUES (1, 'x')", Blame::Outage, "25006"),
            ("RESET default_transaction_read_only", Blame::Outage, ""),
            ("INSERT INTO t VALUES (99999999999, 'x')", Blame::Input, "22003"),
            ("INSERT INTO t VALUES (1, '')", Blame::Input, "23514"),
            (&format!("INSERT INTO t VALUES (1, {long})"), Blame::Input, "54000"),
        ] {
            if code.is_empty() {
                session.run("set it", statements).unwrap();
                continue;
            }
            let error = error_of(&session, statements);
            assert_eq!(error.blame(), expected, "{statements}: {error}");
            assert!(error.to_string().contains(code) && error.to_string().len() < 200, "{error}");
        }
        other.run("lock", "BEGIN; LOCK TABLE t").unwrap();
        let error = error_of(&session, "SET lock_timeout = 1; INSERT INTO t VALUES (1, 'x')");
        assert!(error.blame() == Blame::Outage && error.to_string().contains("55P03"), "{error}");
        other.run("end", "ROLLBACK; SET idle_in_transaction_session_timeout = 1; BEGIN").unwrap();
        let error = loop {
            // Until the server has noticed how long that is.
            if let Err(error) = other.run("wait", "SELECT 1") {
                break error;
            }
            session.run("wait", "RESET statement_timeout; SELECT pg_sleep(0.05)").unwrap();
        };
        assert!(error.blame() == Blame::Outage, "{error}");
        let error = error_of(&session, "SELECT pg_terminate_backend(pg_backend_pid())");
        assert!(error.blame() == Blame::Outage, "{error}");
    }
}
