//! Parameters of statements.

use rusqlite::Statement;

use crate::store::sql::Value;

/// Binds values to the parameters of a statement, from the first on.
pub(super) fn bind(statement: &mut Statement<'_>, values: &[Value<'_>]) -> rusqlite::Result<()> {
    for (at, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, value)?;
    }
    Ok(())
}

/// List of `count` parameters, `?1` first.
pub(super) fn places(count: usize) -> String {
    (1..=count).map(|at| format!("?{at}")).collect::<Vec<_>>().join(", ")
}
