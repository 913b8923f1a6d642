-- Who changed what, over HTTP or with a user that the broker vouches for.
CREATE TABLE audit (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at INTEGER NOT NULL,
    who        TEXT NOT NULL,
    source     TEXT,
    verb       TEXT NOT NULL,
    target     TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    reason     TEXT
) STRICT;
