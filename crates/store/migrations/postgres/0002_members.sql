-- Members, their sessions and one-time links. Nothing here decides about a key, so nothing here is in the feed.


-- A person who signs in for one account. The address is in lower case. Whoever was removed stays, so that the trail
-- and `created_by` can be read; the address is free again.
CREATE TABLE members (
    id           uuid             NOT NULL PRIMARY KEY,
    account      uuid             NOT NULL REFERENCES accounts (id),
    email        text COLLATE "C" NOT NULL CHECK (email <> '' AND email = lower(email)),
    role         text             NOT NULL CHECK (role IN ('administrator', 'developer', 'viewer')),
    -- The password's argon2id string (PHC format).
    password     text,
    -- Whom an OpenID Connect provider knows the member as, from the first sign-in by it.
    oidc_issuer  text,
    oidc_subject text,
    created_at   bigint           NOT NULL,
    created_by   text             NOT NULL,
    removed_at   bigint,

    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL))
);

CREATE UNIQUE INDEX members_of_account ON members (account, email) WHERE removed_at IS NULL;
CREATE INDEX        members_by_email   ON members (email)          WHERE removed_at IS NULL;
CREATE INDEX        members_by_subject ON members (oidc_subject)   WHERE removed_at IS NULL AND oidc_subject IS NOT NULL;


-- A signed-in browser. A session that ended is deleted; the trail has when and why.
CREATE TABLE sessions (
    id         uuid   NOT NULL PRIMARY KEY,
    member     uuid   NOT NULL        REFERENCES members (id),
    digest     bytea  NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    method     text   NOT NULL        CHECK (method IN ('link', 'password', 'oidc')),
    return_to  text,
    address    text,
    agent      text,
    created_at bigint NOT NULL,
    seen_at    bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX sessions_of_member ON sessions (member, id);
CREATE INDEX sessions_by_age    ON sessions (expires_at);


-- A link that works once. One that was used stays a while, so that it can be said.
CREATE TABLE links (
    id           uuid   NOT NULL PRIMARY KEY,
    member       uuid   NOT NULL        REFERENCES members (id),
    digest       bytea  NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    purpose      text   NOT NULL        CHECK (purpose IN ('sign_in', 'invitation', 'password')),
    return_to    text,
    -- Whom a provider knows its member as from its use on.
    oidc_issuer  text,
    oidc_subject text,
    created_at   bigint NOT NULL,
    expires_at   bigint NOT NULL,
    used_at      bigint,

    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL))
);

CREATE INDEX links_of_member ON links (member, id);
CREATE INDEX links_by_age    ON links (expires_at);
