-- Who changed what, over HTTP or with a user that the broker vouches for.
CREATE TABLE audit (
    no         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at BIGINT NOT NULL,
    who        TEXT NOT NULL,
    source     TEXT,
    verb       TEXT NOT NULL,
    target     TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    reason     TEXT
);
