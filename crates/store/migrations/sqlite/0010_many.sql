-- What comes in thousands is written with as little as there must be.

-- One index tells both that an account has no second key of an external id, and which keys have it anywhere.
DROP INDEX keys_external_id;
DROP INDEX keys_by_external_id;
DROP INDEX accounts_external_id;
DROP INDEX accounts_by_external_id;
CREATE UNIQUE INDEX keys_of_external_id     ON keys (external_id, account) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX accounts_of_external_id ON accounts (external_id, api) WHERE external_id IS NOT NULL;

-- Kinds are looked at without `IN`: SQLite makes a table of its list, each time that a trigger appends an entry.
CREATE TABLE kept AS SELECT seq, kind, id, at FROM feed_log;
DROP TABLE feed_log;
CREATE TABLE feed_log (
    seq  INTEGER NOT NULL PRIMARY KEY,
    kind TEXT    NOT NULL,
    id   BLOB    NOT NULL,
    at   INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),

    CHECK (length(id) = CASE kind WHEN 'digest'   THEN 32
                                  WHEN 'account'  THEN 16
                                  WHEN 'key'      THEN 16
                                  WHEN 'operator' THEN 16
                                  ELSE -1 END)
) STRICT;
INSERT INTO feed_log (seq, kind, id, at) SELECT seq, kind, id, at FROM kept;
DROP TABLE kept;

-- `WHERE one = 1` says that the head is one row, or SQLite makes a table of those to change, each time as well.
DROP TRIGGER accounts_feed_insert;
CREATE TRIGGER accounts_feed_insert AFTER INSERT ON accounts BEGIN
    UPDATE feed_head SET seq = seq + 1 WHERE one = 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'account', NEW.id FROM feed_head WHERE one = 1;
END;

DROP TRIGGER keys_feed_insert;
CREATE TRIGGER keys_feed_insert AFTER INSERT ON keys
WHEN EXISTS (SELECT 1 FROM secrets WHERE key = NEW.id)
BEGIN
    UPDATE feed_head SET seq = seq + 1 WHERE one = 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'key', NEW.id FROM feed_head WHERE one = 1;
END;

DROP TRIGGER keys_feed_update;
CREATE TRIGGER keys_feed_update
AFTER UPDATE OF account, environment, scopes, restrictions, state, created_by, expires_at, revoked_at ON keys BEGIN
    UPDATE feed_head SET seq = seq + 1 WHERE one = 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'key', NEW.id FROM feed_head WHERE one = 1;
END;

DROP TRIGGER secrets_feed_insert;
CREATE TRIGGER secrets_feed_insert AFTER INSERT ON secrets BEGIN
    UPDATE feed_head SET seq = seq + 1 WHERE one = 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'key', NEW.key FROM feed_head WHERE one = 1;
END;
