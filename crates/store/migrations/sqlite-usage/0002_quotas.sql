-- Calls of quotas that nodes have reserved. They are written here before the first of them is handed out, and each
-- commit is on disk when it returns: a crash forfeits what was in hand and overspends nothing.
--
-- Days are counted from 1970-01-01 in UTC. Where this file is lost, the periods that run begin anew.
CREATE TABLE quotas (
    key      BLOB    NOT NULL CHECK (length(key) = 16),
    name     TEXT    NOT NULL CHECK (name <> ''),
    begins   INTEGER NOT NULL,
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    -- What the last reservation got of what it asked for.
    granted  INTEGER NOT NULL CHECK (granted >= 0),

    PRIMARY KEY (key, name, begins)
) STRICT, WITHOUT ROWID;

CREATE INDEX quotas_by_age ON quotas (begins);
