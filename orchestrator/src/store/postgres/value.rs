//! Values on their way to PostgreSQL and back.

use std::borrow::Cow;
use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::super::StoreError;
use super::super::sql::{Row, Value, corrupt};
use super::text;

/// Error of a value that cannot be sent or read.
type Failed = Box<dyn Error + Sync + Send>;

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Text(text) => text::kept(text).to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

/// Parameter of a statement of the writer.
#[derive(Debug)]
pub(super) enum Parameter<'a> {
    /// A single value.
    One(Value<'a>),
    /// A column of many rows, as an array. Statements take it by `unnest`.
    Many(Vec<Value<'a>>),
}

impl ToSql for Parameter<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        match self {
            Self::One(value) => value.to_sql(kind, out),
            Self::Many(values) => values.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        <Value<'_> as ToSql>::accepts(kind) || <Vec<Value<'_>> as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}

/// Columns of rows that have `N` each: one array for each column.
pub(super) fn columns<'a, const N: usize>(rows: impl IntoIterator<Item = [Value<'a>; N]>) -> Vec<Parameter<'a>> {
    let mut columns: [Vec<_>; N] = std::array::from_fn(|_| Vec::new());
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    columns.into_iter().map(Parameter::Many).collect()
}

/// An integer of any width.
struct Int(i64);

impl<'a> FromSql<'a> for Int {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Failed> {
        if *kind == Type::INT4 {
            i32::from_sql(kind, raw).map(|n| Self(n.into()))
        } else {
            i64::from_sql(kind, raw).map(Self)
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::INT4].contains(kind)
    }
}

impl Row for tokio_postgres::Row {
    fn int(&self, at: usize) -> Result<Option<i64>, StoreError> {
        Ok(column::<Int>(self, at)?.map(|int| int.0))
    }

    fn text(&self, at: usize) -> Result<Option<Cow<'_, str>>, StoreError> {
        Ok(column::<&str>(self, at)?.map(text::read))
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, StoreError> {
        column(self, at)
    }
}

/// Value of a column; `None` if it is `NULL`.
fn column<'a, T: FromSql<'a>>(row: &'a tokio_postgres::Row, at: usize) -> Result<Option<T>, StoreError> {
    row.try_get(at).map_err(|error| corrupt(at, format_args!("{error}")))
}
