-- A key decides nothing until it has a secret, and the secret's trigger tells of both. So that many keys come in half the
-- time, one that is new is told of where it has secrets already: where it was put in another's place by OR REPLACE, or
-- its secrets came before it, without foreign keys.
DROP TRIGGER keys_feed_insert;
CREATE TRIGGER keys_feed_insert AFTER INSERT ON keys WHEN EXISTS (SELECT 1 FROM secrets WHERE key = NEW.id) BEGIN
    UPDATE feed_head SET seq = seq + 1;
    INSERT INTO feed_log (seq, kind, id) SELECT seq, 'key', NEW.id FROM feed_head;
END;
