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
