-- Clients' secrets decide at a node who may introspect: they are in the feed as keys' are, each by its digest. That is a
-- kind of entry which every version reads, and the version before this one finds no key's secret there.


-- A client's secret keeps what it is found by, is never deleted, and its digest leads to no key.

CREATE TRIGGER clients_stay BEFORE UPDATE OF id ON clients
WHEN NEW.id <> OLD.id
BEGIN SELECT RAISE(ABORT, 'a client keeps its id'); END;

CREATE TRIGGER client_secrets_stay BEFORE UPDATE OF client, number, digest ON client_secrets
WHEN NEW.client <> OLD.client OR NEW.number <> OLD.number OR NEW.digest <> OLD.digest
BEGIN SELECT RAISE(ABORT, 'a secret keeps its client, number and digest'); END;

CREATE TRIGGER client_secrets_are_kept BEFORE DELETE ON client_secrets
BEGIN SELECT RAISE(ABORT, 'a client''s secret ends, and is never deleted'); END;

CREATE TRIGGER clients_are_new BEFORE INSERT ON clients
WHEN EXISTS (SELECT 1 FROM clients WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the id is taken'); END;

CREATE TRIGGER client_secrets_are_new BEFORE INSERT ON client_secrets
WHEN EXISTS (SELECT 1 FROM client_secrets WHERE client = NEW.client AND number = NEW.number)
  OR EXISTS (SELECT 1 FROM client_secrets WHERE digest = NEW.digest)
  OR EXISTS (SELECT 1 FROM secrets        WHERE digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'the secret is taken'); END;

CREATE TRIGGER secrets_are_no_clients BEFORE INSERT ON secrets
WHEN EXISTS (SELECT 1 FROM client_secrets WHERE digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'the secret is taken'); END;


CREATE TRIGGER client_secrets_feed_insert AFTER INSERT ON client_secrets BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'digest', NEW.digest FROM feed_head;
END;

CREATE TRIGGER client_secrets_feed_update AFTER UPDATE OF ends_at ON client_secrets BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'digest', NEW.digest FROM feed_head;
END;

-- One entry for each of its secrets, in the order of their numbers.
CREATE TRIGGER clients_feed_update AFTER UPDATE OF api, account, name, scopes, introspects, revoked_at ON clients
WHEN NEW.api         <> OLD.api         OR NEW.account    IS NOT OLD.account OR NEW.name <> OLD.name OR NEW.scopes <> OLD.scopes
  OR NEW.introspects <> OLD.introspects OR NEW.revoked_at IS NOT OLD.revoked_at
BEGIN
    INSERT INTO feed_log (seq, kind, id)
    SELECT feed_head.seq + row_number() OVER (ORDER BY number), 'digest', digest
      FROM client_secrets, feed_head
     WHERE client = NEW.id;
    UPDATE feed_head SET seq = seq + (SELECT count(*) FROM client_secrets WHERE client = NEW.id);
END;
