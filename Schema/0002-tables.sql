-- The tables of the log.
--
-- tenant_id leads every key and is plain uuid (a domain breaks distribution). There are no sequences, no defaults that
-- read a clock, and no foreign keys: docket.append is the only door and checks what a foreign key would check, at a
-- fraction of the cost of one look-up per row, and a tenant can be moved table by table.
SET ROLE docket_owner;

-- The sequencer: one row a tenant. Its lock is the tenant's turn to write, held until commit, so the order of positions
-- is the order of commits. The low fillfactor keeps every update on the same page (HOT), without touching the index.
CREATE TABLE docket.tenant_head (
    tenant_id         uuid        NOT NULL,
    next_position     bigint      NOT NULL CHECK (next_position >= 0),
    last_recorded_at  timestamptz CHECK (isfinite(last_recorded_at)),  -- NULL: nothing recorded yet
    writer_epoch      bigint      NOT NULL CHECK (writer_epoch >= 0),
    PRIMARY KEY (tenant_id)
) WITH (fillfactor = 10);

-- The current version of each stream, for the expected-version check. No secondary index, so that updates stay HOT.
CREATE TABLE docket.stream (
    tenant_id  uuid   NOT NULL,
    stream_id  uuid   NOT NULL,
    kind       text   NOT NULL,
    version    bigint NOT NULL CHECK (version >= 1),
    PRIMARY KEY (tenant_id, stream_id)
) WITH (fillfactor = 80);

-- The log itself. Everything about an event is in header, body and sealed part; the columns from type to trace_id,
-- and case_id, are copies for queries, compared with the body by whoever verifies.
-- body and actor are json, not jsonb: json keeps the exact bytes, so they can be hashed and compared.
CREATE TABLE docket.event (
    tenant_id       uuid        NOT NULL,
    position        bigint      NOT NULL CHECK (position >= 0),
    stream_id       uuid        NOT NULL,
    version         bigint      NOT NULL CHECK (version >= 1),
    event_id        uuid        NOT NULL,
    recorded_at     timestamptz NOT NULL,
    occurred_at     timestamptz NOT NULL CHECK (isfinite(occurred_at)),
    case_id         uuid,
    caused_by       uuid,
    correlation_id  uuid        NOT NULL,
    schema_version  integer     NOT NULL,
    type            text        NOT NULL CHECK (octet_length(type) BETWEEN 1 AND 1024),
    trace_id        text,
    actor           json        NOT NULL,
    sealed_digest   bytea       NOT NULL CHECK (octet_length(sealed_digest) = 32),
    leaf_hash       bytea       NOT NULL CHECK (octet_length(leaf_hash) = 32),
    body            json        NOT NULL,

    -- The feed, and the leaf index of the proof. Grows at its right edge per tenant: the cheapest kind of insert.
    PRIMARY KEY (tenant_id, position),
    -- Folding one stream; a second writer of one version cannot slip through, whatever the function does.
    -- Inserted wherever the stream lies: the dearest kind, and not to be had cheaper.
    UNIQUE (tenant_id, stream_id, version),
    -- Idempotency for ever. Ids that hold a time (UUIDv7) fall near the right edge, derived ones (v5) anywhere.
    UNIQUE (tenant_id, event_id),
    -- "As of T" is one look-up. Unique because time is strictly increasing within a tenant, and that is worth a
    -- guarantee; also at the right edge, so almost free.
    UNIQUE (tenant_id, recorded_at)
);

-- The timeline of a case over all its streams. Cases are written in bursts, so its leaf pages are warm; events of no
-- case (configuration, telemetry sources) do not pay for it.
CREATE INDEX event_case ON docket.event (tenant_id, case_id, position) WHERE case_id IS NOT NULL;

-- The feed of some types only: a new reactor that catches up on a rare type, an auditor who asks for all approvals.
-- Without it both read the tenant's whole log. There are about a hundred types, so it has about a hundred right edges
-- per tenant, all of them warm; it was measured to cost about a tenth of the append rate, and 64 bytes an event.
CREATE INDEX event_type ON docket.event (tenant_id, type, position);

-- Personal data of an event: one row per sealed member, n as in {"$sealed": n}. After an erasure salt, nonce and
-- ciphertext are NULL; the digest stays, since the leaf binds it.
CREATE TABLE docket.sealed (
    tenant_id       uuid    NOT NULL,
    position        bigint  NOT NULL,
    n               integer NOT NULL CHECK (n >= 0),
    subject_key_id  uuid    NOT NULL,
    digest          bytea   NOT NULL CHECK (octet_length(digest) = 32),
    salt            bytea   CHECK (octet_length(salt) = 32),
    nonce           bytea,
    ciphertext      bytea,
    PRIMARY KEY (tenant_id, position, n),
    CHECK (num_nulls(salt, nonce, ciphertext) IN (0, 3))
);
-- An erasure finds what the key protected. Paid on each sealed value: without it an erasure reads the whole table
-- while it holds the tenant's turn to write.
CREATE INDEX sealed_subject ON docket.sealed (tenant_id, subject_key_id);

-- Raw input exactly as received, encrypted, once per content. first_position is the first event of the request that
-- brought it: its age for retention, and where it came from.
CREATE TABLE docket.evidence (
    tenant_id       uuid   NOT NULL,
    digest          bytea  NOT NULL CHECK (octet_length(digest) = 32),
    media_type      text   NOT NULL,
    size            bigint NOT NULL CHECK (size >= 0),
    subject_key_id  uuid   NOT NULL,
    first_position  bigint NOT NULL,
    nonce           bytea  NOT NULL,
    ciphertext      bytea  NOT NULL,
    PRIMARY KEY (tenant_id, digest)
);
ALTER TABLE docket.evidence ALTER COLUMN ciphertext SET STORAGE EXTERNAL;  -- ciphertext never compresses: do not try
CREATE INDEX evidence_subject ON docket.evidence (tenant_id, subject_key_id);
CREATE INDEX evidence_age ON docket.evidence (tenant_id, first_position);

-- Data keys, wrapped by a tenant key that lives outside the database. Deleting the row is the erasure.
CREATE TABLE docket.subject_key (
    tenant_id    uuid    NOT NULL,
    key_id       uuid    NOT NULL,
    wrapped_key  bytea   NOT NULL,
    legal_hold   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, key_id)
);

-- Merkle tiles (C2SP tlog-tiles): width hashes of 32 bytes; 256 is a full tile, fewer a partial one.
CREATE TABLE docket.tile (
    tenant_id   uuid     NOT NULL,
    level       smallint NOT NULL CHECK (level BETWEEN 0 AND 63),
    tile_index  bigint   NOT NULL CHECK (tile_index >= 0),
    width       smallint NOT NULL CHECK (width BETWEEN 1 AND 256),
    hashes      bytea    NOT NULL,
    PRIMARY KEY (tenant_id, level, tile_index, width),
    CHECK (octet_length(hashes) = 32 * width)
);
ALTER TABLE docket.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;  -- hashes never compress either

-- Signed tree heads: the note verbatim (C2SP tlog-checkpoint), one per tree size.
CREATE TABLE docket.checkpoint (
    tenant_id  uuid        NOT NULL,
    tree_size  bigint      NOT NULL CHECK (tree_size >= 0),
    root       bytea       NOT NULL CHECK (octet_length(root) = 32),
    note       text        NOT NULL,
    signed_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, tree_size)
);

-- How far a projection of a version has read. The row lock is the lease; blocked_at and error name the poison event.
CREATE TABLE docket.projection_position (
    tenant_id      uuid    NOT NULL,
    name           text    NOT NULL,
    version        integer NOT NULL,
    next_position  bigint  NOT NULL CHECK (next_position >= 0),
    digest         bytea,
    blocked_at     timestamptz,
    error          text,
    PRIMARY KEY (tenant_id, name, version)
) WITH (fillfactor = 50);

-- Which version readers are sent to.
CREATE TABLE docket.projection_live (
    tenant_id  uuid    NOT NULL,
    name       text    NOT NULL,
    version    integer NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- How far a reactor has come. It works outside a transaction (it appends, it waits for the world), so its lease is a
-- time, not a row lock: whoever finds lease_until in the past takes over by an update that names the old owner.
CREATE TABLE docket.reactor_position (
    tenant_id      uuid   NOT NULL,
    reactor        text   NOT NULL,
    next_position  bigint NOT NULL CHECK (next_position >= 0),
    owner          text,
    lease_until    timestamptz,
    PRIMARY KEY (tenant_id, reactor)
) WITH (fillfactor = 50);

-- Answers to requests that carried an Idempotency-Key. status and response are NULL while the first one still runs.
CREATE TABLE docket.idempotency_key (
    tenant_id       uuid        NOT NULL,
    principal       text        NOT NULL,
    route           text        NOT NULL,
    key             text        NOT NULL,
    request_digest  bytea       NOT NULL CHECK (octet_length(request_digest) = 32),
    status          smallint,
    response        bytea,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, principal, route, key),
    CHECK ((status IS NULL) = (response IS NULL))
);
-- They are kept for a day; the sweep goes by age.
CREATE INDEX idempotency_key_age ON docket.idempotency_key (tenant_id, created_at);

RESET ROLE;
