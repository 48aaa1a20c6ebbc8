-- Grants that ran out long ago are deleted with all that refers to them. What finds them, and what finds that.

CREATE INDEX grants_by_age         ON keys           (expires_at) WHERE client IS NOT NULL;
CREATE INDEX codes_of_key          ON codes          (key)        WHERE key    IS NOT NULL;
CREATE INDEX refresh_tokens_of_key ON refresh_tokens (key);
