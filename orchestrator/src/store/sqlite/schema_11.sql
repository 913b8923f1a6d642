-- Starts and messages whose time counts a span, which moves with a clock that is set. The others are times of day.
ALTER TABLE jobs ADD COLUMN after_delay INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delayed ADD COLUMN after_delay INTEGER NOT NULL DEFAULT 0;
