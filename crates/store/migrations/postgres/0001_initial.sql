-- Accounts, keys with their secrets, operators, the audit chain and the feed.
--
-- Ids are UUIDv7, so the order of ids is the order of creation. Instants are milliseconds since 1970-01-01 UTC. JSON is
-- kept as the text it came as: the audit chain hashes its bytes, and both databases keep the same ones.
-- Text that is searched by its beginning or listed in order is compared by its bytes, whatever the cluster's locale.


-- The one row every change ends with, and the last it locks: where the feed and the audit chain stand. `seq` and
-- `audit_number` count from 1 without gaps; `installation` names this history, `mark` the change at its head by chance:
-- a copy of the database that went on by itself has another one at the same `seq`.
CREATE TABLE feed_head (
    one          integer NOT NULL PRIMARY KEY CHECK (one = 1),
    installation uuid    NOT NULL,
    seq          bigint  NOT NULL DEFAULT 0   CHECK (seq >= 0),
    mark         uuid    NOT NULL DEFAULT gen_random_uuid(),
    audit_number bigint  NOT NULL DEFAULT 0   CHECK (audit_number >= 0),
    audit_hash   bytea   NOT NULL             CHECK (octet_length(audit_hash) = 32)
) WITH (fillfactor = 10);

-- Names the things that changed; what they are now is read from their own tables. A `digest` is that of a secret that
-- was deleted. `at` is the database's clock and serves only to forget old entries.
CREATE TABLE feed_log (
    seq  bigint      NOT NULL PRIMARY KEY,
    kind text        NOT NULL CHECK (kind IN ('account', 'key', 'digest', 'operator')),
    id   bytea       NOT NULL CHECK (octet_length(id) = CASE kind WHEN 'digest' THEN 32 ELSE 16 END),
    mark uuid        NOT NULL,
    at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The nodes that may be allowing requests, and how far each has come; `acked` is -1 while it holds nothing. `leases` is
-- JSON, api → milliseconds, of the apis whose lease is shorter than `lease_ms`; `profiles` is JSON, api → digest. Who was
-- excluded stays a while, so that it can be told. The row is rewritten at every renewal: the free half of each page keeps
-- that in place. The instants are the database's and serve to be shown alone.
CREATE TABLE feed_node (
    incarnation uuid    NOT NULL PRIMARY KEY,
    name        text    NOT NULL,
    place       bytea   NOT NULL            CHECK (octet_length(place) = 32),
    lease_ms    bigint  NOT NULL            CHECK (lease_ms > 0),
    leases      text    NOT NULL            CHECK (json_typeof(leases::json) = 'object'),
    profiles    text    NOT NULL            CHECK (json_typeof(profiles::json) = 'object'),
    version     text    NOT NULL,
    acked       bigint  NOT NULL DEFAULT -1 CHECK (acked >= -1),
    renew_count bigint  NOT NULL DEFAULT 0  CHECK (renew_count >= 0),
    expelled    boolean NOT NULL DEFAULT false,
    joined_at   bigint  NOT NULL,
    renewed_at  bigint  NOT NULL
) WITH (fillfactor = 50);

-- What became of changes that were not known everywhere when they were answered, or that were complete because leases
-- had run out. A change that every member had confirmed needs no row: what was confirmed stays so. `confirmed` and
-- `pending` are JSON lists of nodes. Nothing here decides about a key, so nothing here is in the feed.
CREATE TABLE receipts (
    seq           bigint NOT NULL PRIMARY KEY CHECK (seq >= 1),
    via           text                        CHECK (via IN ('ack', 'lease')),
    guaranteed_by bigint NOT NULL,
    completed_at  bigint,
    confirmed     text   NOT NULL             CHECK (json_typeof(confirmed::json) = 'array'),
    pending       text   NOT NULL             CHECK (json_typeof(pending::json) = 'array'),

    CHECK ((via IS NULL) = (completed_at IS NULL))
);


CREATE TABLE accounts (
    id          uuid             NOT NULL PRIMARY KEY,
    api         text COLLATE "C" NOT NULL CHECK (api <> ''),
    name        text COLLATE "C" NOT NULL,
    external_id text COLLATE "C"          CHECK (external_id <> ''),
    metadata    text             NOT NULL CHECK (json_typeof(metadata::json) = 'object'),
    state       text             NOT NULL CHECK (state IN ('active', 'suspended')),
    created_at  bigint           NOT NULL
);

CREATE INDEX        accounts_of_api         ON accounts (api, id);
CREATE UNIQUE INDEX accounts_external_id    ON accounts (api, external_id) WHERE external_id IS NOT NULL;
-- Accounts by the beginning of their name, whatever its capitals, or of the company's own id.
CREATE INDEX        accounts_by_name        ON accounts (lower(name));
CREATE INDEX        accounts_by_external_id ON accounts (external_id) WHERE external_id IS NOT NULL;


CREATE TABLE keys (
    id           uuid             NOT NULL PRIMARY KEY,
    account      uuid             NOT NULL REFERENCES accounts (id),
    name         text,
    environment  text             NOT NULL CHECK (environment IN ('live', 'test')),
    scopes       text             NOT NULL CHECK (scopes::json IS NOT NULL),
    restrictions text             NOT NULL CHECK (json_typeof(restrictions::json) = 'object'),
    state        text             NOT NULL CHECK (state IN ('active', 'disabled', 'revoked')),
    created_at   bigint           NOT NULL,
    created_by   text             NOT NULL,
    expires_at   bigint,
    revoked_at   bigint,
    external_id  text COLLATE "C"          CHECK (external_id <> ''),
    metadata     text             NOT NULL CHECK (json_typeof(metadata::json) = 'object'),

    CHECK ((state = 'revoked') = (revoked_at IS NOT NULL))
);

CREATE INDEX        keys_of_account     ON keys (account, id);
CREATE UNIQUE INDEX keys_external_id    ON keys (account, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX        keys_by_external_id ON keys (external_id)          WHERE external_id IS NOT NULL;
-- Answers how many keys an account has without reading the revoked ones.
CREATE INDEX        keys_standing       ON keys (account, state, expires_at) WHERE state <> 'revoked';


CREATE TABLE secrets (
    key        uuid             NOT NULL        REFERENCES keys (id),
    number     integer          NOT NULL        CHECK (number BETWEEN 1 AND 65535),
    digest     bytea            NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    hint       text COLLATE "C" NOT NULL,
    sealed     bytea,
    created_at bigint           NOT NULL,
    ends_at    bigint,

    PRIMARY KEY (key, number)
);

-- Keys are looked for by the hint a customer reads out, whole or its beginning.
CREATE INDEX secrets_by_hint ON secrets (hint);


CREATE TABLE operators (
    id         uuid   NOT NULL PRIMARY KEY,
    name       text   NOT NULL,
    abilities  text   NOT NULL             CHECK (abilities <> ''),
    digest     bytea  NOT NULL UNIQUE      CHECK (octet_length(digest) = 32),
    hint       text   NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint
);


-- Each event's `hash` covers the event and the hash before it; the last one is in `feed_head`. Accounts and subjects
-- are not references: the trail outlives what it speaks of.
CREATE TABLE audit_events (
    number  bigint NOT NULL PRIMARY KEY CHECK (number >= 1),
    id      uuid   NOT NULL UNIQUE,
    at      bigint NOT NULL,
    actor   text   NOT NULL,
    action  text   NOT NULL,
    account uuid,
    subject text,
    request text,
    detail  text   NOT NULL             CHECK (detail::json IS NOT NULL),
    hash    bytea  NOT NULL             CHECK (octet_length(hash) = 32)
);

CREATE INDEX audit_events_of_account ON audit_events (account, number) WHERE account IS NOT NULL;
CREATE INDEX audit_events_of_subject ON audit_events (subject, number) WHERE subject IS NOT NULL;
CREATE INDEX audit_events_of_request ON audit_events (request, number) WHERE request IS NOT NULL;

-- Leads to the events that tell of several things at once, and so have no one `subject`: an index and no record, since
-- the `detail` names them too.
CREATE TABLE audit_subjects (
    subject text   NOT NULL,
    number  bigint NOT NULL REFERENCES audit_events (number),

    PRIMARY KEY (subject, number)
);


-- Creating calls that may be repeated: what the first one made.
CREATE TABLE idempotency (
    principal   text   NOT NULL,
    key         text   NOT NULL,
    fingerprint bytea  NOT NULL CHECK (octet_length(fingerprint) = 32),
    subject     text   NOT NULL,
    at          bigint NOT NULL,

    PRIMARY KEY (principal, key)
);

CREATE INDEX idempotency_by_age ON idempotency (at);


-- Facts of the installation, such as the master key's check value.
CREATE TABLE settings (
    name  text  NOT NULL PRIMARY KEY,
    value bytea NOT NULL
);


-- Identity: what a feed entry names stays what it names, and a digest leads to one thing for ever.

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER accounts_stay BEFORE UPDATE OF id ON accounts
FOR EACH ROW WHEN (NEW.id <> OLD.id) EXECUTE FUNCTION refuse('an account keeps its id');

CREATE TRIGGER keys_stay BEFORE UPDATE OF id ON keys
FOR EACH ROW WHEN (NEW.id <> OLD.id) EXECUTE FUNCTION refuse('a key keeps its id');

CREATE TRIGGER secrets_stay BEFORE UPDATE OF key, number, digest ON secrets
FOR EACH ROW WHEN (NEW.key <> OLD.key OR NEW.number <> OLD.number OR NEW.digest <> OLD.digest)
EXECUTE FUNCTION refuse('a secret keeps its key, number and digest');

CREATE TRIGGER operators_stay BEFORE UPDATE OF id, digest ON operators
FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.digest <> OLD.digest)
EXECUTE FUNCTION refuse('an operator keeps its id and digest');

CREATE TRIGGER operators_are_kept BEFORE DELETE ON operators
FOR EACH ROW EXECUTE FUNCTION refuse('an operator is revoked, never deleted');

-- Emptying a table tells of no row: nobody could follow.
CREATE TRIGGER accounts_are_not_truncated  BEFORE TRUNCATE ON accounts  EXECUTE FUNCTION refuse('accounts are never truncated');
CREATE TRIGGER keys_are_not_truncated      BEFORE TRUNCATE ON keys      EXECUTE FUNCTION refuse('keys are never truncated');
CREATE TRIGGER secrets_are_not_truncated   BEFORE TRUNCATE ON secrets   EXECUTE FUNCTION refuse('secrets are never truncated');
CREATE TRIGGER operators_are_not_truncated BEFORE TRUNCATE ON operators EXECUTE FUNCTION refuse('operators are never truncated');

CREATE FUNCTION secret_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM operators WHERE digest = NEW.digest) THEN
        RAISE EXCEPTION 'the secret is taken' USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER secrets_are_new BEFORE INSERT ON secrets
FOR EACH ROW EXECUTE FUNCTION secret_is_new();

CREATE FUNCTION operator_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM secrets WHERE digest = NEW.digest) THEN
        RAISE EXCEPTION 'the secret is taken' USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER operators_are_new BEFORE INSERT ON operators
FOR EACH ROW EXECUTE FUNCTION operator_is_new();


-- The feed: whatever decides takes the next `seq` in its own transaction, whoever wrote it. The triggers wait for the
-- end of the transaction, so that `feed_head` is the last row it locks; it stays locked until the commit, so the order
-- of `seq` is the order of commits.

CREATE FUNCTION feed_append(what text, which bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    next_seq  bigint;
    next_mark uuid;
BEGIN
    UPDATE feed_head SET seq = seq + 1, mark = gen_random_uuid() RETURNING seq, mark INTO STRICT next_seq, next_mark;
    INSERT INTO feed_log (seq, kind, id, mark) VALUES (next_seq, what, which, next_mark);
    PERFORM pg_notify('claviger_feed', '');
END $$;

CREATE FUNCTION tell_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM feed_append('account', uuid_send(CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END));
    RETURN NULL;
END $$;

CREATE FUNCTION tell_of_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM feed_append('key', uuid_send(CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END));
    RETURN NULL;
END $$;

CREATE FUNCTION tell_of_secret() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM feed_append('digest', OLD.digest);
    ELSE
        PERFORM feed_append('key', uuid_send(NEW.key));
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION tell_of_operator() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM feed_append('operator', uuid_send(NEW.id));
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER accounts_feed
AFTER INSERT OR DELETE OR UPDATE OF api, external_id, state ON accounts
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_of_account();

CREATE CONSTRAINT TRIGGER keys_feed
AFTER INSERT OR DELETE OR UPDATE OF account, environment, scopes, restrictions, state, created_by, expires_at, revoked_at ON keys
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_of_key();

CREATE CONSTRAINT TRIGGER secrets_feed
AFTER INSERT OR DELETE OR UPDATE OF ends_at ON secrets
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_of_secret();

CREATE CONSTRAINT TRIGGER operators_feed
AFTER INSERT OR UPDATE OF name, abilities, revoked_at ON operators
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_of_operator();
