-- One row per event, to be searched by person, kind of event, case and time. Nothing in it was ever sealed.
CREATE TABLE IF NOT EXISTS projection.audit_trail_v{version} (
    tenant_id      uuid        NOT NULL,
    position       bigint      NOT NULL,
    event_id       uuid        NOT NULL,
    recorded_at    timestamptz NOT NULL,
    type           text        NOT NULL,
    stream_kind    text        NOT NULL,
    stream_id      uuid        NOT NULL,
    stream_version bigint      NOT NULL,
    case_id        uuid,
    actor_kind     text        NOT NULL,
    actor_issuer   text        NOT NULL,
    actor_subject  text        NOT NULL,
    actor_lane     text        NOT NULL,
    text           text        NOT NULL,
    PRIMARY KEY (tenant_id, position)
);
CREATE INDEX IF NOT EXISTS audit_trail_v{version}_type ON projection.audit_trail_v{version} (tenant_id, type, position);
CREATE INDEX IF NOT EXISTS audit_trail_v{version}_case ON projection.audit_trail_v{version} (tenant_id, case_id, position)
    WHERE case_id IS NOT NULL;
-- A part of the subject, because an identity provider's may be longer than a B-tree takes.
CREATE INDEX IF NOT EXISTS audit_trail_v{version}_actor
    ON projection.audit_trail_v{version} (tenant_id, left(actor_subject, 128), position);
CREATE INDEX IF NOT EXISTS audit_trail_v{version}_time ON projection.audit_trail_v{version} (tenant_id, recorded_at);
