-- What the open attempt of a built-in task waits for: `time:…`, `event:["…","…"]` or `job:…`.
ALTER TABLE tasks ADD COLUMN waits_for TEXT;
CREATE INDEX tasks_waiting ON tasks (waits_for) WHERE waits_for IS NOT NULL;

-- The attempt that a sub-job runs for, and how many jobs it is inside of.
ALTER TABLE jobs ADD COLUMN parent_task INTEGER;
ALTER TABLE jobs ADD COLUMN parent_attempt INTEGER;
ALTER TABLE jobs ADD COLUMN level INTEGER NOT NULL DEFAULT 0;

-- What attempts wrote, in the order in which it came.
CREATE TABLE logs (
    task    INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    no      INTEGER NOT NULL,
    time    INTEGER NOT NULL,
    text    TEXT NOT NULL,
    PRIMARY KEY (task, attempt, no)
) STRICT, WITHOUT ROWID;
