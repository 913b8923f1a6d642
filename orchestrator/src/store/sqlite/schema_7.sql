-- What waits until `max_parallel` of its job lets it join the ready of its queue: its place there.
ALTER TABLE tasks ADD COLUMN parked INTEGER;
CREATE INDEX tasks_parked ON tasks (job, queue, parked) WHERE parked IS NOT NULL;
ALTER TABLE jobs ADD COLUMN open_attempts INTEGER NOT NULL DEFAULT 0;

-- Rounds of repeated tasks that are over, and the output of the latest of them.
ALTER TABLE tasks ADD COLUMN round INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN previous BLOB;
ALTER TABLE jobs ADD COLUMN rounds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN round INTEGER NOT NULL DEFAULT 0;
