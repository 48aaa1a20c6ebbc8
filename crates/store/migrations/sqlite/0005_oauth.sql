-- Applications and what they were allowed, by OAuth 2.0. A grant is a key that an application holds: its access tokens
-- are the key's secrets, which is why one revocation ends all of them, and why nothing else here is in the feed.


-- `account` is the one that the application acts for by itself (`client_credentials`), if it may; `redirect_uris` is a
-- JSON list of where members are sent back to. What was revoked stays, so that the trail can be read.
CREATE TABLE clients (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    api           TEXT    NOT NULL             CHECK (api <> ''),
    account       BLOB                         REFERENCES accounts (id),
    name          TEXT    NOT NULL             CHECK (name <> ''),
    kind          TEXT    NOT NULL             CHECK (kind IN ('confidential', 'public')),
    redirect_uris TEXT    NOT NULL             CHECK (json_valid(redirect_uris) AND json_type(redirect_uris) = 'array'),
    scopes        TEXT    NOT NULL             CHECK (json_valid(scopes)),
    verified      INTEGER NOT NULL             CHECK (verified IN (0, 1)),
    introspects   INTEGER NOT NULL             CHECK (introspects IN (0, 1)),
    created_at    INTEGER NOT NULL,
    created_by    TEXT    NOT NULL,
    revoked_at    INTEGER,

    CHECK (kind = 'confidential' OR (account IS NULL AND introspects = 0))
) STRICT, WITHOUT ROWID;

CREATE INDEX clients_of_api ON clients (api, id);


CREATE TABLE client_secrets (
    client     BLOB    NOT NULL        REFERENCES clients (id),
    number     INTEGER NOT NULL        CHECK (number BETWEEN 1 AND 65535),
    digest     BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    hint       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at    INTEGER,

    PRIMARY KEY (client, number)
) STRICT, WITHOUT ROWID;


-- The application that holds the key, if it isn't the customer: set when it is made, and never changed.
ALTER TABLE keys ADD COLUMN client BLOB REFERENCES clients (id);
-- When an access token runs out by itself, before its key does.
ALTER TABLE secrets ADD COLUMN expires_at INTEGER;

DROP INDEX keys_of_account;
DROP INDEX keys_standing;
CREATE INDEX keys_of_account   ON keys (account, id) WHERE client IS NULL;
-- Answers how many keys an account has without reading the revoked ones, or any row.
CREATE INDEX keys_standing     ON keys (account, id, state, expires_at, client) WHERE state <> 'revoked' AND client IS NULL;
-- Lists all keys without walking over the grants, of which there may be many more.
CREATE INDEX keys_of_customers ON keys (id) WHERE client IS NULL;
CREATE INDEX keys_of_client    ON keys (client, created_by, state) WHERE client IS NOT NULL;

CREATE TRIGGER keys_keep_their_client BEFORE UPDATE OF client ON keys
WHEN NEW.client IS NOT OLD.client
BEGIN SELECT RAISE(ABORT, 'a grant stays its application''s'); END;

CREATE TRIGGER secrets_keep_their_expiry BEFORE UPDATE OF expires_at ON secrets
WHEN NEW.expires_at IS NOT OLD.expires_at
BEGIN SELECT RAISE(ABORT, 'an access token keeps its expiry'); END;


-- What a member has allowed an application, until it is withdrawn.
CREATE TABLE consents (
    client     BLOB    NOT NULL REFERENCES clients (id),
    member     BLOB    NOT NULL REFERENCES members (id),
    scopes     TEXT    NOT NULL CHECK (json_valid(scopes)),
    granted_at INTEGER NOT NULL,

    PRIMARY KEY (client, member)
) STRICT, WITHOUT ROWID;

CREATE INDEX consents_of_member ON consents (member, client);


-- Authorization codes. `key` is the grant that one was exchanged for: a second exchange ends that.
CREATE TABLE codes (
    digest       BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    client       BLOB    NOT NULL             REFERENCES clients (id),
    member       BLOB    NOT NULL             REFERENCES members (id),
    redirect_uri TEXT    NOT NULL,
    challenge    BLOB    NOT NULL             CHECK (length(challenge) = 32),
    scopes       TEXT    NOT NULL             CHECK (json_valid(scopes)),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    key          BLOB                         REFERENCES keys (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX codes_by_age    ON codes (expires_at);
CREATE INDEX codes_of_member ON codes (member);


-- Refresh tokens, each with the access token it came with (`access`, a secret of its key) and the one it was had for
-- (`predecessor`). `ended_at` is when it was taken back because its answer was lost.
CREATE TABLE refresh_tokens (
    digest      BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    key         BLOB    NOT NULL             REFERENCES keys (id),
    access      INTEGER NOT NULL             CHECK (access BETWEEN 1 AND 65535),
    predecessor BLOB                         CHECK (length(predecessor) = 32),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER,
    ended_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_age         ON refresh_tokens (expires_at);
CREATE INDEX refresh_tokens_of_predecessor ON refresh_tokens (predecessor) WHERE predecessor IS NOT NULL;
