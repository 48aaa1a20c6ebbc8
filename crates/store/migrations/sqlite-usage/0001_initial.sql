-- Counts, last uses and denied attempts: a file of its own, so that their fsyncs never stand in a change's way, and
-- one whose loss costs numbers only.
--
-- What isn't known is empty rather than NULL where it is part of a primary key, so that equal buckets are one row.


-- Batches that were added already; a batch offered again changes nothing. Emptied at every start: a process that is
-- gone offers nothing again.
CREATE TABLE batches (
    incarnation BLOB    NOT NULL CHECK (length(incarnation) = 16),
    number      INTEGER NOT NULL CHECK (number >= 1),

    PRIMARY KEY (incarnation, number)
) STRICT, WITHOUT ROWID;


CREATE TABLE counts (
    key         BLOB    NOT NULL CHECK (length(key) IN (0, 16)),
    day         INTEGER NOT NULL,
    api         TEXT    NOT NULL,
    secret      INTEGER NOT NULL CHECK (secret BETWEEN 0 AND 65535),
    environment TEXT    NOT NULL CHECK (environment IN ('', 'live', 'test')),
    outcome     TEXT    NOT NULL CHECK (outcome <> ''),
    count       INTEGER NOT NULL CHECK (count > 0),

    PRIMARY KEY (key, day, api, secret, environment, outcome)
) STRICT, WITHOUT ROWID;

CREATE INDEX counts_of_api ON counts (api, day);
CREATE INDEX counts_of_day ON counts (day);


CREATE TABLE last_uses (
    key      BLOB    NOT NULL CHECK (length(key) = 16),
    secret   INTEGER NOT NULL CHECK (secret BETWEEN 1 AND 65535),
    at       INTEGER NOT NULL,
    address  TEXT,
    endpoint TEXT,

    PRIMARY KEY (key, secret)
) STRICT, WITHOUT ROWID;


-- The newest ten of each known key, the newest ten thousand of all unknown ones.
CREATE TABLE denials (
    number   INTEGER NOT NULL PRIMARY KEY,
    api      TEXT    NOT NULL,
    key      BLOB             CHECK (length(key) = 16),
    at       INTEGER NOT NULL,
    request  BLOB    NOT NULL CHECK (length(request) = 16),
    code     TEXT    NOT NULL CHECK (code <> ''),
    detail   TEXT    NOT NULL,
    address  TEXT,
    endpoint TEXT
) STRICT;

CREATE INDEX denials_of_key     ON denials (key, at, number);
CREATE INDEX denials_of_request ON denials (request);
CREATE INDEX denials_by_age     ON denials (at, number);
