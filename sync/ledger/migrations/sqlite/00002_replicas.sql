-- +goose Up

-- Who saved the revision that stands, to tell after a commit without an answer.
ALTER TABLE ledger_record ADD COLUMN nonce TEXT;

-- What people froze. id is the seq of the event that tells of it. An empty until has no end; team and ref empty: all.
CREATE TABLE ledger_freeze (
    id     INTEGER PRIMARY KEY,
    team   TEXT NOT NULL,
    ref    TEXT NOT NULL,
    begins TEXT NOT NULL,
    until  TEXT NOT NULL,
    reason TEXT NOT NULL,
    by     TEXT NOT NULL
) STRICT;

-- Times below are microseconds since 1970.

-- When the last routine rotation of an account was admitted.
CREATE TABLE ledger_routine (
    ref   TEXT PRIMARY KEY,
    began INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What one account has to prove before others follow. proven 0: not yet.
CREATE TABLE ledger_lane (
    lane   TEXT PRIMARY KEY,
    canary TEXT NOT NULL,
    since  INTEGER NOT NULL,
    proven INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who works on what, and until when if nothing more is heard.
CREATE TABLE ledger_lease (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far those who follow the events have come.
CREATE TABLE ledger_cursor (
    name TEXT PRIMARY KEY,
    seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
