-- A job is removed with its dead letters, of which there may be very many.
CREATE INDEX IF NOT EXISTS dead_of_job ON dead (job);
