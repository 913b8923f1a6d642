-- Jobs that ended without success, by what they are: two frequent things that seldom meet are found together. Few
-- jobs are in them, and one that succeeds never is.
CREATE INDEX jobs_bad_kind ON jobs (kind, state) WHERE state > 2 AND kind IS NOT NULL;
CREATE INDEX jobs_bad_name ON jobs (name, state) WHERE state > 2 AND name IS NOT NULL;
