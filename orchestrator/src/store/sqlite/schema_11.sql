-- Starts and messages whose time counts a span, which moves with a clock that is set. The others are times of day.
ALTER TABLE jobs ADD COLUMN after_delay INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delayed ADD COLUMN after_delay INTEGER NOT NULL DEFAULT 0;

-- Slots of limits that count jobs, and since when a job holds them.
CREATE TABLE limit_slots (
    key   TEXT NOT NULL,
    job   INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (key, job)
) STRICT, WITHOUT ROWID;
