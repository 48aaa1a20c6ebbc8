-- Clients' secrets decide at a node who may introspect: they are in the feed as keys' are, each by its digest. That is a
-- kind of entry which every version reads, and the version before this one finds no key's secret there.


-- A client's secret keeps what it is found by, is never deleted, and its digest leads to no key.

CREATE TRIGGER clients_stay BEFORE UPDATE OF id ON clients
FOR EACH ROW WHEN (NEW.id <> OLD.id) EXECUTE FUNCTION refuse('a client keeps its id');

CREATE TRIGGER client_secrets_stay BEFORE UPDATE OF client, number, digest ON client_secrets
FOR EACH ROW WHEN (NEW.client <> OLD.client OR NEW.number <> OLD.number OR NEW.digest <> OLD.digest)
EXECUTE FUNCTION refuse('a secret keeps its client, number and digest');

CREATE TRIGGER client_secrets_are_kept BEFORE DELETE ON client_secrets
FOR EACH ROW EXECUTE FUNCTION refuse('a client''s secret ends, and is never deleted');

CREATE TRIGGER client_secrets_are_not_truncated BEFORE TRUNCATE ON client_secrets
EXECUTE FUNCTION refuse('clients'' secrets are never truncated');

CREATE FUNCTION client_secret_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM secrets WHERE digest = NEW.digest) THEN
        RAISE EXCEPTION 'the secret is taken' USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER client_secrets_are_new BEFORE INSERT ON client_secrets
FOR EACH ROW EXECUTE FUNCTION client_secret_is_new();

CREATE OR REPLACE FUNCTION secret_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM operators      WHERE digest = NEW.digest)
    OR EXISTS (SELECT 1 FROM client_secrets WHERE digest = NEW.digest) THEN
        RAISE EXCEPTION 'the secret is taken' USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$;


CREATE FUNCTION tell_of_client_secret() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM feed_append('digest', NEW.digest);
    RETURN NULL;
END $$;

-- One entry for each of its secrets, in the order of their numbers. With the head locked, none can be added meanwhile that
-- nobody tells of.
CREATE FUNCTION tell_of_client() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM feed_head FOR UPDATE;
    PERFORM feed_append('digest', digest) FROM (SELECT digest FROM client_secrets WHERE client = NEW.id ORDER BY number) AS its;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER client_secrets_feed
AFTER INSERT OR UPDATE OF ends_at ON client_secrets
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_of_client_secret();

CREATE CONSTRAINT TRIGGER clients_feed
AFTER UPDATE OF api, account, name, scopes, introspects, revoked_at ON clients
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN ((NEW.api, NEW.name, NEW.scopes, NEW.introspects) IS DISTINCT FROM (OLD.api, OLD.name, OLD.scopes, OLD.introspects)
      OR NEW.account IS DISTINCT FROM OLD.account OR NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
EXECUTE FUNCTION tell_of_client();
