-- Where the installation went, if it was copied to another database. What was copied must not change here any more, or
-- there would be two histories. Every change ends with `feed_head`, so one trigger stops all of them; reading, counting
-- and deciding from memory go on. `finished` says that the copy may be in use.
CREATE TABLE moved (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    place    TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    finished INTEGER NOT NULL DEFAULT 0   CHECK (finished IN (0, 1))
) STRICT;

CREATE TRIGGER moved_is_closed BEFORE UPDATE ON feed_head
WHEN EXISTS (SELECT 1 FROM moved)
BEGIN SELECT RAISE(ABORT, 'the installation was moved'); END;
