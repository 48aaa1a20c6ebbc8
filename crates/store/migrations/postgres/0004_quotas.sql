-- Calls of quotas that nodes have reserved. They are written here before the first of them is handed out, in a commit
-- that is on disk when it returns: a crash forfeits what was in hand and overspends nothing. All nodes reserve from one
-- row, so a quota is one for all of them.
--
-- Days are counted from 1970-01-01 in UTC.
CREATE TABLE quotas (
    key      uuid   NOT NULL,
    name     text   NOT NULL CHECK (name <> ''),
    begins   bigint NOT NULL,
    reserved bigint NOT NULL CHECK (reserved >= 0),
    -- What the last reservation got of what it asked for.
    granted  bigint NOT NULL CHECK (granted >= 0),

    PRIMARY KEY (key, name, begins)
) WITH (fillfactor = 50);

CREATE INDEX quotas_by_age ON quotas (begins);
