-- Secrets that come from other systems by hashes of which SHA-256 can't be had. `lookup` is how such a key begins, and
-- finds it; `hash` is what it is compared by at its first use, which puts its SHA-256 into `digest` and empties `hash`.
-- Until then `digest` is SHA-256 of what it came as, which is `imported_as` ever after: it is known again by that.
--
-- A node of the version before reads `digest` alone, and finds no key by what stands in its place.

ALTER TABLE secrets ADD COLUMN lookup      text COLLATE "C" CHECK (lookup <> ''),
                    ADD COLUMN imported_as bytea            CHECK (imported_as IS NULL OR (octet_length(imported_as) = 32 AND lookup IS NOT NULL)),
                    ADD COLUMN hash        text COLLATE "C" CHECK (hash IS NULL OR (hash <> '' AND imported_as IS NOT DISTINCT FROM digest));

CREATE UNIQUE INDEX secrets_imported_as ON secrets (imported_as) WHERE imported_as IS NOT NULL;

-- A digest leads to one thing for ever, once it is one.
DROP TRIGGER secrets_stay ON secrets;
CREATE TRIGGER secrets_stay BEFORE UPDATE OF key, number, digest ON secrets
FOR EACH ROW WHEN (NEW.key <> OLD.key OR NEW.number <> OLD.number OR (NEW.digest <> OLD.digest AND OLD.hash IS NULL))
EXECUTE FUNCTION refuse('a secret keeps its key, number and digest');

CREATE TRIGGER secrets_become_new BEFORE UPDATE OF digest ON secrets
FOR EACH ROW WHEN (NEW.digest <> OLD.digest) EXECUTE FUNCTION secret_is_new();

-- The digest is told of before what stood in its place is: at no moment is neither known.
CREATE OR REPLACE FUNCTION tell_of_secret() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM feed_append('key', uuid_send(NEW.key));
    END IF;
    IF TG_OP = 'DELETE' OR NEW.digest <> OLD.digest THEN
        PERFORM feed_append('digest', OLD.digest);
    END IF;
    RETURN NULL;
END $$;

DROP TRIGGER secrets_feed ON secrets;
CREATE CONSTRAINT TRIGGER secrets_feed
AFTER DELETE OR UPDATE OF ends_at, digest, lookup, hash ON secrets
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_of_secret();
