-- +goose Up

-- As on SQLite after its first two migrations; a version means the same on both.
-- Names and ids are compared byte by byte.

-- One row: whose ledger this is, and where its chain of events ends. Whoever
-- saves locks it first.
CREATE TABLE ledger_meta (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    id        TEXT NOT NULL,
    instance  TEXT NOT NULL,
    created   TEXT NOT NULL,
    head_seq  BIGINT NOT NULL,
    head_hash BYTEA NOT NULL
);

-- What is known of each account. body is JSON with its version inside, and TEXT
-- so that it stays byte for byte. nonce is of whoever saved the revision that
-- stands, to tell after a commit without an answer.
CREATE TABLE ledger_record (
    ref      TEXT COLLATE "C" PRIMARY KEY,
    revision BIGINT NOT NULL CHECK (revision > 0),
    updated  TEXT NOT NULL,
    body     TEXT NOT NULL,
    nonce    TEXT
);

-- What happened, append only. hash = SHA-256(hash of the event before || body).
CREATE TABLE ledger_event (
    seq  BIGINT PRIMARY KEY,
    ref  TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    hash BYTEA NOT NULL
);

CREATE INDEX ledger_event_by_ref ON ledger_event (ref, seq);

-- What people froze. id is the seq of the event that tells of it. An empty
-- until has no end; team and ref empty: all.
CREATE TABLE ledger_freeze (
    id     BIGINT PRIMARY KEY,
    team   TEXT NOT NULL,
    ref    TEXT NOT NULL,
    begins TEXT NOT NULL,
    until  TEXT NOT NULL,
    reason TEXT NOT NULL,
    by     TEXT NOT NULL
);

-- Times below are microseconds since 1970, by the clock of the database.

-- When the last routine rotation of an account was admitted.
CREATE TABLE ledger_routine (
    ref   TEXT COLLATE "C" PRIMARY KEY,
    began BIGINT NOT NULL
);

-- What one account has to prove before others follow. proven 0: not yet.
CREATE TABLE ledger_lane (
    lane   TEXT COLLATE "C" PRIMARY KEY,
    canary TEXT NOT NULL,
    since  BIGINT NOT NULL,
    proven BIGINT NOT NULL
);

-- Who works on what, and until when if nothing more is heard.
CREATE TABLE ledger_lease (
    name   TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT NOT NULL,
    until  BIGINT NOT NULL
);

-- How far those who follow the events have come.
CREATE TABLE ledger_cursor (
    name TEXT COLLATE "C" PRIMARY KEY,
    seq  BIGINT NOT NULL
);

-- The engines that run, and when each last said so. Not on SQLite, where one
-- runs and holds a lock.
CREATE TABLE ledger_engine (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    version TEXT NOT NULL,
    since   BIGINT NOT NULL,
    seen    BIGINT NOT NULL
);
