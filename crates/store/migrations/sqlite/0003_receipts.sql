-- What became of changes that were not known everywhere when they were answered, or that were complete because leases
-- had run out. A change that every member had confirmed needs no row: what was confirmed stays so. `confirmed` and
-- `pending` are JSON lists of nodes. Nothing here decides about a key, so nothing here is in the feed.
CREATE TABLE receipts (
    seq           INTEGER NOT NULL PRIMARY KEY CHECK (seq >= 1),
    via           TEXT                         CHECK (via IN ('ack', 'lease')),
    guaranteed_by INTEGER NOT NULL,
    completed_at  INTEGER,
    confirmed     TEXT    NOT NULL             CHECK (json_valid(confirmed) AND json_type(confirmed) = 'array'),
    pending       TEXT    NOT NULL             CHECK (json_valid(pending) AND json_type(pending) = 'array'),

    CHECK ((via IS NULL) = (completed_at IS NULL))
) STRICT;
