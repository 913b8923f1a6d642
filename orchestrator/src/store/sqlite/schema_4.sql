-- Closed attempts whose workers were asked to stop, and when they were known to have done so.
CREATE TABLE stops (
    task       INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    worker     TEXT NOT NULL,
    asked_at   INTEGER NOT NULL,
    stopped_at INTEGER,
    PRIMARY KEY (task, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX stops_open ON stops (task, attempt) WHERE stopped_at IS NULL;

-- Workers that had the delivery of an attempt and never settled it.
CREATE TABLE deaths (
    no         INTEGER PRIMARY KEY,
    task       INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    worker     TEXT NOT NULL,
    deliveries INTEGER,
    at         INTEGER NOT NULL,
    UNIQUE (task, attempt, worker)
) STRICT;
