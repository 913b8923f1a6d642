//! A connection to PostgreSQL, driven by the thread that uses it: nothing happens on it while nobody waits for it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::future::{MaybeDone, maybe_done};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::BorrowToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::StoreError;
use super::blame::failed;
use super::tls::Tls;
use super::value::Parameter;
use crate::store::sql::{Dialect, Reader, Row, Value, Visitor};

/// Most statements that stay prepared. Most are the same few dozen, only filters of lists may be of any number.
const PREPARED: usize = 128;

/// A connection with its prepared statements. Used by one thread at a time.
pub(super) struct Session {
    /// Sender of statements.
    client: Client,
    /// Prepared statements by their text; cleared when there are too many.
    statements: RefCell<HashMap<String, Statement>>,
    /// Runtime that moves the bytes.
    runner: Runner,
}

/// Runtime of a connection. It may be dropped where a runtime that is waited for would panic.
struct Runner {
    /// The runtime; `None` only while it is dropped.
    runtime: Option<Runtime>,
    /// Longest wait for an answer. Then the outcome is unknown.
    patience: Duration,
}

/// Future of one statement of a transaction.
type StatementFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A statement of a transaction.
#[derive(Debug)]
pub(super) struct Step<'a> {
    /// Purpose of the statement; completes "cannot …".
    pub(super) doing: &'static str,
    /// Text with `?1` for parameters.
    pub(super) statement: String,
    /// Values of the parameters. Rows are given as arrays, one for each column.
    pub(super) values: Vec<Parameter<'a>>,
}

/// Moves the bytes of a connection until it ends. Whoever waits for an answer is told of its end as well.
async fn carry(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to PostgreSQL ended");
    }
}

impl Session {
    /// Connects, and waits for it as long as for an answer.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] if that may work later, else [`StoreError::Statement`].
    pub(super) fn open(config: &Config, tls: Option<&Tls>, patience: Duration) -> Result<Self, StoreError> {
        let runner = Runner::new(patience).map_err(|error| StoreError::Unwritable(format!("{CONNECT}: {error}")))?;
        let client = match tls {
            Some(tls) => {
                let (client, connection) = runner.wait(CONNECT, config.connect(tls.connector()))?;
                runner.runtime().spawn(carry(connection));
                client
            }
            None => {
                let (client, connection) = runner.wait(CONNECT, config.connect(NoTls))?;
                runner.runtime().spawn(carry(connection));
                client
            }
        };
        Ok(Self { client, statements: RefCell::default(), runner })
    }

    /// Waits for an answer, as long as the patience lasts.
    fn wait<T>(
        &self,
        doing: &'static str,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        self.runner.wait(doing, answer)
    }

    /// Prepares a statement, unless it is.
    fn prepare(&self, doing: &'static str, statement: &str) -> Result<Statement, StoreError> {
        if let Some(known) = self.statements.borrow().get(statement) {
            return Ok(known.clone());
        }
        let prepared = self.wait(doing, self.client.prepare(&numbered(statement)))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= PREPARED {
            statements.clear();
        }
        statements.insert(statement.to_owned(), prepared.clone());
        Ok(prepared)
    }

    /// Carries out statements that take no values and give no rows.
    pub(super) fn run(&self, doing: &'static str, statements: &str) -> Result<(), StoreError> {
        self.wait(doing, self.client.batch_execute(statements))
    }

    /// Shows the rows of the answer, one by one, until the visitor breaks.
    fn show<P: BorrowToSql>(
        &self,
        doing: &'static str,
        statement: &str,
        values: impl IntoIterator<Item = P, IntoIter: ExactSizeIterator>,
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        let statement = self.prepare(doing, statement)?;
        let rows = self.wait(doing, self.client.query_raw(&statement, values))?;
        let mut rows = pin!(rows);
        while let Some(row) = self.wait(doing, rows.try_next())? {
            if visit(&row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// All rows of the answer to a question about many things at once, which are its one parameter.
    pub(super) fn of_many<T>(
        &self,
        doing: &'static str,
        statement: &str,
        things: Vec<Value<'_>>,
        read: impl Fn(&dyn Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::with_capacity(things.len());
        self.show(doing, statement, [Parameter::Many(things)], &mut |row| {
            all.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(all)
    }

    /// Carries out all steps, or none: they are sent together, and so is the end of the transaction. If one of them
    /// fails, the database takes that end for the order to forget the others.
    ///
    /// # Errors
    /// [`StoreError`]; if it is transient nobody knows whether the steps were carried out.
    pub(super) fn transact(&self, steps: &[Step<'_>]) -> Result<(), StoreError> {
        let prepared = steps.iter().map(|step| self.prepare(step.doing, &step.statement));
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        // Waited for, since without it each step would be a transaction of its own.
        self.run("begin a transaction", "BEGIN")?;
        let mut answers: Vec<StatementFuture<'_, Result<(), StoreError>>> = Vec::new();
        let is_sound = &Cell::new(true);
        for (step, statement) in steps.iter().zip(&prepared) {
            answers.push(Box::pin(async move {
                let executed = self.client.execute_raw(statement, &step.values).await;
                executed.map(drop).map_err(failed(step.doing)).inspect_err(|_| is_sound.set(false))
            }));
        }
        // A step that could not even be sent is unknown to the database.
        let end = async { self.client.batch_execute(if is_sound.get() { "COMMIT" } else { "ROLLBACK" }).await };
        answers.push(Box::pin(async { end.await.map_err(failed("commit")) }));
        let outcomes = self.wait("commit", async { Ok(in_order(answers).await) })?;
        outcomes.into_iter().collect()
    }
}

impl Reader for Session {
    fn each(
        &self,
        doing: &'static str,
        statement: &str,
        values: &[Value<'_>],
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        self.show(doing, statement, values, visit)
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }
}

impl Runner {
    /// Runtime on the thread of whoever waits.
    fn new(patience: Duration) -> std::io::Result<Self> {
        Ok(Self { runtime: Some(Builder::new_current_thread().enable_all().build()?), patience })
    }

    /// The runtime, which is there until the drop.
    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is not being dropped")
    }

    /// Waits for an answer on the thread of the caller, as long as the patience lasts.
    fn wait<T>(
        &self,
        doing: &'static str,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        let answer = async { tokio::time::timeout(self.patience, answer).await };
        // Readers may be asked on a thread of the service's own runtime.
        match tokio::task::block_in_place(|| self.runtime().block_on(answer)) {
            Ok(answer) => answer.map_err(failed(doing)),
            Err(_) => Err(StoreError::Unwritable(format!("{doing}: no answer within {} s", self.patience.as_secs()))),
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// Waits for all. Each has sent its statement before the next one is polled first, so the server gets them in order.
async fn in_order<T>(futures: Vec<StatementFuture<'_, T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(maybe_done).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for future in &mut futures {
            is_done &= Pin::new(future).poll(context).is_ready();
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let outcome = |future: &mut MaybeDone<_>| Pin::new(future).take_output().expect("it is done");
    futures.iter_mut().map(outcome).collect()
}

/// Statement with its parameters as PostgreSQL numbers them: `$1` for `?1`, and the next number for a bare `?`.
fn numbered(statement: &str) -> String {
    let mut numbered = String::with_capacity(statement.len() + 16);
    let mut highest = 0;
    let mut parts = statement.split('?');
    numbered.extend(parts.next());
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = part[..digits].parse().unwrap_or(highest + 1);
        highest = highest.max(number);
        write!(numbered, "${number}{}", &part[digits..]).expect("a string takes all");
    }
    numbered
}

/// Purpose of connecting, as errors say it.
const CONNECT: &str = "connect to PostgreSQL";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered() {
        for (ours, theirs) in [
            ("SELECT 1", "SELECT 1"),
            ("a = ?1 AND b = ?2 OR c = ?1", "a = $1 AND b = $2 OR c = $1"),
            ("a < ? AND b IN (?, ?) LIMIT ?", "a < $1 AND b IN ($2, $3) LIMIT $4"),
            ("?12 ?", "$12 $13"),
        ] {
            assert_eq!(numbered(ours), theirs);
        }
    }
}
