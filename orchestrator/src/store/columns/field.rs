//! Fields of rows as values of columns: how each type is kept and read back.

use std::sync::Arc;

use warrener_engine::row::{Counts, Json, Map, Parent, Skip, Stop, WaitsFor};
use warrener_engine::schedule::{Backfill, TickOpen, TickOutcome};
use warrener_shared::id::{JobId, JobNo, ScheduleName, TaskNo, Token};
use warrener_shared::state::{JobState, Outcome, TaskState};
use warrener_shared::time::{Millis, Timestamp};

use super::super::StoreError;
use super::super::sql::row::{counts, counts_bytes, map, map_bytes, place, sized, waits_for, waits_for_text, word};
use super::super::sql::{Row, Value, corrupt, missing};
use super::Kind;

/// A field that takes one column.
pub(super) trait Field: Sized {
    /// Type of the column.
    const KIND: Kind;
    /// True if the field may have no value.
    const IS_OPTIONAL: bool = false;

    /// Reads the value of the column at this place; `None` if it has none.
    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError>;

    /// Value to be kept in the column.
    fn value(&self) -> Value<'_>;

    /// Reads the value of the column, which must have one unless the field is optional.
    fn read(row: &dyn Row, at: usize) -> Result<Self, StoreError> {
        Self::find(row, at)?.ok_or_else(|| missing(at))
    }
}

/// A field that takes three columns, all with a value or none.
pub(super) trait Trio: Sized {
    /// Type of all three columns.
    const KIND: Kind;

    /// Reads the field from the three columns that begin at this place.
    fn read(row: &dyn Row, at: usize) -> Result<Self, StoreError>;
    /// Value of the first column.
    fn one(&self) -> Value<'_>;
    /// Value of the second column.
    fn two(&self) -> Value<'_>;
    /// Value of the third column.
    fn three(&self) -> Value<'_>;
}

impl<F: Field> Field for Option<F> {
    const KIND: Kind = F::KIND;
    const IS_OPTIONAL: bool = true;

    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
        F::find(row, at).map(Some)
    }

    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, F::value)
    }
}

/// Fields that are numbers: how one is read, and how it is kept.
macro_rules! numbers {
    ($($field:ty: $read:expr, $kept:expr;)+) => {
        $(impl Field for $field {
            const KIND: Kind = Kind::Int;

            fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
                let read: fn(&dyn Row, usize) -> Result<Option<Self>, StoreError> = $read;
                read(row, at)
            }

            fn value(&self) -> Value<'_> {
                let kept: fn(&Self) -> i64 = $kept;
                Value::Int(kept(self))
            }
        })+
    };
}

numbers! {
    i64: |row, at| row.int(at), |number| *number;
    u32: |row, at| row.find(at), |number| (*number).into();
    u8: |row, at| row.find(at), |number| (*number).into();
    u64: |row, at| row.find(at), |number| i64::try_from(*number).unwrap_or(i64::MAX);
    bool: |row, at| Ok(row.int(at)?.map(|number| number != 0)), |flag| (*flag).into();
    JobNo: |row, at| Ok(row.int(at)?.map(Self)), |no| no.0;
    TaskNo: |row, at| Ok(row.int(at)?.map(Self)), |no| no.0;
    Timestamp: |row, at| Ok(row.int(at)?.map(Self)), |time| time.0;
    Millis: |row, at| Ok(row.find(at)?.map(Self)), |span| i64::try_from(span.0).unwrap_or(i64::MAX);
    JobState: |row, at| word(row, at, Self::ALL), |state| *state as i64;
    TaskState: |row, at| word(row, at, Self::ALL), |state| *state as i64;
    Outcome: |row, at| word(row, at, Self::ALL), |outcome| *outcome as i64;
    Stop: |row, at| word(row, at, &STOPS), |stop| place(&STOPS, stop);
    TickOutcome: |row, at| word(row, at, &Self::ALL), |outcome| place(&Self::ALL, outcome);
    TickOpen: |row, at| word(row, at, &Self::ALL), |open| place(&Self::ALL, open);
    Skip: |row, at| word(row, at, &SKIPS), |skip| place(&SKIPS, skip);
}

/// Ways of stopping a job by the numbers that stand for them. Only ever extended at the end.
const STOPS: [Stop; 5] = [Stop::None, Stop::Deadline, Stop::Cancel, Stop::DeadlineHalt, Stop::CancelHalt];
/// Reasons of a skip by the numbers that stand for them. Only ever extended at the end.
const SKIPS: [Skip; 3] = [Skip::Rule, Skip::Upstream, Skip::Hand];

impl Field for JobId {
    const KIND: Kind = Kind::Text;

    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
        let Some(text) = row.text(at)? else { return Ok(None) };
        Self::new(&text).map(Some).map_err(|error| corrupt(at, format_args!("{error}")))
    }

    fn value(&self) -> Value<'_> {
        self.as_str().into()
    }
}

/// Numbers with a space between, in the order of the fields.
impl Field for Backfill {
    const KIND: Kind = Kind::Bytes;

    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = row.bytes(at)? else { return Ok(None) };
        let numbers =
            String::from_utf8_lossy(bytes).split(' ').map(|text| text.parse().ok()).collect::<Option<Vec<_>>>();
        let numbers: Option<[i64; 8]> = numbers.and_then(|numbers| numbers.try_into().ok());
        let Some([from, to, done_upto, side_by_side, again, pause, not_before, started]) = numbers else {
            return Err(corrupt(at, format_args!("{} bytes are no backfill", bytes.len())));
        };
        Ok(Some(Self {
            from: Timestamp(from),
            to: Timestamp(to),
            done_upto: Timestamp(done_upto),
            side_by_side: side_by_side != 0,
            again: again != 0,
            pause: Millis(u64::try_from(pause).unwrap_or(0)),
            not_before: Timestamp(not_before),
            started: u64::try_from(started).unwrap_or(0),
        }))
    }

    fn value(&self) -> Value<'_> {
        let Self { from, to, done_upto, side_by_side, again, pause, not_before, started } = self;
        let (side_by_side, again) = (u8::from(*side_by_side), u8::from(*again));
        let times = format!("{} {} {}", from.0, to.0, done_upto.0);
        let rest = format!("{side_by_side} {again} {} {} {started}", pause.0, not_before.0);
        Value::Bytes(format!("{times} {rest}").into_bytes().into())
    }
}

impl Field for ScheduleName {
    const KIND: Kind = Kind::Text;

    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
        let Some(text) = row.text(at)? else { return Ok(None) };
        Self::new(&text).map(Some).map_err(|error| corrupt(at, format_args!("{error}")))
    }

    fn value(&self) -> Value<'_> {
        self.as_str().into()
    }
}

impl Field for String {
    const KIND: Kind = Kind::Text;

    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
        row.find_string(at)
    }

    fn value(&self) -> Value<'_> {
        self.as_str().into()
    }
}

impl Field for Arc<str> {
    const KIND: Kind = Kind::Text;

    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
        Ok(row.text(at)?.map(Self::from))
    }

    fn value(&self) -> Value<'_> {
        (&**self).into()
    }
}

impl Field for WaitsFor {
    const KIND: Kind = Kind::Text;

    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
        row.text(at)?.map(|text| waits_for(&text, at)).transpose()
    }

    fn value(&self) -> Value<'_> {
        waits_for_text(self).into()
    }
}

impl Field for Json {
    const KIND: Kind = Kind::Bytes;

    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
        Ok(row.bytes(at)?.map(Self::from))
    }

    fn value(&self) -> Value<'_> {
        Value::Bytes((&**self).into())
    }
}

impl Field for Counts {
    const KIND: Kind = Kind::Bytes;

    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
        row.bytes(at)?.map(|bytes| counts(bytes, at)).transpose()
    }

    fn value(&self) -> Value<'_> {
        Value::Bytes(counts_bytes(self).to_vec().into())
    }
}

impl Field for Map {
    const KIND: Kind = Kind::Bytes;

    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
        row.bytes(at)?.map(|bytes| map(bytes, at)).transpose()
    }

    fn value(&self) -> Value<'_> {
        Value::Bytes(map_bytes(self).into())
    }
}

/// Bytes of the token; no value before the first attempt, whose token is 0 in memory.
impl Field for Token {
    const KIND: Kind = Kind::Bytes;
    const IS_OPTIONAL: bool = true;

    fn find(row: &dyn Row, at: usize) -> Result<Option<Self>, StoreError> {
        row.bytes(at)?.map(|bytes| Ok(Self(u128::from_be_bytes(sized(bytes, at)?)))).transpose()
    }

    fn read(row: &dyn Row, at: usize) -> Result<Self, StoreError> {
        Ok(Self::find(row, at)?.unwrap_or(Self(0)))
    }

    fn value(&self) -> Value<'_> {
        if self.0 == 0 { Value::Null } else { Value::Bytes(self.0.to_be_bytes().to_vec().into()) }
    }
}

impl Trio for Option<Parent> {
    const KIND: Kind = Kind::Int;

    fn read(row: &dyn Row, at: usize) -> Result<Self, StoreError> {
        let Some(task) = row.int(at)? else { return Ok(None) };
        // The job of a parent that was removed before there was a column for it is not known any more.
        let job = JobNo(row.int(at + 2)?.unwrap_or(0));
        Ok(Some(Parent { job, task: TaskNo(task), attempt: row.get(at + 1)? }))
    }

    fn one(&self) -> Value<'_> {
        Value::int(self.map(|parent| parent.task.0))
    }

    fn two(&self) -> Value<'_> {
        Value::int(self.map(|parent| parent.attempt))
    }

    fn three(&self) -> Value<'_> {
        Value::int(self.map(|parent| parent.job.0))
    }
}
