-- +goose Up

-- What one source showed of the use of one account. body is JSON with its
-- version inside. The source "own" is what keyrota itself did.
CREATE TABLE ledger_usage (
    ref    TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (ref, source)
);

-- What the parts of keyrota note for themselves.
CREATE TABLE ledger_state (
    name TEXT COLLATE "C" PRIMARY KEY,
    body BYTEA NOT NULL
);

-- Findings that a person said are known. id is the seq of the event that tells
-- of it. ref empty: not about an account; subject empty: every subject.
CREATE TABLE ledger_acknowledgement (
    id      BIGINT PRIMARY KEY,
    code    TEXT NOT NULL,
    ref     TEXT COLLATE "C" NOT NULL,
    subject TEXT NOT NULL,
    begins  TEXT NOT NULL,
    until   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    by      TEXT NOT NULL
);

-- What is to be sent to people, until it is. An id is never used again. Times
-- are microseconds since 1970.
CREATE TABLE ledger_message (
    id         BIGINT PRIMARY KEY,
    sink       TEXT COLLATE "C" NOT NULL,
    key        TEXT NOT NULL,
    body       BYTEA NOT NULL,
    queued     BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    tries      BIGINT NOT NULL,
    words      TEXT NOT NULL
);

CREATE INDEX ledger_message_by_sink ON ledger_message (sink, id);
