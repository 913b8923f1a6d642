-- What lists of jobs are found by. Each entry ends in the number of the job, so that the newest can come first.
DROP INDEX jobs_open;
CREATE INDEX jobs_state ON jobs (state);
CREATE INDEX jobs_kind ON jobs (kind) WHERE kind IS NOT NULL;
CREATE INDEX jobs_name ON jobs (name) WHERE name IS NOT NULL;

CREATE TABLE job_labels (
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    job   INTEGER NOT NULL,
    PRIMARY KEY (name, value, job)
) STRICT, WITHOUT ROWID;

INSERT INTO job_labels SELECT l.key, l.value, no FROM jobs, json_each(labels) l;

CREATE TABLE job_queues (
    queue INTEGER NOT NULL,
    job   INTEGER NOT NULL,
    PRIMARY KEY (queue, job)
) STRICT, WITHOUT ROWID;

INSERT INTO job_queues SELECT DISTINCT queue, job FROM tasks WHERE item IS NULL AND queue <> 0;

-- Tasks of removed jobs that are still to be removed, from the first number up to the last.
CREATE TABLE leftovers (
    first INTEGER PRIMARY KEY,
    last  INTEGER NOT NULL
) STRICT;
