//! Readers of a database in a file, and its rows and values in the words of [`sql`](super::super::sql).

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};

use super::super::sql::{Dialect, Reader, Readers, Row, Value, Visitor, corrupt};
use super::{StoreError, failed, open};

/// Most connections that are kept open while nobody reads. More are closed after use.
const IDLE: usize = 8;

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Row for rusqlite::Row<'_> {
    fn int(&self, at: usize) -> Result<Option<i64>, StoreError> {
        match self.get_ref(at) {
            Ok(ValueRef::Integer(number)) => Ok(Some(number)),
            Ok(ValueRef::Null) => Ok(None),
            Ok(other) => Err(corrupt(at, format_args!("{} is no number", other.data_type()))),
            Err(error) => Err(corrupt(at, format_args!("{error}"))),
        }
    }

    fn text(&self, at: usize) -> Result<Option<Cow<'_, str>>, StoreError> {
        let text = self.get_ref(at).and_then(|value| Ok(value.as_str_or_null()?));
        Ok(text.map_err(|error| corrupt(at, format_args!("{error}")))?.map(Cow::Borrowed))
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, StoreError> {
        let bytes = self.get_ref(at).and_then(|value| Ok(value.as_blob_or_null()?));
        bytes.map_err(|error| corrupt(at, format_args!("{error}")))
    }
}

impl Reader for Connection {
    fn each(
        &self,
        doing: &'static str,
        statement: &str,
        values: &[Value<'_>],
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        let doing = failed(doing);
        let mut statement = self.prepare_cached(statement).map_err(&doing)?;
        for (at, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(at + 1, value).map_err(&doing)?;
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(&doing)? {
            if visit(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }
}

/// Pool of connections that only read.
#[derive(Debug)]
pub(super) struct SqliteReaders {
    /// Path of the file.
    path: PathBuf,
    /// Connections that nobody uses.
    idle: Mutex<Vec<Connection>>,
}

impl SqliteReaders {
    /// Opens the file to read it, with one connection at first.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let refuse = |error: StoreError| StoreError::Open { place: path.display().to_string(), why: error.to_string() };
        let first = open::reader(path).map_err(refuse)?;
        Ok(Self { path: path.to_owned(), idle: Mutex::new(vec![first]) })
    }

    /// Takes an idle connection, or opens one.
    fn take(&self) -> Result<Connection, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| open::reader(&self.path), Ok)
    }

    /// Keeps a connection for the next reader, or closes it if enough are kept.
    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }
}

impl Readers for SqliteReaders {
    fn show(&self, look: &mut dyn FnMut(&dyn Reader)) -> Result<(), StoreError> {
        let mut connection = self.take()?;
        let transaction = connection.transaction().map_err(failed("begin to read"))?;
        look(&*transaction);
        // Nothing was written, so there is nothing to commit.
        transaction.finish().map_err(failed("end reading"))?;
        self.give_back(connection);
        Ok(())
    }
}
