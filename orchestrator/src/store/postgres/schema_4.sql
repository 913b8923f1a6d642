-- The job that a sub-job is inside of, and what lists of sub-jobs are found by.
ALTER TABLE jobs ADD COLUMN parent_job BIGINT;
UPDATE jobs SET parent_job = (SELECT job FROM tasks WHERE tasks.no = parent_task) WHERE parent_task IS NOT NULL;
CREATE INDEX jobs_parent ON jobs (parent_job, no) WHERE parent_job IS NOT NULL;
CREATE INDEX jobs_parent_task ON jobs (parent_task, no) WHERE parent_task IS NOT NULL;
