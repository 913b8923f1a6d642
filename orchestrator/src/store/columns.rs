//! The rows that the engine changes, as columns of tables: a line for each field.
//!
//! From it come the statements of both databases, the values bound to them, the rows that are read back, and the
//! columns that a database of an earlier version lacks. So a new field of a row is one line here.

mod field;

use warrener_engine::row::{AttemptRow, JobRow, TaskRow};
use warrener_engine::schedule::{ScheduleRow, TickRow};
use warrener_shared::state::{JobState, TaskState};

use self::field::{Field, Trio};
use super::StoreError;
use super::sql::{Row, Value};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableColumn {
    /// Name, the same in both databases.
    pub(crate) name: &'static str,
    /// Type of its values.
    pub(crate) kind: Kind,
    /// True if a row may have no value in it (`NULL`).
    pub(crate) is_optional: bool,
}

/// Type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Bytes,
}

/// Condition on a row that the databases enforce, in their words and in ours.
pub(crate) struct RowCheck<R> {
    /// The condition as it stands in both schemas, word by word.
    #[cfg_attr(not(test), expect(dead_code, reason = "what the schemas are compared with"))]
    pub(crate) sql: &'static str,
    /// Condition on the row in memory that says the same, for the store in memory.
    pub(crate) holds: fn(&R) -> bool,
}

/// Makes a module for a table of its columns: those that find a row, those that change, those that never do, and a
/// field that takes three columns.
macro_rules! table {
    (
        $(#[$doc:meta])*
        $module:ident: $table:literal of $row:ident {
            found by { $($key:ident: $key_name:literal,)+ }
            changing { $($change:ident: $change_name:literal,)* }
            fixed {
                $($fix:ident: $fix_name:literal,)* $(+ $trio:ident: $one:literal & $two:literal & $three:literal,)?
            }
        }
    ) => {
        $(#[$doc])*
        #[allow(dead_code, reason = "each table is used in some of the ways")]
        pub(crate) mod $module {
            use super::*;

            pub(crate) const TABLE: &str = $table;
            /// All columns, in the order in which rows are read and written.
            pub(crate) const COLUMNS: &[TableColumn] = &[
                $(column($key_name, |row: &$row| &row.$key),)+
                $(column($change_name, |row: &$row| &row.$change),)*
                $(column($fix_name, |row: &$row| &row.$fix),)*
                $(
                    third($one, |row: &$row| &row.$trio),
                    third($two, |row: &$row| &row.$trio),
                    third($three, |row: &$row| &row.$trio),
                )?
            ];
            /// Number of columns.
            pub(crate) const COUNT: usize = COLUMNS.len();
            /// Number of columns that find a row; these come first.
            pub(crate) const KEYS: usize = count(&[$($key_name),+]);
            /// Number of columns that find a row or change.
            pub(crate) const CHANGED: usize = KEYS + count(&[$($change_name),*]);
            /// Names of the columns, for a statement that reads or writes all of them.
            pub(crate) const NAMES: &str = without_end(concat!(
                $($key_name, ", ",)+ $($change_name, ", ",)* $($fix_name, ", ",)*
                $($one, ", ", $two, ", ", $three, ", ",)?
            ));

            /// Reads a row of all columns.
            pub(crate) fn read(row: &dyn Row) -> Result<$row, StoreError> {
                let mut next = 0;
                let mut place = |width: usize| {
                    next += width;
                    next - width
                };
                Ok($row {
                    $($key: Field::read(row, place(1))?,)+
                    $($change: Field::read(row, place(1))?,)*
                    $($fix: Field::read(row, place(1))?,)*
                    $($trio: Trio::read(row, place(3))?,)?
                })
            }

            /// The values of all columns.
            pub(crate) fn values(row: &$row) -> [Value<'_>; COUNT] {
                [
                    $(row.$key.value(),)+
                    $(row.$change.value(),)*
                    $(row.$fix.value(),)*
                    $(row.$trio.one(), row.$trio.two(), row.$trio.three(),)?
                ]
            }

            /// The values of the columns that find a row, then of those that change.
            pub(crate) fn changes(row: &$row) -> [Value<'_>; CHANGED] {
                [$(row.$key.value(),)+ $(row.$change.value(),)*]
            }
        }
    };
}

table! {
    /// Jobs, without what was submitted.
    job: "jobs" of JobRow {
        found by { no: "no", first_task: "first_task", }
        changing {
            state: "state",
            paused: "paused",
            stop: "stop",
            failing: "failing",
            scheduled_at: "scheduled_at",
            started_at: "started_at",
            finished_at: "finished_at",
            deadline_at: "deadline_at",
            wake_at: "wake_at",
            counts: "counts",
            failures: "failures",
            sequence: "sequence",
            output: "output",
            error: "error",
            begun: "begun",
            open_attempts: "open_attempts",
            rounds: "rounds",
        }
        fixed {
            id: "id",
            created_at: "created_at",
            after_delay: "after_delay",
            level: "level",
            + parent: "parent_task" & "parent_attempt" & "parent_job",
        }
    }
}

table! {
    /// Tasks and items.
    task: "tasks" of TaskRow {
        found by { no: "no", job: "job", position: "position", index: "item", }
        changing {
            state: "state",
            needs_open: "needs_open",
            needs_ok: "needs_ok",
            needs_failed: "needs_failed",
            attempt: "attempt",
            failures: "failures",
            round: "round",
            previous: "previous",
            unknown: "unknown",
            deliveries: "deliveries",
            token: "token",
            dispatch_no: "dispatch_no",
            queue: "queue",
            rank: "rank",
            parked: "parked",
            line: "line",
            ready_at: "ready_at",
            dispatched_at: "dispatched_at",
            started_at: "started_at",
            finished_at: "finished_at",
            start_by: "start_by",
            wake_at: "wake_at",
            worker: "worker",
            lease: "lease",
            progress: "progress",
            skip: "skip",
            error: "error",
            output: "output",
            map: "map",
            waits_for: "waits_for",
        }
        fixed {}
    }
}

table! {
    /// Attempts that were followed by another.
    attempt: "attempts" of AttemptRow {
        found by { task: "task", attempt: "attempt", }
        changing {}
        fixed {
            round: "round",
            outcome: "outcome",
            worker: "worker",
            dispatched_at: "dispatched_at",
            started_at: "started_at",
            finished_at: "finished_at",
            error: "error",
        }
    }
}

table! {
    /// Schedules.
    schedule: "schedules" of ScheduleRow {
        found by { no: "no", }
        changing {
            name: "name",
            body: "body",
            revision: "revision",
            paused: "paused",
            paused_by: "paused_by",
            next_tick: "next_tick",
            decided: "decided",
            ticks: "ticks",
            failures: "failures",
            last_success: "last_success",
            wake_at: "wake_at",
            zones: "zones",
            backfill: "backfill",
            created_at: "created_at",
            updated_at: "updated_at",
        }
        fixed {}
    }
}

table! {
    /// Ticks of schedules.
    tick: "ticks" of TickRow {
        found by { schedule: "schedule", at: "at", run: "run", }
        changing {
            outcome: "outcome",
            decided_at: "decided_at",
            number: "number",
            job: "job",
            open: "open",
            reason: "reason",
        }
        fixed {}
    }
}

/// Conditions on a job.
pub(crate) const JOB_CHECKS: [RowCheck<JobRow>; 2] = [
    RowCheck {
        sql: "(state >= 2) = (finished_at IS NOT NULL)",
        holds: |row| row.state.is_final() == row.finished_at.is_some(),
    },
    RowCheck {
        sql: "output IS NULL OR state = 2",
        holds: |row| row.output.is_none() || row.state == JobState::Succeeded,
    },
];

/// Conditions on a task.
pub(crate) const TASK_CHECKS: [RowCheck<TaskRow>; 4] = [
    RowCheck {
        sql: "dispatch_no IS NULL OR (state = 2 AND token IS NOT NULL)",
        holds: |row| row.dispatch_no.is_none() || (row.state == TaskState::Dispatched && row.token.0 != 0),
    },
    RowCheck {
        sql: "rank IS NULL OR state = 1 OR (state = 2 AND map IS NOT NULL)",
        holds: |row| {
            let offers_items = row.state == TaskState::Dispatched && row.map.is_some();
            row.rank.is_none() || row.state == TaskState::Ready || offers_items
        },
    },
    RowCheck {
        sql: "(state >= 4) = (finished_at IS NOT NULL)",
        holds: |row| row.state.is_final() == row.finished_at.is_some(),
    },
    RowCheck {
        sql: "state < 4 OR (wake_at IS NULL AND rank IS NULL AND dispatch_no IS NULL)",
        holds: |row| {
            let rests = row.wake_at.is_none() && row.rank.is_none() && row.dispatch_no.is_none();
            !row.state.is_final() || rests
        },
    },
];

/// All tables that are made of such columns, with their names.
pub(crate) const TABLES: [(&str, &[TableColumn]); 5] = [
    (job::TABLE, job::COLUMNS),
    (task::TABLE, task::COLUMNS),
    (attempt::TABLE, attempt::COLUMNS),
    (schedule::TABLE, schedule::COLUMNS),
    (tick::TABLE, tick::COLUMNS),
];

/// Column of a field; the function argument tells its type to the compiler.
const fn column<R, F: Field>(name: &'static str, _: fn(&R) -> &F) -> TableColumn {
    TableColumn { name, kind: F::KIND, is_optional: F::IS_OPTIONAL }
}

/// Column of a field that takes three. Optional, since the field may have none.
const fn third<R, T: Trio>(name: &'static str, _: fn(&R) -> &T) -> TableColumn {
    TableColumn { name, kind: T::KIND, is_optional: true }
}

/// Number of names, at compile time.
const fn count(names: &[&str]) -> usize {
    names.len()
}

/// List of names without its last comma and space.
const fn without_end(names: &'static str) -> &'static str {
    names.split_at(names.len() - 2).0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMAS: [&str; 2] = [include_str!("sqlite/schema.sql"), include_str!("postgres/schema.sql")];

    #[test]
    fn names_and_columns_are_the_same() {
        let names = |columns: &[TableColumn]| columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
        assert_eq!(job::NAMES, names(job::COLUMNS));
        assert_eq!(task::NAMES, names(task::COLUMNS));
        assert_eq!(attempt::NAMES, names(attempt::COLUMNS));
        assert_eq!(
            job::COLUMNS[job::COUNT - 1],
            TableColumn { name: "parent_job", kind: Kind::Int, is_optional: true }
        );
    }

    #[test]
    fn the_schemas_refuse_what_the_memory_refuses() {
        let checks = JOB_CHECKS.iter().map(|check| check.sql).chain(TASK_CHECKS.iter().map(|check| check.sql));
        for sql in checks {
            assert!(SCHEMAS.iter().all(|schema| schema.contains(&format!("    CHECK ({sql})"))), "{sql}");
        }
    }
}
