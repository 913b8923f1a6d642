-- Schedules, and when each is looked at next.
CREATE TABLE schedules (
    no           BIGINT PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    body         BYTEA NOT NULL,
    revision     BIGINT NOT NULL,
    paused       BIGINT NOT NULL,
    paused_by    TEXT,
    next_tick    BIGINT,
    decided      BIGINT NOT NULL,
    ticks        BIGINT NOT NULL,
    failures     BIGINT NOT NULL,
    last_success BIGINT,
    wake_at      BIGINT,
    zones        TEXT NOT NULL,
    backfill     BYTEA,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);

CREATE INDEX schedules_due ON schedules (wake_at) WHERE wake_at IS NOT NULL;

-- What became of the ticks of schedules, and which are still open.
CREATE TABLE ticks (
    schedule   BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    run        BIGINT NOT NULL,
    outcome    BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    number     BIGINT NOT NULL,
    job        BIGINT,
    open       BIGINT NOT NULL,
    reason     TEXT,
    PRIMARY KEY (schedule, at, run)
);

CREATE INDEX ticks_open ON ticks (schedule, at) WHERE open <> 0;
CREATE INDEX ticks_job ON ticks (job) WHERE job IS NOT NULL;

-- Limits that were made over the API, what keys of limits hold, and the tasks that wait for one, as `limit/key`.
CREATE TABLE limits (
    name       TEXT PRIMARY KEY,
    definition TEXT NOT NULL
);
CREATE TABLE limit_keys (
    key          TEXT PRIMARY KEY,
    bucket       BIGINT NOT NULL,
    paused_until BIGINT,
    concurrency  BIGINT,
    rate         TEXT,
    weight       BIGINT
);
ALTER TABLE tasks ADD COLUMN line TEXT;
DROP INDEX tasks_parked;
CREATE INDEX tasks_parked ON tasks (job, queue, parked, no) WHERE parked IS NOT NULL AND line IS NULL;
CREATE INDEX tasks_line ON tasks (line, queue, parked, no) WHERE line IS NOT NULL;

-- Bulk operations: what is done, and to which members. The set goes once the operation is over.
CREATE TABLE bulk (
    no      BIGINT PRIMARY KEY,
    who     TEXT NOT NULL,
    running BIGINT NOT NULL,
    body    TEXT NOT NULL
);

CREATE INDEX bulk_running ON bulk (no) WHERE running = 1;

CREATE TABLE bulk_sets (
    bulk BIGINT NOT NULL,
    part BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (bulk, part)
);

-- The latest job that was given a key is found by one look. Besides 0 and 1, `unique_until` may be less than nothing: for
-- so many milliseconds from its creation, whatever becomes of the job.
DROP INDEX jobs_unique;
CREATE INDEX jobs_unique ON jobs (unique_key, no) WHERE unique_key IS NOT NULL;

-- Messages of others that go out later.
CREATE TABLE delayed (
    no          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange    TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    due_at      BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    properties  BYTEA NOT NULL,
    failures    BIGINT NOT NULL DEFAULT 0,
    reason      TEXT,
    body        BYTEA NOT NULL
);

CREATE INDEX delayed_due ON delayed (exchange, due_at, no);

-- Answers that are kept for tasks which begin to wait later, and which tasks were given one. `event` is that of `waits_for`.
CREATE TABLE kept_answers (
    no      BIGINT PRIMARY KEY,
    event   TEXT NOT NULL,
    until   BIGINT NOT NULL,
    payload BYTEA NOT NULL
);
CREATE TABLE given_answers (
    task   BIGINT NOT NULL,
    answer BIGINT NOT NULL,
    PRIMARY KEY (task, answer)
);
CREATE INDEX given_answers_answer ON given_answers (answer);
