-- Rows that come together are told of together. Each row told of `feed_head` anew before, and a row's earlier versions
-- stay until the transaction's end: a thousand keys took half a second, with `feed_head` locked.
--
-- A statement can be told of as a whole only at its own end, and `feed_head` is the last row that a transaction locks. So
-- what a statement owes waits in `feed_due` for the end of the transaction, when it is appended and forgotten: nobody
-- but the transaction itself ever sees a row of it.


CREATE TABLE feed_due (
    number bigint  NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind   text    NOT NULL,
    ids    bytea[] NOT NULL
);

CREATE FUNCTION feed_append_all(what text, which bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    many      bigint := cardinality(which);
    last_seq  bigint;
    last_mark uuid;
BEGIN
    UPDATE feed_head SET seq = seq + many, mark = gen_random_uuid() RETURNING seq, mark INTO STRICT last_seq, last_mark;
    INSERT INTO feed_log (seq, kind, id, mark)
    SELECT last_seq - many + place, what, id, CASE place WHEN many THEN last_mark ELSE gen_random_uuid() END
      FROM unnest(which) WITH ORDINALITY AS entry (id, place);
    PERFORM pg_notify('claviger_feed', '');
END $$;

CREATE FUNCTION pay_feed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM feed_append_all(NEW.kind, NEW.ids);
    DELETE FROM feed_due WHERE number = NEW.number;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER feed_due_is_paid AFTER INSERT ON feed_due
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pay_feed();

CREATE FUNCTION owe_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_due (kind, ids) SELECT 'account', array_agg(uuid_send(id)) FROM made HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION owe_keys_of_secrets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_due (kind, ids) SELECT 'key', array_agg(DISTINCT uuid_send(key)) FROM made HAVING count(*) > 0;
    RETURN NULL;
END $$;

-- The triggers of what is changed and deleted keep their names: nodes of the version before look for them.
DROP TRIGGER accounts_feed ON accounts;
CREATE CONSTRAINT TRIGGER accounts_feed
AFTER DELETE OR UPDATE OF api, external_id, state ON accounts
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_of_account();

CREATE TRIGGER accounts_feed_insert AFTER INSERT ON accounts
REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION owe_accounts();

-- A key decides nothing until it has a secret, which can't come before it and tells of both.
DROP TRIGGER keys_feed ON keys;
CREATE CONSTRAINT TRIGGER keys_feed
AFTER DELETE OR UPDATE OF account, environment, scopes, restrictions, state, created_by, expires_at, revoked_at ON keys
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_of_key();

DROP TRIGGER secrets_feed ON secrets;
CREATE CONSTRAINT TRIGGER secrets_feed
AFTER DELETE OR UPDATE OF ends_at ON secrets
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_of_secret();

CREATE TRIGGER secrets_feed_insert AFTER INSERT ON secrets
REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION owe_keys_of_secrets();
