//! Reading of delayed messages.

use std::ops::ControlFlow;

use warrener_shared::time::Timestamp;

use super::super::StoreError;
use super::super::delayed::{DelayedHead, DelayedMessage};
use super::super::sql::{Row, Value, limit};
use super::filter::Filter;
use super::{Page, Snapshot, one_more};

/// Columns of a head.
const HEAD: &str = "no, exchange, routing_key, due_at, created_at, length(body), failures, reason, properties";

/// Most messages that are read whole at once.
pub const DELAYED_SLICE: usize = 128;

impl Snapshot<'_> {
    /// Delayed messages that fit, in the order in which they came, after the one with a number.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all of these.
    pub fn delayed(
        &self,
        filter: &Filter,
        after: i64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<DelayedHead>, StoreError> {
        let (condition, its) = filter.condition(now, self.reader.dialect());
        let statement = format!("SELECT {HEAD} FROM delayed WHERE no > ? AND {condition} ORDER BY no LIMIT ?");
        let mut values = vec![after.into()];
        values.extend(its);
        values.push(one_more(limit));
        self.page("list delayed messages", &statement, &values, limit, |row| Ok((head(row)?, 0)))
    }

    /// Head of the delayed message with this number; `None` if there is none any more.
    pub fn delayed_message(&self, no: i64) -> Result<Option<DelayedHead>, StoreError> {
        let statement = format!("SELECT {HEAD} FROM delayed WHERE no = ?1");
        self.reader.one("find a delayed message", &statement, &[no.into()], head)
    }

    /// Numbers of the messages of an exchange that are due, the earliest first, at most `most`.
    pub fn due_delayed(&self, exchange: &str, now: Timestamp, most: usize) -> Result<Vec<i64>, StoreError> {
        let statement = "SELECT no FROM delayed WHERE exchange = ?1 AND due_at <= ?2 ORDER BY due_at, no LIMIT ?3";
        let values = [exchange.into(), now.0.into(), limit(most)];
        self.reader.all("find due messages", statement, &values, |row| row.get(0))
    }

    /// Time at which the next message of an exchange is due after `now`; `None` if there is none.
    pub fn next_delayed(&self, exchange: &str, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let statement = "SELECT min(due_at) FROM delayed WHERE exchange = ?1 AND due_at > ?2";
        let found =
            self.reader.one("find the next message", statement, &[exchange.into(), now.0.into()], |row| row.int(0));
        Ok(found?.flatten().map(Timestamp))
    }

    /// Messages with these numbers, at most [`DELAYED_SLICE`], as far as they are kept, each with its number and its
    /// failed attempts. Ends early after so many bytes of bodies, though not before the first.
    pub fn delayed_whole(&self, numbers: &[i64], bytes: usize) -> Result<Vec<(i64, DelayedMessage, u32)>, StoreError> {
        // The same words each time, since databases keep what they have read. No message has the number 0.
        let places: Vec<String> = (1..=DELAYED_SLICE).map(|place| format!("?{place}")).collect();
        let statement = format!(
            "SELECT no, exchange, routing_key, due_at, created_at, properties, body, failures, \
             after_delay FROM delayed \
             WHERE no IN ({}) ORDER BY due_at, no",
            places.join(", ")
        );
        let values = numbers.iter().copied().chain(std::iter::repeat(0)).take(DELAYED_SLICE).map(Value::Int);
        let (mut found, mut sum) = (Vec::new(), 0);
        self.reader.each("read delayed messages", &statement, &values.collect::<Vec<_>>(), &mut |row| {
            if sum >= bytes {
                return Ok(ControlFlow::Break(()));
            }
            let message = DelayedMessage {
                exchange: row.string(1)?.into(),
                routing_key: row.string(2)?,
                due_at: Timestamp(row.get(3)?),
                after_delay: row.get::<i64>(8)? != 0,
                received_at: Timestamp(row.get(4)?),
                properties: row.blob(5)?.to_vec(),
                body: row.blob(6)?.to_vec(),
            };
            sum += message.body.len();
            found.push((row.get(0)?, message, row.get(7)?));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }
}

fn head(row: &dyn Row) -> Result<DelayedHead, StoreError> {
    Ok(DelayedHead {
        no: row.get(0)?,
        exchange: row.string(1)?,
        routing_key: row.string(2)?,
        due_at: Timestamp(row.get(3)?),
        received_at: Timestamp(row.get(4)?),
        size: row.get(5)?,
        failures: row.get(6)?,
        reason: row.find_string(7)?,
        properties: row.blob(8)?.to_vec(),
    })
}
