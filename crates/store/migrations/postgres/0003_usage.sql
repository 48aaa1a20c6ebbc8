-- Counts, last uses and denied attempts: written without waiting for the disk, for their loss costs numbers only.
--
-- What isn't known is empty rather than NULL where it is part of a primary key, so that equal buckets are one row; an
-- unknown key is the id of zeros, which no key has.


-- Batches that were added already; a batch offered again changes nothing. `at` is the database's clock: two days later
-- whoever offered one has long had its answer, or is gone.
CREATE TABLE batches (
    incarnation uuid        NOT NULL,
    number      bigint      NOT NULL CHECK (number >= 1),
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),

    PRIMARY KEY (incarnation, number)
);

CREATE INDEX batches_by_age ON batches (at);


CREATE TABLE counts (
    key         uuid             NOT NULL,
    day         bigint           NOT NULL,
    api         text COLLATE "C" NOT NULL,
    secret      integer          NOT NULL CHECK (secret BETWEEN 0 AND 65535),
    environment text COLLATE "C" NOT NULL CHECK (environment IN ('', 'live', 'test')),
    outcome     text COLLATE "C" NOT NULL CHECK (outcome <> ''),
    count       bigint           NOT NULL CHECK (count > 0),

    PRIMARY KEY (key, day, api, secret, environment, outcome)
);

CREATE INDEX counts_of_api ON counts (api, day);
CREATE INDEX counts_of_day ON counts (day);


CREATE TABLE last_uses (
    key      uuid    NOT NULL,
    secret   integer NOT NULL CHECK (secret BETWEEN 1 AND 65535),
    at       bigint  NOT NULL,
    address  text,
    endpoint text,

    PRIMARY KEY (key, secret)
);


-- The newest ten of each known key, the newest ten thousand of all unknown ones.
CREATE TABLE denials (
    number   bigint NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    api      text   NOT NULL,
    key      uuid,
    at       bigint NOT NULL,
    request  uuid   NOT NULL,
    code     text   NOT NULL CHECK (code <> ''),
    detail   text   NOT NULL,
    address  text,
    endpoint text
);

CREATE INDEX denials_of_key     ON denials (key, at, number);
CREATE INDEX denials_of_request ON denials (request);
CREATE INDEX denials_by_age     ON denials (at, number);
