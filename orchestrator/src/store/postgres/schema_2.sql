-- Since when an answer is owed, and refusals: they belong to no job, and carry their message themselves.
ALTER TABLE replies ADD COLUMN owed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE replies ADD COLUMN refusal BYTEA;
