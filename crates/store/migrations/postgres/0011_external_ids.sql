-- One index tells both that an account has no second key of an external id, and which keys have it anywhere. The new ones
-- are there before the old ones go, which nobody can read past until the end of this step.
CREATE UNIQUE INDEX keys_of_external_id     ON keys (external_id, account) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX accounts_of_external_id ON accounts (external_id, api) WHERE external_id IS NOT NULL;

DROP INDEX keys_external_id;
DROP INDEX keys_by_external_id;
DROP INDEX accounts_external_id;
DROP INDEX accounts_by_external_id;
