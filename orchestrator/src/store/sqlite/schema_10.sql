-- Schedules, and when each is looked at next.
CREATE TABLE schedules (
    no           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    body         BLOB NOT NULL,
    revision     INTEGER NOT NULL,
    paused       INTEGER NOT NULL,
    paused_by    TEXT,
    next_tick    INTEGER,
    decided      INTEGER NOT NULL,
    ticks        INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    last_success INTEGER,
    wake_at      INTEGER,
    zones        TEXT NOT NULL,
    backfill     BLOB,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX schedules_due ON schedules (wake_at) WHERE wake_at IS NOT NULL;

-- What became of the ticks of schedules, and which are still open.
CREATE TABLE ticks (
    schedule   INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    run        INTEGER NOT NULL,
    outcome    INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    job        INTEGER,
    open       INTEGER NOT NULL,
    reason     TEXT,
    PRIMARY KEY (schedule, at, run)
) STRICT, WITHOUT ROWID;

CREATE INDEX ticks_open ON ticks (schedule, at) WHERE open <> 0;
CREATE INDEX ticks_job ON ticks (job) WHERE job IS NOT NULL;

-- Limits that were made over the API, what keys of limits hold, and the tasks that wait for one, as `limit/key`.
CREATE TABLE limits (
    name       TEXT PRIMARY KEY,
    definition TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE limit_keys (
    key          TEXT PRIMARY KEY,
    bucket       INTEGER NOT NULL,
    paused_until INTEGER,
    concurrency  INTEGER,
    rate         TEXT,
    weight       INTEGER
) STRICT, WITHOUT ROWID;
ALTER TABLE tasks ADD COLUMN line TEXT;
DROP INDEX tasks_parked;
CREATE INDEX tasks_parked ON tasks (job, queue, parked) WHERE parked IS NOT NULL AND line IS NULL;
CREATE INDEX tasks_line ON tasks (line, queue, parked) WHERE line IS NOT NULL;

-- Bulk operations: what is done, and to which members. The set goes once the operation is over.
CREATE TABLE bulk (
    no      INTEGER PRIMARY KEY,
    who     TEXT NOT NULL,
    running INTEGER NOT NULL,
    body    TEXT NOT NULL
) STRICT;

CREATE INDEX bulk_running ON bulk (no) WHERE running = 1;

CREATE TABLE bulk_sets (
    bulk INTEGER NOT NULL,
    part INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (bulk, part)
) STRICT, WITHOUT ROWID;

-- Besides 0 and 1, `unique_until` of a job may be less than nothing: it holds its key for so many milliseconds from its
-- creation, whatever becomes of it.

-- Messages of others that go out later.
CREATE TABLE delayed (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    exchange    TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    due_at      INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    properties  BLOB NOT NULL,
    failures    INTEGER NOT NULL DEFAULT 0,
    reason      TEXT,
    body        BLOB NOT NULL
) STRICT;

CREATE INDEX delayed_due ON delayed (exchange, due_at);

-- Answers that are kept for tasks which begin to wait later, and which tasks were given one. `event` is that of `waits_for`.
CREATE TABLE kept_answers (
    no      INTEGER PRIMARY KEY,
    event   TEXT NOT NULL,
    until   INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;
CREATE TABLE given_answers (
    task   INTEGER NOT NULL,
    answer INTEGER NOT NULL,
    PRIMARY KEY (task, answer)
) STRICT, WITHOUT ROWID;
CREATE INDEX given_answers_answer ON given_answers (answer);
