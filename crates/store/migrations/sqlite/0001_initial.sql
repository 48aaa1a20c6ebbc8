-- Accounts, keys with their secrets, operators, the audit chain and the feed.
--
-- Ids are the sixteen bytes of a UUIDv7, so the order of ids is the order of creation. Instants are milliseconds
-- since 1970-01-01 UTC. JSON is kept as the text it came as.


-- The one row every change ends with: where the feed and the audit chain stand. `seq` and `audit_number` count from
-- 1 without gaps; `installation` names this history.
CREATE TABLE feed_head (
    one          INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    installation BLOB    NOT NULL             CHECK (length(installation) = 16),
    seq          INTEGER NOT NULL DEFAULT 0   CHECK (seq >= 0),
    audit_number INTEGER NOT NULL DEFAULT 0   CHECK (audit_number >= 0),
    audit_hash   BLOB    NOT NULL             CHECK (length(audit_hash) = 32)
) STRICT;

-- Names the things that changed; what they are now is read from their own tables. A `digest` is that of a secret that
-- was deleted. `at` is the database's clock and serves only to forget old entries.
CREATE TABLE feed_log (
    seq  INTEGER NOT NULL PRIMARY KEY,
    kind TEXT    NOT NULL CHECK (kind IN ('account', 'key', 'digest', 'operator')),
    id   BLOB    NOT NULL CHECK (length(id) = CASE kind WHEN 'digest' THEN 32 ELSE 16 END),
    at   INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
) STRICT;


CREATE TABLE accounts (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    api         TEXT    NOT NULL             CHECK (api <> ''),
    name        TEXT    NOT NULL,
    external_id TEXT                         CHECK (external_id <> ''),
    metadata    TEXT    NOT NULL             CHECK (json_valid(metadata) AND json_type(metadata) = 'object'),
    state       TEXT    NOT NULL             CHECK (state IN ('active', 'suspended')),
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX        accounts_of_api      ON accounts (api, id);
CREATE UNIQUE INDEX accounts_external_id ON accounts (api, external_id) WHERE external_id IS NOT NULL;


CREATE TABLE keys (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account      BLOB    NOT NULL             REFERENCES accounts (id),
    name         TEXT,
    environment  TEXT    NOT NULL             CHECK (environment IN ('live', 'test')),
    scopes       TEXT    NOT NULL             CHECK (json_valid(scopes)),
    restrictions TEXT    NOT NULL             CHECK (json_valid(restrictions) AND json_type(restrictions) = 'object'),
    state        TEXT    NOT NULL             CHECK (state IN ('active', 'disabled', 'revoked')),
    created_at   INTEGER NOT NULL,
    created_by   TEXT    NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    external_id  TEXT                         CHECK (external_id <> ''),
    metadata     TEXT    NOT NULL             CHECK (json_valid(metadata) AND json_type(metadata) = 'object'),

    CHECK ((state = 'revoked') = (revoked_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX        keys_of_account  ON keys (account, id);
CREATE UNIQUE INDEX keys_external_id ON keys (account, external_id) WHERE external_id IS NOT NULL;
-- Answers how many keys an account has without reading the revoked ones.
CREATE INDEX        keys_standing    ON keys (account, id, state, expires_at) WHERE state <> 'revoked';


-- Clustered by key, so that loading everything is two ordered scans side by side.
CREATE TABLE secrets (
    key        BLOB    NOT NULL        REFERENCES keys (id),
    number     INTEGER NOT NULL        CHECK (number BETWEEN 1 AND 65535),
    digest     BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    hint       TEXT    NOT NULL,
    sealed     BLOB,
    created_at INTEGER NOT NULL,
    ends_at    INTEGER,

    PRIMARY KEY (key, number)
) STRICT, WITHOUT ROWID;


CREATE TABLE operators (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT    NOT NULL,
    abilities  TEXT    NOT NULL             CHECK (abilities <> ''),
    digest     BLOB    NOT NULL UNIQUE      CHECK (length(digest) = 32),
    hint       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;


-- Each event's `hash` covers the event and the hash before it; the last one is in `feed_head`. Accounts and subjects
-- are not references: the trail outlives what it speaks of.
CREATE TABLE audit_events (
    number  INTEGER NOT NULL PRIMARY KEY CHECK (number >= 1),
    id      BLOB    NOT NULL UNIQUE      CHECK (length(id) = 16),
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    account BLOB                         CHECK (length(account) = 16),
    subject TEXT,
    request TEXT,
    detail  TEXT    NOT NULL             CHECK (json_valid(detail)),
    hash    BLOB    NOT NULL             CHECK (length(hash) = 32)
) STRICT;

CREATE INDEX audit_events_of_account ON audit_events (account, number) WHERE account IS NOT NULL;
CREATE INDEX audit_events_of_subject ON audit_events (subject, number) WHERE subject IS NOT NULL;
CREATE INDEX audit_events_of_request ON audit_events (request, number) WHERE request IS NOT NULL;

-- Leads to the events that tell of several things at once, and so have no one `subject`: an index and no record, since
-- the `detail` names them too.
CREATE TABLE audit_subjects (
    subject TEXT    NOT NULL,
    number  INTEGER NOT NULL REFERENCES audit_events (number),

    PRIMARY KEY (subject, number)
) STRICT, WITHOUT ROWID;


-- Creating calls that may be repeated: what the first one made.
CREATE TABLE idempotency (
    principal   TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    subject     TEXT    NOT NULL,
    at          INTEGER NOT NULL,

    PRIMARY KEY (principal, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_age ON idempotency (at);


-- Facts of the installation, such as the master key's check value.
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;


-- Identity: what a feed entry names stays what it names, and a digest leads to one thing for ever. The triggers also
-- stand where OR REPLACE would take a row away without telling anybody.

CREATE TRIGGER accounts_stay BEFORE UPDATE OF id ON accounts
WHEN NEW.id <> OLD.id
BEGIN SELECT RAISE(ABORT, 'an account keeps its id'); END;

CREATE TRIGGER keys_stay BEFORE UPDATE OF id ON keys
WHEN NEW.id <> OLD.id
BEGIN SELECT RAISE(ABORT, 'a key keeps its id'); END;

CREATE TRIGGER secrets_stay BEFORE UPDATE OF key, number, digest ON secrets
WHEN NEW.key <> OLD.key OR NEW.number <> OLD.number OR NEW.digest <> OLD.digest
BEGIN SELECT RAISE(ABORT, 'a secret keeps its key, number and digest'); END;

CREATE TRIGGER operators_stay BEFORE UPDATE OF id, digest ON operators
WHEN NEW.id <> OLD.id OR NEW.digest <> OLD.digest
BEGIN SELECT RAISE(ABORT, 'an operator keeps its id and digest'); END;

CREATE TRIGGER operators_are_kept BEFORE DELETE ON operators
BEGIN SELECT RAISE(ABORT, 'an operator is revoked, never deleted'); END;

CREATE TRIGGER secrets_are_new BEFORE INSERT ON secrets
WHEN EXISTS (SELECT 1 FROM secrets   WHERE key = NEW.key AND number = NEW.number)
  OR EXISTS (SELECT 1 FROM secrets   WHERE digest = NEW.digest)
  OR EXISTS (SELECT 1 FROM operators WHERE digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'the secret is taken'); END;

CREATE TRIGGER operators_are_new BEFORE INSERT ON operators
WHEN EXISTS (SELECT 1 FROM operators WHERE id = NEW.id OR digest = NEW.digest)
  OR EXISTS (SELECT 1 FROM secrets   WHERE digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'the secret is taken'); END;


-- The feed: whatever decides takes the next `seq` in its own transaction, whoever wrote it.

CREATE TRIGGER accounts_feed_insert AFTER INSERT ON accounts BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'account', NEW.id FROM feed_head;
END;

CREATE TRIGGER accounts_feed_update AFTER UPDATE OF api, external_id, state ON accounts BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'account', NEW.id FROM feed_head;
END;

CREATE TRIGGER accounts_feed_delete AFTER DELETE ON accounts BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'account', OLD.id FROM feed_head;
END;

CREATE TRIGGER keys_feed_insert AFTER INSERT ON keys BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'key', NEW.id FROM feed_head;
END;

CREATE TRIGGER keys_feed_update
AFTER UPDATE OF account, environment, scopes, restrictions, state, created_by, expires_at, revoked_at ON keys BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'key', NEW.id FROM feed_head;
END;

CREATE TRIGGER keys_feed_delete AFTER DELETE ON keys BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'key', OLD.id FROM feed_head;
END;

CREATE TRIGGER secrets_feed_insert AFTER INSERT ON secrets BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'key', NEW.key FROM feed_head;
END;

CREATE TRIGGER secrets_feed_update AFTER UPDATE OF ends_at ON secrets BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'key', NEW.key FROM feed_head;
END;

CREATE TRIGGER secrets_feed_delete AFTER DELETE ON secrets BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'digest', OLD.digest FROM feed_head;
END;

CREATE TRIGGER operators_feed_insert AFTER INSERT ON operators BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'operator', NEW.id FROM feed_head;
END;

CREATE TRIGGER operators_feed_update AFTER UPDATE OF name, abilities, revoked_at ON operators BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'operator', NEW.id FROM feed_head;
END;
