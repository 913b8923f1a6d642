//! Answers that are kept for tasks which begin to wait later, as the databases have them.

use warrener_engine::row::Json;
use warrener_shared::id::TaskNo;
use warrener_shared::time::Timestamp;

use super::super::{KeptAnswer, StoreError};
use super::Reader;

const DOING: &str = "read the answers that are kept";

/// All answers that are kept, without their payloads.
pub(crate) fn all(reader: &dyn Reader) -> Result<Vec<KeptAnswer>, StoreError> {
    reader.all(DOING, "SELECT no, event, until FROM kept_answers ORDER BY no", &[], |row| {
        Ok(KeptAnswer { no: row.get(0)?, event: row.string(1)?, until: Timestamp(row.get(2)?) })
    })
}

/// Payload of an answer.
pub(crate) fn payload(reader: &dyn Reader, no: i64) -> Result<Option<Json>, StoreError> {
    let statement = "SELECT payload FROM kept_answers WHERE no = ?1";
    reader.one(DOING, statement, &[no.into()], |row| Ok(row.blob(0)?.into()))
}

/// Numbers of the kept answers that a task was given.
pub(crate) fn given(reader: &dyn Reader, task: TaskNo) -> Result<Vec<i64>, StoreError> {
    reader.all(DOING, "SELECT answer FROM given_answers WHERE task = ?1", &[task.0.into()], |row| row.get(0))
}
