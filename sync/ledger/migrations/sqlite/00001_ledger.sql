-- +goose Up

-- One row: whose ledger this is, and where its chain of events ends.
CREATE TABLE ledger_meta (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    id        TEXT NOT NULL,
    instance  TEXT NOT NULL,
    created   TEXT NOT NULL,
    head_seq  INTEGER NOT NULL,
    head_hash BLOB NOT NULL
) STRICT;

-- What is known of each account. body is JSON with its version inside.
CREATE TABLE ledger_record (
    ref      TEXT PRIMARY KEY,
    revision INTEGER NOT NULL CHECK (revision > 0),
    updated  TEXT NOT NULL,
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened, append only. hash = SHA-256(hash of the event before || body).
CREATE TABLE ledger_event (
    seq  INTEGER PRIMARY KEY,
    ref  TEXT NOT NULL,
    body TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;

CREATE INDEX ledger_event_by_ref ON ledger_event (ref, seq);
