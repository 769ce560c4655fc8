-- Who leads the stages, and what waits beside the checkpoints.
SET ROLE docket_owner;

-- A process that leads stages, for as long as it renews this row. Each tenant is led by one of the processes that are
-- there, chosen by tenant and owner alone, so an idle tenant costs nothing. The row belongs to no tenant: tenant_id is
-- the nil UUID, so that the table can be distributed like the others.
CREATE TABLE docket.reactor_process (
    tenant_id   uuid        NOT NULL,
    owner       text        NOT NULL,
    reactors    text[]      NOT NULL,
    seen_until  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, owner)
) WITH (fillfactor = 50);

-- tick_at: when a stage that reacts to time wants to be woken although nothing was recorded.
ALTER TABLE docket.reactor_position DROP COLUMN owner, DROP COLUMN lease_until, ADD COLUMN tick_at timestamptz;
CREATE INDEX reactor_position_tick ON docket.reactor_position (tick_at) WHERE tick_at IS NOT NULL;

-- An event behind the checkpoint that a stage has still to react to: at the time that it asked for, or because its
-- reaction failed. Where sets_aside is true, later events of the stream wait behind it, in order.
CREATE TABLE docket.reactor_mark (
    tenant_id   uuid        NOT NULL,
    reactor     text        NOT NULL,
    position    bigint      NOT NULL CHECK (position >= 0),
    stream_id   uuid        NOT NULL,
    case_id     uuid,
    type        text        NOT NULL,
    sets_aside  boolean     NOT NULL,
    reason      text,                      -- NULL: it asked to be called again
    attempts    integer     NOT NULL,
    since       timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, reactor, position)
);
CREATE INDEX reactor_mark_due ON docket.reactor_mark (due_at);

-- A stream that a projection cannot take in: its events from position on are set aside until it can.
CREATE TABLE docket.projection_mark (
    tenant_id   uuid        NOT NULL,
    name        text        NOT NULL,
    version     integer     NOT NULL,
    stream_id   uuid        NOT NULL,
    case_id     uuid,
    position    bigint      NOT NULL CHECK (position >= 0),
    type        text        NOT NULL,
    reason      text        NOT NULL,
    attempts    integer     NOT NULL,
    since       timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name, version, stream_id)
);
CREATE INDEX projection_mark_due ON docket.projection_mark (due_at);

GRANT SELECT ON docket.reactor_process, docket.reactor_mark, docket.projection_mark TO docket_app, docket_eraser;
GRANT INSERT, UPDATE, DELETE ON docket.reactor_process, docket.reactor_mark, docket.projection_mark TO docket_app;
-- An erasure sends the projections back to the beginning of the log: nothing is set aside then.
GRANT DELETE ON docket.projection_mark TO docket_eraser;
GRANT SELECT ON docket.projection_mark TO docket_reader;

RESET ROLE;
