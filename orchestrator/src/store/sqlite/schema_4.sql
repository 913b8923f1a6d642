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
