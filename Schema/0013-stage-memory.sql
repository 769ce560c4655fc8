-- What stages and the configuration remember of the log, so that a start does not fold it from position 0. A cache, and
-- nothing else: whoever finds none folds from the beginning, with the same result.
--
-- The tables lie in schema projection because they hold what projections hold, in the clear: an erasure empties them in
-- its own transaction, like every table there. The row of a slot exists before its memory is folded, and its token is
-- the right to write it: an erasure takes the row away, so nobody can write what was read before.
SET ROLE docket_owner;

-- Two slots a memory: the older one is overwritten, so that a stage whose checkpoint lies before the newest finds one.
CREATE TABLE projection.stage_memory (
    tenant_id      uuid     NOT NULL,
    name           text     NOT NULL,
    slot           smallint NOT NULL CHECK (slot IN (0, 1)),
    token          uuid     NOT NULL,
    code           text     NOT NULL,  -- which code wrote it; another one throws it away
    next_position  bigint   NOT NULL CHECK (next_position >= 0),
    parts          integer  NOT NULL CHECK (parts >= 0),  -- 0: nothing was written yet
    code_of_key    bytea,              -- HMAC-SHA-256 under the tenant's key: others who can write here cannot make one
    PRIMARY KEY (tenant_id, name, slot)
);

CREATE TABLE projection.stage_memory_part (
    tenant_id  uuid     NOT NULL,
    name       text     NOT NULL,
    slot       smallint NOT NULL,
    part       integer  NOT NULL,
    body       json     NOT NULL,
    PRIMARY KEY (tenant_id, name, slot, part)
);

RESET ROLE;
