-- Applications and what they were allowed, by OAuth 2.0. A grant is a key that an application holds: its access tokens
-- are the key's secrets, which is why one revocation ends all of them, and why nothing else here is in the feed.


-- `account` is the one that the application acts for by itself (`client_credentials`), if it may; `redirect_uris` is a
-- JSON list of where members are sent back to. What was revoked stays, so that the trail can be read.
CREATE TABLE clients (
    id            uuid             NOT NULL PRIMARY KEY,
    api           text COLLATE "C" NOT NULL CHECK (api <> ''),
    account       uuid                      REFERENCES accounts (id),
    name          text             NOT NULL CHECK (name <> ''),
    kind          text             NOT NULL CHECK (kind IN ('confidential', 'public')),
    redirect_uris text             NOT NULL CHECK (json_typeof(redirect_uris::json) = 'array'),
    scopes        text             NOT NULL CHECK (scopes::json IS NOT NULL),
    verified      bigint           NOT NULL CHECK (verified IN (0, 1)),
    introspects   bigint           NOT NULL CHECK (introspects IN (0, 1)),
    created_at    bigint           NOT NULL,
    created_by    text             NOT NULL,
    revoked_at    bigint,

    CHECK (kind = 'confidential' OR (account IS NULL AND introspects = 0))
);

CREATE INDEX clients_of_api ON clients (api, id);


CREATE TABLE client_secrets (
    client     uuid    NOT NULL        REFERENCES clients (id),
    number     integer NOT NULL        CHECK (number BETWEEN 1 AND 65535),
    digest     bytea   NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    hint       text    NOT NULL,
    created_at bigint  NOT NULL,
    ends_at    bigint,

    PRIMARY KEY (client, number)
);


-- The application that holds the key, if it isn't the customer: set when it is made, and never changed.
ALTER TABLE keys ADD COLUMN client uuid REFERENCES clients (id);
-- When an access token runs out by itself, before its key does.
ALTER TABLE secrets ADD COLUMN expires_at bigint;

DROP INDEX keys_of_account;
DROP INDEX keys_standing;
CREATE INDEX keys_of_account   ON keys (account, id)                WHERE client IS NULL;
-- Answers how many keys an account has without reading the revoked ones.
CREATE INDEX keys_standing     ON keys (account, state, expires_at) WHERE state <> 'revoked' AND client IS NULL;
-- Lists all keys without walking over the grants, of which there may be many more.
CREATE INDEX keys_of_customers ON keys (id)                         WHERE client IS NULL;
CREATE INDEX keys_of_client    ON keys (client, created_by, state)  WHERE client IS NOT NULL;

CREATE TRIGGER keys_keep_their_client BEFORE UPDATE OF client ON keys
FOR EACH ROW WHEN (NEW.client IS DISTINCT FROM OLD.client)
EXECUTE FUNCTION refuse('a grant stays its application''s');

CREATE TRIGGER secrets_keep_their_expiry BEFORE UPDATE OF expires_at ON secrets
FOR EACH ROW WHEN (NEW.expires_at IS DISTINCT FROM OLD.expires_at)
EXECUTE FUNCTION refuse('an access token keeps its expiry');


-- What a member has allowed an application, until it is withdrawn.
CREATE TABLE consents (
    client     uuid   NOT NULL REFERENCES clients (id),
    member     uuid   NOT NULL REFERENCES members (id),
    scopes     text   NOT NULL CHECK (scopes::json IS NOT NULL),
    granted_at bigint NOT NULL,

    PRIMARY KEY (client, member)
);

CREATE INDEX consents_of_member ON consents (member, client);


-- Authorization codes. `key` is the grant that one was exchanged for: a second exchange ends that.
CREATE TABLE codes (
    digest       bytea  NOT NULL PRIMARY KEY CHECK (octet_length(digest) = 32),
    client       uuid   NOT NULL             REFERENCES clients (id),
    member       uuid   NOT NULL             REFERENCES members (id),
    redirect_uri text   NOT NULL,
    challenge    bytea  NOT NULL             CHECK (octet_length(challenge) = 32),
    scopes       text   NOT NULL             CHECK (scopes::json IS NOT NULL),
    created_at   bigint NOT NULL,
    expires_at   bigint NOT NULL,
    key          uuid                        REFERENCES keys (id)
);

CREATE INDEX codes_by_age    ON codes (expires_at);
CREATE INDEX codes_of_member ON codes (member);


-- Refresh tokens, each with the access token it came with (`access`, a secret of its key) and the one it was had for
-- (`predecessor`). `ended_at` is when it was taken back because its answer was lost.
CREATE TABLE refresh_tokens (
    digest      bytea   NOT NULL PRIMARY KEY CHECK (octet_length(digest) = 32),
    key         uuid    NOT NULL             REFERENCES keys (id),
    access      integer NOT NULL             CHECK (access BETWEEN 1 AND 65535),
    predecessor bytea                        CHECK (octet_length(predecessor) = 32),
    created_at  bigint  NOT NULL,
    expires_at  bigint  NOT NULL,
    used_at     bigint,
    ended_at    bigint
);

CREATE INDEX refresh_tokens_by_age         ON refresh_tokens (expires_at);
CREATE INDEX refresh_tokens_of_predecessor ON refresh_tokens (predecessor) WHERE predecessor IS NOT NULL;
