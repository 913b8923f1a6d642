-- The schema in PostgreSQL: the tables of the embedded database in its newest form. Times are milliseconds since
-- 1970, states are the position in the list of states of the shared crate, flags are 0 or 1, and payloads are bytes
-- exactly as they came. Texts are compared byte by byte, as the embedded database does it.

CREATE TABLE meta (
    key   TEXT COLLATE "C" PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

-- Who writes. A commit of an earlier owner is refused, even if it has been on its way for long.
CREATE TABLE owner (
    one      INTEGER PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    epoch    BIGINT NOT NULL,
    instance TEXT NOT NULL,
    backend  BIGINT NOT NULL,
    held     BOOLEAN NOT NULL,
    CONSTRAINT owner_fence CHECK (held)
);

INSERT INTO owner (epoch, instance, backend, held) VALUES (0, '', 0, TRUE);

CREATE TABLE queues (
    no     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name   TEXT COLLATE "C" NOT NULL UNIQUE,
    paused BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE jobs (
    no             BIGINT PRIMARY KEY,
    id             TEXT COLLATE "C" NOT NULL UNIQUE,
    name           TEXT COLLATE "C",
    kind           TEXT COLLATE "C",
    labels         TEXT COLLATE "C" NOT NULL,
    tasks          BIGINT NOT NULL,
    digest         BYTEA,
    -- Held while the job is not final, or until its first task is dispatched.
    unique_key     TEXT COLLATE "C",
    unique_until   BIGINT,
    begun          BIGINT NOT NULL,
    state          BIGINT NOT NULL CHECK (state BETWEEN 0 AND 5),
    paused         BIGINT NOT NULL,
    stop           BIGINT NOT NULL,
    failing        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    scheduled_at   BIGINT,
    started_at     BIGINT,
    finished_at    BIGINT,
    deadline_at    BIGINT,
    wake_at        BIGINT,
    first_task     BIGINT NOT NULL,
    counts         BYTEA NOT NULL CHECK (length(counts) = 36),
    failures       BIGINT NOT NULL CHECK (failures >= 0),
    sequence       BIGINT NOT NULL,
    output         BYTEA,
    error          BYTEA,
    -- The attempt that a sub-job runs for, and how many jobs it is inside of.
    parent_task    BIGINT,
    parent_attempt BIGINT,
    level          BIGINT NOT NULL DEFAULT 0,
    CHECK ((state >= 2) = (finished_at IS NOT NULL)),
    CHECK (output IS NULL OR state = 2)
);

-- What lists of jobs are found by. Each entry ends in the number of the job, so that the newest can come first.
CREATE INDEX jobs_state ON jobs (state, no);
CREATE INDEX jobs_kind ON jobs (kind, no) WHERE kind IS NOT NULL;
CREATE INDEX jobs_name ON jobs (name, no) WHERE name IS NOT NULL;
-- Jobs that ended without success, by what they are: two frequent things that seldom meet are found together.
CREATE INDEX jobs_bad_kind ON jobs (kind, state, no) WHERE state > 2 AND kind IS NOT NULL;
CREATE INDEX jobs_bad_name ON jobs (name, state, no) WHERE state > 2 AND name IS NOT NULL;
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_unique ON jobs (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX jobs_due ON jobs (wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE job_labels (
    job   BIGINT NOT NULL,
    name  TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (job, name)
);

CREATE INDEX job_labels_value ON job_labels (name, value, job);

CREATE TABLE job_queues (
    queue BIGINT NOT NULL,
    job   BIGINT NOT NULL,
    PRIMARY KEY (queue, job)
);

CREATE INDEX job_queues_job ON job_queues (job);

-- What was submitted, apart from the row that changes.
CREATE TABLE submits (
    job         BIGINT PRIMARY KEY,
    body        BYTEA NOT NULL,
    priority    BIGINT,
    traceparent TEXT
);

CREATE TABLE tasks (
    no            BIGINT PRIMARY KEY,
    job           BIGINT NOT NULL,
    position      BIGINT NOT NULL,
    item          BIGINT,
    state         BIGINT NOT NULL CHECK (state BETWEEN 0 AND 8),
    needs_open    BIGINT NOT NULL CHECK (needs_open >= 0),
    needs_ok      BIGINT NOT NULL,
    needs_failed  BIGINT NOT NULL,
    attempt       BIGINT NOT NULL,
    failures      BIGINT NOT NULL,
    unknown       BIGINT NOT NULL,
    deliveries    BIGINT,
    token         BYTEA,
    dispatch_no   BIGINT,
    queue         BIGINT NOT NULL,
    rank          BIGINT,
    ready_at      BIGINT,
    dispatched_at BIGINT,
    started_at    BIGINT,
    finished_at   BIGINT,
    start_by      BIGINT,
    wake_at       BIGINT,
    worker        TEXT,
    lease         BIGINT,
    progress      BYTEA,
    skip          BIGINT,
    error         BYTEA,
    output        BYTEA,
    map           BYTEA,
    -- What the open attempt of a built-in task waits for: `time:…`, `event:["…","…"]` or `job:…`.
    waits_for     TEXT COLLATE "C",
    -- An open attempt belongs to a dispatched task; a final task offers nothing and waits for nothing.
    CHECK (dispatch_no IS NULL OR (state = 2 AND token IS NOT NULL)),
    CHECK (rank IS NULL OR state = 1 OR (state = 2 AND map IS NOT NULL)),
    CHECK ((state >= 4) = (finished_at IS NOT NULL)),
    CHECK (state < 4 OR (wake_at IS NULL AND rank IS NULL AND dispatch_no IS NULL))
);

CREATE INDEX tasks_ready ON tasks (queue, rank, no) WHERE rank IS NOT NULL;
CREATE INDEX tasks_mapped ON tasks (queue) WHERE rank IS NOT NULL AND map IS NOT NULL;
CREATE INDEX tasks_due ON tasks (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX tasks_open ON tasks (dispatch_no) WHERE dispatch_no IS NOT NULL;
CREATE INDEX tasks_waiting ON tasks (waits_for) WHERE waits_for IS NOT NULL;

CREATE TABLE attempts (
    task          BIGINT NOT NULL,
    attempt       BIGINT NOT NULL,
    outcome       BIGINT NOT NULL,
    worker        TEXT,
    dispatched_at BIGINT,
    started_at    BIGINT,
    finished_at   BIGINT NOT NULL,
    error         BYTEA,
    PRIMARY KEY (task, attempt)
);

-- Closed attempts whose workers were asked to stop, and when they were known to have done so.
CREATE TABLE stops (
    task       BIGINT NOT NULL,
    attempt    BIGINT NOT NULL,
    worker     TEXT NOT NULL,
    asked_at   BIGINT NOT NULL,
    stopped_at BIGINT,
    PRIMARY KEY (task, attempt)
);

CREATE INDEX stops_open ON stops (task, attempt) WHERE stopped_at IS NULL;

-- Workers that had the delivery of an attempt and never settled it.
CREATE TABLE deaths (
    no         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task       BIGINT NOT NULL,
    attempt    BIGINT NOT NULL,
    worker     TEXT COLLATE "C" NOT NULL,
    deliveries BIGINT,
    at         BIGINT NOT NULL,
    UNIQUE (task, attempt, worker)
);

-- What attempts wrote, in the order in which it came.
CREATE TABLE logs (
    task    BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    no      BIGINT NOT NULL,
    time    BIGINT NOT NULL,
    text    TEXT NOT NULL,
    PRIMARY KEY (task, attempt, no)
);

-- Events of one job that were committed together, as a JSON list.
CREATE TABLE events (
    no    BIGINT PRIMARY KEY,
    job   BIGINT NOT NULL,
    first BIGINT NOT NULL,
    kinds BIGINT NOT NULL,
    body  BYTEA NOT NULL
);

CREATE UNIQUE INDEX events_of_job ON events (job, first);

-- A number is given once: a confirm that comes twice must not take the next answer for given.
CREATE TABLE replies (
    no             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job            BIGINT NOT NULL,
    reply_to       TEXT NOT NULL,
    correlation_id TEXT,
    accepted       BIGINT NOT NULL
);

CREATE INDEX replies_of_job ON replies (job);

CREATE TABLE dead (
    no          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      TEXT NOT NULL,
    code        TEXT NOT NULL,
    message     TEXT NOT NULL,
    job         TEXT,
    task        TEXT,
    received_at BIGINT NOT NULL,
    size        BIGINT NOT NULL,
    body        BYTEA NOT NULL,
    headers     TEXT NOT NULL,
    evidence    TEXT
);

-- Tasks of removed jobs that are still to be removed, from the first number up to the last.
CREATE TABLE leftovers (
    first BIGINT PRIMARY KEY,
    last  BIGINT NOT NULL
);
