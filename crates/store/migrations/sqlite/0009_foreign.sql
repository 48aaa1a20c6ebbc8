-- Secrets that come from other systems by hashes of which SHA-256 can't be had. `lookup` is how such a key begins, and
-- finds it; `hash` is what it is compared by at its first use, which puts its SHA-256 into `digest` and empties `hash`.
-- Until then `digest` is SHA-256 of what it came as, which is `imported_as` ever after: it is known again by that.

ALTER TABLE secrets ADD COLUMN lookup      TEXT CHECK (lookup <> '');
ALTER TABLE secrets ADD COLUMN imported_as BLOB CHECK (imported_as IS NULL OR (length(imported_as) = 32 AND lookup IS NOT NULL));
ALTER TABLE secrets ADD COLUMN hash        TEXT CHECK (hash IS NULL OR (hash <> '' AND imported_as IS digest));

CREATE UNIQUE INDEX secrets_imported_as ON secrets (imported_as) WHERE imported_as IS NOT NULL;

-- A digest leads to one thing for ever, once it is one.
DROP TRIGGER secrets_stay;
CREATE TRIGGER secrets_stay BEFORE UPDATE OF key, number, digest ON secrets
WHEN NEW.key <> OLD.key OR NEW.number <> OLD.number OR (NEW.digest <> OLD.digest AND OLD.hash IS NULL)
BEGIN SELECT RAISE(ABORT, 'a secret keeps its key, number and digest'); END;

CREATE TRIGGER secrets_become_new BEFORE UPDATE OF digest ON secrets
WHEN NEW.digest <> OLD.digest
 AND (EXISTS (SELECT 1 FROM secrets        WHERE digest = NEW.digest)
   OR EXISTS (SELECT 1 FROM operators      WHERE digest = NEW.digest)
   OR EXISTS (SELECT 1 FROM client_secrets WHERE digest = NEW.digest))
BEGIN SELECT RAISE(ABORT, 'the secret is taken'); END;

-- The digest is told of before what stood in its place is: at no moment is neither known.
DROP TRIGGER secrets_feed_update;
CREATE TRIGGER secrets_feed_update AFTER UPDATE OF ends_at, digest, lookup, hash ON secrets BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'key', NEW.key FROM feed_head;
    UPDATE feed_head SET seq = seq + 1 WHERE NEW.digest <> OLD.digest;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'digest', OLD.digest FROM feed_head WHERE NEW.digest <> OLD.digest;
END;
