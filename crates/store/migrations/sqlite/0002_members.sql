-- Members, their sessions and one-time links. Nothing here decides about a key, so nothing here is in the feed.


-- A person who signs in for one account. The address is in lower case. Whoever was removed stays, so that the trail
-- and `created_by` can be read; the address is free again.
CREATE TABLE members (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account      BLOB    NOT NULL             REFERENCES accounts (id),
    email        TEXT    NOT NULL             CHECK (email <> '' AND email = lower(email)),
    role         TEXT    NOT NULL             CHECK (role IN ('administrator', 'developer', 'viewer')),
    -- The password's argon2id string (PHC format).
    password     TEXT,
    -- Whom an OpenID Connect provider knows the member as, from the first sign-in by it.
    oidc_issuer  TEXT,
    oidc_subject TEXT,
    created_at   INTEGER NOT NULL,
    created_by   TEXT    NOT NULL,
    removed_at   INTEGER,

    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX members_of_account ON members (account, email) WHERE removed_at IS NULL;
CREATE INDEX        members_by_email   ON members (email)          WHERE removed_at IS NULL;
CREATE INDEX        members_by_subject ON members (oidc_subject)   WHERE removed_at IS NULL AND oidc_subject IS NOT NULL;


-- A signed-in browser. A session that ended is deleted; the trail has when and why.
CREATE TABLE sessions (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    member     BLOB    NOT NULL             REFERENCES members (id),
    digest     BLOB    NOT NULL UNIQUE      CHECK (length(digest) = 32),
    method     TEXT    NOT NULL             CHECK (method IN ('link', 'password', 'oidc')),
    return_to  TEXT,
    address    TEXT,
    agent      TEXT,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_member ON sessions (member, id);
CREATE INDEX sessions_by_age    ON sessions (expires_at);


-- A link that works once. One that was used stays a while, so that it can be said.
CREATE TABLE links (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    member       BLOB    NOT NULL             REFERENCES members (id),
    digest       BLOB    NOT NULL UNIQUE      CHECK (length(digest) = 32),
    purpose      TEXT    NOT NULL             CHECK (purpose IN ('sign_in', 'invitation', 'password')),
    return_to    TEXT,
    -- Whom a provider knows its member as from its use on.
    oidc_issuer  TEXT,
    oidc_subject TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    used_at      INTEGER,

    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX links_of_member ON links (member, id);
CREATE INDEX links_by_age    ON links (expires_at);


-- Keys are looked for by the hint a customer reads out, whole or its beginning, and by the company's own id in
-- whichever account that is.
CREATE INDEX secrets_by_hint     ON secrets (hint);
CREATE INDEX keys_by_external_id ON keys (external_id) WHERE external_id IS NOT NULL;

-- Accounts by the beginning of their name, whatever its capitals, or of the company's own id.
CREATE INDEX accounts_by_name        ON accounts (name COLLATE NOCASE);
CREATE INDEX accounts_by_external_id ON accounts (external_id) WHERE external_id IS NOT NULL;
