-- The schema of the embedded database. Times are milliseconds since 1970, states are the position in the list
-- of states of the shared crate, payloads are bytes exactly as they came.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE queues (
    no     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    paused INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE jobs (
    no           INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    name         TEXT,
    kind         TEXT,
    labels       TEXT NOT NULL,
    tasks        INTEGER NOT NULL,
    digest       BLOB,
    -- Held while the job is not final, or until its first task is dispatched.
    unique_key   TEXT,
    unique_until INTEGER,
    begun        INTEGER NOT NULL,
    state        INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    paused       INTEGER NOT NULL,
    stop         INTEGER NOT NULL,
    failing      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    scheduled_at INTEGER,
    started_at   INTEGER,
    finished_at  INTEGER,
    deadline_at  INTEGER,
    wake_at      INTEGER,
    first_task   INTEGER NOT NULL,
    counts       BLOB NOT NULL CHECK (length(counts) = 36),
    failures     INTEGER NOT NULL CHECK (failures >= 0),
    sequence     INTEGER NOT NULL,
    output       BLOB,
    error        BLOB,
    CHECK ((state >= 2) = (finished_at IS NOT NULL)),
    CHECK (output IS NULL OR state = 2)
) STRICT;

-- For counting what is open by looking at what is open only.
CREATE INDEX jobs_open ON jobs (state) WHERE finished_at IS NULL;
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_unique ON jobs (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX jobs_due ON jobs (wake_at) WHERE wake_at IS NOT NULL;

-- What was submitted, apart from the row that changes.
CREATE TABLE submits (
    job         INTEGER PRIMARY KEY,
    body        BLOB NOT NULL,
    priority    INTEGER,
    traceparent TEXT
) STRICT;

CREATE TABLE tasks (
    no            INTEGER PRIMARY KEY,
    job           INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    item          INTEGER,
    state         INTEGER NOT NULL CHECK (state BETWEEN 0 AND 8),
    needs_open    INTEGER NOT NULL CHECK (needs_open >= 0),
    needs_ok      INTEGER NOT NULL,
    needs_failed  INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    unknown       INTEGER NOT NULL,
    deliveries    INTEGER,
    token         BLOB,
    dispatch_no   INTEGER,
    queue         INTEGER NOT NULL,
    rank          INTEGER,
    ready_at      INTEGER,
    dispatched_at INTEGER,
    started_at    INTEGER,
    finished_at   INTEGER,
    start_by      INTEGER,
    wake_at       INTEGER,
    worker        TEXT,
    lease         INTEGER,
    progress      BLOB,
    skip          INTEGER,
    error         BLOB,
    output        BLOB,
    map           BLOB,
    -- An open attempt belongs to a dispatched task; a final task offers nothing and waits for nothing.
    CHECK (dispatch_no IS NULL OR (state = 2 AND token IS NOT NULL)),
    CHECK (rank IS NULL OR state = 1 OR (state = 2 AND map IS NOT NULL)),
    CHECK ((state >= 4) = (finished_at IS NOT NULL)),
    CHECK (state < 4 OR (wake_at IS NULL AND rank IS NULL AND dispatch_no IS NULL))
) STRICT;

CREATE INDEX tasks_ready ON tasks (queue, rank) WHERE rank IS NOT NULL;
CREATE INDEX tasks_mapped ON tasks (queue) WHERE rank IS NOT NULL AND map IS NOT NULL;
CREATE INDEX tasks_due ON tasks (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX tasks_open ON tasks (dispatch_no) WHERE dispatch_no IS NOT NULL;

CREATE TABLE attempts (
    task          INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    outcome       INTEGER NOT NULL,
    worker        TEXT,
    dispatched_at INTEGER,
    started_at    INTEGER,
    finished_at   INTEGER NOT NULL,
    error         BLOB,
    PRIMARY KEY (task, attempt)
) STRICT, WITHOUT ROWID;

-- Events of one job that were committed together, as a JSON list.
CREATE TABLE events (
    no    INTEGER PRIMARY KEY,
    job   INTEGER NOT NULL,
    first INTEGER NOT NULL,
    kinds INTEGER NOT NULL,
    body  BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_of_job ON events (job, first);

-- A number is given once: a confirm that comes twice must not take the next answer for given.
CREATE TABLE replies (
    no             INTEGER PRIMARY KEY AUTOINCREMENT,
    job            INTEGER NOT NULL,
    reply_to       TEXT NOT NULL,
    correlation_id TEXT,
    accepted       INTEGER NOT NULL
) STRICT;

CREATE INDEX replies_of_job ON replies (job);

CREATE TABLE dead (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    source      TEXT NOT NULL,
    code        TEXT NOT NULL,
    message     TEXT NOT NULL,
    job         TEXT,
    task        TEXT,
    received_at INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    body        BLOB NOT NULL,
    headers     TEXT NOT NULL,
    evidence    TEXT
) STRICT;
