//! Statements that all databases understand in the same words, and the rows as they come back.
//!
//! Numbers, states, flags and times are integers of 64 bits, names are text, and payloads are bytes. Parameters are
//! written `?1`, or `?` for the one after the last. Where the databases differ in words, [`Dialect`] says how.

pub(crate) mod chunk;
pub(crate) mod kept;
pub(crate) mod limits;
pub(crate) mod read;
pub(crate) mod row;
pub(crate) mod schedule;

use std::borrow::Cow;
use std::fmt::Debug;
use std::ops::ControlFlow;

use super::StoreError;

/// Value of a column or parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// No value.
    Null,
    /// A number, state, flag or time.
    Int(i64),
    /// A name, or any other text.
    Text(Cow<'a, str>),
    /// A payload, or a small structure of ours.
    Bytes(Cow<'a, [u8]>),
}

impl<'a> Value<'a> {
    /// A number, or no value.
    pub(crate) fn int(number: Option<impl Into<i64>>) -> Self {
        number.map_or(Self::Null, |number| Self::Int(number.into()))
    }

    /// A text, or no value.
    pub(crate) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.into()))
    }

    /// Bytes, or no value.
    pub(crate) fn bytes(bytes: Option<&'a [u8]>) -> Self {
        bytes.map_or(Self::Null, |bytes| Self::Bytes(bytes.into()))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// Number of rows as the parameter of a `LIMIT`.
pub(crate) fn limit(most: usize) -> Value<'static> {
    Value::Int(i64::try_from(most).unwrap_or(i64::MAX))
}

/// A row that a database gave. Columns are counted from 0, and `None` stands for no value.
pub(crate) trait Row {
    /// Number in a column.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the column holds something else; so for all columns.
    fn int(&self, at: usize) -> Result<Option<i64>, StoreError>;
    /// Text in a column.
    fn text(&self, at: usize) -> Result<Option<Cow<'_, str>>, StoreError>;
    /// Bytes in a column.
    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, StoreError>;
}

impl dyn Row + '_ {
    /// Number in a column that may have none, in the range of `T`.
    pub(crate) fn find<T: TryFrom<i64>>(&self, at: usize) -> Result<Option<T>, StoreError> {
        let Some(number) = self.int(at)? else { return Ok(None) };
        T::try_from(number).map(Some).map_err(|_| corrupt(at, format_args!("{number} is out of range")))
    }

    /// Number in a column that must have one, in the range of `T`.
    pub(crate) fn get<T: TryFrom<i64>>(&self, at: usize) -> Result<T, StoreError> {
        self.find(at)?.ok_or_else(|| missing(at))
    }

    /// Flag in a column that must have one.
    pub(crate) fn flag(&self, at: usize) -> Result<bool, StoreError> {
        Ok(self.get::<i64>(at)? != 0)
    }

    /// Text in a column that must have one, copied.
    pub(crate) fn string(&self, at: usize) -> Result<String, StoreError> {
        self.find_string(at)?.ok_or_else(|| missing(at))
    }

    /// Text in a column that may have none, copied.
    pub(crate) fn find_string(&self, at: usize) -> Result<Option<String>, StoreError> {
        Ok(self.text(at)?.map(Cow::into_owned))
    }

    /// Bytes in a column that must have some.
    pub(crate) fn blob(&self, at: usize) -> Result<&[u8], StoreError> {
        self.bytes(at)?.ok_or_else(|| missing(at))
    }
}

/// Error of a column that should hold something.
pub(crate) fn missing(at: usize) -> StoreError {
    corrupt(at, format_args!("nothing is there"))
}

/// Error of a column whose value makes no sense. Its text must not quote a payload.
pub(crate) fn corrupt(at: usize, what: std::fmt::Arguments<'_>) -> StoreError {
    StoreError::Corrupt(format!("column {}: {what}", at + 1))
}

/// Visitor of rows, which breaks when it wants no more.
pub(crate) type Visitor<'a> = dyn FnMut(&dyn Row) -> Result<ControlFlow<()>, StoreError> + 'a;

/// A connection that can be asked. `doing` is the purpose of a statement and completes "cannot …".
pub(crate) trait Reader: Debug {
    /// Shows the rows of the answer, one by one.
    ///
    /// # Errors
    /// Those of the visitor, and [`StoreError`] if the statement fails.
    fn each(
        &self,
        doing: &'static str,
        statement: &str,
        values: &[Value<'_>],
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError>;

    /// The wording of this database.
    fn dialect(&self) -> Dialect;
}

/// Connections of one database that only read.
pub(crate) trait Readers: Debug + Send + Sync {
    /// Shows the database once, as it is at one moment. Blocks while it is read.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; it may have been shown.
    fn show(&self, look: &mut dyn FnMut(&dyn Reader)) -> Result<(), StoreError>;
}

impl dyn Reader + '_ {
    /// All rows of the answer.
    pub(crate) fn all<T>(
        &self,
        doing: &'static str,
        statement: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&dyn Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        self.each(doing, statement, values, &mut |row| {
            all.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(all)
    }

    /// First row of the answer, if there is one.
    pub(crate) fn one<T>(
        &self,
        doing: &'static str,
        statement: &str,
        values: &[Value<'_>],
        read: impl FnOnce(&dyn Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let (mut read, mut found) = (Some(read), None);
        self.each(doing, statement, values, &mut |row| {
            found = read.take().map(|read| read(row)).transpose()?;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// Number in the first row of an answer that always has one, such as a count.
    pub(crate) fn number<T: TryFrom<i64>>(
        &self,
        doing: &'static str,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<T, StoreError> {
        self.one(doing, statement, values, |row| row.get(0))?.ok_or_else(|| missing(0))
    }
}

/// Wording of statements where the databases differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Words of SQLite.
    Sqlite,
    /// Words of PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Clause after a table that demands this index, and no other way. Empty for PostgreSQL, which knows what its
    /// tables hold.
    pub(crate) fn along(self, index: &str) -> String {
        match self {
            Self::Sqlite => format!(" INDEXED BY {index}"),
            Self::Postgres => String::new(),
        }
    }

    /// Operator that compares a column with a pattern of [`Dialect::glob`].
    pub(crate) const fn fits(self) -> &'static str {
        match self {
            Self::Sqlite => "GLOB",
            Self::Postgres => "LIKE",
        }
    }

    /// Pattern in the words of the database. Takes one in those of SQLite's `GLOB` that consists of `*`, characters,
    /// and characters in brackets.
    pub(crate) fn glob(self, glob: &str) -> String {
        if self == Self::Sqlite {
            return glob.to_owned();
        }
        let mut like = String::with_capacity(glob.len());
        let mut rest = glob.chars();
        while let Some(character) = rest.next() {
            match character {
                '*' => like.push('%'),
                '[' => {
                    like.extend(rest.next());
                    rest.next();
                }
                '%' | '_' | '\\' => like.extend(['\\', character]),
                other => like.push(other),
            }
        }
        like
    }

    /// Source of the labels of the job at hand, as `l`, where the label has a name that is the next parameter. The
    /// value is in `l.value`.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Sqlite => "json_each(labels) l WHERE l.key = ?",
            Self::Postgres => "job_labels l WHERE l.job = jobs.no AND l.name = ?",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_is_said_as_like() {
        for (glob, like) in [("a*", "a%"), ("[*]*[?][[]", "*%?["), (r"50%_\", r"50\%\_\\"), ("*ä*", "%ä%")] {
            assert_eq!(Dialect::Postgres.glob(glob), like);
            assert_eq!(Dialect::Sqlite.glob(glob), glob);
        }
    }
}
