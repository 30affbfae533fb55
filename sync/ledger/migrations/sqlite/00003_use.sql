-- +goose Up

-- What one source showed of the use of one account. body is JSON with its
-- version inside. The source "own" is what keyrota itself did.
CREATE TABLE ledger_usage (
    ref    TEXT NOT NULL,
    source TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (ref, source)
) STRICT, WITHOUT ROWID;

-- What the parts of keyrota note for themselves.
CREATE TABLE ledger_state (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- Findings that a person said are known. id is the seq of the event that tells
-- of it. ref empty: not about an account; subject empty: every subject.
CREATE TABLE ledger_acknowledgement (
    id      INTEGER PRIMARY KEY,
    code    TEXT NOT NULL,
    ref     TEXT NOT NULL,
    subject TEXT NOT NULL,
    begins  TEXT NOT NULL,
    until   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    by      TEXT NOT NULL
) STRICT;

-- What is to be sent to people, until it is. An id is never used again. Times
-- are microseconds since 1970.
CREATE TABLE ledger_message (
    id         INTEGER PRIMARY KEY,
    sink       TEXT NOT NULL,
    key        TEXT NOT NULL,
    body       BLOB NOT NULL,
    queued     INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    words      TEXT NOT NULL
) STRICT;

CREATE INDEX ledger_message_by_sink ON ledger_message (sink, id);
